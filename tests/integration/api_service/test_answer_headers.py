"""What every answer says in its headers, whatever it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from structlog.testing import capture_logs

from api_service.openapi.routes import ROUTES

if TYPE_CHECKING:
    from tests.support.api_driving import Service

IN_PATHS = {
    "{position}": "1",
    "{file}": "start.js",
    "{path}": "page.js",
}


async def test_every_answer_forbids_guessing_and_keeping(service: Service) -> None:
    for route in ROUTES:
        path = route.template.replace("{session_id}", await service.session("Heat,1995"))
        for name, value in IN_PATHS.items():
            path = path.replace(name, value)
        for method in ("GET", *(["HEAD"] if route.method == "GET" else []), "POST", "DELETE"):
            async with service.client.request(method, path) as response:
                headers = response.headers
                answered = f"{method} {route.template}"
                assert headers["X-Content-Type-Options"] == "nosniff", answered
                assert headers["Server"] == "projectionist", answered
                assert headers["X-Request-ID"], answered
                kept = "no-cache" if "ETag" in headers else "no-store"
                assert headers["Cache-Control"] == kept, answered


async def test_an_address_that_fits_no_route_has_them_too(service: Service) -> None:
    response = await service.client.get("/nowhere")
    problem = await service.problem(response, 404, "not_found")
    assert "docs/api.md" not in problem["detail"]
    assert response.headers["Server"] == "projectionist"
    assert response.headers["Cache-Control"] == "no-store"


async def test_what_cannot_be_read_is_logged_by_its_kind_alone(service: Service) -> None:
    with capture_logs() as events:
        answer = await service.raw(b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\n\r\n")
    assert (answer.status, answer.code) == (414, "address_too_long")
    (event,) = [event for event in events if event["event"] == "request_unreadable"]
    assert (event["code"], event["reason"]) == ("address_too_long", "LineTooLong")
    assert f"x-request-id: {event['request_id']}" in answer.head
    assert "aaa" not in str(event)


async def test_an_address_of_8_kb_is_read(service: Service) -> None:
    response = await service.client.get(f"/livez?{'a' * 8_000}")
    assert response.status == 200
