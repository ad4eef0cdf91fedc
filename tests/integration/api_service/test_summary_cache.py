"""A summary is added up once, until something that it shows has changed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from api_service.queries.movies import MovieFilter
from api_service.storage.heavy_reads import HeavyReads
from api_service.storage.sessions import SessionStorage
from api_service.storage.summaries import SummaryStorage
from api_service.storage.summary_cache import SummaryCache
from shared.errors import SessionNotFoundError
from tests.support.driving import until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from shared.postgres.database import Database
    from tests.support.api_answering import Daemon
    from tests.support.api_driving import Service

HEAT, FARGO, RAN = "title:heat|1995", "title:fargo|1996", "title:ran|1985"
ALL = MovieFilter()


class Counted:
    """A cache, and how often it had to have something added up."""

    def __init__(self, database: Database, most_bytes: int = 100_000) -> None:
        self._sessions = SessionStorage(database)
        version = SummaryStorage(database).version
        self.cache = SummaryCache(HeavyReads().turn, version, most_bytes=most_bytes)
        self.asked = 0
        self.times = 0
        self.given_up = 0
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.error: Exception | None = None

    async def get(self, session_id: str, chosen: MovieFilter = ALL) -> str:
        if session := await self._sessions.get(UUID(session_id)):
            self._session = session  # as a request has it, even if it is deleted then
        self.asked += 1
        return await self.cache.get(self._session, chosen, self._add_up)

    async def _add_up(self) -> str:
        self.times += 1
        text = f"{self.times}".ljust(1000)
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        if self.error:
            raise self.error
        return text


@pytest.fixture
def counted(database: Database) -> Counted:
    return Counted(database)


@pytest.fixture
async def session_id(service: Service, daemon: Daemon) -> str:
    """Heat and Fargo, found, by records of yesterday."""
    session_id = await service.session("Heat,1995", "Fargo,1996")
    await daemon.answer(found={HEAT: 1, FARGO: 2})
    await _age(service)
    return session_id


async def test_nothing_changed_is_nothing_added_up(counted: Counted, session_id: str) -> None:
    first = await counted.get(session_id)
    assert await counted.get(session_id) == first
    assert await counted.get(session_id, MovieFilter(genre="Drama")) != first
    assert counted.times == 2


async def _answer(service: Service, daemon: Daemon, session_id: str) -> None:
    await service.client.post(
        f"/api/session/{session_id}/upload",
        data=b"Title,Year\nRan,1985",
        headers={"Content-Type": "text/csv"},
    )
    await daemon.answer(found={RAN: 3})


async def _correct(service: Service, _: Daemon, session_id: str) -> None:
    """To a film that is known: no count changes."""
    await service.session("Ran,1985")
    await service.database.fetchval("update lookups set key = 'tmdb:2' where key = $1", FARGO)
    path = f"/api/session/{session_id}/movies/1/match"
    assert (await service.client.put(path, json={"tmdb_id": 2})).status == 200


async def _remove(service: Service, _: Daemon, session_id: str) -> None:
    path = f"/api/session/{session_id}/movies/1/match"
    assert (await service.client.delete(path)).status == 204


async def _rate(service: Service, _: Daemon, session_id: str) -> None:
    """Add what changes a movie, and no count."""
    answer = await service.client.post(
        f"/api/session/{session_id}/upload",
        data=b"Title,Year,Rating\nHeat,1995,5",
        headers={"Content-Type": "text/csv"},
    )
    assert answer.status == 200


async def _refresh(service: Service, _: Daemon, __: str) -> None:
    await service.database.fetchval(
        """
        update catalogue
        set runtime_minutes = 170, fetched_at = clock_timestamp()
        where tmdb_id = 1
        """
    )


async def _rematch(service: Service, daemon: Daemon, __: str) -> None:
    """TMDB has a film no more, and the refresh finds another by its title: no count changes."""
    await service.database.fetchval(
        "update lookups set due_at = clock_timestamp(), turn = 1 where key = $1", FARGO
    )
    await daemon.answer(found={FARGO: 4})


async def _expire(service: Service, _: Daemon, __: str) -> None:
    """As when time has gone by: a record is older than it may be shown."""
    await service.database.fetchval("select pg_sleep(1.5)")


@pytest.mark.parametrize("change", [_answer, _correct, _remove, _rate, _refresh, _rematch, _expire])
async def test_whatever_it_shows_is_added_up_anew(
    service: Service,
    daemon: Daemon,
    counted: Counted,
    session_id: str,
    change: Callable[[Service, Daemon, str], Awaitable[None]],
) -> None:
    if change is _expire:
        await service.database.fetchval(
            """
            update catalogue
            set fetched_at = clock_timestamp() - interval '180 days' + interval '1 second'
            where tmdb_id = 1
            """
        )
    await counted.get(session_id)
    await change(service, daemon, session_id)
    await counted.get(session_id)
    assert counted.times == 2
    await counted.get(session_id)
    assert counted.times == 2, "what has been seen once is seen once"


async def test_what_others_have_changes_nothing(
    service: Service, daemon: Daemon, counted: Counted, session_id: str
) -> None:
    await counted.get(session_id)
    theirs = await service.session("Ran,1985", "Heat,1995")
    await daemon.answer(found={RAN: 3})
    await _age(service, 3)
    await service.database.fetchval(
        "update catalogue set fetched_at = clock_timestamp() where tmdb_id = 3"
    )
    await counted.get(theirs)
    assert counted.times == 2
    await counted.get(session_id)
    assert counted.times == 2


async def test_many_at_once_are_one(counted: Counted, session_id: str) -> None:
    texts = await asyncio.gather(*[counted.get(session_id) for _ in range(20)])
    assert len(set(texts)) == counted.times == 1


async def test_a_change_meanwhile_is_added_up_afterwards(
    service: Service, daemon: Daemon, counted: Counted, session_id: str
) -> None:
    """One at a time, however many ask and however often something changes."""
    counted.go_on.clear()
    first = asyncio.create_task(counted.get(session_id))
    await until(lambda: counted.times == 1)
    await _remove(service, daemon, session_id)
    later = [asyncio.create_task(counted.get(session_id)) for _ in range(10)]
    await until(lambda: counted.asked == 11)
    counted.go_on.set()
    texts = set(await asyncio.gather(*later))
    assert await first not in texts
    assert (len(texts), counted.times) == (1, 2)
    assert {await counted.get(session_id)} == texts


async def test_who_leaves_takes_nothing_from_others(counted: Counted, session_id: str) -> None:
    counted.go_on.clear()
    waiting = [asyncio.create_task(counted.get(session_id)) for _ in range(2)]
    await until(lambda: counted.asked == 2 and counted.times == 1)
    await _leave(waiting[0])
    counted.go_on.set()
    assert await waiting[1]
    assert counted.times == 1


async def test_what_nobody_waits_for_is_given_up(counted: Counted, session_id: str) -> None:
    counted.go_on.clear()
    waiting = [asyncio.create_task(counted.get(session_id)) for _ in range(2)]
    await until(lambda: counted.asked == 2 and counted.times == 1)
    for task in waiting:
        await _leave(task)
    await until(lambda: counted.given_up == 1)
    counted.go_on.set()
    assert await counted.get(session_id)
    assert counted.times == 2


async def test_a_failure_is_not_kept(counted: Counted, session_id: str) -> None:
    counted.error = ValueError("once")
    with pytest.raises(ValueError, match="once"):
        await counted.get(session_id)
    counted.error = None
    assert await counted.get(session_id)
    assert counted.times == 2


async def test_only_so_many_bytes_are_kept(database: Database, session_id: str) -> None:
    counted = Counted(database, most_bytes=5_000)
    filters = [MovieFilter(year=year) for year in (1990, 1991, 1992)]
    for chosen in (*filters[:2], filters[0], filters[2]):
        await counted.get(session_id, chosen)
    assert counted.times == 3
    await counted.get(session_id, filters[0])
    assert counted.times == 3, "it was used later than the second"
    await counted.get(session_id, filters[1])
    assert counted.times == 4


async def test_a_deleted_session_has_none(
    service: Service, counted: Counted, session_id: str
) -> None:
    await counted.get(session_id)
    await service.client.delete(f"/api/session/{session_id}")
    with pytest.raises(SessionNotFoundError):
        await counted.get(session_id)


async def _leave(task: asyncio.Task[str]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def _age(service: Service, tmdb_id: int | None = None) -> None:
    """Let what was answered and fetched so far have been so a day ago."""
    await service.database.fetchval(
        """
        with answers as (
          update lookups
          set answered_at = answered_at - interval '1 day'
          where $1::integer is null or tmdb_id = $1
        )
        update catalogue
        set fetched_at = fetched_at - interval '1 day'
        where $1 is null or tmdb_id = $1
        """,
        tmdb_id,
    )
