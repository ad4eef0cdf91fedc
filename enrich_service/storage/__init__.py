"""The daemon's SQL: the queue, window, completions, fleet, sessions, records, behind one name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from enrich_service.storage.background import BackgroundStorage
from enrich_service.storage.changes import ChangeStorage
from enrich_service.storage.clocks import ClockStorage
from enrich_service.storage.completions import CompletionStorage
from enrich_service.storage.exports import ExportStorage
from enrich_service.storage.fleet import FleetStorage
from enrich_service.storage.queue import QueueStorage
from enrich_service.storage.reclaim import ReclaimStorage
from enrich_service.storage.records import RecordStorage
from enrich_service.storage.retention import RetentionStorage
from enrich_service.storage.sessions import SessionStorage
from enrich_service.storage.surveys import SurveyStorage
from enrich_service.storage.titles import TitleStorage
from enrich_service.storage.warm_up import WarmUpStorage
from enrich_service.storage.window import WindowStorage

if TYPE_CHECKING:
    from shared.postgres.database import Database

__all__ = ["StorageService"]


class StorageService:
    """Everything that the daemon reads from and writes to PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.queue = QueueStorage(database)
        self.background = BackgroundStorage(database, self.queue.floor)
        self.clocks = ClockStorage(database)
        self.reclaim = ReclaimStorage(database)
        self.window = WindowStorage(database)
        self.completions = CompletionStorage(database)
        self.fleet = FleetStorage(database)
        self.sessions = SessionStorage(database)
        self.retention = RetentionStorage(database)
        self.records = RecordStorage(database)
        self.changes = ChangeStorage(database)
        self.titles = TitleStorage(database)
        self.surveys = SurveyStorage(database)
        self.exports = ExportStorage(database)
        self.warm_up = WarmUpStorage(database)
