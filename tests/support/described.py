"""Holds answers of the API against its own document: what that does not promise fails a test."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from aiohttp import web
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from api_service.openapi.document import describe
from api_service.openapi.routes import ROUTES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import ClientHandlerType, ClientRequest, ClientResponse

    from api_service.http.routing import Route

JSON = ("application/json", "application/problem+json")
UNROUTED = {
    404: "problem.not_found",
    405: "problem.method_not_allowed",
    417: "problem.expectation_failed",
}
"""Schemas of what is answered to a path or a method that is none."""


UNREADABLE = ("unreadable_request", "address_too_long", "header_too_long")
"""Codes of what is answered to input that is no request."""


async def hold_to_document(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Middleware of a client: checks each answer, and the bodies that are JSON."""
    response = await handler(request)
    body = b""
    if response.content_type in JSON and request.method != "HEAD":
        body = await response.read()  # which the test reads again
    check(request.method, request.url.raw_path, response.status, response.headers, body)
    return response


def check(method: str, path: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Fail when an answer is not what the document says of its route, method and status."""
    media_type = headers.get("Content-Type", "").partition(";")[0]
    answered = f"{method} {path} was answered {status} {media_type}"
    route = _route_of("GET" if method == "HEAD" else method, path)
    if route is None:
        assert status in UNROUTED, f"{answered}, though there is no such route"
        _check_body(f"#/components/schemas/{UNROUTED[status]}", body, answered)
        return
    if not route.is_api:
        return
    operation = document()["paths"][route.template][route.method.lower()]
    promised = operation["responses"].get(str(status))
    assert promised is not None, f"{answered}, a status that the document does not have"
    _check_headers(promised["headers"], headers, answered)
    if method == "HEAD":
        return
    kinds = promised.get("content", {})
    assert (media_type in kinds) if kinds else not body, f"{answered}; promised: {sorted(kinds)}"
    if kinds and media_type in JSON:
        pointer = (
            f"#/paths/{_escaped(route.template)}/{route.method.lower()}/responses/{status}"
            f"/content/{_escaped(media_type)}/schema"
        )
        _check_body(pointer, body, answered)


def check_unreadable(status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Fail when an answer to what is no request is not the problem that the document has."""
    answered = f"what is no request was answered {status}"
    code = json.loads(body)["code"]
    assert code in UNREADABLE, f"{answered} {code}"
    assert headers.get("X-Request-ID"), f"{answered} without X-Request-ID"
    _check_body(f"#/components/schemas/problem.{code}", body, answered)


def check_item(route_name: str, media_type: str, item: str, body: bytes) -> None:
    """Fail when a line or an event is not what the document says of that route's answer."""
    route = next(route for route in ROUTES if route.name == route_name)
    pointer = (
        f"#/paths/{_escaped(route.template)}/{route.method.lower()}/responses/200"
        f"/content/{_escaped(media_type)}/x-items/{item}"
    )
    _check_body(pointer, body, f"{route_name} sent {item}")


@cache
def document() -> dict[str, Any]:
    """The document, in which objects have no other members than those that it names."""
    closed: dict[str, Any] = _closed(describe(ROUTES))
    return closed


def _closed(part: Any) -> Any:  # noqa: ANN401  # any JSON
    if isinstance(part, list):
        return [_closed(one) for one in part]
    if not isinstance(part, dict):
        return part
    closed = {name: _closed(one) for name, one in part.items()}
    if isinstance(part.get("properties"), dict) and part.get("type") == "object":
        closed.setdefault("additionalProperties", False)
    return closed


@cache
def _validator(pointer: str) -> Draft202012Validator:
    return Draft202012Validator(
        {**document(), "$ref": pointer}, format_checker=Draft202012Validator.FORMAT_CHECKER
    )


def _check_body(pointer: str, body: bytes, answered: str) -> None:
    error = best_match(_validator(pointer).iter_errors(json.loads(body)))
    assert error is None, f"{answered}: {error.json_path}: {error.message}"


def _check_headers(
    promised: Mapping[str, dict[str, Any]], headers: Mapping[str, str], answered: str
) -> None:
    for name, header in promised.items():
        said = header
        if "$ref" in header:
            said = document()["components"]["headers"][header["$ref"].rpartition("/")[2]]
        assert name in headers or not said.get("required"), f"{answered} without {name}"


def _route_of(method: str, path: str) -> Route | None:
    for route, pattern in _patterns():
        if route.method == method and pattern.fullmatch(path):
            return route
    return None


@cache
def _patterns() -> list[tuple[Route, re.Pattern[str]]]:
    patterns = []
    for route in ROUTES:
        info = web.UrlDispatcher().add_resource(route.path).get_info()
        pattern = info["pattern"] if "pattern" in info else re.compile(re.escape(info["path"]))
        patterns.append((route, pattern))
    return patterns


def _escaped(part: str) -> str:
    """A name as part of a JSON pointer in a URL."""
    part = part.replace("~", "~0").replace("/", "~1")
    return part.replace("{", "%7B").replace("}", "%7D")
