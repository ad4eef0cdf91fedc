"""A session's shares over HTTP, for its owner: made, listed and revoked."""

from __future__ import annotations

from aiohttp import web
from pydantic import ValidationError

from api_service.context import (
    STORAGE,
    json_response,
    no_such_session,
    no_such_share,
    session_of,
    share_id_of,
)
from api_service.limits.body_pace import SMALL_BODY_SECONDS, body_pace
from api_service.schemas.share_requests import LONGEST_DAYS, ShareOptions
from api_service.schemas.shares import SharesAnswer, share_answer
from shared.errors import InvalidBodyError


async def create(request: web.Request) -> web.Response:
    """`POST /api/session/{id}/shares`."""
    session = await session_of(request)  # before the body: a stranger's is not waited for
    async with body_pace(0, SMALL_BODY_SECONDS):
        body = await request.read()
    try:
        options = ShareOptions.model_validate_json(body)
    except ValidationError:
        raise InvalidBodyError(
            'Send {"reviews": true, "tags": false, "expires_in_days": 30}, of which each may be '
            f"left out; expires_in_days is a whole number from 1 to {LONGEST_DAYS}, or null."
        ) from None
    share = await request.app[STORAGE].shares.create(
        session.id,
        with_reviews=options.reviews,
        with_tags=options.tags,
        days=options.expires_in_days,
    )
    if share is None:
        raise no_such_session()
    answer = share_answer(share)
    return json_response(answer, status=201, Location=answer.path, Cache_Control="no-store")


async def get_all(request: web.Request) -> web.Response:
    """`GET /api/session/{id}/shares`."""
    session = await session_of(request)
    shares = await request.app[STORAGE].shares.of_session(session.id)
    answer = SharesAnswer(shares=[share_answer(share) for share in shares])
    return json_response(answer, Cache_Control="no-store")


async def revoke(request: web.Request) -> web.Response:
    """`DELETE /api/session/{id}/shares/{share_id}`."""
    session = await session_of(request)
    if not await request.app[STORAGE].shares.revoke(session.id, share_id_of(request)):
        raise no_such_share()
    return web.Response(status=204)
