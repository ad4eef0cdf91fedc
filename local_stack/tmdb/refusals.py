"""TMDB's error responses, with its status codes and messages."""

from __future__ import annotations

import json
from enum import Enum
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON_TYPE = "application/json;charset=utf-8"
"""The content type of every TMDB response."""


def as_json(content: object) -> bytes:
    """Encode JSON as TMDB does: UTF-8, no spaces."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


class Refusal(Enum):
    """HTTP status, TMDB's own status code and its message.

    Source: https://developer.themoviedb.org/docs/errors
    """

    LONG_RANGE = (422, 20, "Invalid date range: Should be a range no longer than 14 days.")
    INVALID_PARAMETERS = (422, 5, "Invalid parameters: Your request parameters are incorrect.")
    INVALID_KEY = (401, 7, "Invalid API key: You must be granted a valid key.")
    OFFLINE = (503, 9, "Service offline: This service is temporarily offline, try again later.")
    INTERNAL = (500, 11, "Internal error: Something went wrong, contact TMDb.")
    INVALID_PAGE = (
        400,
        22,
        "Invalid page: Pages start at 1 and max at 500. They are expected to be an integer.",
    )
    TIMEOUT = (504, 24, "Your request to the backend server timed out. Try again.")
    OVER_LIMIT = (429, 25, "Your request count is over the allowed limit.")
    TOO_MANY_APPENDED = (
        400,
        27,
        "Too many append to response objects: The maximum number of remote calls is 20.",
    )
    NOT_FOUND = (404, 34, "The resource you requested could not be found.")
    NO_BACKEND = (502, 43, "Couldn't connect to the backend server.")

    @property
    def http_status(self) -> int:
        """The HTTP status."""
        return self.value[0]

    @property
    def body(self) -> bytes:
        """The JSON body."""
        _, code, message = self.value
        return as_json({"status_code": code, "status_message": message, "success": False})

    def answer(self, headers: Mapping[str, str] | None = None) -> web.Response:
        """Return the whole response, with optional headers."""
        return json_answer(self.body, status=self.http_status, headers=headers)


BODY_OF_STATUS = {refusal.http_status: refusal.body for refusal in Refusal}
"""Default bodies by HTTP status, for faults without a body."""


def json_answer(
    body: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return a response with a JSON body."""
    return web.Response(
        body=body, status=status, headers={"Content-Type": JSON_TYPE, **(headers or {})}
    )
