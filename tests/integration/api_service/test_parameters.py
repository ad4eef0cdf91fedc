"""Parameters that a route does not know are refused, so that no answer is quietly another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from api_service.openapi.document import describe
from api_service.openapi.routes import ROUTES

if TYPE_CHECKING:
    from tests.support.api_driving import Service

IN_PATHS = {"{position}": "1", "{file}": "start.js", "{path}": "page.js"}


async def path_of(service: Service, template: str) -> str:
    session_id = await service.session("Heat,1995")
    path = template.replace("{session_id}", session_id)
    if "{share_id}" in path:
        made = await service.client.post(f"/api/session/{session_id}/shares", json={})
        path = path.replace("{share_id}", (await made.json())["share_id"])
    for name, value in IN_PATHS.items():
        path = path.replace(name, value)
    return path


async def test_every_route_for_programs_refuses_what_it_does_not_know(service: Service) -> None:
    for route in ROUTES:
        if not (route.path.startswith("/api/") or (route.is_api and "/worker/" in route.path)):
            continue
        path = await path_of(service, route.template)
        for method in (route.method, *(["HEAD"] if route.method == "GET" else [])):
            response = await service.client.request(method, f"{path}?nonsense=1")
            assert response.status == 400, f"{method} {path}"
            if method != "HEAD":
                problem = await service.problem(response, 400, "bad_request")
                assert problem["detail"].startswith("'nonsense': "), path


async def test_pages_files_and_probes_ignore_it(service: Service) -> None:
    lenient = {route.template for route in ROUTES if route.method == "GET" and not route.is_strict}
    assert {"/", "/session/{session_id}", "/livez", "/metrics", "/openapi.json"} <= lenient
    for template in lenient - {"/assets/{path}"}:
        path = await path_of(service, template)
        response = await service.client.get(f"{path}?nonsense=1&nonsense=2")
        assert response.status == 200, path


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("rated=false", "'rated': there is no such parameter; did you mean rating"),
        ("genres=Horror", "'genres': there is no such parameter; did you mean genre"),
        ("Year=1995", "'Year': there is no such parameter; did you mean year"),
        ("list_name=x", "'list_name': there is no such parameter; did you mean"),
        ("zzz=1", "'zzz': there is no such parameter; these are known: actor, country"),
        ("year=1995&year=1996", "year: it may be given once"),
        ("%0A%1b[2K=1", r"'\n\x1b[2K': there is no such parameter"),
    ],
)
async def test_the_refusal_names_what_may_have_been_meant(
    service: Service, query: str, said: str
) -> None:
    session_id = await service.session("Heat,1995")
    response = await service.client.get(f"/api/session/{session_id}/movies?{query}")
    problem = await service.problem(response, 400, "bad_request")
    assert problem["detail"].startswith(said)


async def test_a_route_without_parameters_says_so(service: Service) -> None:
    response = await service.client.get("/worker/status?workers=1")
    problem = await service.problem(response, 400, "bad_request")
    assert problem["detail"] == "'workers': this route takes no parameters"


async def test_a_list_may_be_given_in_parts(service: Service) -> None:
    session_id = await service.session("Heat,1995", "Ran,1985", "Fargo,1996")
    path = f"/api/session/{session_id}/movies?positions=3&positions=1,2"
    movies = (await (await service.client.get(path)).json())["movies"]
    assert [movie["position"] for movie in movies] == [3, 1, 2]


@pytest.mark.parametrize("given", ["x" * 101, "\xff", "a\tb"])
async def test_a_request_id_that_is_none_is_refused(service: Service, given: str) -> None:
    response = await service.client.get("/worker/status", headers={"X-Request-ID": given})
    problem = await service.problem(response, 400, "bad_request")
    assert problem["detail"] == "X-Request-ID: at most 100 printable ASCII characters"
    assert len(response.headers["X-Request-ID"]) == 32
    probe = await service.client.get("/livez", headers={"X-Request-ID": given})
    assert probe.status == 200


async def test_a_request_id_of_100_characters_is_kept(service: Service) -> None:
    given = "x" * 100
    response = await service.client.get("/worker/status", headers={"X-Request-ID": given})
    assert (response.status, response.headers["X-Request-ID"]) == (200, given)


def test_the_document_has_the_refusal_wherever_it_may_come() -> None:
    for path, methods in describe(ROUTES)["paths"].items():
        for operation in methods.values():
            lenient = operation["tags"][0] in {"Probes", "Document"}
            assert ("400" in operation["responses"]) != lenient, path
