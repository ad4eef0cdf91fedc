"""The routes of the API, as one table: the router and the document are both made from it.

A new route is an entry here. Its query and its answers are pydantic models, its problems classes of
errors; a parameter of a path that is new is explained in `openapi.PATH_PARAMETERS`.
"""

from __future__ import annotations

from typing import Final

from api_service.handlers import (
    docs,
    events,
    exports,
    metrics,
    movies,
    pages,
    probes,
    sessions,
    summaries,
    uploads,
    worker,
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
    STORED,
    UPLOAD_HEADERS,
)
from api_service.openapi.share_routes import SHARE_ROUTES
from api_service.queries.movies import ExportQuery, MovieFilter, MovieQuery, PageQuery, UploadQuery
from api_service.schemas.exports import CONTENT_TYPES
from api_service.schemas.fleet import WorkerStatusAnswer
from api_service.schemas.queue import QueueOrder, QueueOrderAnswer, QueueSharesAnswer
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
from api_service.schemas.shares import SHARED_PAGE
from api_service.schemas.summaries import SummaryAnswer
from shared.errors import (
    BadRequestError,
    BodyTooSlowError,
    ClientLimitError,
    InvalidBodyError,
    SessionChangedError,
    SessionHeldError,
    SessionNotFoundError,
)
from shared.http.probes import Health, Passed, Unavailable

_SESSION: Final = "/api/session/{session_id}"
_MOVIE: Final = _SESSION + r"/movies/{position:[1-9]\d{0,8}}"

_DOCS_FILE: Final = r"/docs/{file:start\.js|swagger-ui\.js|swagger-ui\.css}"

ROUTES: Final = (
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
        summary="Take away a session and all that was uploaded",
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
    *SHARE_ROUTES,
    Route(
        method="GET",
        path="/worker/status",
        handler=worker.get_worker_status,
        name="get_worker_status",
        tag="Fleet",
        summary="What the fleet of daemons does",
        answers={200: WorkerStatusAnswer},
        problems=STORED,
        says_more_to_admin=True,
    ),
    Route(
        method="POST",
        path="/worker/pause",
        handler=worker.pause,
        name="pause_fleet",
        tag="Fleet",
        summary="Hold the whole fleet",
        answers={200: WorkerStatusAnswer},
        problems=STORED,
        admin=True,
    ),
    Route(
        method="POST",
        path="/worker/resume",
        handler=worker.resume,
        name="resume_fleet",
        tag="Fleet",
        summary="Release the fleet",
        answers={200: WorkerStatusAnswer},
        problems=STORED,
        admin=True,
    ),
    Route(
        method="GET",
        path="/worker/queue",
        handler=worker.get_queue,
        name="get_queue",
        tag="Fleet",
        summary="Who fills the queue: the lists and the clients with the most films that wait",
        answers={200: QueueSharesAnswer},
        problems=STORED,
        admin=True,
    ),
    *(
        Route(
            method="POST",
            path=f"/worker/queue/{order}",
            handler=handler,
            name=f"{order}_queued",
            tag="Fleet",
            summary=summary,
            body=QueueOrder,
            answers={200: QueueOrderAnswer},
            problems=(BodyTooSlowError, InvalidBodyError, SessionNotFoundError, *STORED),
            admin=True,
        )
        for order, handler, summary in (
            ("hold", worker.hold_queued, "Look up nothing more of a list, or of a client's"),
            ("release", worker.release_queued, "Look them up again, as if they had come now"),
            ("delete", worker.delete_queued, "Delete them, as their users could"),
        )
    ),
    Route(
        method="GET",
        path="/livez",
        handler=probes.livez,
        name="livez",
        tag="Probes",
        summary="Whether the process is alive; if not, restart it",
        answers={200: Passed, 503: Unavailable},
    ),
    Route(
        method="GET",
        path="/readyz",
        handler=probes.readyz,
        name="readyz",
        tag="Probes",
        summary="Whether it may be sent requests",
        answers={200: Passed, 503: Unavailable},
    ),
    Route(
        method="GET",
        path="/health",
        handler=probes.health,
        name="health",
        tag="Probes",
        summary="Both in one, for people",
        answers={200: Health, 503: Health},
    ),
    Route(
        method="GET",
        path="/metrics",
        handler=metrics.get_metrics,
        name="metrics",
        tag="Probes",
        summary="What Prometheus scrapes",
        answers={200: (Content("text/plain", "Prometheus's text format."),)},
    ),
    Route(
        method="GET",
        path="/openapi.json",
        handler=docs.get_document,
        name="get_document",
        tag="Document",
        summary="This document",
        request_headers={"If-None-Match": "The `ETag` of an earlier answer."},
        answers={200: (Content("application/json", "OpenAPI 3.1."),), 304: ()},
        headers={"ETag": "Changes when the document does."},
    ),
    *(
        Route(
            method="GET",
            path=path,
            handler=handler,
            name=name,
            tag="Page",
            summary=summary,
            answers={200: ()},
            is_api=False,
        )
        for path, handler, name, summary in (
            ("/", pages.get_page, "start_page", "Drop your list here"),
            ("/session/{session_id}", pages.get_page, "session_page", "One list"),
            (SHARED_PAGE, pages.get_shared_page, "shared_page", "One list, for visitors"),
            ("/worker", pages.get_page, "worker_page", "What the operator needs to see"),
            ("/docs", docs.get_docs, "docs_page", "The document, to be read and tried out"),
            (_DOCS_FILE, docs.get_docs_file, "docs_file", "What that page is made of"),
            ("/assets/{path:.+}", pages.get_asset, "page_asset", "What the page is made of"),
        )
    ),
)
