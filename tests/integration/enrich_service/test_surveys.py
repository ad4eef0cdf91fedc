"""What is learned and fetched while nobody waits."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from enrich_service.matching.known_films import index_names
from enrich_service.options import WorkerOptions
from enrich_service.storage.exports import ExportPart
from enrich_service.storage.surveys import FIRST_YEAR
from enrich_service.storage.titles import TitleRow
from shared.lookup_keys import title_key
from shared.models import BACKGROUND_TURN
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from enrich_service.storage import StorageService
    from enrich_service.worker import EnrichmentWorker
    from local_stack.tmdb.catalogue import Catalogue
    from shared.postgres.database import Database
    from tests.support.session_rows import Lists
    from tests.support.stand_in import RunningStandIn

    MakeWorker = Callable[..., Awaitable[EnrichmentWorker]]
    BreakTMDB = Callable[..., None]

YEARS = dt.datetime.now(dt.UTC).year - FIRST_YEAR + 1
PAUSE = WorkerOptions().background_pause
QUICK = {"interval": 0.05, "index_votes": 5}


async def surveyed(database: Database) -> bool:
    """Whether every year was gone through."""
    done = await database.fetchval("select count(*) from surveys where finished_at is not null")
    left = await database.fetchval("select count(*) from lookups where key like 'survey:%'")
    return bool(done == YEARS and left == 0)


# -- while nobody waits ------------------------------------------------------------------------


async def test_daemons_that_nobody_needs_learn_every_years_films_once_and_then_rest(
    *,
    make_worker: MakeWorker,
    tmdb: RunningStandIn,
    database: Database,
    storage: StorageService,
    bundled_catalogue: Catalogue,
) -> None:
    workers = [await make_worker(**QUICK) for _ in range(2)]
    for worker in workers:
        await worker.start_scheduler()
    await until(lambda: surveyed(database))
    for worker in workers:
        await worker.stop_scheduler()
    dated = [film for film in bundled_catalogue.films if (film.year or 0) >= FIRST_YEAR]
    pages = {film.year: 0 for film in dated}
    for film in dated:
        pages[film.year] += 1
    wanted = sum(-(-count // 20) for count in pages.values()) + YEARS - len(pages)
    assert tmdb.state.by_route["discover"] <= wanted, "no page twice, in two daemons"
    assert tmdb.state.requests == tmdb.state.by_route["discover"]
    names = {
        (name, film.id)
        for film in dated
        if film.vote_count >= 5
        for name in index_names(film.title, film.original_title)
    }
    rows = await database.fetch("select name, tmdb_id from titles")
    assert names <= {(row["name"], row["tmdb_id"]) for row in rows}
    assert await storage.surveys.queue(200) == 0, "and never again, until it is old"
    await database.fetchval(
        "update surveys set finished_at = now() - interval '61 days' where year = 1999"
    )
    assert await storage.surveys.queue(200) == 1


async def test_a_survey_that_fails_is_postponed_and_the_others_go_on(
    *, make_worker: MakeWorker, database: Database, break_tmdb: BreakTMDB
) -> None:
    break_tmdb({"match": "gte=1999", "kind": "status", "status": 500})
    worker = await make_worker(**QUICK)
    await worker.start_scheduler()

    async def only_1999_is_left() -> bool:
        rows = await database.fetch(
            "select key, due_at > now() + interval '23 hours' as tomorrow from lookups"
        )
        return [(row["key"], row["tomorrow"]) for row in rows] == [("survey:1999", True)]

    await until(only_1999_is_left)
    await worker.stop_scheduler()
    row = await database.fetchrow(
        "select outcome, attempts, turn, due_at > now() + interval '23 hours' as tomorrow "
        "from lookups"
    )
    assert row is not None
    assert tuple(row) == (None, 0, BACKGROUND_TURN, True)


async def test_common_films_are_fetched_whole_and_a_list_of_them_needs_nobody(
    *,
    make_worker: MakeWorker,
    lists: Lists,
    tmdb: RunningStandIn,
    database: Database,
    storage: StorageService,
    bundled_catalogue: Catalogue,
) -> None:
    films = sorted(bundled_catalogue.films, key=lambda film: (-film.vote_count, film.id))[:30]
    worker = await make_worker(warm_films=30, **QUICK)
    await worker.start_scheduler()

    async def warmed() -> bool:
        found = await database.fetchval("select count(*) from lookups where key like 'tmdb:%'")
        due = await database.fetchval("select count(*) from lookups where due_at <= now()")
        return bool(found == 30 and due == 0)

    await until(warmed)
    await worker.stop_scheduler()
    assert tmdb.state.by_route["movie"] == 30
    rows = await database.fetch("select tmdb_id from catalogue")
    assert {row["tmdb_id"] for row in rows} == {film.id for film in films}
    session = await lists.add(
        *[title_key(film.title, film.year) for film in films[:10]],
        *[f"imdb:{film.imdb_id}" for film in films[10:20]],
        *[f"tmdb:{film.id}" for film in films[20:]],
    )
    assert await lists.status(session) == "completed", "without a daemon"
    assert await storage.warm_up.queue(30, 200, use_export=True) == 0

    await database.fetchval("delete from sessions")
    await database.fetchval(
        "update lookups set answered_at = now() - interval '31 days' where outcome is not null"
    )
    assert await storage.retention.prune_answers(30) == 0, "what warm-up fetched stays"
    await database.fetchval("update catalogue set fetched_at = now() - interval '31 days'")
    assert await storage.retention.drop_records(30) == 0
    assert await storage.records.queue_refreshes(30, 200) == 30, "and is refreshed"


async def test_the_answers_of_a_namesake_are_not_made_ready(
    make_worker: MakeWorker, storage: StorageService, database: Database
) -> None:
    heat = TitleRow("heat", 1995, 949, "Heat", "Heat", 7_000)
    await storage.titles.learn([heat, TitleRow("heat", 1995, 1, "Heat", "Heat", 6_000)])
    assert await storage.warm_up.queue(1, 200, use_export=True) == 1
    await (await make_worker(index_votes=5)).enrich_sessions()
    rows = await database.fetch("select key from lookups where outcome = 'found'")
    assert {row["key"] for row in rows} == {"tmdb:949", "imdb:tt0113277"}


async def test_common_films_wait_until_all_years_were_gone_through(
    storage: StorageService, database: Database
) -> None:
    await storage.titles.learn(
        TitleRow(f"film {n}", 1990, n, "Film", "Film", n) for n in range(1, 9)
    )
    assert await storage.surveys.queue(2) == 2
    assert await storage.warm_up.queue(3, 200, use_export=True) == 0
    await database.fetchval("delete from lookups")
    assert await storage.warm_up.queue(3, 2, use_export=True) == 2
    assert await storage.warm_up.queue(3, 2, use_export=True) == 0, (
        "no more than that are due at a time"
    )
    assert await storage.retention.prune_queue() == 0
    await database.fetchval("update lookups set due_at = null, turn = null")
    assert await storage.warm_up.queue(3, 2, use_export=True) == 1
    rows = await database.fetch("select key from lookups order by id")
    assert [row["key"] for row in rows] == ["tmdb:8", "tmdb:7", "tmdb:6"]


@pytest.mark.parametrize(
    ("use_export", "age", "queued"), [(True, 0, 2), (True, 9, 0), (False, 0, 0)]
)
async def test_half_as_many_of_the_most_popular_films_need_no_surveys(
    *, storage: StorageService, database: Database, use_export: bool, age: int, queued: int
) -> None:
    await database.fetchval("update export_loads set day = current_date - $1::integer", age)
    films = range(1, 9)
    await storage.exports.write(
        ExportPart(1, 8, list(films), list(films), [10.0 * film for film in films])
    )
    assert await storage.surveys.queue(2) == 2
    assert await storage.warm_up.queue(4, 200, use_export=use_export) == queued
    rows = await database.fetch("select key from lookups where key like 'tmdb:%' order by id")
    assert [row["key"] for row in rows] == ["tmdb:8", "tmdb:7"][:queued]


async def test_a_common_film_that_somebody_asked_for_before_is_kept_too(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    await storage.titles.learn([TitleRow("heat", 1995, 949, "Heat", "Heat", 7_000)])
    await lists.add("tmdb:949", "tmdb:5")
    assert await storage.warm_up.queue(9, 200, use_export=True) == 0
    rows = await database.fetch("select key from lookups where kept")
    assert [row["key"] for row in rows] == ["tmdb:949"]


# -- page by page ------------------------------------------------------------------------------


async def test_a_page_that_somebody_took_and_never_turned_comes_back(
    storage: StorageService, database: Database
) -> None:
    assert await storage.surveys.take(1990) == 1
    assert await storage.surveys.take(1990) is None
    await database.fetchval("update surveys set taken_until = now()")
    assert await storage.surveys.take(1990) == 1
    await storage.surveys.put_back(1990, 1)
    assert await storage.surveys.take(1990) == 1


@pytest.mark.parametrize("pages", [1, 3])
async def test_an_old_survey_begins_anew(
    storage: StorageService, database: Database, pages: int
) -> None:
    for page in range(1, pages + 1):
        assert await storage.surveys.take(1990) == page
        await storage.surveys.turn_over(1990, page, is_last=page == pages, is_complete=True)
    assert await storage.surveys.take(1990) is None
    await database.fetchval("update surveys set finished_at = now() - interval '61 days'")
    assert await storage.surveys.take(1990) == 1


async def test_a_survey_goes_behind_the_others_after_each_page(
    storage: StorageService, database: Database
) -> None:
    await storage.surveys.queue(3)
    first = await storage.background.claim(uuid4(), uuid4(), PAUSE, in_share=False)
    assert first is not None
    await storage.surveys.queue_behind(first)
    await storage.surveys.queue_behind(first)
    rows = await database.fetch("select key from lookups order by turn, due_at, id")
    assert [row["key"] for row in rows][-1] == first.key
    assert len(rows) == 3
    second = await storage.background.claim(uuid4(), uuid4(), PAUSE, in_share=False)
    assert second is not None
    assert second.key == rows[0]["key"]
    await storage.surveys.end(second)
    await storage.surveys.end(first)
    assert await database.fetchval("select count(*) from lookups") == 2
