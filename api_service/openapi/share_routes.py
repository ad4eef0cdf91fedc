"""The routes of shares: the owner's below the session, the visitors' below the share's own id."""

from __future__ import annotations

from typing import Final

from api_service.handlers import shared, shares
from api_service.http.routing import Content, Route
from api_service.openapi.route_parts import OF_SESSION, STORED
from api_service.queries.movies import ExportQuery, MovieFilter, MovieQuery, PageQuery
from api_service.schemas.exports import CONTENT_TYPES
from api_service.schemas.sessions import PositionsAnswer
from api_service.schemas.share_requests import HIDDEN_PARAMETERS, ShareOptions
from api_service.schemas.shares import (
    ShareAnswer,
    SharedMovieAnswer,
    SharedMovieDetailAnswer,
    SharedMoviesAnswer,
    SharedStatusAnswer,
    SharesAnswer,
)
from api_service.schemas.summaries import SummaryAnswer
from shared.errors import (
    BadRequestError,
    BodyTooSlowError,
    ClientLimitError,
    InvalidBodyError,
    MovieNotFoundError,
    NotSharedError,
    ShareNotFoundError,
    TooManySharesError,
)

_SHARES: Final = "/api/session/{session_id}/shares"
_SHARE: Final = "/api/share/{share_id}"
_OF_SHARE: Final = (BadRequestError, ShareNotFoundError, *STORED)
_HEAVY: Final = (ClientLimitError, NotSharedError, *_OF_SHARE)
_NOINDEX: Final = {"X-Robots-Tag": "`noindex`."}

SHARE_ROUTES: Final = (
    Route(
        method="POST",
        path=_SHARES,
        handler=shares.create,
        name="create_share",
        tag="Shares",
        summary="Let others read a session, by an id of its own",
        body=ShareOptions,
        answers={201: ShareAnswer},
        headers={"Location": "The page for visitors."},
        problems=(
            BadRequestError,
            BodyTooSlowError,
            InvalidBodyError,
            TooManySharesError,
            *OF_SESSION,
        ),
    ),
    Route(
        method="GET",
        path=_SHARES,
        handler=shares.get_all,
        name="get_shares",
        tag="Shares",
        summary="The shares of a session",
        answers={200: SharesAnswer},
        problems=(BadRequestError, *OF_SESSION),
    ),
    Route(
        method="DELETE",
        path=f"{_SHARES}/{{share_id}}",
        handler=shares.revoke,
        name="revoke_share",
        tag="Shares",
        summary="End a share",
        answers={204: ()},
        problems=(BadRequestError, ShareNotFoundError, *OF_SESSION),
    ),
    Route(
        method="GET",
        path=_SHARE,
        handler=shared.get_status,
        name="get_shared_status",
        tag="Shares",
        summary="How far a shared list is, and what is shown of it",
        answers={200: SharedStatusAnswer},
        headers=_NOINDEX,
        problems=_OF_SHARE,
    ),
    Route(
        method="GET",
        path=f"{_SHARE}/movies",
        handler=shared.get_movies,
        name="get_shared_movies",
        tag="Shares",
        summary="The movies of a shared list, page by page",
        query=PageQuery,
        without=HIDDEN_PARAMETERS,
        answers={200: SharedMoviesAnswer},
        headers=_NOINDEX,
        problems=_HEAVY,
    ),
    Route(
        method="GET",
        path=f"{_SHARE}/movies/positions",
        handler=shared.get_positions,
        name="get_shared_positions",
        tag="Shares",
        summary="Where all movies stand that fit, in their order",
        query=MovieQuery,
        without=HIDDEN_PARAMETERS,
        answers={200: PositionsAnswer},
        headers=_NOINDEX,
        problems=_HEAVY,
    ),
    Route(
        method="GET",
        path=_SHARE + r"/movies/{position:[1-9]\d{0,8}}",
        handler=shared.get_movie,
        name="get_shared_movie",
        tag="Shares",
        summary="One movie, with its credits",
        answers={200: SharedMovieDetailAnswer},
        headers=_NOINDEX,
        problems=(MovieNotFoundError, *_OF_SHARE),
    ),
    Route(
        method="GET",
        path=f"{_SHARE}/summary",
        handler=shared.get_summary,
        name="get_shared_summary",
        tag="Shares",
        summary="What the movies of a shared list come to",
        query=MovieFilter,
        without=HIDDEN_PARAMETERS,
        answers={200: SummaryAnswer},
        headers=_NOINDEX,
        problems=_HEAVY,
    ),
    Route(
        method="GET",
        path=f"{_SHARE}/export",
        handler=shared.get_export,
        name="export_shared_movies",
        tag="Shares",
        summary="The movies of a shared list as a file, streamed",
        query=ExportQuery,
        without=HIDDEN_PARAMETERS,
        answers={
            200: (
                Content(CONTENT_TYPES["csv"], "UTF-8 with a byte order mark, and a line of names."),
                Content(CONTENT_TYPES["jsonl"], "A movie a line.", {"line": SharedMovieAnswer}),
            )
        },
        headers={"Content-Disposition": "A name for the file.", **_NOINDEX},
        problems=_HEAVY,
    ),
)
