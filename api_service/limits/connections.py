"""The connections that the API accepts: so many at once, of each peer and of all.

A connection takes memory before anything is sent over it, and lasts as long as its peer likes. So
one too many is refused at once, and a peer that reads nothing for a minute is cut off.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Final, cast

import structlog
from aiohttp import hdrs, web

from api_service.limits.client_limits import BUSY_RETRY_SECONDS, AtOnce
from shared.errors import ClientLimitError, ServiceFullError
from shared.http.problem_json import problem_response
from shared.http.response_headers import set_common_headers
from shared.logging.throttle import Seldom

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp.web_protocol import RequestHandler

    from api_service.limits.client_identity import Clients
    from shared.errors import ProjectionistError
    from shared.settings import Settings

UNREAD_SECONDS: Final = 60.0
"""After which a peer that acknowledges nothing of what was sent to it is gone."""
LIMIT: Final = "connections"

log = structlog.get_logger(__name__)


class ConnectionLimits:
    """Counts the open connections of one process.

    Args:
        settings: how many there may be, of one client and of all.
        clients: tells which peers are proxies.
        note_refusal: counts a refused connection by its code.
    """

    def __init__(
        self, settings: Settings, clients: Clients, note_refusal: Callable[[str], object]
    ) -> None:
        self._most = settings.max_connections
        self._clients = clients
        self._note_refusal = note_refusal
        self._of_peers = AtOnce(LIMIT, settings.client_connections, "connections")
        self._seldom = Seldom()

    @property
    def open(self) -> int:
        """How many there are."""
        return self._of_peers.all

    def enter(self, peer: str) -> str:
        """Count a connection, and return what `leave` counts it off by.

        A trusted proxy brings many clients, so for its connections only the cap of all holds.

        Raises:
            ClientLimitError: this peer has as many as one may have.
            ServiceFullError: all together have.
        """
        if self._most and self.open >= self._most:
            raise ServiceFullError(
                f"{self._most} connections are open at the moment.",
                retry_after=BUSY_RETRY_SECONDS,
                extra={"limit": LIMIT},
            )
        return self._of_peers.enter(self._clients.client_of_peer(peer))

    def note_refused(self, error: ProjectionistError) -> None:
        """Count a refused connection, and log it now and then."""
        self._note_refusal(error.code)
        if (suppressed := self._seldom.due(error.code)) is not None:
            log.warning("connection_refused", code=error.code, suppressed=suppressed)

    def leave(self, client: str) -> None:
        """Count a connection off."""
        self._of_peers.leave(client)


class BoundedProtocol(asyncio.Protocol):
    """Lets a connection through to aiohttp's handler, or answers that there are too many."""

    def __init__(self, handler: RequestHandler, limits: ConnectionLimits) -> None:
        self._handler = handler
        self._limits = limits
        self._client: str | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection; one too many gets a problem and is closed."""
        peer = transport.get_extra_info("peername")
        try:
            self._client = self._limits.enter(str(peer[0]) if peer else "")
        except (ClientLimitError, ServiceFullError) as error:
            self._limits.note_refused(error)
            stream = cast("asyncio.Transport", transport)
            stream.write(_refusal(error))
            stream.close()
            return
        self._handler.connection_made(transport)

    def connection_lost(self, error: BaseException | None) -> None:
        """Count it off."""
        if self._client is not None:
            self._limits.leave(self._client)
            self._handler.connection_lost(error)

    def data_received(self, data: bytes) -> None:
        """Hand bytes on."""
        if self._client is not None:
            self._handler.data_received(data)

    def eof_received(self) -> None:
        """Hand the end on."""
        if self._client is not None:
            self._handler.eof_received()

    def pause_writing(self) -> None:
        """Hand it on."""
        self._handler.pause_writing()

    def resume_writing(self) -> None:
        """Hand it on."""
        self._handler.resume_writing()


class BoundedSite(web.BaseSite):
    """Listens on an address, as `web.TCPSite`, within `ConnectionLimits`.

    Args:
        runner: of the application.
        host: an address or a name.
        port: 0 takes a free one.
        limits: of its connections.
    """

    def __init__(
        self, runner: web.AppRunner, host: str, port: int, limits: ConnectionLimits
    ) -> None:
        super().__init__(runner)
        self._host = host
        self.port = port
        self.limits = limits

    @property
    def name(self) -> str:
        """Where it listens."""
        return f"http://{self._host}:{self.port}"

    async def start(self) -> None:
        """Begin to accept connections.

        Raises:
            OSError: the address cannot be listened on.
        """
        await super().start()
        handlers = self._runner.server
        if handlers is None:
            raise RuntimeError("the runner was not set up")
        self._server = listening = await asyncio.get_running_loop().create_server(
            lambda: BoundedProtocol(handlers(), self.limits),
            self._host,
            self.port,
            backlog=self._backlog,
        )
        for listener in listening.sockets:
            _give_up_unread(listener)
        self.port = listening.sockets[0].getsockname()[1]


def _give_up_unread(listener: socket.socket) -> None:
    """Have the kernel end connections whose peer takes nothing. Linux only; they inherit it."""
    if option := getattr(socket, "TCP_USER_TIMEOUT", None):
        milliseconds = int(UNREAD_SECONDS * 1000)
        listener.setsockopt(socket.IPPROTO_TCP, option, milliseconds)


def _refusal(error: ProjectionistError) -> bytes:
    """The whole answer to a connection from which nothing has been read."""
    problem = problem_response(
        error.status,
        error.code,
        title=error.title,
        detail=error.detail,
        headers={"Retry-After": str(error.retry_after), hdrs.CONNECTION: "close"},
        extra=error.extra,
    )
    set_common_headers(problem)
    body = problem.body if isinstance(problem.body, bytes) else b""
    head = [f"HTTP/1.1 {error.status.value} {error.status.phrase}"]
    head += [f"{name}: {value}" for name, value in problem.headers.items()]
    head.append(f"{hdrs.CONTENT_LENGTH}: {len(body)}")
    return "\r\n".join([*head, "", ""]).encode() + body
