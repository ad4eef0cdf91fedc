"""The thin layer that puts requests on the wire, over a pool of connections, and nothing clever.

It neither waits for the request budget nor retries: the daemon does both. The key appears in no
error, no log record and no representation of anything here.
"""

from __future__ import annotations

import asyncio
import math
import time
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Self

import aiohttp
from yarl import URL

from enrich_service.tmdb.answers import read_answer
from enrich_service.tmdb.connections import Connection, ConnectionPool
from enrich_service.tmdb.errors import MalformedError, TMDBError, Trouble, UnavailableError
from shared.tmdb_key import WRONG_SHAPE, is_v3_key, is_v4_token

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from types import TracebackType

    from aiohttp.client_proto import ResponseHandler
    from aiohttp.connector import Connection as Wire
    from aiohttp.tracing import Trace
    from pydantic import BaseModel, SecretStr

    from enrich_service.tmdb.requests import T_co, TMDBRequest

_LATEST: ContextVar[float | None] = ContextVar("latest", default=None)

LARGEST_ANSWER = 8 * 1024 * 1024
"""Bytes after decompression. TMDB's longest answer to what is asked here is under one megabyte."""

CONNECT_PATIENCE_SECONDS = 2.0
"""A slot is not waited with for a connect that takes longer: the request itself is to find out."""

_DNS_CACHE_SECONDS = 300
_READ_SIZE = 64 * 1024


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes
    is_whole: bool


class AskAgainError(Exception):
    """No answer came, for a reason that is nobody's fault: what was asked is to be asked again."""


class SlotExpiredError(AskAgainError):
    """Connecting took longer than the request's slot lasts; the connection is kept for the next."""


class ConnectionRevokedError(AskAgainError):
    """The connection was taken away before the answer; the request may have been sent."""


class _PunctualConnector(aiohttp.TCPConnector):
    """Lets no request go out later than it may: names, TCP and TLS take their time before it."""

    _wire: ResponseHandler | None = None

    @property
    def is_open(self) -> bool:
        """Whether its only connection is there."""
        return self._wire is not None and self._wire.is_connected()

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  # the overridden method has it
    ) -> Wire:
        connection = await super().connect(req, traces, timeout)
        self._wire = connection.protocol
        latest = _LATEST.get()
        if latest is not None and time.monotonic() > latest:
            connection.release()
            raise SlotExpiredError
        return connection


class _TooLargeError(Exception):
    """The answer is larger than anything TMDB has to say."""


class _BrokenConnectionError(aiohttp.ClientError):
    """The connection broke before the answer; the text is the name of aiohttp's own error."""


class TMDBClient:
    """Sends requests to TMDB, over connections that stay open between them.

    Use it as an asynchronous context manager:

        async with TMDBClient(base_url=..., api_key=...) as tmdb:
            film = await tmdb.send(movie_details(603))
    """

    def __init__(
        self,
        *,
        base_url: str,
        api_key: SecretStr,
        language: str = "en-US",
        timeout_seconds: float = 10.0,
        connections: int = 20,
        note: Callable[[str, float, TMDBError | None], None] | None = None,
    ) -> None:
        """Check the key's shape and note where to send; nothing is opened yet.

        Args:
            base_url: scheme, host and, for a proxy, the path before `/3`.
            api_key: v3 key (32 hex digits, sent as a parameter) or v4 read token (`eyJ…`, sent as
                a header); TMDB accepts either (https://developer.themoviedb.org/docs).
            language: of titles and overviews, where a request does not say.
            timeout_seconds: for one whole exchange, connecting included.
            connections: most connections at the same time; `connections.limit` changes it.
            note: called for each request that was sent, with its route, the seconds that it took,
                and what came in place of a good answer.

        Raises:
            ValueError: the key has neither shape.
        """
        self.language = language
        self._base_url = base_url.rstrip("/")
        self._note = note
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._api_key = api_key
        text = api_key.get_secret_value()
        self._sends_header = is_v4_token(text)
        if not self._sends_header and not is_v3_key(text):
            raise ValueError(f"TMDB_API_KEY is {WRONG_SHAPE}")
        self._is_entered = False
        self.connections = ConnectionPool(connections, self._make_connection, self._connect)

    async def __aenter__(self) -> Self:
        self._is_entered = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._is_entered = False
        await self.connections.empty()

    @asynccontextmanager
    async def connection(self, held: Connection | None = None) -> AsyncIterator[Connection]:
        """A connection for one request, opened before the request has a slot to lose.

        Args:
            held: one that the caller has acquired already; it is given back like any other.
        """
        connection = held or await self.connections.acquire()
        try:
            if not connection.is_ready:
                await self._connect(connection)
            yield connection
        finally:
            self.connections.release(connection)

    async def send(
        self,
        request: TMDBRequest[T_co],
        *,
        latest: float | None = None,
        connection: Connection | None = None,
    ) -> T_co:
        """Send one request and read its answer, within `timeout_seconds`.

        Args:
            request: what to ask.
            latest: until when it may go out (`time.monotonic()` seconds).
            connection: what to send it over; by default any, which is waited for.

        Raises:
            SlotExpiredError: there was no connection in time; nothing was sent.
            ConnectionRevokedError: the connection was taken away meanwhile.
            TMDBError: see `read_answer`; besides, UnavailableError when no answer came, and
                MalformedError when it was cut short or larger than `LARGEST_ANSWER`.
            RuntimeError: the client is used outside `async with`.
        """
        if not self._is_entered:
            raise RuntimeError("TMDBClient is used outside `async with`")
        if connection is None:
            async with self.connection() as acquired:
                return await self.send(request, latest=latest, connection=acquired)
        if connection.is_revoked:
            raise ConnectionRevokedError
        started = time.monotonic()
        try:
            answer = await self._send(connection.session, request, latest)
        except TMDBError as error:
            if connection.is_revoked:
                raise ConnectionRevokedError from None
            self._tell(request.route, time.monotonic() - started, error)
            raise
        self._tell(request.route, time.monotonic() - started, None)
        return answer

    def _tell(self, route: str, seconds: float, error: TMDBError | None) -> None:
        if self._note is not None:
            self._note(route, seconds, error)

    async def _send(
        self, session: aiohttp.ClientSession, request: TMDBRequest[T_co], latest: float | None
    ) -> T_co:
        # The exchange returns its failure: an error raised in there would drag along frames and
        # contexts that hold the address with the key.
        token = _LATEST.set(latest)
        try:
            outcome = await self._exchange(session, request)
        finally:
            _LATEST.reset(token)
        if not isinstance(outcome, _Reply):
            raise outcome
        if outcome.status == HTTPStatus.OK and not outcome.is_whole:
            raise MalformedError(
                f"the answer was cut short after {len(outcome.body)} bytes",
                route=request.route,
                http_status=outcome.status,
            )
        return read_answer(request, outcome.status, outcome.headers, outcome.body)

    async def _exchange(
        self, session: aiohttp.ClientSession, request: TMDBRequest[BaseModel]
    ) -> _Reply | UnavailableError | MalformedError:
        try:
            async with session.get(self._address(request), allow_redirects=False) as response:
                body, is_whole = await _read(response)
                return _Reply(response.status, response.headers, body, is_whole)
        except _TooLargeError:
            return MalformedError(
                f"the answer is larger than {LARGEST_ANSWER} bytes", route=request.route
            )
        except (aiohttp.ClientError, OSError) as error:
            kind, detail = _trouble(error)
            return UnavailableError(detail, kind=kind, route=request.route)

    def _make_connection(self) -> Connection:
        headers = {"Accept": "application/json"}
        if self._sends_header:
            headers["Authorization"] = f"Bearer {self._api_key.get_secret_value()}"
        connector = _PunctualConnector(limit=1, ttl_dns_cache=_DNS_CACHE_SECONDS)
        session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=headers,
            timeout=self._timeout,
            middlewares=(_send_once,),
        )
        return Connection(session, lambda: connector.is_open)

    async def _connect(self, connection: Connection) -> None:
        """Open a connection, sending nothing: a request that is too late is kept from it."""
        if connection.is_revoked:
            return
        token = _LATEST.set(-math.inf)
        try:
            async with asyncio.timeout(CONNECT_PATIENCE_SECONDS):
                async with connection.session.get(self._base_url):
                    pass
        except (SlotExpiredError, aiohttp.ClientError, OSError):
            connection.was_tried = True
        finally:
            _LATEST.reset(token)

    def _address(self, request: TMDBRequest[BaseModel]) -> URL:
        query = {"language": self.language, **dict(request.query)}
        if not self._sends_header:
            query["api_key"] = self._api_key.get_secret_value()
        return URL(f"{self._base_url}{request.path}").with_query(query)


async def _send_once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keep aiohttp from sending a GET again by itself when the connection breaks.

    The second request would have no slot of the budget. aiohttp leaves alone what failed to
    connect (https://github.com/aio-libs/aiohttp/issues/10790).
    """
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _BrokenConnectionError(type(error).__name__) from None


async def _read(response: aiohttp.ClientResponse) -> tuple[bytes, bool]:
    """All bytes of the body, and whether it came to its proper end."""
    body = bytearray()
    try:
        async for chunk in response.content.iter_chunked(_READ_SIZE):
            body += chunk
            if len(body) > LARGEST_ANSWER:
                raise _TooLargeError
    except aiohttp.ClientPayloadError:
        return bytes(body), False
    return bytes(body), True


def _trouble(error: Exception) -> tuple[Trouble, str]:
    """Classify by type alone: the text of an aiohttp error may hold the address, and so the key."""
    name = type(error).__name__
    if isinstance(error, TimeoutError):
        return Trouble.TIMEOUT, f"no answer in time ({name})"
    if isinstance(error, aiohttp.ClientConnectorError):
        return Trouble.CONNECTION, f"no connection to TMDB ({name})"
    if isinstance(error, aiohttp.ClientResponseError | aiohttp.InvalidURL):
        return Trouble.FOREIGN, f"that is not how TMDB speaks: is TMDB_BASE_URL right? ({name})"
    if isinstance(error, _BrokenConnectionError):
        name = str(error)
    return Trouble.RESET, f"the connection ended before the answer ({name})"
