"""The API's SQL: uploads, sessions, shares, movies, matches, the fleet and events, as one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from api_service.storage.additions import AdditionStorage
from api_service.storage.clients import ClientStorage
from api_service.storage.events import EventStorage
from api_service.storage.fleet import FleetStorage
from api_service.storage.heavy_reads import HeavyReads
from api_service.storage.holds import HoldStorage
from api_service.storage.matches import MatchStorage
from api_service.storage.movies import MovieStorage
from api_service.storage.sessions import SessionStorage
from api_service.storage.shares import ShareStorage
from api_service.storage.snapshots import SnapshotStorage
from api_service.storage.summaries import SummaryStorage
from api_service.storage.uploads import UploadStorage

if TYPE_CHECKING:
    from shared.postgres.database import Database

__all__ = ["StorageService"]

LARGE_STORED_AT_ONCE = 2
"""Large uploads that are stored at the same time by one process."""
STORED_AT_ONCE = 4
"""Uploads that are not large, besides: some may wait for a large one that queues their films."""
STORING_WAIT_SECONDS = 60.0
"""How long an upload waits to be stored: one that queues the same films may take so long."""

EXPORTS_AT_ONCE = 2
"""Pages of exports that are read and written at the same time by one process."""


class StorageService:
    """Everything that the API reads from and writes to PostgreSQL."""

    def __init__(self, database: Database) -> None:
        # An upload may wait for another that queues the same films; those who only read must
        # still get a connection.
        storing = HeavyReads(
            LARGE_STORED_AT_ONCE, STORING_WAIT_SECONDS, "stored", most_usual=STORED_AT_ONCE
        )
        self.uploads = UploadStorage(database, storing)
        self.additions = AdditionStorage(database, storing)
        self.sessions = SessionStorage(database)
        self.shares = ShareStorage(database)
        self.clients = ClientStorage(database)
        self.heavy_reads = HeavyReads()
        # Between two pages an export waits for the others; its client has been told that it comes.
        self.exporting = asyncio.Semaphore(EXPORTS_AT_ONCE)
        self.movies = MovieStorage(database)
        self.summaries = SummaryStorage(database)
        self.matches = MatchStorage(database)
        self.fleet = FleetStorage(database)
        self.holds = HoldStorage(database)
        self.events = EventStorage(database)
        self.snapshots = SnapshotStorage(database)
