"""Problems as the document of the API knows them: one schema and one answer for each code."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel

from api_service.http.problems import HTTP_PROBLEMS
from api_service.http.routing import READING
from api_service.lists.model import CostLimit, Refusal
from shared.errors import (
    AdminTokenError,
    AdminTokenUnsetError,
    BadRequestError,
    ClientLimitError,
    CrossSiteError,
    ServiceFullError,
    UnreadableListError,
    UploadTooCostlyError,
    UploadTooLargeError,
)
from shared.http.problem_json import PROBLEM_JSON, problem_type
from shared.http.unreadable_requests import LONG_ADDRESS, LONG_HEADER, NO_REQUEST

if TYPE_CHECKING:
    from collections.abc import Iterable

    from api_service.http.routing import Route
    from shared.errors import ProjectionistError
    from shared.http.unreadable_requests import Unreadable


class Problem(BaseModel):
    """Why a request was refused or failed (RFC 9457); a program may rely on `code`."""

    type: str
    title: str
    status: int
    detail: str
    code: str


class UnreadableListProblem(Problem):
    """The same, and which file it was, which line of it if one is known, and why."""

    file: str
    line: int | None
    reason: Refusal


class UploadTooCostlyProblem(Problem):
    """The same, and what reading it takes too much of; which file and line, where that is known."""

    file: str
    line: int | None
    limit: CostLimit


class UploadTooLargeProblem(Problem):
    """The same, and how much is taken."""

    max_bytes: int


class LimitProblem(Problem):
    """The same, and which limit it is."""

    limit: str


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem; its title is None where it is not ours."""

    code: str
    status: HTTPStatus
    title: str | None
    meaning: str
    model: type[Problem] = Problem

    def schema(self, of_model: dict[str, Any]) -> dict[str, Any]:
        """The schema of its model, with the values that are always the same."""
        fixed: dict[str, object] = {
            "type": problem_type(self.code),
            "status": self.status.value,
            "code": self.code,
        }
        if self.title is not None:
            fixed["title"] = self.title
        properties = of_model["properties"] | {
            name: {"const": value} for name, value in fixed.items()
        }
        return of_model | {"description": self.meaning, "properties": properties}


_MODELS: Final[dict[str, type[Problem]]] = {
    UnreadableListError.code: UnreadableListProblem,
    UploadTooCostlyError.code: UploadTooCostlyProblem,
    UploadTooLargeError.code: UploadTooLargeProblem,
    ClientLimitError.code: LimitProblem,
    ServiceFullError.code: LimitProblem,
}
_AGAIN: Final = {
    HTTPStatus.CONFLICT,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
}
"""Statuses after which trying again makes sense."""


def kinds_without_route() -> list[Kind]:
    """Every problem that is answered to what fits no route, or is no request."""
    return [
        of_status(HTTPStatus.NOT_FOUND),
        of_status(HTTPStatus.METHOD_NOT_ALLOWED),
        *map(_of_unreadable, (NO_REQUEST, LONG_ADDRESS, LONG_HEADER)),
    ]


def kinds_of(route: Route) -> list[Kind]:
    """Every problem that a route may answer, by status and code."""
    errors = set(route.problems)
    if route.is_strict:
        errors.add(BadRequestError)
    if route.admin:
        errors.add(AdminTokenUnsetError)
    if route.admin or route.says_more_to_admin:
        errors |= {AdminTokenError, ClientLimitError}
    if route.method not in READING:
        errors.add(CrossSiteError)
    http = {HTTPStatus.EXPECTATION_FAILED, HTTPStatus.INTERNAL_SERVER_ERROR}
    if "{" in route.path:  # what does not look like its parameters is another path
        http.add(HTTPStatus.NOT_FOUND)
    if isinstance(route.body, type):
        http.add(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    kinds = [*map(_of_error, errors), *map(of_status, http)]
    if route.query is not None:
        kinds.append(_of_unreadable(LONG_ADDRESS))
    return sorted(kinds, key=lambda kind: (kind.status, kind.code))


def _of_unreadable(kind: Unreadable) -> Kind:
    return Kind(kind.code, kind.status, kind.title, kind.detail)


def of_status(status: HTTPStatus) -> Kind:
    """The problem that an error of aiohttp becomes."""
    code, detail = HTTP_PROBLEMS[status]
    return Kind(code, status, None, detail.format(allowed="the methods that `Allow` names"))


def answer_to(kinds: Iterable[Kind]) -> dict[str, Any]:
    """The answer whose status these kinds share."""
    kinds = list(kinds)
    headers = {"X-Request-ID": {"$ref": "#/components/headers/X-Request-ID"}}
    if kinds[0].status in _AGAIN:
        headers["Retry-After"] = {"$ref": "#/components/headers/Retry-After"}
    if kinds[0].status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = {"$ref": "#/components/headers/WWW-Authenticate"}
    refs = [{"$ref": f"#/components/schemas/{schema_name(kind)}"} for kind in kinds]
    schema = refs[0] if len(refs) == 1 else {"oneOf": refs}
    return {
        "description": " ".join(f"`{kind.code}`: {kind.meaning}" for kind in kinds),
        "headers": headers,
        "content": {PROBLEM_JSON: {"schema": schema}},
    }


def schema_name(kind: Kind) -> str:
    """What the schema of a kind is called among the document's components."""
    return f"problem.{kind.code}"


def _of_error(error: type[ProjectionistError]) -> Kind:
    meaning = (error.__doc__ or "").partition("\n")[0]
    return Kind(error.code, error.status, error.title, meaning, _MODELS.get(error.code, Problem))
