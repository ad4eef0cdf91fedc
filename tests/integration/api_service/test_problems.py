"""What every request gets, whatever it asks: an id, and a problem document when it fails."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

if TYPE_CHECKING:
    from tests.support.api_driving import Service

SESSION = "/api/session/00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize("path", ["/livez", "/nowhere", SESSION])
async def test_the_clients_request_id_comes_back_and_is_in_the_log(
    refusing: Service, path: str
) -> None:
    with capture_logs() as events:
        response = await refusing.client.get(path, headers={"X-Request-ID": "my-id:42"})
    assert response.headers["X-Request-ID"] == "my-id:42"
    assert [event["status"] for event in events if event["event"] == "request"] == [response.status]


@pytest.mark.parametrize("given", ["", "x" * 101, "ключ", "tab\there"])
async def test_an_id_that_cannot_be_logged_is_replaced(refusing: Service, given: str) -> None:
    response = await refusing.client.get("/livez", headers={"X-Request-ID": given})
    assert re.fullmatch(r"[0-9a-f]{32}", response.headers["X-Request-ID"])


async def test_an_id_that_holds_the_key_of_a_session_is_replaced(refusing: Service) -> None:
    key = SESSION.rpartition("/")[2]
    for given in (key, f"request-{key.replace('-', '').upper()}"):
        response = await refusing.client.get(SESSION, headers={"X-Request-ID": given})
        assert re.fullmatch(r"[0-9a-f]{32}", response.headers["X-Request-ID"])


async def test_ids_differ(refusing: Service) -> None:
    responses = [await refusing.client.get("/livez") for _ in range(2)]
    assert len({response.headers["X-Request-ID"] for response in responses}) == 2


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api"),
        ("GET", "/api/session"),
        ("GET", "/api/session/"),
        ("GET", f"{SESSION}/"),
        ("GET", f"{SESSION}/statuss"),
        ("POST", "/API/upload"),
        ("DELETE", f"{SESSION}/movies/0/match"),
    ],
)
async def test_an_address_there_is_not(refusing: Service, method: str, path: str) -> None:
    response = await refusing.client.request(method, path)
    await refusing.problem(response, 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/api/upload", {"POST"}),
        ("PUT", "/api/upload", {"POST"}),
        ("POST", SESSION, {"GET", "HEAD", "DELETE"}),
        ("POST", f"{SESSION}/status", {"GET", "HEAD"}),
        ("GET", f"{SESSION}/enrich", {"POST"}),
        ("GET", f"{SESSION}/movies/1/match", {"PUT", "DELETE"}),
        ("GET", "/worker/pause", {"POST"}),
        ("DELETE", "/livez", {"GET", "HEAD"}),
    ],
)
async def test_a_method_that_an_address_has_not(
    refusing: Service, method: str, path: str, allowed: set[str]
) -> None:
    response = await refusing.client.request(method, path)
    await refusing.problem(response, 405, "method_not_allowed")
    assert set(re.split(r",\s*", response.headers["Allow"])) == allowed


async def test_head_answers_as_get_without_a_body(service: Service) -> None:
    session_id = await service.session("Heat,1995")
    response = await service.client.head(f"/api/session/{session_id}/status")
    assert (response.status, await response.read()) == (200, b"")
    missing = await service.client.head(SESSION)
    assert missing.status == 404
