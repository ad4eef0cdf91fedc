"""What the API's tests share: uploading, reading back, answering lookups, and what is stored."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from aiohttp import FormData
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from api_service.app import create_app
from enrich_service.storage import StorageService
from enrich_service.storage.completions import Completion, Film
from shared.models import Outcome

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping

    import asyncpg
    from aiohttp import ClientResponse, web

    from shared.database import Database
    from shared.settings import Settings

    Client = TestClient[web.Request, web.Application]

CSV = {"Content-Type": "text/csv"}
PATIENCE_SECONDS = 20.0


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
        self, body: bytes | str, headers: Mapping[str, str] | None = None
    ) -> ClientResponse:
        """Upload a list as the body itself."""
        data = body.encode() if isinstance(body, str) else body
        return await self.client.post("/api/upload", data=data, headers={**CSV, **(headers or {})})

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
            data = content.encode() if isinstance(content, str) else content
            form.add_field(field, data, filename=name, content_type="text/csv")
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
        rows = await self.database.fetch(
            """
            select id
            from sessions
            left join lateral (
              select
                count(*) as total,
                count(*) filter (where outcome = 'found') as enriched,
                count(*) filter (where outcome = 'not_found') as not_found,
                count(*) filter (where outcome = 'failed') as failed
              from movies
              join lookups on lookups.id = lookup_id
              where session_id = sessions.id
            ) as counted on true
            where (sessions.total, sessions.enriched, sessions.not_found, sessions.failed)
              <> (counted.total, counted.enriched, counted.not_found, counted.failed)
            """
        )
        return [row["id"] for row in rows]


class Daemon:
    """Answers lookups as a daemon does, with the outcomes that a test wants."""

    def __init__(self, storage: StorageService) -> None:
        self._storage = storage

    async def claim(self, *keys: str) -> None:
        """Claim these lookups and keep them in flight."""
        claims = await self._storage.queue.claim(uuid4(), uuid4(), 100_000)
        assert set(keys) <= {claim.key for claim in claims}
        await self._storage.queue.give_back([claim for claim in claims if claim.key not in keys])

    async def answer(
        self,
        *,
        found: Mapping[str, int] | None = None,
        not_found: Iterable[str] = (),
        failed: Iterable[str] = (),
        candidates: Iterable[dict[str, object]] = (),
    ) -> None:
        """Claim what waits, end these lookups, and give the rest back.

        Args:
            found: TMDB ids by lookup key.
            not_found: lookup keys.
            failed: lookup keys.
            candidates: what each of `not_found` might have been.
        """
        ends: dict[str, tuple[Outcome, int | None]] = {
            **{key: (Outcome.FOUND, tmdb_id) for key, tmdb_id in (found or {}).items()},
            **dict.fromkeys(not_found, (Outcome.NOT_FOUND, None)),
            **dict.fromkeys(failed, (Outcome.FAILED, None)),
        }
        claims = await self._storage.queue.claim(uuid4(), uuid4(), 100_000)
        mine = [claim for claim in claims if claim.key in ends]
        assert {claim.key for claim in mine} == set(ends), "what is to be answered must be queued"
        saved = await self._storage.completions.save(
            [
                Completion(
                    claim=claim,
                    outcome=ends[claim.key][0],
                    reason=None if ends[claim.key][1] else f"because {ends[claim.key][0]}",
                    film=film(ends[claim.key][1]),
                    confidence=100 if ends[claim.key][1] else None,
                    candidates=() if ends[claim.key][1] else tuple(candidates),
                )
                for claim in mine
            ]
        )
        assert not saved.held
        assert not saved.lost
        await self._storage.queue.give_back([claim for claim in claims if claim.key not in ends])


def film(tmdb_id: int | None) -> Film | None:
    """A catalogue row with this id."""
    if tmdb_id is None:
        return None
    return Film(
        tmdb_id=tmdb_id,
        imdb_id=f"tt{tmdb_id:07}",
        title=f"Film {tmdb_id}",
        original_title=f"Film {tmdb_id}",
        release_date=None,
        genres=("Drama",),
        directors=({"id": 1, "name": "Somebody"},),
        top_cast=({"id": 2, "name": "Anybody", "character": "Nobody"},),
        runtime_minutes=90,
        countries=("US",),
        languages=("en",),
        overview="",
        poster_path="/poster.jpg",
        vote_average=None,
        vote_count=0,
        popularity=0.0,
    )


@pytest.fixture
def service(api: Client, database: Database) -> Service:
    """The API over the test's database."""
    return Service(api, database)


@pytest.fixture
def daemon(database: Database) -> Daemon:
    """Ends lookups with the outcomes that the test wants."""
    return Daemon(StorageService(database))


@pytest.fixture
async def make_service(
    settings: Settings, database: Database
) -> AsyncIterator[Callable[..., Awaitable[Service]]]:
    """Makes services with other settings over the test's database."""
    async with AsyncExitStack() as stack:

        async def make(**changes: object) -> Service:
            changed = settings.model_copy(update={"admin_token": SecretStr("let-me"), **changes})
            client = TestClient(TestServer(create_app(changed)))
            return Service(await stack.enter_async_context(client), database)

        yield make


@pytest.fixture
def until() -> Callable[[Callable[[], Awaitable[object]]], Awaitable[None]]:
    """Waits until a condition holds, and fails when it does not come to hold."""

    async def wait(condition: Callable[[], Awaitable[object]]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not await condition():
            assert time.monotonic() < deadline, "what was waited for did not happen"
            await asyncio.sleep(0.01)

    return wait


@pytest.fixture
def raw(service: Service) -> Callable[[bytes], Awaitable[bytes]]:
    """Sends bytes to the API as they are; what it answers until it closes the connection."""

    async def send(request: bytes) -> bytes:
        async with asyncio.timeout(PATIENCE_SECONDS):
            reader, writer = await asyncio.open_connection(
                service.client.host, service.client.port
            )
            try:
                writer.write(request)
                return await reader.read()
            finally:
                writer.close()

    return send
