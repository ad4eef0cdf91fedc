"""Uploads over HTTP: spool the files, have them read in another process, store them whole."""

from __future__ import annotations

import asyncio
import hashlib
import json
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

import structlog

from api_service.context import (
    CLIENT,
    CLIENTS,
    LIMITS,
    METRICS,
    PARSER,
    ROOM,
    SETTINGS,
    STORAGE,
    TOTALS,
    TRACE,
    TURNS,
    json_response,
    no_such_session,
    unheld_session_of,
)
from api_service.full_disk import full_disk, our_disk
from api_service.handlers.sessions import described
from api_service.lists.files.spreadsheets import session_mark
from api_service.lists.merging.copying import MOVIE_COLUMNS
from api_service.lists.model import SessionFilms
from api_service.lists.report import shorten
from api_service.metrics import UploadPhase
from api_service.queries.movies import UploadQuery, read_repeatable
from api_service.schemas.sessions import AdditionAnswer, UploadAnswer
from api_service.storage.additions import StagedAddition
from api_service.storage.staging import IdempotencyKey, StagedUpload
from api_service.uploads.folders import upload_folder
from api_service.uploads.spool import Spool
from shared.errors import BadRequestError, DatabaseUnavailableError, SessionChangedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path
    from typing import Any
    from uuid import UUID

    from aiohttp import web

    from api_service.lists.model import ReadResult
    from api_service.storage.sessions import SessionRow
    from api_service.uploads.disk_budget import Booking
    from api_service.uploads.spool import Spooled

ATTEMPTS = 5
"""How often more files are merged into a session that others change meanwhile."""
READ_OUT_BYTES = 500
"""What a movie takes in the file into which a session is read out."""
LONGEST_KEY = 255

log = structlog.get_logger(__name__)


async def upload(request: web.Request) -> web.Response:
    """`POST /api/upload`: one or many files in a form, or a list as the body itself."""
    async with _taken_in(request) as taken:
        known = await _known(request, taken.key)
        session_id, summary = known or await _read_and_store(request, taken)
    session = await _stored(request, session_id)
    answer = UploadAnswer(**await described(request, session), report=summary)
    return json_response(answer, status=201, Location=_status_of(session_id))


async def add(request: web.Request) -> web.Response:
    """`POST /api/session/{id}/upload`: more files into a session, in the forms that it is made of.

    Nobody else may change its films between their being read out and being stored, or all is done
    again. Uploads by way of one API take turns, so that this is rare.
    """
    before = await unheld_session_of(request)
    session_id = before.id
    async with _taken_in(request, session_id) as taken, request.app[TURNS].of(session_id):
        known = await _known(request, taken.key)
        # Its films are read out, and merged ones written anew.
        await taken.booking.grow_to(taken.booking.size + 2 * READ_OUT_BYTES * before.total)
        summary = known[1] if known else await _add_until_stored(request, before, taken)
    session = await _stored(request, session_id)
    answer = AdditionAnswer(**await described(request, session), report=summary)
    return json_response(answer, Location=_status_of(session_id))


@dataclass(frozen=True, slots=True)
class _Taken:
    """A request's files on disk, what of them is wanted, and what lets it be repeated."""

    folder: Path
    spooled: Spooled
    profiles: list[str]
    key: IdempotencyKey | None
    uploader: str
    booking: Booking


@asynccontextmanager
async def _taken_in(request: web.Request, session_id: UUID | None = None) -> AsyncIterator[_Taken]:
    """Admit an upload, and spool its files into a folder that lasts as long as the context."""
    client_key = _idempotency_key(request)
    profiles = read_repeatable(UploadQuery, request.query).profile
    uploader = request.app[CLIENTS].uploader_of(request, request[CLIENT])
    with ExitStack() as exits:
        exits.enter_context(request.app[LIMITS].upload(uploader))
        await _admit(request, uploader, client_key, is_addition=session_id is not None)
        with our_disk():
            folder = exits.enter_context(upload_folder())
        booking = exits.enter_context(request.app[ROOM].booking())
        spool = Spool(folder, request.app[SETTINGS], booking)
        metrics = request.app[METRICS]
        with metrics.upload_phase(UploadPhase.RECEIVE):
            spooled = await spool.take_in(request)
        metrics.note_upload(spooled.size)
        body = spooled.sha256
        if session_id is not None:
            # The same files for another session, or for a new one, are another request.
            body = hashlib.sha256(body + session_id.bytes).digest()
        if profiles:
            # So is the same upload for other profiles.
            body = hashlib.sha256(body + json.dumps(sorted(profiles)).encode()).digest()
        key = IdempotencyKey(client_key, body) if client_key else None
        yield _Taken(folder, spooled, profiles, key, uploader, booking)


async def _admit(
    request: web.Request, uploader: str, client_key: str | None, *, is_addition: bool
) -> None:
    """Refuse an upload that could not be stored before any of it is read.

    One that repeats another is answered from what is there. While the database is away, nobody
    knows: what is no list is refused all the same.

    Raises:
        ClientLimitError: the client has as much as it may have.
        ServiceFullError: all clients together have.
    """
    totals = request.app[TOTALS]
    limits = request.app[LIMITS]
    with suppress(DatabaseUnavailableError):
        if client_key and await request.app[STORAGE].uploads.is_known(client_key):
            return
        client = await request.app[CLIENTS].name_of(uploader)
        await totals.refresh()
        limits.check_totals(totals.value, is_addition=is_addition)
        limits.stored.check(await request.app[STORAGE].clients.usage(client), more=1)


async def _known(
    request: web.Request, key: IdempotencyKey | None
) -> tuple[UUID, dict[str, Any]] | None:
    """The session of the upload that this key made, and how that was read."""
    storage = request.app[STORAGE].uploads
    session_id = await storage.find(key) if key else None
    if key is None or session_id is None:
        return None
    report = await storage.report_of(key)
    return session_id, shorten(json.loads(report)) if report else {}


async def _read_and_store(request: web.Request, taken: _Taken) -> tuple[UUID, dict[str, Any]]:
    result = await _read(request, taken, None)
    await asyncio.to_thread(_remove, taken.spooled)
    taken.booking.shrink_to(await asyncio.to_thread(_size_of, taken.folder))
    staged = StagedUpload(
        session_id=uuid4(),
        movies=taken.folder / "movies.csv",
        columns=MOVIE_COLUMNS,
        total=result.added,
        report=taken.folder / "report.json",
        idempotency=taken.key,
        traceparent=str(request[TRACE]),
        client=await request.app[CLIENTS].name_of(taken.uploader),
        limits=request.app[LIMITS].stored,
    )
    with request.app[METRICS].upload_phase(UploadPhase.STORE):
        stored = await request.app[STORAGE].uploads.store(staged)
    log.info("upload_stored", session_id=str(stored), movies=result.added, client=staged.client)
    return stored, result.summary


def _remove(spooled: Spooled) -> None:
    """Remove files that will not be read again; what cannot be removed goes with their folder."""
    for file in spooled.files:
        with suppress(OSError):
            file.path.unlink()


def _size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


async def _add_until_stored(
    request: web.Request, before: SessionRow, taken: _Taken
) -> dict[str, Any]:
    for _ in range(ATTEMPTS - 1):
        try:
            return await _read_and_add(request, before, taken)
        except SessionChangedError:
            log.info("session_changed_meanwhile", session_id=str(before.id))
    return await _read_and_add(request, before, taken)


async def _read_and_add(request: web.Request, before: SessionRow, taken: _Taken) -> dict[str, Any]:
    session_id = before.id
    storage = request.app[STORAGE].additions
    films = taken.folder / "session"
    edition = await storage.read_out(session_id, films, before.total)
    session = SessionFilms(films, session_mark(session_id), edition.positions)
    result = await _read(request, taken, session)
    staged = StagedAddition(
        session_id=session_id,
        movies=taken.folder / "movies.csv",
        columns=MOVIE_COLUMNS,
        total=result.added,
        report=taken.folder / "report.json",
        idempotency=taken.key,
        traceparent=str(request[TRACE]),
        upload_id=uuid4(),
        edition=edition,
        changed=result.changed,
        client=await request.app[CLIENTS].name_of(taken.uploader),
        limits=request.app[LIMITS].stored,
    )
    with request.app[METRICS].upload_phase(UploadPhase.STORE):
        await storage.store(staged)
    log.info(
        "upload_added", session_id=str(session_id), movies=result.added, changed=result.changed
    )
    return result.summary


async def _read(request: web.Request, taken: _Taken, session: SessionFilms | None) -> ReadResult:
    settings = request.app[SETTINGS]
    metrics = request.app[METRICS]
    with metrics.upload_phase(UploadPhase.READ), metrics.refused_reads(), full_disk():
        return await request.app[PARSER].read(
            taken.spooled.files,
            max_movies=settings.upload_max_movies,
            max_bytes=settings.upload_max_bytes,
            folder=taken.folder,
            session=session,
            profiles=taken.profiles,
        )


async def _stored(request: web.Request, session_id: UUID) -> SessionRow:
    session = await request.app[STORAGE].sessions.get(session_id)
    if session is None:
        raise no_such_session()
    return session


def _status_of(session_id: UUID) -> str:
    return f"/api/session/{session_id}/status"


def _idempotency_key(request: web.Request) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not (key.isascii() and key.isprintable() and 0 < len(key) <= LONGEST_KEY):
        raise BadRequestError(f"Idempotency-Key: 1 to {LONGEST_KEY} printable ASCII characters")
    return key
