"""Drives the API from its tests: as a client, and as one who listens and counts."""

from __future__ import annotations

import asyncio
import io
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.parser import BytesParser
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from aiohttp import FormData
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from api_service.app import create_app
from api_service.context import HUB, PARSER
from api_service.limits.process_limits import HEAD_LIMITS
from api_service.uploads.parser_pool import ParserPool
from local_stack.stack import LIFTED
from tests.guarantees import DRIFTED
from tests.support.described import UNREADABLE, check, check_unreadable, hold_to_document
from tests.support.driving import ADMIN_TOKEN
from tests.support.event_streams import following

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
    from typing import Self

    import asyncpg
    from aiohttp import ClientResponse, web
    from aiohttp.web_runner import BaseRunner

    from shared.postgres.database import Database
    from shared.settings import Settings
    from tests.support.event_streams import EventStream

    Client = TestClient[web.Request, web.Application]
    Until = Callable[[Callable[[], object]], Awaitable[None]]

CSV = {"Content-Type": "text/csv"}
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Raw:
    """An answer as it came: its status, its head in lower case, and its body."""

    status: int
    head: str
    body: bytes

    @property
    def code(self) -> str:
        """The code of the problem that it is."""
        assert "content-type: application/problem+json" in self.head, self
        return str(json.loads(self.body)["code"])


class Service:
    """The API as a client sees it, and the database under it.

    Attributes:
        client: speaks to the API over HTTP.
        database: what it stores in.
    """

    def __init__(self, client: Client, database: Database) -> None:
        self.client = client
        self.database = database

    async def upload(
        self,
        body: bytes | str,
        headers: Mapping[str, str] | None = None,
        path: str = "/api/upload",
    ) -> ClientResponse:
        """Upload a list as the body itself."""
        return await self.client.post(path, data=opened(body), headers={**CSV, **(headers or {})})

    async def upload_files(
        self,
        *files: tuple[str, bytes | str],
        fields: Iterable[str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> ClientResponse:
        """Upload files in one form; their fields have names of all kinds."""
        form = FormData(quote_fields=False)  # as browsers and curl send names
        names = list(fields or [f"field {number}" for number in range(len(files))])
        for field, (name, content) in zip(names, files, strict=True):
            form.add_field(field, opened(content), filename=name, content_type="text/csv")
        return await self.client.post("/api/upload", data=form, headers=headers)

    async def session(self, *rows: str, header: str = "Title,Year") -> str:
        """Upload these rows; the id of the session they made."""
        response = await self.upload("\n".join([header, *rows]))
        answer = await response.json()
        assert response.status == 201, answer
        return str(answer["session_id"])

    async def get(self, path: str, **parameters: str | int) -> dict[str, Any]:
        """A JSON answer that must be 200."""
        response = await self.client.get(path, params=parameters)
        answer: dict[str, Any] = await response.json()
        assert response.status == 200, answer
        return answer

    async def status(self, session_id: str) -> dict[str, Any]:
        """A session's status."""
        return await self.get(f"/api/session/{session_id}/status")

    async def counts(self, session_id: str) -> tuple[str, int, int, int, int]:
        """Status, total, found, not found and failed, as the API tells them."""
        status = await self.status(session_id)
        return (
            status["status"],
            status["total_movies"],
            status["enriched_count"],
            status["not_found_count"],
            status["failed_count"],
        )

    async def movies(self, session_id: str, **parameters: str | int) -> list[dict[str, Any]]:
        """The movies of one page, which must be the only one."""
        page = await self.get(f"/api/session/{session_id}/movies", **parameters)
        assert page["next_cursor"] is None
        movies: list[dict[str, Any]] = page["movies"]
        return movies

    async def problem(self, response: ClientResponse, status: int, code: str) -> dict[str, Any]:
        """Check that an answer is this problem; its document."""
        text = await response.text()
        assert (response.status, response.content_type) == (
            status,
            "application/problem+json",
        ), text
        problem: dict[str, Any] = await response.json()
        assert problem["code"] == code, text
        assert problem["status"] == status
        assert problem["type"] == f"urn:projectionist:problem:{code}"
        assert problem["title"]
        assert problem["detail"]
        return problem

    @asynccontextmanager
    async def events(self, session_id: str, **headers: str) -> AsyncIterator[EventStream]:
        """A stream of a session's events, which has told how everything stands."""
        response = await self.client.get(
            f"/api/session/{session_id}/events",
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )
        async with following(response) as stream:
            await stream.begun()
            yield stream

    @property
    def open_streams(self) -> int:
        """How many streams of events the service has open."""
        assert self.client.app is not None
        return self.client.app[HUB].open_streams

    async def raw(self, request: bytes) -> Raw:
        """Send bytes as they are; what comes back until the service closes the connection."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            reader, writer = await asyncio.open_connection(self.client.host, self.client.port)
            writer.write(request)
            answer = await reader.read()
            writer.close()
        head, _, body = answer.partition(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        headers = dict(BytesParser().parsebytes(head.partition(b"\r\n")[2]).items())
        raw = Raw(status, head.decode().lower(), body)
        if headers.get("Content-Type", "").startswith("application/problem+json"):
            if raw.code in UNREADABLE:
                check_unreadable(status, headers, body)
            else:
                method, path, _ = request.partition(b"\r\n")[0].decode().split(" ")
                check(method, path, status, headers, body)
        return raw

    async def stored(self) -> dict[str, int]:
        """How many rows each table that an upload writes has; those without any are left out."""
        row = await self.database.fetchrow(
            """
            select
              (select count(*) from sessions) as sessions,
              (select count(*) from movies) as movies,
              (select count(*) from lookups) as lookups,
              (select count(*) from upload_reports) as upload_reports,
              (select count(*) from idempotency_keys) as idempotency_keys,
              (select count(*) from catalogue) as catalogue
            """
        )
        assert row is not None
        return {table: count for table, count in row.items() if count}

    async def clear(self) -> None:
        """Take away everything stored."""
        for table in ("sessions", "lookups", "catalogue"):
            await self.database.fetchval(f"delete from {table}")  # noqa: S608  # one of these

    async def lookup(self, key: str) -> asyncpg.Record:
        """One lookup's row."""
        row = await self.database.fetchrow("select * from lookups where key = $1", key)
        assert row is not None, f"there is no lookup {key}"
        return row

    async def queue(self) -> list[str]:
        """The keys of what waits, in the order of their turns."""
        rows = await self.database.fetch(
            "select key from lookups where due_at is not null order by turn, id"
        )
        return [row["key"] for row in rows]

    async def turns(self) -> dict[str, int]:
        """The turn of each lookup that waits."""
        rows = await self.database.fetch("select key, turn from lookups where due_at is not null")
        return {row["key"]: row["turn"] for row in rows}

    async def drifted(self) -> list[UUID]:
        """Sessions whose stored counts differ from a recount by join."""
        rows = await self.database.fetch(DRIFTED)
        return [row["id"] for row in rows]


def opened(content: bytes | str) -> io.BytesIO:
    """Content as an open file."""
    return io.BytesIO(content.encode() if isinstance(content, str) else content)


class LastingParsers(ParserPool):
    """Parser processes that outlive the applications that use them: starting them takes long."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def open(self) -> None:
        """Start the processes."""
        await super().__aenter__()

    async def close(self) -> None:
        """End them."""
        await super().__aexit__(None, None, None)


def serve(settings: Settings, parsers: LastingParsers, **changes: object) -> Client:
    """The API with these settings and no limits of clients, on a port of this process."""
    lifted = {name.lower(): int(value) for name, value in LIFTED.items()}
    changed = settings.model_copy(
        update={"admin_token": SecretStr(ADMIN_TOKEN), **lifted, **changes}
    )
    app = create_app(changed)
    app[PARSER] = parsers
    return TestClient(LimitedServer(app), middlewares=(hold_to_document,))


class LimitedServer(TestServer):
    """Limits heads of requests as the service does."""

    async def _make_runner(self, **kwargs: object) -> BaseRunner:
        return await super()._make_runner(**kwargs, **HEAD_LIMITS)


class Notified:
    """What is sent with NOTIFY while a test runs."""

    def __init__(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        self._connection = connection
        self._came: list[tuple[str, str]] = []
        self._fresh = asyncio.Event()

    def take(self, _: object, __: int, channel: str, payload: object) -> None:
        """Called by the connection."""
        self._came.append((channel, str(payload)))
        self._fresh.set()

    def of(self, channel: str) -> list[str]:
        """The payloads of one channel, in the order in which they came."""
        return [payload for name, payload in self._came if name == channel]

    def clear(self) -> None:
        """Forget what came so far."""
        self._came.clear()

    async def settle(self) -> None:
        """Wait until everything has come that was committed before this call."""
        mark = uuid4().hex
        await self._connection.execute("select pg_notify('settled', $1)", mark)
        # What was sent before comes before.
        while mark not in self.of("settled"):
            self._fresh.clear()
            await self._fresh.wait()
