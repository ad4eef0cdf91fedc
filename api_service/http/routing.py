"""What an entry of the route table says: whom the router calls, and what the document promises."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import hdrs, web
from pydantic import BaseModel

from api_service.queries.parameters import checked

if TYPE_CHECKING:
    from shared.errors import ProjectionistError

READING = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})
"""Methods that change nothing."""

_LENIENT = frozenset({"Probes", "Document"})

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Content:
    """A body that is no single JSON object.

    Attributes:
        media_type: its Content-Type, without parameters.
        what: what it holds, in words.
        models: of what it is made, where that is JSON: of its events by name, or of its `line`.
    """

    media_type: str
    what: str
    models: Mapping[str, type[BaseModel]] = field(default_factory=dict)


Body = type[BaseModel] | tuple[Content, ...]
"""A JSON object of a model, or one of several other kinds; none at all is no body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One route.

    Attributes:
        method: in capitals; a GET is answered to HEAD too.
        path: as aiohttp writes it; each parameter in it is explained in `openapi.py`.
        handler: answers it.
        name: what a client generated from the document calls it; unlike all others.
        tag: the section of the document that it stands in.
        summary: what it does, in a line.
        answers: what it answers when all is well, by status.
        query: what its query may hold; all else is refused, but by probes, pages and files.
        without: parameters of that model which this route does not take.
        body: what it takes; of a form, its parts are files.
        request_headers: headers of its own that it reads, and what they say.
        headers: headers of its own that its answers have, and what they say.
        problems: what it may refuse or fail with, besides what any route may.
        admin: whether it needs the admin token.
        says_more_to_admin: whether it takes the token, too, and tells whoever has it more.
        is_api: whether programs are told of it; a page and its assets are for browsers.
    """

    method: str
    path: str
    handler: Handler
    name: str
    tag: str
    summary: str
    answers: Mapping[int, Body]
    query: type[BaseModel] | None = None
    without: frozenset[str] = frozenset()
    body: Body = ()
    request_headers: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[type[ProjectionistError], ...] = ()
    admin: bool = False
    says_more_to_admin: bool = False
    is_api: bool = True

    @property
    def is_strict(self) -> bool:
        """Whether it refuses parameters that it does not know.

        Machines ask for probes in ways of their own, and pages are led to by links of others.
        """
        return self.is_api and self.tag not in _LENIENT

    @property
    def template(self) -> str:
        """The path without the patterns of its parameters: `/api/session/{session_id}/status`."""
        return web.UrlDispatcher().add_resource(self.path).canonical

    def add_to(self, app: web.Application) -> None:
        """Serve it from an application."""
        handler = self.handler
        if self.is_strict:
            handler = checked(handler, self.query, self.without)
        if self.method == hdrs.METH_GET:
            app.router.add_get(self.path, handler)
        else:
            app.router.add_route(self.method, self.path, handler)
