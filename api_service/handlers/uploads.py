"""Uploads over HTTP: spool the files, have them read in another process, store them whole."""

from __future__ import annotations

import asyncio
import json
from contextlib import ExitStack
from typing import TYPE_CHECKING
from uuid import uuid4

import structlog

from api_service.answers import UploadAnswer
from api_service.context import PARSER, SETTINGS, STORAGE, json_response, no_such_session
from api_service.handlers.sessions import described
from api_service.rules.lists.copying import MOVIE_COLUMNS
from api_service.rules.lists.report import shorten
from api_service.spool import Spool, our_disk
from api_service.storage.uploads import IdempotencyKey, StagedUpload
from api_service.upload_folders import upload_folder
from shared.errors import BadRequestError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any
    from uuid import UUID

    from aiohttp import web

    from api_service.spool import Spooled

LONGEST_KEY = 255

log = structlog.get_logger(__name__)


async def upload(request: web.Request) -> web.Response:
    """`POST /api/upload`: one or many files in a form, or a list as the body itself."""
    client_key = _idempotency_key(request)
    with ExitStack() as exits:
        with our_disk():
            folder = exits.enter_context(upload_folder())
        spooled = await Spool(folder, request.app[SETTINGS].upload_max_bytes).take_in(request)
        key = IdempotencyKey(client_key, spooled.sha256) if client_key else None
        known = await request.app[STORAGE].uploads.find(key) if key else None
        if known is not None:
            return await _answer(request, known, await _stored_summary(request, known))
        session_id, summary = await _read_and_store(request, folder, spooled, key)
    return await _answer(request, session_id, summary)


async def _read_and_store(
    request: web.Request, folder: Path, spooled: Spooled, key: IdempotencyKey | None
) -> tuple[UUID, dict[str, Any]]:
    settings = request.app[SETTINGS]
    result = await request.app[PARSER].read(
        spooled.files,
        max_movies=settings.upload_max_movies,
        max_bytes=settings.upload_max_bytes,
        folder=folder,
    )
    session_id = uuid4()
    stored = await request.app[STORAGE].uploads.store(
        StagedUpload(
            session_id=session_id,
            movies=folder / "movies.csv",
            columns=MOVIE_COLUMNS,
            total=result.total_movies,
            report=await asyncio.to_thread((folder / "report.json").read_text, "utf-8"),
            idempotency=key,
        )
    )
    log.info("upload_stored", session_id=str(stored), movies=result.total_movies)
    return stored, result.summary


async def _stored_summary(request: web.Request, session_id: UUID) -> dict[str, Any]:
    report = await request.app[STORAGE].sessions.report(session_id)
    return shorten(json.loads(report)) if report else {}


async def _answer(request: web.Request, session_id: UUID, summary: dict[str, Any]) -> web.Response:
    session = await request.app[STORAGE].sessions.get(session_id)
    if session is None:
        raise no_such_session()
    answer = UploadAnswer(**await described(request, session), report=summary)
    return json_response(answer, status=201, Location=f"/api/session/{session_id}/status")


def _idempotency_key(request: web.Request) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not (key.isascii() and key.isprintable() and 0 < len(key) <= LONGEST_KEY):
        raise BadRequestError(f"Idempotency-Key: 1 to {LONGEST_KEY} printable ASCII characters")
    return key
