"""Routes of uploads and sessions, and of a session's movies."""

from __future__ import annotations

from typing import Final

from api_service.errors import (
    BadRequestError,
    BodyTooSlowError,
    ClientLimitError,
    InvalidBodyError,
    SessionChangedError,
    SessionHeldError,
)
from api_service.handlers import (
    events,
    exports,
    movies,
    sessions,
    summaries,
    uploads,
)
from api_service.handlers.movies import Correction
from api_service.http.routing import Content, Route
from api_service.openapi.route_parts import (
    EVENTS,
    FILES,
    LOCATION,
    OF_MOVIE,
    OF_SESSION,
    OF_UPLOAD,
    UPLOAD_HEADERS,
)
from api_service.queries.movies import ExportQuery, MovieFilter, MovieQuery, PageQuery, UploadQuery
from api_service.schemas.exports import CONTENT_TYPES
from api_service.schemas.reports import SessionReport
from api_service.schemas.sessions import (
    AdditionAnswer,
    ForceAnswer,
    MovieAnswer,
    MovieDetailAnswer,
    MoviesAnswer,
    PositionsAnswer,
    SessionAnswer,
    UploadAnswer,
)
from api_service.schemas.summaries import SummaryAnswer
from shared.errors import SessionNotFoundError

_SESSION: Final = "/api/session/{session_id}"
_MOVIE: Final = _SESSION + r"/movies/{position:[1-9]\d{0,8}}"

SESSION_ROUTES: Final = (
    Route(
        method="POST",
        path="/api/upload",
        handler=uploads.upload,
        name="upload",
        tag="Sessions",
        summary="Make a session of one file or many",
        query=UploadQuery,
        body=FILES,
        request_headers=UPLOAD_HEADERS,
        answers={201: UploadAnswer},
        headers=LOCATION,
        problems=OF_UPLOAD,
    ),
    Route(
        method="POST",
        path=f"{_SESSION}/upload",
        handler=uploads.add,
        name="add_to_session",
        tag="Sessions",
        summary="Add more files to a session, or its list of unmatched films put right",
        query=UploadQuery,
        body=FILES,
        request_headers=UPLOAD_HEADERS,
        answers={200: AdditionAnswer},
        headers=LOCATION,
        problems=(SessionNotFoundError, SessionChangedError, SessionHeldError, *OF_UPLOAD),
    ),
    Route(
        method="GET",
        path=f"{_SESSION}/status",
        handler=sessions.get_status,
        name="get_status",
        tag="Sessions",
        summary="How far a session is",
        answers={200: SessionAnswer},
        problems=OF_SESSION,
    ),
    Route(
        method="GET",
        path=_SESSION,
        handler=sessions.get_status,
        name="get_session",
        tag="Sessions",
        summary="The same as its status",
        answers={200: SessionAnswer},
        problems=OF_SESSION,
    ),
    Route(
        method="GET",
        path=f"{_SESSION}/report",
        handler=sessions.get_report,
        name="get_report",
        tag="Sessions",
        summary="How each upload was read, whole",
        answers={200: SessionReport},
        problems=(ClientLimitError, *OF_SESSION),
    ),
    Route(
        method="POST",
        path=f"{_SESSION}/enrich",
        handler=sessions.force,
        name="force_session",
        tag="Sessions",
        summary="Ask again for what was not found or failed",
        answers={202: ForceAnswer},
        problems=(ClientLimitError, SessionHeldError, *OF_SESSION),
    ),
    Route(
        method="DELETE",
        path=_SESSION,
        handler=sessions.delete,
        name="delete_session",
        tag="Sessions",
        summary="Delete a session and all that was uploaded",
        answers={204: ()},
        problems=OF_SESSION,
    ),
    Route(
        method="GET",
        path=f"{_SESSION}/movies",
        handler=movies.get_movies,
        name="get_movies",
        tag="Movies",
        summary="The movies of a session, page by page",
        query=PageQuery,
        answers={200: MoviesAnswer},
        problems=(BadRequestError, ClientLimitError, *OF_SESSION),
    ),
    Route(
        method="GET",
        path=f"{_SESSION}/movies/positions",
        handler=movies.get_positions,
        name="get_positions",
        tag="Movies",
        summary="Where all movies stand that fit, in their order",
        query=MovieQuery,
        answers={200: PositionsAnswer},
        problems=(BadRequestError, ClientLimitError, *OF_SESSION),
    ),
    Route(
        method="GET",
        path=_MOVIE,
        handler=movies.get_movie,
        name="get_movie",
        tag="Movies",
        summary="One movie, with its credits",
        answers={200: MovieDetailAnswer},
        problems=OF_MOVIE,
    ),
    Route(
        method="GET",
        path=f"{_SESSION}/events",
        handler=events.get_events,
        name="get_events",
        tag="Sessions",
        summary="What changes in a session, as it changes",
        request_headers={"Last-Event-ID": "The `id` of the last event of an earlier stream."},
        answers={200: (Content("text/event-stream", "Server-Sent Events.", EVENTS),)},
        problems=(ClientLimitError, *OF_SESSION),
    ),
    Route(
        method="GET",
        path=f"{_SESSION}/summary",
        handler=summaries.get_summary,
        name="get_summary",
        tag="Movies",
        summary="What the movies of a session come to",
        query=MovieFilter,
        answers={200: SummaryAnswer},
        problems=(BadRequestError, ClientLimitError, *OF_SESSION),
    ),
    Route(
        method="GET",
        path=f"{_SESSION}/export",
        handler=exports.get_export,
        name="export_movies",
        tag="Movies",
        summary="The movies of a session as a file, streamed",
        query=ExportQuery,
        answers={
            200: (
                Content(CONTENT_TYPES["csv"], "UTF-8 with a byte order mark, and a line of names."),
                Content(CONTENT_TYPES["jsonl"], "A movie a line.", {"line": MovieAnswer}),
            )
        },
        headers={"Content-Disposition": "A name for the file."},
        problems=(BadRequestError, ClientLimitError, *OF_SESSION),
    ),
    Route(
        method="PUT",
        path=f"{_MOVIE}/match",
        handler=movies.put_match,
        name="correct_match",
        tag="Movies",
        summary="Say which film a movie is",
        body=Correction,
        answers={200: MovieAnswer},
        problems=(
            BadRequestError,
            BodyTooSlowError,
            InvalidBodyError,
            SessionHeldError,
            *OF_MOVIE,
        ),
    ),
    Route(
        method="DELETE",
        path=f"{_MOVIE}/match",
        handler=movies.delete_match,
        name="remove_movie",
        tag="Movies",
        summary="Say that it is no film: it leaves the session and its counts",
        answers={204: ()},
        problems=OF_MOVIE,
    ),
)
