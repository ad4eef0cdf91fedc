"""The saver: many films in one transaction, and no film that keeps the others from being saved."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

import asyncpg
import pytest
from structlog.testing import capture_logs

from enrich_service.lookups import Completion
from enrich_service.metrics import Metrics
from enrich_service.scheduling.completion_saver import CompletionSaver
from enrich_service.storage import StorageService
from shared.models import Outcome
from shared.postgres.database import Database
from tests.support.daemon_answering import film

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from enrich_service.lookups import Claim, Film
    from shared.settings import Settings
    from tests.integration.enrich_service.conftest import Asked, Lists

    Admin = Callable[[str], Awaitable[None]]
    Waiting = Callable[[], Awaitable[None]]
    Until = Callable[[Callable[[], Awaitable[object]]], Awaitable[None]]

FILM = film()


@asynccontextmanager
async def running(storage: StorageService) -> AsyncIterator[CompletionSaver]:
    saver = CompletionSaver(storage.completions, Metrics(), asyncio.Event())
    task = asyncio.create_task(saver.run())
    try:
        yield saver
    finally:
        task.cancel()
        await asyncio.wait([task])


async def claims(storage: StorageService) -> list[Claim]:
    return await storage.queue.claim(uuid4(), uuid4(), 1000)


def found(claim: Claim, film: Film = FILM) -> Completion:
    return Completion(claim, Outcome.FOUND, "exact title", film=film, confidence=100)


def titles(count: int) -> list[str]:
    return [f"title:film {number:03}|1999" for number in range(count)]


async def test_films_that_end_together_are_saved_in_one_transaction(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    session = await lists.add(*titles(30))
    mine = await claims(storage)
    async with running(storage) as saver:
        assert all(await asyncio.gather(*(saver.save(found(claim)) for claim in mine)))
    assert await lists.counts(session) == (30, 0, 0)
    written_by = await database.fetchval("select count(distinct xmin::text) from lookups")
    assert written_by == 1


async def test_more_films_than_a_batch_are_all_saved(storage: StorageService, lists: Lists) -> None:
    session = await lists.add(*titles(230))
    mine = await claims(storage)
    async with running(storage) as saver:
        await asyncio.gather(*(saver.save(found(claim)) for claim in mine))
    assert await lists.counts(session) == (230, 0, 0)


async def test_a_film_whose_claim_is_lost_is_told_so_and_the_others_are_saved(
    storage: StorageService, lists: Lists
) -> None:
    session = await lists.add(*titles(3))
    first, *others = await claims(storage)
    await storage.queue.release(first)
    async with running(storage) as saver:
        with capture_logs() as events:
            results = await asyncio.gather(*(saver.save(found(one)) for one in [first, *others]))
    assert results == [False, True, True]
    assert [event["key"] for event in events if event["event"] == "claim_lost"] == [first.key]
    assert await lists.counts(session) == (2, 0, 0)


async def test_the_present_and_a_past_claim_of_one_film_are_told_apart(
    storage: StorageService, lists: Lists
) -> None:
    session = await lists.add("title:heat|1995")
    (past,) = await claims(storage)
    await storage.queue.release(past)
    (present,) = await claims(storage)
    async with running(storage) as saver:
        results = await asyncio.gather(saver.save(found(past)), saver.save(found(present)))
    assert list(results) == [False, True]
    assert await lists.counts(session) == (1, 0, 0)


async def test_a_film_that_an_upload_holds_is_saved_later_and_delays_nobody(
    storage: StorageService,
    lists: Lists,
    dsn: str,
    somebody_waits: Waiting,
) -> None:
    session = await lists.add(*titles(3))
    held, *others = await claims(storage)
    upload = await asyncpg.connect(dsn)
    async with running(storage) as saver:
        async with upload.transaction():
            await upload.execute(
                "select 1 from lookups where id = $1 for key share", held.lookup_id
            )
            waiting = asyncio.create_task(saver.save(found(held)))
            assert all(await asyncio.gather(*(saver.save(found(one)) for one in others)))
            # After a few tries it waits for its lock, where nobody overtakes it any more.
            await somebody_waits()
            assert not waiting.done()
            assert await lists.counts(session) == (2, 0, 0)
        assert await waiting
    await upload.close()
    assert await lists.counts(session) == (3, 0, 0)


async def test_an_unknown_id_among_others_moves_its_movie(
    storage: StorageService, lists: Lists, asked: type[Asked]
) -> None:
    session = await lists.add("title:heat|1995", asked("imdb:tt9999999", "Alien", 1979))
    heat, unknown = await claims(storage)
    async with running(storage) as saver:
        await asyncio.gather(
            saver.save(found(heat)),
            saver.save(Completion(unknown, Outcome.NOT_FOUND, "unknown_id", unknown_id=True)),
        )
    assert await lists.keys(session) == ["title:heat|1995", "title:alien|1979"]
    assert await lists.counts(session) == (1, 0, 0)


async def test_a_film_that_cannot_be_saved_fails_alone(
    storage: StorageService, lists: Lists
) -> None:
    """A runtime that PostgreSQL's integer does not hold, in the middle of a batch."""
    session = await lists.add(*titles(5))
    mine = await claims(storage)
    films = [replace(FILM, tmdb_id=600 + number) for number in range(5)]
    films[2] = replace(films[2], runtime_minutes=3_000_000_000)
    async with running(storage) as saver:
        results = await asyncio.gather(
            *(saver.save(found(claim, film)) for claim, film in zip(mine, films, strict=True)),
            return_exceptions=True,
        )
        assert [result for result in results if result is True] == [True] * 4
        assert isinstance(results[2], asyncpg.DataError)
        assert await saver.save(Completion(mine[2], Outcome.FAILED, "internal error"))
    assert await lists.counts(session) == (4, 0, 1)
    assert await lists.drifted() == []


async def test_completions_outlast_the_loss_of_the_database(
    settings: Settings, lists: Lists, dsn: str, postgres_admin: Admin, until: Until
) -> None:
    name = dsn.partition("@/")[2].partition("?")[0]
    session = await lists.add(*titles(3))
    async with Database(settings, application_name="saver") as database:
        storage = StorageService(database)
        mine = await claims(storage)
        async with running(storage) as saver:
            await postgres_admin(f"alter database {name} allow_connections false")
            await postgres_admin(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where application_name = 'saver'"
            )
            waiting = [asyncio.create_task(saver.save(found(claim))) for claim in mine]
            with capture_logs() as events:

                async def gave_up_for_now() -> bool:
                    return any(event["event"] == "completion_save_retry" for event in events)

                await until(gave_up_for_now)
            await postgres_admin(f"alter database {name} allow_connections true")
            assert all(await asyncio.gather(*waiting))
    assert await lists.counts(session) == (3, 0, 0)


async def test_each_movie_and_each_completed_session_is_logged(
    storage: StorageService, lists: Lists
) -> None:
    session = await lists.add("title:heat|1995", "title:alien|1979", "title:nothing|1987")
    heat, alien, nothing = await claims(storage)
    async with running(storage) as saver:
        with capture_logs() as events:
            await asyncio.gather(
                saver.save(found(heat)),
                saver.save(Completion(alien, Outcome.FAILED, "HTTP 500")),
                saver.save(Completion(nothing, Outcome.NOT_FOUND, "no_candidates")),
            )
    said = {event["event"]: event for event in events}
    enriched = said["movie_enriched"]
    assert (enriched["session_id"], enriched["title"], enriched["year"], enriched["total"]) == (
        str(session),
        "heat",
        1995,
        3,
    )
    assert (enriched["tmdb_id"], enriched["log_level"]) == (603, "debug")
    assert (said["movie_not_found"]["reason"], said["movie_not_found"]["log_level"]) == (
        "no_candidates",
        "warning",
    )
    assert (said["movie_failed"]["reason"], said["movie_failed"]["title"]) == ("HTTP 500", "alien")
    assert [
        said[name]["key"] for name in ("movie_enriched", "movie_not_found", "movie_failed")
    ] == [*(heat.key, nothing.key, alien.key)]
    numbers = [event["number"] for event in events if "number" in event]
    assert sorted(numbers) == [1, 2, 3]
    (completed,) = [event for event in events if event["event"] == "session_completed"]
    assert (completed["enriched"], completed["not_found"], completed["failed"]) == (1, 1, 1)


async def test_a_cancelled_film_is_not_saved(storage: StorageService, lists: Lists) -> None:
    session = await lists.add(*titles(2))
    first, second = await claims(storage)
    saver = CompletionSaver(storage.completions, Metrics(), asyncio.Event())
    cancelled = asyncio.create_task(saver.save(found(first)))
    await asyncio.sleep(0)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    task = asyncio.create_task(saver.run())
    assert await saver.save(found(second))
    task.cancel()
    await asyncio.wait([task])
    assert await lists.counts(session) == (1, 0, 0)
    assert (await lists.lookup(first.key))["outcome"] is None
