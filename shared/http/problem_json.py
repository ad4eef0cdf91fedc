"""Problems as they are sent (RFC 9457), by the API and by whatever serves beside it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Mapping
    from http import HTTPStatus

PROBLEM_JSON: Final = "application/problem+json"


def problem_type(code: str) -> str:
    """Return the URI of a kind of problem."""
    return f"urn:projectionist:problem:{code}"


def problem_response(  # the members of a problem
    status: HTTPStatus,
    code: str,
    *,
    title: str,
    detail: str,
    headers: Mapping[str, str] | None = None,
    extra: Mapping[str, object] | None = None,
) -> web.Response:
    """Return a problem; `extra` are further members of it."""
    body = {
        "type": problem_type(code),
        "title": title,
        "status": status.value,
        "detail": detail,
        "code": code,
        **(extra or {}),
    }
    return web.Response(
        status=status,
        text=json.dumps(body, ensure_ascii=False),
        content_type=PROBLEM_JSON,
        headers=headers,
    )
