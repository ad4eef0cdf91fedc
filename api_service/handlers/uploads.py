"""Uploads: spool the files, have a parser process read them, store the result."""

from __future__ import annotations

import asyncio
import hashlib
import json
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

import structlog

from api_service.context import (
    CLIENT,
    CLIENTS,
    DISK_BUDGET,
    LIMITS,
    LOCKS,
    METRICS,
    PARSER,
    SETTINGS,
    STORAGE,
    TOTALS,
    TRACE,
    json_response,
    no_such_session,
    unheld_session_of,
)
from api_service.disk_errors import full_disk_errors, local_disk_errors
from api_service.errors import BadRequestError, SessionChangedError
from api_service.handlers.sessions import describe_session
from api_service.lists.export_csv import session_mark
from api_service.lists.merging.copy_format import MOVIE_COLUMNS
from api_service.lists.model import SessionFilms
from api_service.lists.report import shorten_report
from api_service.metrics import UploadPhase
from api_service.queries.movies import UploadQuery, read_repeatable
from api_service.schemas.sessions import AdditionAnswer, UploadAnswer
from api_service.storage.additions import StagedAddition
from api_service.storage.idempotency import IdempotencyKey, UploadRepeatedError
from api_service.storage.staging import StagedUpload
from api_service.uploads.folders import upload_folder
from api_service.uploads.spool import Spool
from shared.errors import DatabaseUnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path
    from typing import Any
    from uuid import UUID

    from aiohttp import web

    from api_service.lists.model import ReadResult
    from api_service.storage.idempotency import KeyedUpload
    from api_service.storage.sessions import SessionRow
    from api_service.uploads.disk_budget import DiskReservation
    from api_service.uploads.spool import Spooled

ATTEMPTS = 5
"""How often an addition is tried while other requests change the session."""
READ_OUT_BYTES = 500
"""Bytes of a movie in the file into which a session is read out."""
LONGEST_KEY = 255

log = structlog.get_logger(__name__)


async def upload(request: web.Request) -> web.Response:
    """Answer `POST /api/upload`: one or many files in a form, or a list as the body itself."""
    async with _receive(request) as received:
        stored = await _once(request, received, lambda: _read_and_store(request, received))
    answer = UploadAnswer(**await describe_session(request, stored.session), report=stored.report)
    return json_response(answer, status=201, Location=_status_of(stored.session))


async def add(request: web.Request) -> web.Response:
    """Answer `POST /api/session/{id}/upload`: more files into a session, in the same forms.

    If another request changes its films between their being read out and stored, this starts
    again. Uploads by way of one API take turns, so that this is rare.
    """
    before = await unheld_session_of(request)
    async with _receive(request, before.id) as received, request.app[LOCKS].get(before.id):
        # Its films are read out, and merged ones written anew.
        reservation = received.reservation
        await reservation.grow_to(reservation.size + 2 * READ_OUT_BYTES * before.total)
        stored = await _once(request, received, lambda: _add(request, before, received))
    answer = AdditionAnswer(**await describe_session(request, stored.session), report=stored.report)
    return json_response(answer, Location=_status_of(stored.session))


@dataclass(frozen=True, slots=True)
class _Received:
    """A request's files on disk, and what was asked with them.

    Attributes:
        folder: of this upload's own.
        spooled: the files.
        profiles: whose rows are read; empty for all.
        key: the client's idempotency key, with what it stands for.
        earlier: the upload that was stored with this key before.
        uploader: who uploads.
        reservation: the room on disk that is set aside.
    """

    folder: Path
    spooled: Spooled
    profiles: list[str]
    key: IdempotencyKey | None
    earlier: KeyedUpload | None
    uploader: str
    reservation: DiskReservation


class _Stored(NamedTuple):
    """A session as an upload left it, and how that upload was read, shortened."""

    session: SessionRow
    report: dict[str, Any]


@asynccontextmanager
async def _receive(
    request: web.Request, session_id: UUID | None = None
) -> AsyncIterator[_Received]:
    """Admit an upload, and spool its files into a folder that lasts as long as the context."""
    client_key = _idempotency_key(request)
    profiles = read_repeatable(UploadQuery, request.query).profile
    uploader = request.app[CLIENTS].uploader_of(request, request[CLIENT])
    with ExitStack() as exits:
        exits.enter_context(request.app[LIMITS].upload(uploader))
        earlier = await _admit(request, uploader, client_key, is_addition=session_id is not None)
        with local_disk_errors():
            folder = exits.enter_context(upload_folder())
        reservation = exits.enter_context(request.app[DISK_BUDGET].reserve())
        metrics = request.app[METRICS]
        with metrics.upload_phase(UploadPhase.RECEIVE):
            spooled = await Spool(folder, request.app[SETTINGS], reservation).receive(request)
        metrics.observe_upload(spooled.size)
        body = spooled.sha256
        if session_id is not None:
            # The same files for another session, or for a new one, are another request.
            body = hashlib.sha256(body + session_id.bytes).digest()
        if profiles:
            # So is the same upload for other profiles.
            body = hashlib.sha256(body + json.dumps(sorted(profiles)).encode()).digest()
        if earlier:
            earlier.check(body)
        key = IdempotencyKey(client_key, body) if client_key else None
        yield _Received(folder, spooled, profiles, key, earlier, uploader, reservation)


async def _admit(
    request: web.Request, uploader: str, client_key: str | None, *, is_addition: bool
) -> KeyedUpload | None:
    """Refuse an upload that could not be stored before any of it is read.

    While the database is unavailable, this is not known; what is no list is refused all the same.

    Returns:
        The upload that was stored with the same key; it is answered from what is there.

    Raises:
        ClientLimitError: the client has as much as it may have.
        ServiceFullError: all clients together have.
    """
    totals = request.app[TOTALS]
    limits = request.app[LIMITS]
    with suppress(DatabaseUnavailableError):
        if client_key and (earlier := await request.app[STORAGE].uploads.find(client_key)):
            return earlier
        client = await request.app[CLIENTS].name_of(uploader)
        await totals.refresh()
        limits.check_totals(totals.value, is_addition=is_addition)
        limits.stored.check(await request.app[STORAGE].clients.usage(client), more=1)
    return None


async def _once(
    request: web.Request, received: _Received, store: Callable[[], Awaitable[_Stored]]
) -> _Stored:
    """Store an upload, or return what the upload that it repeats has stored."""
    earlier = received.earlier
    if earlier is None:
        try:
            return await store()
        except UploadRepeatedError as error:
            earlier = error.upload
    session = await request.app[STORAGE].sessions.get(earlier.session_id)
    if session is None:
        raise no_such_session()
    report = await request.app[STORAGE].uploads.report_of(earlier)
    return _Stored(session, shorten_report(json.loads(report)) if report else {})


async def _read_and_store(request: web.Request, received: _Received) -> _Stored:
    result = await _read(request, received)
    await asyncio.to_thread(_remove, received.spooled)
    received.reservation.shrink_to(await asyncio.to_thread(_size_of, received.folder))
    staged = StagedUpload(
        session_id=uuid4(),
        movies=received.folder / "movies.csv",
        columns=MOVIE_COLUMNS,
        total=result.added,
        report=received.folder / "report.json",
        idempotency=received.key,
        traceparent=str(request[TRACE]),
        client=await request.app[CLIENTS].name_of(received.uploader),
        limits=request.app[LIMITS].stored,
    )
    with request.app[METRICS].upload_phase(UploadPhase.STORE):
        session = await request.app[STORAGE].uploads.store(staged)
    log.info("upload_stored", session_id=str(session.id), movies=result.added, client=staged.client)
    return _Stored(session, result.summary)


def _remove(spooled: Spooled) -> None:
    """Remove files that will not be read again; what cannot be removed goes with their folder."""
    for file in spooled.files:
        with suppress(OSError):
            file.path.unlink()


def _size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


async def _add(request: web.Request, before: SessionRow, received: _Received) -> _Stored:
    for _ in range(ATTEMPTS - 1):
        try:
            return await _read_and_add(request, before, received)
        except SessionChangedError:
            log.info("addition_retried", session_id=str(before.id))
    return await _read_and_add(request, before, received)


async def _read_and_add(request: web.Request, before: SessionRow, received: _Received) -> _Stored:
    session_id = before.id
    storage = request.app[STORAGE].additions
    films = received.folder / "session"
    edition = await storage.read_out(session_id, films, before.total)
    session = SessionFilms(films, session_mark(session_id), edition.positions)
    result = await _read(request, received, session)
    staged = StagedAddition(
        session_id=session_id,
        movies=received.folder / "movies.csv",
        columns=MOVIE_COLUMNS,
        total=result.added,
        report=received.folder / "report.json",
        idempotency=received.key,
        traceparent=str(request[TRACE]),
        upload_id=uuid4(),
        edition=edition,
        changed=result.changed,
        client=await request.app[CLIENTS].name_of(received.uploader),
        limits=request.app[LIMITS].stored,
    )
    with request.app[METRICS].upload_phase(UploadPhase.STORE):
        stored = await storage.store(staged)
    log.info(
        "upload_added", session_id=str(session_id), movies=result.added, changed=result.changed
    )
    return _Stored(stored, result.summary)


async def _read(
    request: web.Request, received: _Received, session: SessionFilms | None = None
) -> ReadResult:
    settings = request.app[SETTINGS]
    metrics = request.app[METRICS]
    with metrics.upload_phase(UploadPhase.READ), metrics.refused_reads(), full_disk_errors():
        return await request.app[PARSER].read(
            received.spooled.files,
            max_movies=settings.upload_max_movies,
            max_bytes=settings.upload_max_bytes,
            folder=received.folder,
            session=session,
            profiles=received.profiles,
        )


def _status_of(session: SessionRow) -> str:
    return f"/api/session/{session.id}/status"


def _idempotency_key(request: web.Request) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not (key.isascii() and key.isprintable() and 0 < len(key) <= LONGEST_KEY):
        raise BadRequestError(f"Idempotency-Key: 1 to {LONGEST_KEY} printable ASCII characters")
    return key
