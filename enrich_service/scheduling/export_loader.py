"""Loading TMDB's daily export: one daemon of the fleet, once a day, beside its other work."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import time
from typing import TYPE_CHECKING

import structlog

from enrich_service.metrics import ExportLoad
from enrich_service.storage.exports import LoadedExport
from enrich_service.storage.statement_errors import STATEMENT_FAILED, described
from enrich_service.title_index.exported_films import ExportedFilms
from enrich_service.tmdb.export import ExportError, ExportMissingError, ExportReader
from enrich_service.tmdb.export_client import download_export

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from enrich_service.storage import StorageService
    from enrich_service.storage.exports import DueExport

CHECK_SECONDS = 60.0
MOST_POPULAR = 250_000
"""So many films, and all of their namesakes, are worth a row (decision 0039)."""
RETRY_AFTER = dt.timedelta(minutes=15)
LOOK_AGAIN_AFTER = dt.timedelta(hours=1)
"""For today's file, where it is not there yet."""
REST = 3.0
"""So many times as long as it has worked does the reading rest, with the interpreter left to the
event loop."""
RENEW_SECONDS = 15.0
LEAST_SHARE = 0.9
"""TMDB's films grow by the day: an export with fewer than so many of the last one's lacks some."""
RECORDS = 5_000
"""Records of the catalogue that are compared at a time."""

log = structlog.get_logger(__name__)


class LeaseLostError(Exception):
    """Another daemon loads the export meanwhile."""


class ExportLoader:
    """Loads the export when it is due.

    Args:
        worker_id: in whose name the lease is taken.
        storage: where it is loaded into.
        url: where it is fetched from; None loads nothing.
        old_days: from which age on, in days, a record is refreshed.
        observe: told how each attempt ended.
    """

    def __init__(
        self,
        worker_id: UUID,
        storage: StorageService,
        url: str | None,
        old_days: int,
        observe: Callable[[ExportLoad], None],
    ) -> None:
        self._worker_id = worker_id
        self._storage = storage.exports
        self._url = url
        self._old_days = old_days
        self._observe = observe
        self._renewed_at = 0.0

    async def run(self) -> None:
        """Look every minute whether an export is due, and load it, until cancelled."""
        while self._url:
            try:
                await self.load_if_due()
            except STATEMENT_FAILED as error:
                log.warning("export_interrupted", **described(error))
            await asyncio.sleep(CHECK_SECONDS)

    async def load_if_due(self) -> None:
        """Load the newest export that there is, if a newer one than ours may be there.

        Raises one of `STATEMENT_FAILED` where the lease could be neither taken nor given back: it
        ends by itself.
        """
        due = await self._storage.take(self._worker_id) if self._url else None
        if due is None:
            return
        pause, loaded = RETRY_AFTER, None
        try:
            loaded = await self._load_newest(due)
            is_newest = loaded is not None and loaded.day == due.wanted
            pause = dt.timedelta(0) if is_newest else LOOK_AGAIN_AFTER
        except LeaseLostError:
            log.info("export_lease_lost")
        except ExportError as error:
            log.warning("export_failed", error=str(error))
            self._observe(ExportLoad.FAILED)
        except STATEMENT_FAILED as error:
            log.warning("export_interrupted", **described(error))
            self._observe(ExportLoad.FAILED)
        except Exception:
            # The films that somebody waits for need no export.
            log.exception("export_failed")
            self._observe(ExportLoad.FAILED)
        await self._storage.give_back(self._worker_id, pause, loaded)

    async def _load_newest(self, due: DueExport) -> LoadedExport | None:
        """Load the wanted day's export, or the one before it; what was loaded."""
        for day in (due.wanted, due.wanted - dt.timedelta(days=1)):
            if due.loaded is not None and day <= due.loaded:
                break
            try:
                return await self._load(day, due.films)
            except ExportMissingError:
                log.info("export_missing", day=day.isoformat())
        self._observe(ExportLoad.MISSING)
        return None

    async def _load(self, day: dt.date, last: int | None) -> LoadedExport:
        started = time.monotonic()
        films = await self._read(day)
        if last and films.count < LEAST_SHARE * last:
            raise ExportError(
                f"the export of {day} lacks films: it has {films.count}, the last one had {last}"
            )
        rows = changed = 0
        parts = films.parts(MOST_POPULAR)
        while (part := await asyncio.to_thread(next, parts, None)) is not None:
            await self._keep_lease()
            changed += await self._storage.write(part)
            rows += len(part.names)
        gone = await self._let_be_old(films)
        self._observe(ExportLoad.LOADED)
        log.info(
            "export_loaded", day=day.isoformat(), films=films.count, rows=rows, changed=changed,
            gone=gone, seconds=round(time.monotonic() - started, 1),
        )  # fmt: skip
        return LoadedExport(day, films.count)

    async def _read(self, day: dt.date) -> ExportedFilms:
        reader, films = ExportReader(), ExportedFilms()
        if self._url is None:
            raise RuntimeError("there is no address of an export")
        async with contextlib.aclosing(download_export(self._url, day)) as chunks:
            async for chunk in chunks:
                # Beside the event loop, and in small steps: a thread that computes keeps the loop
                # waiting for the interpreter.
                await asyncio.to_thread(_read_gently, reader, films, chunk)
                await self._keep_lease()
        reader.close()
        if not films.count:
            raise ExportError("the export has no films")
        return films

    async def _keep_lease(self) -> None:
        if time.monotonic() - self._renewed_at < RENEW_SECONDS:
            return
        if not await self._storage.renew(self._worker_id):
            raise LeaseLostError
        self._renewed_at = time.monotonic()

    async def _let_be_old(self, films: ExportedFilms) -> int:
        """Have records refreshed whose films the export lacks, since they may be gone."""
        old = after = 0
        while ids := await self._storage.recorded_ids(after, RECORDS):
            after = ids[-1]
            await self._keep_lease()
            if gone := [tmdb_id for tmdb_id in ids if not films.has(tmdb_id)]:
                old += await self._storage.let_be_old(gone, self._old_days)
        return old


def _read_gently(reader: ExportReader, films: ExportedFilms, chunk: bytes) -> None:
    began = time.perf_counter()
    for read in reader.read(chunk):
        films.add(read)
        time.sleep(REST * (time.perf_counter() - began))
        began = time.perf_counter()
