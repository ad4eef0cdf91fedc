"""The movies of a session over HTTP: pages, and the user's corrections."""

from __future__ import annotations

from contextlib import asynccontextmanager, nullcontext
from typing import TYPE_CHECKING, Annotated, Self

from aiohttp import web
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from api_service.context import (
    CLIENT,
    LIMITS,
    SETTINGS,
    STORAGE,
    TRACE,
    json_response,
    position_of,
    session_of,
    unheld_session_of,
)
from api_service.limits.body_pace import SMALL_BODY_SECONDS, body_pace
from api_service.queries.cursors import decode_cursor, encode_cursor
from api_service.queries.movies import MovieQuery, PageQuery, read_query
from api_service.queries.validation import all_said_of, whole
from api_service.schemas.sessions import (
    CreditsAnswer,
    MovieAnswer,
    MovieDetailAnswer,
    MoviesAnswer,
    PositionsAnswer,
    credits_answer,
    movie_answer,
)
from api_service.storage.filtering import Cursor
from shared.errors import InvalidBodyError, MovieNotFoundError
from shared.lookup_keys import imdb_key, tmdb_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from uuid import UUID

    from api_service.storage.sessions import SessionRow


class Correction(BaseModel):
    """The body of `PUT …/match`: the film that the movie really is, by one of its ids."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "oneOf": [
                {
                    "required": ["tmdb_id"],
                    "properties": {"tmdb_id": {"type": "integer"}, "imdb_id": {"type": "null"}},
                },
                {
                    "required": ["imdb_id"],
                    "properties": {"imdb_id": {"type": "string"}, "tmdb_id": {"type": "null"}},
                },
            ],
            "examples": [{"tmdb_id": 603}, {"imdb_id": "tt0133093"}],
        },
    )

    tmdb_id: Annotated[int, Field(ge=1, lt=2**31), BeforeValidator(whole)] | None = None
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
    """`GET /api/session/{id}/movies`: a page of those that fit, or those at some positions."""
    query = read_query(PageQuery, request.query)
    after = cursor_of(query)
    session = await session_of(request)
    movies, cursor = await read_page(request, session, query, after)
    return json_response(MoviesAnswer(movies=movies, next_cursor=cursor))


def cursor_of(query: PageQuery) -> Cursor | None:
    """Return where the page before ended.

    Raises:
        BadRequestError: the cursor is none of ours, or belongs to another order.
    """
    return Cursor(*decode_cursor(query.cursor, query.order)) if query.cursor else None


async def read_page(
    request: web.Request, session: SessionRow, query: PageQuery, after: Cursor | None
) -> tuple[list[MovieAnswer], str | None]:
    """Return a page of a session's movies, and the cursor of the next one if there is one."""
    storage = request.app[STORAGE]
    images = request.app[SETTINGS].tmdb_image_base_url
    if query.positions is not None:
        rows = await storage.movies.at(session.id, query.positions)
        return [movie_answer(row, images) for row in rows], None
    is_light = query.outcome is None and query.only_outcome and query.in_stored_order
    async with nullcontext() if is_light else _heavy_read(request, session.total):
        page = await storage.movies.page(session.id, query, after=after, limit=query.limit)
    end = page.next_cursor
    return (
        [movie_answer(row, images) for row in page.rows],
        encode_cursor(query.order, end.sort_key, end.position) if end else None,
    )


async def get_positions(request: web.Request) -> web.Response:
    """`GET /api/session/{id}/movies/positions`: where all that fit stand, in their order."""
    query = read_query(MovieQuery, request.query)
    session = await session_of(request)
    return json_response(await read_positions(request, session, query))


async def read_positions(
    request: web.Request, session: SessionRow, query: MovieQuery
) -> PositionsAnswer:
    """Return where all movies of a session stand that fit, in their order."""
    storage = request.app[STORAGE]
    async with _heavy_read(request, session.total):
        places = await storage.movies.places(session.id, query)
    return PositionsAnswer(positions=places.positions, total=len(places.positions))


@asynccontextmanager
async def _heavy_read(request: web.Request, films: int) -> AsyncIterator[None]:
    """Wait for the turn of a list of so many films, as one of the few reads of this client."""
    with request.app[LIMITS].heavy_read(request[CLIENT]):
        async with request.app[STORAGE].heavy_reads.turn(films):
            yield


async def get_movie(request: web.Request) -> web.Response:
    """`GET /api/session/{id}/movies/{position}`: one movie, with its credits."""
    session = await session_of(request)
    movie = await read_movie(request, session.id)
    people = await read_credits(request, session.id)
    return json_response(MovieDetailAnswer(**dict(movie), credits=people))


async def put_match(request: web.Request) -> web.Response:
    """`PUT /api/session/{id}/movies/{position}/match`: the user says which film it is."""
    session = await unheld_session_of(request)  # before the body: a stranger's is not waited for
    async with body_pace(0, SMALL_BODY_SECONDS):
        body = await request.read()
    try:
        correction = Correction.model_validate_json(body)
    except ValidationError as error:
        raise InvalidBodyError(
            f'Send {{"tmdb_id": 603}} or {{"imdb_id": "tt0133093"}}: {all_said_of(error)}'
        ) from None
    position = position_of(request)
    await request.app[STORAGE].matches.repoint(
        session.id, position, correction.key, str(request[TRACE])
    )
    return json_response(await read_movie(request, session.id))


async def delete_match(request: web.Request) -> web.Response:
    """`DELETE /api/session/{id}/movies/{position}/match`: it is no film, and leaves the session."""
    session = await session_of(request)
    await request.app[STORAGE].matches.remove(session.id, position_of(request))
    return web.Response(status=204)


async def read_movie(request: web.Request, session_id: UUID) -> MovieAnswer:
    """Return the movie at the position in the path.

    Raises:
        MovieNotFoundError: there is none.
    """
    position = position_of(request)
    rows = await request.app[STORAGE].movies.at(session_id, [position])
    if not rows:
        raise MovieNotFoundError(f"There is no movie at position {position} of this session.")
    return movie_answer(rows[0], request.app[SETTINGS].tmdb_image_base_url)


async def read_credits(request: web.Request, session_id: UUID) -> CreditsAnswer:
    """Return the people behind the movie at the position in the path, as far as TMDB told us."""
    people = await request.app[STORAGE].movies.credits(session_id, position_of(request))
    return credits_answer(people, request.app[SETTINGS].tmdb_image_base_url)
