"""The route table, from which the router and the document are both made.

A new route is an entry here, in `session_routes` or `share_routes`. Its query and its answers are
pydantic models, its problems classes of errors; a new parameter of a path is explained in
`document.PATH_PARAMETERS`.
"""

from __future__ import annotations

from typing import Final

from api_service.errors import BodyTooSlowError, InvalidBodyError
from api_service.handlers import pages, probes, worker
from api_service.http.routing import Content, Route
from api_service.openapi.route_parts import (
    STORED,
)
from api_service.openapi.session_routes import SESSION_ROUTES
from api_service.openapi.share_routes import SHARE_ROUTES
from api_service.schemas.fleet import WorkerStatusAnswer
from api_service.schemas.queue import QueueOrder, QueueOrderAnswer, QueueSharesAnswer
from api_service.schemas.shares import SHARED_PAGE
from shared.errors import SessionNotFoundError
from shared.http.probes import Health, Passed, Unavailable

_DOCS_FILE: Final = r"/docs/{file:start\.js|swagger-ui\.js|swagger-ui\.css}"

ROUTES: Final = (
    *SESSION_ROUTES,
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
    *(
        Route(
            method="POST",
            path=f"/worker/{order}",
            handler=handler,
            name=f"{order}_fleet",
            tag="Fleet",
            summary=summary,
            answers={200: WorkerStatusAnswer},
            problems=STORED,
            admin=True,
        )
        for order, handler, summary in (
            ("pause", worker.pause, "Hold the whole fleet"),
            ("resume", worker.resume, "Release the fleet"),
        )
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
        handler=probes.get_metrics,
        name="metrics",
        tag="Probes",
        summary="What Prometheus scrapes",
        answers={200: (Content("text/plain", "Prometheus's text format."),)},
    ),
    Route(
        method="GET",
        path="/openapi.json",
        handler=pages.get_document,
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
            ("/docs", pages.get_docs, "docs_page", "The document, to be read and tried out"),
            (_DOCS_FILE, pages.get_docs_file, "docs_file", "What that page is made of"),
            ("/assets/{path:.+}", pages.get_asset, "page_asset", "What the page is made of"),
        )
    ),
)
