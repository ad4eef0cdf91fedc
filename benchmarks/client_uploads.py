"""Uploads of a client of any name, stored as the API stores them, and without any request."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from api_service.lists.merging.copying import MOVIE_COLUMNS, write_movies
from api_service.lists.merging.films import Film
from api_service.storage import StorageService
from api_service.storage.staging import StagedUpload
from shared.lookup_keys import title_key

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from uuid import UUID

    from shared.postgres.database import Database

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass(frozen=True, slots=True)
class Named:
    """A film as a list names it."""

    title: str
    year: int | None


class ClientUploads:
    """Stores lists for clients.

    Args:
        database: where to.
        folder: for the files that the parser would have left.
    """

    def __init__(self, database: Database, folder: Path) -> None:
        self._storage = StorageService(database)
        self._folder = folder

    async def store(self, client: str | None, films: Iterable[Named]) -> UUID:
        """Store a list of a client; the id of its session."""
        upload = self.staged(client, films)
        try:
            return await self._storage.uploads.store(upload)
        finally:
            await asyncio.to_thread(upload.movies.unlink)

    def staged(self, client: str | None, films: Iterable[Named]) -> StagedUpload:
        """A list as the parser would leave it."""
        session_id = uuid4()
        path = self._folder / f"{session_id}.csv"
        listed = [
            Film(film.title, film.year, title_key(film.title, film.year), place)
            for place, film in enumerate(films)
        ]
        write_movies(path, listed, lambda film: film.key)
        report = self._folder / "report.json"
        report.write_text("{}")
        return StagedUpload(
            session_id=session_id,
            movies=path,
            columns=MOVIE_COLUMNS,
            total=len(listed),
            report=report,
            idempotency=None,
            traceparent=TRACEPARENT,
            client=client,
        )
