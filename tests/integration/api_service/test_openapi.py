"""The document of the API: all of its routes and nothing else, and answers that keep to it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from openapi_spec_validator import OpenAPIV31SpecValidator

from api_service.app import create_app
from api_service.openapi.document import describe
from api_service.openapi.routes import ROUTES
from shared.errors import ProjectionistError
from tests.support.described import check, check_item, hold_to_document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.settings import Settings
    from tests.support.api_answering import Daemon
    from tests.support.api_driving import Service

DOCUMENT = describe(ROUTES)
API_MD = Path(__file__).parents[3] / "docs" / "api.md"
HEADERS = {"Content-Type": "application/json; charset=utf-8", "X-Request-ID": "1"}
PROBLEM = {"Content-Type": "application/problem+json", "X-Request-ID": "1"}
UNKNOWN = {
    "type": "urn:projectionist:problem:session_not_found",
    "title": "There is no such session",
    "status": 404,
    "detail": "",
    "code": "session_not_found",
}
HELD = json.dumps({"status": "ok", "live": True, "ready": True, "reason": None}).encode()


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def errors(kind: type[ProjectionistError] = ProjectionistError) -> Iterator[type[Any]]:
    for error in kind.__subclasses__():
        yield error
        yield from errors(error)


def test_it_is_openapi() -> None:
    found = OpenAPIV31SpecValidator(DOCUMENT).iter_errors()
    assert [error.message for error in found] == []


def test_what_is_no_openapi_would_be_found() -> None:
    broken = DOCUMENT | {"paths": {"/livez": {"get": {"responses": {"200": {}}}}}}
    assert list(OpenAPIV31SpecValidator(broken).iter_errors())


async def test_it_has_every_route_that_is_served_and_no_other(settings: Settings) -> None:
    app = create_app(settings)
    served = {
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.resource is not None and route.method != "HEAD"  # which any GET is answered to
    }
    for_browsers = {(route.method, route.template) for route in ROUTES if not route.is_api}
    assert {(method, path) for method, path, _ in operations()} == served - for_browsers


def test_only_pages_and_what_they_are_made_of_are_left_out() -> None:
    left_out = {route.template for route in ROUTES if not route.is_api}
    assert not [path for path in left_out if path.startswith(("/api/", "/worker/"))]


def test_operations_have_names_of_their_own() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(names)) == len(names)


def test_every_code_is_in_the_document_and_in_the_manual() -> None:
    ours = {error.code for error in errors()}
    described = {
        schema["properties"]["code"]["const"]
        for name, schema in DOCUMENT["components"]["schemas"].items()
        if name.startswith("problem.")
    }
    assert described >= ours
    manual = API_MD.read_text(encoding="utf-8")
    assert [code for code in described if f"`{code}`" not in manual] == []


async def test_it_is_sent_once(refusing: Service) -> None:
    first = await refusing.client.get("/openapi.json")
    assert await first.json() == DOCUMENT
    again = {"If-None-Match": first.headers["ETag"]}
    second = await refusing.client.get("/openapi.json", headers=again)
    assert (second.status, await second.read()) == (304, b"")
    assert second.headers["ETag"] == first.headers["ETag"]


@pytest.mark.parametrize(
    ("method", "path", "status", "headers", "body"),
    [
        ("GET", "/health", 204, HEADERS, b""),
        ("GET", "/health", 200, HEADERS | {"Content-Type": "text/html"}, HELD),
        ("GET", "/health", 200, {"Content-Type": "application/json"}, HELD),
        ("GET", "/health", 200, HEADERS, HELD.replace(b"true", b'"true"')),
        ("GET", "/health", 200, HEADERS, HELD.replace(b"null", b'null, "more": 1')),
        ("GET", "/health", 200, HEADERS, b'{"status": "ok", "live": true, "ready": true}'),
        ("GET", "/health", 200, HEADERS, b"{}"),
        ("POST", "/health", 200, HEADERS, HELD),
        ("GET", "/health/more", 200, HEADERS, HELD),
        ("GET", "/livez", 404, PROBLEM, json.dumps(UNKNOWN).encode()),
        ("GET", "/nowhere", 404, PROBLEM, json.dumps(UNKNOWN).encode()),
        ("DELETE", "/api/session/1", 204, HEADERS, b"{}"),
        (
            *("GET", "/api/session/1", 404, PROBLEM),
            json.dumps(UNKNOWN | {"code": "movie_not_found"}).encode(),
        ),
        (
            *("GET", "/api/session/1", 404, PROBLEM),
            json.dumps(UNKNOWN | {"secret": "postgresql://"}).encode(),
        ),
    ],
)
def test_an_answer_that_is_not_promised_fails(
    method: str, path: str, status: int, headers: dict[str, str], body: bytes
) -> None:
    with pytest.raises(AssertionError):
        check(method, path, status, headers, body)


def test_an_answer_that_is_promised_does_not_fail() -> None:
    check("GET", "/health", 200, HEADERS, HELD)
    check("HEAD", "/health", 200, HEADERS, b"")
    check("GET", "/api/session/1", 404, PROBLEM, json.dumps(UNKNOWN).encode())


def test_an_event_that_is_not_promised_fails() -> None:
    said = {"worker_status": "running", "tmdb_state": "up", "tmdb_reason": None}
    stream = ("get_events", "text/event-stream", "fleet")
    check_item(*stream, json.dumps(said).encode())
    with pytest.raises(AssertionError, match="worker_status"):
        check_item(*stream, json.dumps(said | {"worker_status": "asleep"}).encode())


async def test_a_client_of_the_tests_hears_what_is_not_promised() -> None:
    async def livez(_: web.Request) -> web.Response:
        return web.json_response({"status": "well"}, headers={"X-Request-ID": "1"})

    app = web.Application()
    app.router.add_get("/livez", livez)
    async with TestClient(TestServer(app), middlewares=(hold_to_document,)) as client:
        with pytest.raises(AssertionError, match="'ok' was expected"):
            await client.get("/livez")


async def test_lines_of_an_export_are_as_promised(service: Service, daemon: Daemon) -> None:
    session_id = await service.session("Heat,1995", "Fargo,1996")
    await daemon.answer(found={"title:heat|1995": 949})
    response = await service.client.get(f"/api/session/{session_id}/export?format=jsonl")
    lines = (await response.read()).splitlines()
    for line in lines:
        check_item("export_movies", "application/jsonl", "line", line)
    assert len(lines) == 2


def values(schema: dict[str, Any]) -> tuple[list[object], list[object]]:
    """Values of a parameter that its schema allows, and such that it does not."""
    step = schema.get("multipleOf", 1)
    if "enum" in schema:
        return schema["enum"], ["nothing", ""]
    if schema["type"] == "boolean":
        return ["true", "false"], ["yes", "", "1"]
    if "minimum" in schema:
        low, high = schema["minimum"], schema["maximum"]
        return [low, high], [low - step, high + step, "one", ""]
    return [], []


async def test_parameters_are_taken_and_refused_as_the_document_says(service: Service) -> None:
    session_id = await service.session("Heat,1995")
    made = await service.client.post(f"/api/session/{session_id}/shares", json={"tags": True})
    share_id = (await made.json())["share_id"]
    tried = 0
    for method, path, operation in operations():
        address = path.replace("{session_id}", session_id).replace("{share_id}", share_id)
        for parameter in operation["parameters"]:
            if parameter.get("in") != "query" or method != "GET":
                continue
            allowed, refused = values(parameter["schema"])
            for status, given in ((200, allowed), (400, refused)):
                for value in given:
                    query = {parameter["name"]: str(value)}
                    response = await service.client.get(address, params=query)
                    assert response.status == status, (address, query)
                    tried += 1
    assert tried > 0


async def test_the_page_to_read_it_is_made_of_our_own_files_alone(refusing: Service) -> None:
    page = await refusing.client.get("/docs")
    assert page.content_type == "text/html"
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    text = await page.text()
    parts = re.findall(r'(?:src|href)="([^"]+)"', text)
    kinds = {}
    for part in parts:
        if part != "data:,":
            assert ":" not in part
            response = await refusing.client.get(f"/{part}")
            assert response.status == 200, part
            kinds[part] = response.content_type
    assert kinds == {
        "docs/swagger-ui.css": "text/css",
        "docs/swagger-ui.js": "text/javascript",
        "docs/start.js": "text/javascript",
        "openapi.json": "application/json",
    }
    assert not re.search(r"<(script|style)>| style=", text)
