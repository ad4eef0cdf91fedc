"""The movies of a session over HTTP: pages, and the user's corrections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self, get_args

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from api_service.answers import MovieAnswer, MoviesAnswer, movie_answer
from api_service.context import (
    SETTINGS,
    STORAGE,
    json_response,
    position_of,
    session_of,
    whole_number,
)
from api_service.rules.cursors import decode_cursor, encode_cursor
from api_service.storage.movies import Cursor, SortName
from shared.errors import BadRequestError, InvalidBodyError, MovieNotFoundError
from shared.lookup_keys import imdb_key, tmdb_key

if TYPE_CHECKING:
    from uuid import UUID

PAGE = 100
LARGEST_PAGE = 1000

OutcomeFilter = Literal["pending", "found", "not_found", "failed", "unmatched"]


class Correction(BaseModel):
    """The body of `PUT …/match`: the film that the movie really is, by one of its ids."""

    model_config = ConfigDict(extra="forbid", strict=True)

    tmdb_id: Annotated[int, Field(ge=1, lt=2**31)] | None = None
    imdb_id: Annotated[str, Field(pattern=r"^tt[0-9]{7,10}$")] | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.tmdb_id is None) == (self.imdb_id is None):
            raise ValueError("give either tmdb_id or imdb_id")
        return self

    @property
    def key(self) -> str:
        """The lookup that this asks for."""
        return tmdb_key(self.tmdb_id) if self.tmdb_id else imdb_key(self.imdb_id or "")


async def get_movies(request: web.Request) -> web.Response:
    """`GET /api/session/{id}/movies?limit=&cursor=&outcome=&sort=`."""
    limit = whole_number(request, "limit", default=PAGE, most=LARGEST_PAGE)
    outcome = choice(request, "outcome", get_args(OutcomeFilter))
    sort: SortName = choice(request, "sort", get_args(SortName)) or "position"  # type: ignore[assignment]  # one of its values
    cursor = request.query.get("cursor")
    after = Cursor(*decode_cursor(cursor, sort)) if cursor else None
    session = await session_of(request)
    page = await request.app[STORAGE].movies.page(
        session.id, outcome=outcome, sort=sort, after=after, limit=limit
    )
    images = request.app[SETTINGS].tmdb_image_base_url
    end = page.next_cursor
    return json_response(
        MoviesAnswer(
            movies=[movie_answer(row, images) for row in page.rows],
            next_cursor=encode_cursor(sort, end.sort_key, end.position) if end else None,
        )
    )


async def put_match(request: web.Request) -> web.Response:
    """`PUT /api/session/{id}/movies/{position}/match`: the user says which film it is."""
    try:
        correction = Correction.model_validate_json(await request.read())
    except ValidationError as error:
        said = "; ".join(problem["msg"] for problem in error.errors(include_url=False))
        raise InvalidBodyError(
            f'Send {{"tmdb_id": 603}} or {{"imdb_id": "tt0133093"}}: {said}'
        ) from None
    session = await session_of(request)
    position = position_of(request)
    await request.app[STORAGE].matches.repoint(session.id, position, correction.key)
    return json_response(await _movie(request, session.id, position))


async def delete_match(request: web.Request) -> web.Response:
    """`DELETE /api/session/{id}/movies/{position}/match`: it is no film, and leaves the session."""
    session = await session_of(request)
    await request.app[STORAGE].matches.remove(session.id, position_of(request))
    return web.Response(status=204)


async def _movie(request: web.Request, session_id: UUID, position: int) -> MovieAnswer:
    page = await request.app[STORAGE].movies.page(
        session_id, outcome=None, sort="position", after=Cursor("", position - 1), limit=1
    )
    rows = page.rows
    if not rows or rows[0]["position"] != position:
        raise MovieNotFoundError(f"There is no movie at position {position} of this session.")
    return movie_answer(rows[0], request.app[SETTINGS].tmdb_image_base_url)


def choice(request: web.Request, name: str, choices: tuple[str, ...]) -> str | None:
    """A query parameter that is one of these, or None when it is not given.

    Raises:
        BadRequestError: it is something else.
    """
    text = request.query.get(name)
    if text is not None and text not in choices:
        raise BadRequestError(f"{name}: one of {', '.join(choices)}, not {text[:40]!r}")
    return text
