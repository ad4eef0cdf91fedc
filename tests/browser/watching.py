"""Hears all that a browser complains of, so that a test fails though the page looks right."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, ConsoleMessage, Request, Response, WebError

GIVEN_UP = "net::ERR_ABORTED"
"""A request that the page gave up itself, as a stream is when one leaves."""
INLINE = ("data:", "blob:")
"""What is no request to anybody."""


class Watch:
    """Listens to a context: errors, refusals, and requests to whoever is not meant.

    A violation of the Content-Security-Policy is an error of the console.

    Args:
        origin: the page's own, without a slash at its end.
        pictures: the address below which pictures may be, and nothing else.
    """

    def __init__(self, origin: str, pictures: str | None = None) -> None:
        self._origin = f"{origin}/"
        self._pictures = None if pictures is None else f"{pictures}/"
        self._complaints: list[str] = []
        self._allowed: list[str] = []
        self.requests: list[str] = []
        """The addresses of all requests, each as it was begun."""

    def attach(self, context: BrowserContext) -> None:
        """Listen to each page of a context, before any is opened."""
        context.on("console", self._hear)
        context.on("weberror", self._note_error)
        context.on("request", self._note_request)
        context.on("requestfailed", self._note_failure)
        context.on("response", self._note_answer)

    def allow(self, *patterns: str) -> None:
        """Take complaints that have one of these (regular expressions) as what the test meant."""
        self._allowed += patterns

    def allow_status(self, status: int) -> None:
        """Take answers with this status as what the test meant."""
        self.allow(rf"status of {status}\b", rf"answered {status}\b")

    def allow_outage(self) -> None:
        """Take it as meant that the server cannot be reached, or says so itself."""
        self.allow("ERR_CONNECTION_", "ERR_INCOMPLETE_CHUNKED", "ERR_EMPTY_RESPONSE", "ERR_FAILED")
        self.allow("ERR_SOCKET_NOT_CONNECTED")
        self.allow_status(503)

    @property
    def complaints(self) -> list[str]:
        """What was heard, but for what is allowed."""
        return [
            text
            for text in self._complaints
            if not any(re.search(pattern, text) for pattern in self._allowed)
        ]

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self._complaints.append(f"{message.type}: {message.text} ({message.location['url']})")

    def _note_error(self, error: WebError) -> None:
        self._complaints.append(f"uncaught: {error.error}")

    def _note_request(self, request: Request) -> None:
        self.requests.append(request.url)
        if request.url.startswith((self._origin, *INLINE)):
            return
        is_picture = self._pictures is not None and request.url.startswith(self._pictures)
        if not (is_picture and request.resource_type == "image"):
            self._complaints.append(f"foreign {request.resource_type}: {request.url}")

    def _note_failure(self, request: Request) -> None:
        if request.failure != GIVEN_UP:
            self._complaints.append(f"failed: {request.method} {request.url}: {request.failure}")

    def _note_answer(self, response: Response) -> None:
        if response.status >= 400:
            self._complaints.append(f"answered {response.status}: {response.url}")
