"""The title index: what is learned, and the requests that it saves."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from enrich_service.lookups import Completion
from enrich_service.options import WorkerOptions
from enrich_service.storage.request_limit import RequestLimit
from enrich_service.storage.titles import IndexedFilm, TitleRow
from enrich_service.title_index.index import TitleIndex
from shared.lookup_keys import title_key
from shared.models import Outcome
from tests.support.scripted_daemon import film as record_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from enrich_service.storage import StorageService
    from enrich_service.worker import EnrichmentWorker
    from local_stack.tmdb.catalogue import Catalogue
    from local_stack.tmdb.film import Film
    from shared.postgres.database import Database
    from tests.support.session_rows import Lists
    from tests.support.stand_in import RunningStandIn

    MakeWorker = Callable[..., Awaitable[EnrichmentWorker]]

KNOWN_FROM = 500
HEAT = TitleRow("heat", 1995, 949, "Heat", "Heat", 7_000)


def key_of(film: Film) -> str:
    return title_key(film.title, film.year)


@pytest.fixture
def pair(bundled_catalogue: Catalogue) -> tuple[Film, Film]:
    """A film, and one that TMDB shows beside it, of which everybody has heard."""
    for film in bundled_catalogue.films:
        for beside in bundled_catalogue.recommendations(film):
            alone = len(bundled_catalogue.exactly_titled(beside.title, beside.year)) == 1
            if alone and beside.vote_count >= KNOWN_FROM:
                return film, beside
    raise AssertionError("the stand-in has no such films")


async def learned(database: Database) -> int:
    return int(await database.fetchval("select count(*) from titles"))


# -- the requests that it saves ----------------------------------------------------------------


async def test_a_film_that_was_shown_beside_another_takes_one_request(
    make_worker: MakeWorker, lists: Lists, tmdb: RunningStandIn, pair: tuple[Film, Film]
) -> None:
    worker = await make_worker(index_votes=5)
    await lists.add(key_of(pair[0]))
    await worker.enrich_sessions()
    asked = tmdb.state.requests
    session = await lists.add(key_of(pair[1]))
    await worker.enrich_sessions()
    assert tmdb.state.requests == asked + 1
    row = await lists.lookup(key_of(pair[1]))
    assert (row["outcome"], row["tmdb_id"]) == ("found", pair[1].id)
    assert (row["confidence"], row["reason"]) == (100, "exact title, same year")
    assert await lists.counts(session) == (1, 0, 0)


async def test_the_title_index_never_guesses_between_films_of_one_title_and_year(
    make_worker: MakeWorker, lists: Lists, tmdb: RunningStandIn, storage: StorageService
) -> None:
    twin = TitleRow("heat", 1995, 1, "Heat", "Heat", 6_000)
    await storage.titles.learn([HEAT, twin])
    await lists.add("title:heat|1995")
    await (await make_worker(index_votes=5)).enrich_sessions()
    assert tmdb.state.by_route["search_movie"] == 1
    assert (await lists.lookup("title:heat|1995"))["tmdb_id"] == HEAT.tmdb_id, "TMDB has but one"


@pytest.mark.parametrize(
    ("votes", "finished", "searches"), [(499, False, 1), (499, True, 0), (500, False, 0)]
)
async def test_a_little_known_film_is_searched_for_unless_all_of_its_year_are_known(
    *,
    make_worker: MakeWorker,
    lists: Lists,
    tmdb: RunningStandIn,
    storage: StorageService,
    database: Database,
    votes: int,
    finished: bool,
    searches: int,
) -> None:
    await storage.titles.learn([TitleRow("heat", 1995, 949, "Heat", "Heat", votes)])
    if finished:
        await database.fetchval(
            "insert into surveys (year, finished_at, is_complete) values (1995, now(), true)"
        )
    await lists.add("title:heat|1995")
    await (await make_worker(index_votes=5)).enrich_sessions()
    assert tmdb.state.by_route["search_movie"] == searches
    assert tmdb.state.by_route["movie"] == 1


async def test_a_film_whose_record_is_fresh_costs_nothing_and_its_slot_is_anothers(
    make_worker: MakeWorker, lists: Lists, tmdb: RunningStandIn, database: Database
) -> None:
    session = await lists.add("title:heat|1995")
    await (await make_worker(index_votes=5)).enrich_sessions()
    asked = tmdb.state.requests
    others = await lists.add("tmdb:949", "imdb:tt0113277", "title:Heat |1995", "title:heat!|1995")
    one_slot = RequestLimit(limit=1, period=0.5, margin=0.2)
    await (await make_worker(request_limit=one_slot, index_votes=5)).enrich_sessions()
    assert tmdb.state.requests == asked
    assert await lists.counts(others) == (4, 0, 0)
    assert await lists.counts(session) == (1, 0, 0)
    assert await database.fetchval("select count(*) from catalogue") == 1


async def test_without_an_index_nothing_is_remembered_and_each_film_is_searched_for(
    make_worker: MakeWorker,
    lists: Lists,
    tmdb: RunningStandIn,
    storage: StorageService,
    database: Database,
) -> None:
    await storage.titles.learn([HEAT])
    await lists.add("title:heat|1995")
    await (await make_worker(index_votes=0)).enrich_sessions()
    assert tmdb.state.by_route["search_movie"] == 1
    assert await learned(database) == 1


async def test_an_old_record_is_asked_for_again_when_somebody_new_lists_its_film(
    make_worker: MakeWorker, lists: Lists, tmdb: RunningStandIn, database: Database
) -> None:
    await lists.add("tmdb:949")
    await (await make_worker(index_votes=5)).enrich_sessions()
    await database.fetchval("update catalogue set fetched_at = now() - interval '151 days'")
    await lists.add("imdb:tt0113277")
    await (await make_worker(index_votes=5)).enrich_sessions()
    assert tmdb.state.by_route["movie"] == 2


async def test_other_names_are_known_of_fresh_records_fetched_with_them(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    await lists.add("tmdb:949")
    (claim,) = await storage.queue.claim(uuid4(), uuid4(), 1)
    named = replace(record_of(949), other_names=("Hitze", "Heat: Coincidence"))
    done = Completion(claim, Outcome.FOUND, "tmdb id", film=named, confidence=100)
    await storage.completions.save([done])
    assert await storage.titles.other_names(949, 150) == named.other_names
    assert await storage.titles.other_names(950, 150) is None
    await database.fetchval("update catalogue set fetched_at = now() - interval '151 days'")
    assert await storage.titles.other_names(949, 150) is None
    await database.fetchval("update catalogue set fetched_at = now(), other_names = null")
    assert await storage.titles.other_names(949, 150) is None, "an earlier release fetched it"


# -- what is learned ---------------------------------------------------------------------------


async def test_films_are_known_by_both_names_from_a_year_and_its_neighbours(
    storage: StorageService,
) -> None:
    rows = [
        TitleRow(name, 2001, 194, "Amélie", "Le Fabuleux Destin", 11_000)
        for name in ("amelie", "le fabuleux destin")
    ]
    undated = TitleRow("amelie", 0, 5, "Amelie", "Amelie", 0)
    await storage.titles.learn([*rows, undated])
    amelie = IndexedFilm(194, "Amélie", "Le Fabuleux Destin", 2001, 11_000)
    nameless = IndexedFilm(5, "Amelie", "Amelie", None, 0)
    for year in (2000, 2001, 2002):
        found = await storage.titles.namesakes({"amelie", "le fabuleux destin"}, year)
        assert set(found.films) == {amelie, nameless}
        assert not found.is_complete
    assert (await storage.titles.namesakes({"amelie"}, 1999)).films == (nameless,)
    assert (await storage.titles.namesakes({"amelia"}, 2001)).films == ()


@pytest.mark.parametrize(
    ("title", "year", "votes", "may_have"),
    [
        ("Heat", 1996, 5, True),
        ("Heat (1995)", 1994, 5, True),
        ("Heat", 1997, 5, False),
        ("Heatwave", 1995, 5, False),
        ("Heatwave", 1995, 0, True),  # no index is kept
    ],
)
async def test_namesakes_are_expected_from_about_the_year_or_without_an_index(
    storage: StorageService, title: str, year: int, votes: int, *, may_have: bool
) -> None:
    await storage.titles.learn([HEAT])
    index = TitleIndex(storage, WorkerOptions(index_votes=votes))
    assert await index.may_have_namesake(title, year) is may_have


async def test_a_title_is_written_once_and_renewed_when_it_is_old(
    storage: StorageService, database: Database
) -> None:
    risen = TitleRow("heat", 1995, 949, "Heat", "Heat", 9_000)
    await storage.titles.learn([HEAT, HEAT])
    await storage.titles.learn([risen])
    assert await database.fetchval("select vote_count from titles") == HEAT.vote_count
    await database.fetchval("update titles set learned_at = now() - interval '61 days'")
    await storage.titles.learn([risen])
    assert await database.fetchval("select vote_count from titles") == risen.vote_count
    assert await database.fetchval("select learned_at > now() - interval '1 hour' from titles")


async def test_old_titles_are_forgotten_a_few_at_a_time(
    storage: StorageService, database: Database
) -> None:
    await storage.titles.learn(TitleRow("heat", 1995, n, "Heat", "Heat", 1) for n in range(1, 6))
    await database.fetchval(
        "update titles set learned_at = now() - interval '181 days' where tmdb_id <= 3"
    )
    assert await storage.titles.expire_old(180, 2) == 2
    assert await storage.titles.expire_old(180, 2) == 1
    assert await storage.titles.expire_old(180, 2) == 0
    assert await learned(database) == 2


async def test_daemons_that_learn_the_same_at_once_do_not_deadlock(
    storage: StorageService, database: Database
) -> None:
    rows = [TitleRow(f"film {n}", 1990, n, "Film", "Film", n) for n in range(1, 200)]
    for _ in range(10):
        await database.fetchval("update titles set learned_at = now() - interval '61 days'")
        forwards, backwards = storage.titles.learn(rows), storage.titles.learn(reversed(rows))
        await asyncio.gather(forwards, backwards, storage.titles.learn(rows[50:150]))
    assert await learned(database) == len(rows)
    assert (
        await database.fetchval(
            "select deadlocks from pg_stat_database where datname = current_database()"
        )
        == 0
    )
