"""Errors become problem documents, whatever was raised, and tell nobody what broke inside."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from structlog.testing import capture_logs

import shared.errors
from api_service.http.problems import problems
from api_service.lists.model import ListRefused, Refusal
from api_service.uploads.parser_pool import ParserCrashed
from shared.errors import (
    AdminTokenError,
    DatabaseUnavailableError,
    ProjectionistError,
    UploadInProgressError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


def all_errors(kind: type[ProjectionistError] = ProjectionistError) -> Iterator[type[Exception]]:
    for error in kind.__subclasses__():
        yield error
        yield from all_errors(error)


async def problem_of(error: Exception) -> tuple[web.StreamResponse, dict[str, Any]]:
    async def handler(_: web.Request) -> web.StreamResponse:
        raise error

    response = await problems(make_mocked_request("GET", "/"), handler)
    assert isinstance(response, web.Response)
    assert response.content_type == "application/problem+json"
    assert response.text is not None
    return response, json.loads(response.text)


@pytest.mark.parametrize(
    "error",
    [
        DatabaseUnavailableError("gone", retry_after=5),
        UploadInProgressError("soon", retry_after=1),
        AdminTokenError("who?"),
        ListRefused("a.csv", Refusal.NOT_TEXT, "this is a picture", 3),
        ParserCrashed("ended", retry_after=5),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_an_error_of_ours_says_what_it_knows(error: ProjectionistError) -> None:
    response, problem = await problem_of(error)
    assert response.status == error.status
    assert problem == {
        "type": f"urn:projectionist:problem:{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
        **error.extra,
    }
    retry_after = None if error.retry_after is None else str(error.retry_after)
    assert response.headers.get("Retry-After") == retry_after


async def test_a_refused_list_names_its_file_line_and_reason() -> None:
    _, problem = await problem_of(ListRefused("a.csv", Refusal.NOT_TEXT, "this is a picture", 3))
    assert (problem["file"], problem["line"], problem["reason"]) == ("a.csv", 3, "not_text")
    assert problem["detail"] == "a.csv, line 3: this is a picture"


async def test_who_is_unauthorised_is_told_how_to_authorise() -> None:
    response, _ = await problem_of(AdminTokenError("who?"))
    assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (web.HTTPNotFound(), 404, "not_found"),
        (web.HTTPMethodNotAllowed("BREW", {"GET"}), 405, "method_not_allowed"),
        (
            web.HTTPRequestEntityTooLarge(max_size=1, actual_size=2),
            413,
            "body_too_large",
        ),
        (web.RequestPayloadError("the body\n breaks off"), 400, "bad_request"),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_an_error_of_the_server_has_a_code_too(
    error: Exception, status: int, code: str
) -> None:
    response, problem = await problem_of(error)
    assert (response.status, problem["status"], problem["code"]) == (status, status, code)
    assert "\n" not in problem["detail"]


async def test_the_methods_of_an_address_are_told() -> None:
    response, _ = await problem_of(web.HTTPMethodNotAllowed("BREW", {"GET"}))
    assert response.headers["Allow"] == "GET"


async def test_a_redirect_is_no_problem() -> None:
    with pytest.raises(web.HTTPFound):
        await problem_of(web.HTTPFound("/docs"))


async def test_a_defect_is_logged_and_not_told() -> None:
    with capture_logs() as events:
        response, problem = await problem_of(KeyError("the secret name"))
    assert (response.status, problem["code"]) == (500, "internal_server_error")
    assert "secret" not in json.dumps(problem)
    assert [event["event"] for event in events] == ["request_crashed"]


async def test_our_own_failures_are_logged_and_refusals_are_not() -> None:
    with capture_logs() as events:
        await problem_of(DatabaseUnavailableError("gone"))
        await problem_of(AdminTokenError("who?"))
    assert [(event["event"], event["code"]) for event in events] == [
        ("request_failed", "database_unavailable")
    ]


def test_every_code_is_one_errors_alone_and_every_title_says_something() -> None:
    errors = [error for error in all_errors() if issubclass(error, ProjectionistError)]
    own = [error for error in errors if "code" in vars(error)]
    assert len({error.code for error in own}) == len(own)
    assert all(error.title and error.title != ProjectionistError.title for error in own)
    assert all(HTTPStatus(error.status) >= HTTPStatus.BAD_REQUEST for error in errors)
    assert shared.errors.ProjectionistError not in errors
