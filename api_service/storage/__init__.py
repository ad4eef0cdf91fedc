"""The API's SQL: uploads, sessions, movies, matches and the fleet, behind one name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api_service.storage.fleet import FleetStorage
from api_service.storage.matches import MatchStorage
from api_service.storage.movies import MovieStorage
from api_service.storage.sessions import SessionStorage
from api_service.storage.uploads import UploadStorage

if TYPE_CHECKING:
    from shared.database import Database

__all__ = ["StorageService"]


class StorageService:
    """Everything that the API reads from and writes to PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self.uploads = UploadStorage(database)
        self.sessions = SessionStorage(database)
        self.movies = MovieStorage(database)
        self.matches = MatchStorage(database)
        self.fleet = FleetStorage(database)
