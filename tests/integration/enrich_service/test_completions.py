"""Completions: outcomes saved once, with the counts of every session that lists the film."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import uuid4

import asyncpg
import pytest

from enrich_service.lookups import Completion
from shared.models import Outcome, SessionStatus
from tests.support.daemon_answering import found
from tests.support.session_rows import ADD_SESSION

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from enrich_service.lookups import Claim
    from enrich_service.storage import StorageService
    from shared.postgres.database import Database
    from tests.integration.enrich_service.conftest import Asked, Lists

    Waiting = Callable[[], Awaitable[None]]
    Until = Callable[[Callable[[], Awaitable[object]]], Awaitable[None]]

A, B, C = "title:a|1999", "title:b|1999", "title:c|1999"


async def claims(storage: StorageService, wanted: int = 100) -> dict[str, Claim]:
    return {claim.key: claim for claim in await storage.queue.claim(uuid4(), uuid4(), wanted)}


def not_found(claim: Claim, reason: str = "no_candidates") -> Completion:
    return Completion(claim, Outcome.NOT_FOUND, reason)


def unknown_id(claim: Claim) -> Completion:
    return Completion(claim, Outcome.NOT_FOUND, "unknown_id", unknown_id=True)


@pytest.fixture
async def progress(dsn: str) -> AsyncIterator[list[str]]:
    """The sessions whose progress was notified."""
    heard: list[str] = []
    connection = await asyncpg.connect(dsn)
    await connection.add_listener("session_progress", lambda *said: heard.append(str(said[-1])))
    yield heard
    await connection.close()


# -- outcomes and counts -----------------------------------------------------------------------


async def test_each_outcome_moves_the_counts_of_every_session_that_lists_the_film(
    storage: StorageService, lists: Lists
) -> None:
    both = await lists.add(A, B, C)
    one = await lists.add(B)
    none = await lists.add("title:d|1999")
    mine = await claims(storage)
    saved = await storage.completions.save(
        [
            found(mine[A]),
            not_found(mine[B]),
            Completion(mine[C], Outcome.FAILED, "HTTP 500"),
        ]
    )
    assert await lists.counts(both) == (1, 1, 1)
    assert await lists.counts(one) == (0, 1, 0)
    assert await lists.counts(none) == (0, 0, 0)
    assert [await lists.status(session) for session in (both, one, none)] == [
        "completed",
        "completed",
        "enriching",
    ]
    told = {counts.session_id: counts for counts in saved.sessions}
    assert set(told) == {both, one}
    assert told[both].status is SessionStatus.COMPLETED
    assert (told[both].total, told[both].ended) == (3, 3)
    assert await lists.drifted() == []


async def test_a_film_listed_twice_in_a_session_counts_twice(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    session = await lists.add(A, B, C)
    await database.fetchval(
        "update movies set lookup_id = (select id from lookups where key = $1) where position < 3",
        A,
    )
    mine = await claims(storage)
    await storage.completions.save([found(mine[A])])
    assert await lists.counts(session) == (2, 0, 0)
    assert await lists.drifted() == []


async def test_what_was_answered_is_saved_and_leaves_the_queue(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    await lists.add(A)
    await database.fetchval("update lookups set attempts = 3")
    mine = await claims(storage)
    await storage.completions.save([found(mine[A])])
    row = await lists.lookup(A)
    assert (row["outcome"], row["reason"], row["tmdb_id"], row["confidence"]) == (
        "found",
        "exact title",
        603,
        100,
    )
    assert row["answered_at"] is not None
    assert (row["due_at"], row["turn"], row["claimed_by"], row["claim_token"]) == (None,) * 4
    assert row["attempts"] == 0
    stored = await database.fetchrow("select * from catalogue")
    assert stored is not None
    assert (stored["title"], stored["vote_average"]) == ("The Matrix", Decimal("8.22"))
    assert stored["genres"] == ["Action"]
    assert '"Keanu Reeves"' in stored["top_cast"]


async def test_candidates_are_kept_for_the_user_to_choose_from(
    storage: StorageService, lists: Lists
) -> None:
    await lists.add(A)
    mine = await claims(storage)
    candidates = ({"tmdb_id": 603, "title": "The Matrix", "year": 1999, "score": 60},)
    await storage.completions.save(
        [Completion(mine[A], Outcome.NOT_FOUND, "ambiguous", candidates=candidates)]
    )
    assert '"tmdb_id": 603' in (await lists.lookup(A))["candidates"]


async def test_two_questions_with_one_answer_share_one_catalogue_row(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    session = await lists.add(A, B, C)
    mine = await claims(storage)
    await storage.completions.save([found(mine[C], 604), found(mine[A]), found(mine[B])])
    assert await lists.counts(session) == (3, 0, 0)
    assert await database.fetchval("select array_agg(tmdb_id order by tmdb_id) from catalogue") == [
        603,
        604,
    ]


async def test_a_film_known_already_is_renewed(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    await lists.add(A, B)
    mine = await claims(storage)
    await storage.completions.save([found(mine[A])])
    await database.fetchval(
        "update catalogue set title = 'Old', fetched_at = clock_timestamp() - interval '1 day'"
    )
    await storage.completions.save([found(mine[B])])
    row = await database.fetchrow(
        "select title, fetched_at > clock_timestamp() - interval '1 minute' as fresh from catalogue"
    )
    assert row is not None
    assert tuple(row) == ("The Matrix", True)


async def test_every_session_that_moved_is_notified_once(
    storage: StorageService, lists: Lists, progress: list[str], until: Until
) -> None:
    first, second = await lists.add(A, B), await lists.add(B)
    await lists.add(C)
    mine = await claims(storage)
    await storage.completions.save([found(mine[A]), found(mine[B])])

    async def both_heard() -> bool:
        return len(progress) >= 2

    await until(both_heard)
    assert sorted(progress) == sorted([str(first), str(second)])


async def test_listings_name_the_movies_that_were_answered(
    storage: StorageService, lists: Lists
) -> None:
    session = await lists.add(A, B)
    mine = await claims(storage)
    saved = await storage.completions.save([not_found(mine[B])])
    (listing,) = saved.listings
    assert (listing.session_id, listing.title, listing.year) == (session, "b", 1999)


async def test_completion_time_is_that_of_the_last_film(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    await lists.add(A, B)
    mine = await claims(storage)
    await storage.completions.save([found(mine[A])])
    assert await database.fetchval("select completed_at from sessions") is None
    await storage.completions.save([found(mine[B])])
    assert await database.fetchval("select completed_at is not null from sessions")


async def test_nothing_to_save_is_no_mistake(storage: StorageService) -> None:
    saved = await storage.completions.save([])
    assert (saved.sessions, saved.held, saved.lost) == ([], [], [])


# -- held and lost -----------------------------------------------------------------------------


async def test_what_an_upload_holds_comes_back_and_holds_nobody_else_up(
    storage: StorageService, lists: Lists, other: asyncpg.Connection[asyncpg.Record]
) -> None:
    session = await lists.add(A, B, C)
    mine = await claims(storage)
    async with other.transaction():
        await other.execute("select 1 from lookups where key = $1 for key share", B)
        saved = await storage.completions.save([found(mine[key]) for key in (A, B, C)])
        assert [done.claim.key for done in saved.held] == [B]
        assert saved.lost == []
        assert await lists.counts(session) == (2, 0, 0)
    again = await storage.completions.save(saved.held)
    assert (again.held, again.lost) == ([], [])
    assert await lists.counts(session) == (3, 0, 0)


async def test_a_completion_waits_for_an_upload_when_told_to_and_counts_its_movies(
    storage: StorageService,
    lists: Lists,
    other: asyncpg.Connection[asyncpg.Record],
    somebody_waits: Waiting,
) -> None:
    session, later = await lists.add(A), uuid4()
    mine = await claims(storage)
    async with other.transaction():
        await other.execute(ADD_SESSION, later, 1)
        await other.execute(
            """
            insert into movies (
              session_id, position, lookup_id, title, year, watched, watch_dates, rewatches, liked,
              tags, in_watchlist, lists
            )
            select $1, 1, lookup_id, title, year, watched, watch_dates, rewatches, liked, tags,
              in_watchlist, lists
            from movies
            """,
            later,
        )
        waiting = asyncio.create_task(storage.completions.save([found(mine[A])], wait=True))
        await somebody_waits()
        assert not waiting.done()
    saved = await waiting
    assert {counts.session_id for counts in saved.sessions} == {session, later}
    assert await lists.counts(later) == (1, 0, 0)
    assert await lists.drifted() == []


async def test_a_late_result_changes_nothing(storage: StorageService, lists: Lists) -> None:
    session = await lists.add(A, B)
    lost = await claims(storage)
    await storage.queue.release(lost[A])
    mine = await claims(storage)
    before = await lists.lookup(A)
    saved = await storage.completions.save([not_found(lost[A]), found(lost[B])])
    assert [done.claim.key for done in saved.lost] == [A]
    assert saved.held == []
    assert await lists.lookup(A) == before
    assert await lists.counts(session) == (1, 0, 0)
    saved = await storage.completions.save([found(mine[A])])
    assert saved.lost == []
    assert await lists.counts(session) == (2, 0, 0)


async def test_a_result_saved_twice_counts_once(storage: StorageService, lists: Lists) -> None:
    session = await lists.add(A, B)
    mine = await claims(storage)
    await storage.completions.save([found(mine[A])])
    again = await storage.completions.save([found(mine[A])])
    assert [done.claim.key for done in again.lost] == [A]
    assert await lists.counts(session) == (1, 0, 0)


async def test_a_film_that_was_deleted_meanwhile_is_lost(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    await lists.add(A)
    mine = await claims(storage)
    await database.fetchval("delete from sessions")
    await database.fetchval("delete from lookups")
    saved = await storage.completions.save([found(mine[A])])
    assert [done.claim.key for done in saved.lost] == [A]


async def test_flushes_at_once_count_every_film_exactly(
    storage: StorageService, lists: Lists
) -> None:
    """Sixty films of three sessions end at once, in several orders, through ten connections."""
    keys = [f"title:film {number:02}|1999" for number in range(60)]
    sessions = [
        await lists.add(*keys),
        await lists.add(*reversed(keys)),
        await lists.add(*keys[::2]),
    ]
    mine = list((await claims(storage)).values())
    batches = [mine[start::10] for start in range(10)]
    batches = [batch[::-1] if number % 2 else batch for number, batch in enumerate(batches)]
    flushed = await asyncio.gather(
        *(
            storage.completions.save(
                [found(one, 600 + one.lookup_id % 7) for one in batch[:3]]
                + [not_found(one) for one in batch[3:]]
            )
            for batch in batches
        )
    )
    assert all(not saved.held and not saved.lost for saved in flushed)
    assert await lists.drifted() == []
    assert {await lists.status(session) for session in sessions} == {"completed"}


# -- an id that TMDB does not know -------------------------------------------------------------


async def test_a_movie_without_a_title_stays_not_found(
    storage: StorageService, lists: Lists
) -> None:
    session = await lists.add("imdb:tt9999999")
    mine = await claims(storage)
    await storage.completions.save([unknown_id(mine["imdb:tt9999999"])])
    assert await lists.counts(session) == (0, 1, 0)
    assert await lists.keys(session) == ["imdb:tt9999999"]
    assert await lists.status(session) == "completed"


async def test_a_titled_movie_is_asked_for_by_its_title(
    storage: StorageService, lists: Lists, asked: type[Asked]
) -> None:
    session = await lists.add(asked("imdb:tt9999999", "Heat", 1995), "imdb:tt9999998")
    mine = await claims(storage)
    await storage.completions.save([unknown_id(mine["imdb:tt9999999"])])
    assert await lists.keys(session) == ["title:heat|1995", "imdb:tt9999998"]
    assert await lists.counts(session) == (0, 0, 0)
    assert (await lists.lookup("imdb:tt9999999"))["outcome"] == "not_found"
    again = await claims(storage)
    assert again["title:heat|1995"].title == "Heat"
    await storage.completions.save([found(again["title:heat|1995"])])
    assert await lists.counts(session) == (1, 0, 0)
    assert await lists.drifted() == []


async def test_titled_and_untitled_movies_of_one_unknown_id_part(
    storage: StorageService, lists: Lists, asked: type[Asked]
) -> None:
    titled = await lists.add(asked("tmdb:1", "Heat", 1995))
    other = await lists.add(asked("tmdb:1", "Hitze", 1995))
    bare = await lists.add("tmdb:1")
    mine = await claims(storage)
    saved = await storage.completions.save([unknown_id(mine["tmdb:1"])])
    assert await lists.keys(titled) == ["title:heat|1995"]
    assert await lists.keys(other) == ["title:hitze|1995"]
    assert await lists.counts(titled) == (0, 0, 0)
    assert await lists.counts(bare) == (0, 1, 0)
    assert bare in {counts.session_id for counts in saved.sessions}
    assert await lists.drifted() == []


@pytest.mark.parametrize("outcome", ["found", "not_found", "failed"])
async def test_a_title_that_was_asked_before_counts_at_once(
    storage: StorageService, lists: Lists, asked: type[Asked], outcome: str
) -> None:
    await lists.add("title:heat|1995")
    first = (await claims(storage))["title:heat|1995"]
    known = found(first) if outcome == "found" else Completion(first, Outcome(outcome), "why")
    await storage.completions.save([known])
    session = await lists.add(asked("imdb:tt9999999", "Heat", 1995))
    mine = await claims(storage)
    saved = await storage.completions.save([unknown_id(mine["imdb:tt9999999"])])
    expected = tuple(int(outcome == name) for name in ("found", "not_found", "failed"))
    assert await lists.counts(session) == expected
    assert await lists.status(session) == "completed"
    assert await lists.drifted() == []
    assert [counts.session_id for counts in saved.sessions] == [session], "it can be logged"


async def test_a_session_that_a_known_title_completes_is_notified(
    storage: StorageService, lists: Lists, asked: type[Asked], progress: list[str], until: Until
) -> None:
    await lists.add("title:heat|1995")
    mine = await claims(storage)
    await storage.completions.save([found(mine["title:heat|1995"])])
    session = await lists.add(asked("imdb:tt9999999", "Heat", 1995))
    mine = await claims(storage)
    await storage.completions.save([unknown_id(mine["imdb:tt9999999"])])

    async def heard() -> bool:
        return str(session) in progress

    await until(heard)


async def test_twins_of_one_id_are_not_guessed(
    storage: StorageService, lists: Lists, asked: type[Asked]
) -> None:
    thing = asked("imdb:tt9999999", "The Thing", 1982)
    session = await lists.add(thing, thing)
    mine = await claims(storage)
    await storage.completions.save([unknown_id(mine["imdb:tt9999999"])])
    assert await lists.keys(session) == ["twins:the thing|1982"] * 2
    assert await lists.drifted() == []


@pytest.mark.parametrize("answered", [False, True])
async def test_twins_of_two_unknown_ids_are_not_guessed(
    storage: StorageService, lists: Lists, asked: type[Asked], *, answered: bool
) -> None:
    """The first goes to the title alone; when the second turns up, neither may have that film."""
    session = await lists.add(
        asked("imdb:tt9999998", "The Thing", 1982), asked("imdb:tt9999999", "THE  Thing", 1982)
    )
    single = await lists.add(asked("imdb:tt9999998", "The Thing", 1982))
    mine = await claims(storage)
    await storage.completions.save([unknown_id(mine["imdb:tt9999998"])])
    if answered:
        title = (await claims(storage))["title:the thing|1982"]
        await storage.completions.save([found(title)])
        assert await lists.counts(session) == (1, 0, 0)
    await storage.completions.save([unknown_id(mine["imdb:tt9999999"])])
    assert await lists.keys(session) == ["twins:the thing|1982"] * 2
    assert await lists.keys(single) == ["title:the thing|1982"], "another list has no twins"
    assert await lists.drifted() == []
    assert await lists.counts(session) == (0, 0, 0)


async def test_a_third_twin_joins_the_other_two(
    storage: StorageService, lists: Lists, asked: type[Asked]
) -> None:
    session = await lists.add(*(asked(f"tmdb:{number}", "The Thing", 1982) for number in (1, 2, 3)))
    mine = await claims(storage)
    for number in (3, 1, 2):
        await storage.completions.save([unknown_id(mine[f"tmdb:{number}"])])
    assert await lists.keys(session) == ["twins:the thing|1982"] * 3
    assert await lists.drifted() == []


async def test_films_of_the_same_title_in_two_lists_are_no_twins(
    storage: StorageService, lists: Lists, asked: type[Asked]
) -> None:
    sessions = [await lists.add(asked(f"tmdb:{number}", "Heat", 1995)) for number in (1, 2)]
    mine = await claims(storage)
    for number in (1, 2):
        await storage.completions.save([unknown_id(mine[f"tmdb:{number}"])])
    assert [await lists.keys(session) for session in sessions] == [["title:heat|1995"]] * 2


async def test_a_title_that_is_deleted_under_the_fall_back_is_asked_anew(
    storage: StorageService,
    lists: Lists,
    asked: type[Asked],
    other: asyncpg.Connection[asyncpg.Record],
    somebody_waits: Waiting,
) -> None:
    session = await lists.add(asked("imdb:tt9999999", "Heat", 1995))
    mine = await claims(storage)
    await other.execute(
        "insert into lookups (key, title, due_at, turn) "
        "values ('title:heat|1995', 'Heat', clock_timestamp(), 1)"
    )
    async with other.transaction():
        await other.execute("select 1 from lookups where key = 'title:heat|1995' for update")
        moving = asyncio.create_task(storage.completions.save([unknown_id(mine["imdb:tt9999999"])]))
        await somebody_waits()
        await other.execute("delete from lookups where key = 'title:heat|1995'")
    await moving
    assert await lists.keys(session) == ["title:heat|1995"]
    assert "title:heat|1995" in await claims(storage)


async def test_a_movie_that_is_corrected_meanwhile_stays_corrected(
    storage: StorageService,
    lists: Lists,
    asked: type[Asked],
    other: asyncpg.Connection[asyncpg.Record],
    somebody_waits: Waiting,
) -> None:
    session = await lists.add(asked("imdb:tt9999999", "Heat", 1995), "tmdb:949")
    mine = await claims(storage)
    await storage.completions.save([found(mine["tmdb:949"], 949)])
    async with other.transaction():
        # As a correction does: both lookups KEY SHARE, the session, the movie.
        await other.execute("select 1 from lookups order by id for key share")
        await other.execute("select 1 from sessions for no key update")
        moving = asyncio.create_task(
            storage.completions.save([unknown_id(mine["imdb:tt9999999"])], wait=True)
        )
        await somebody_waits()
        await other.execute(
            """
            update movies set lookup_id = (select id from lookups where key = 'tmdb:949')
            where position = 1
            """
        )
        await other.execute("update session_counts set n = n + 1, enriched = enriched + 1")
    await moving
    assert await lists.keys(session) == ["tmdb:949", "tmdb:949"]
    assert await lists.counts(session) == (2, 0, 0)
    assert await lists.drifted() == []


async def test_a_twin_that_is_corrected_meanwhile_is_no_twin_any_more(
    *,
    storage: StorageService,
    lists: Lists,
    asked: type[Asked],
    other: asyncpg.Connection[asyncpg.Record],
    somebody_waits: Waiting,
) -> None:
    session = await lists.add(
        asked("tmdb:1", "The Thing", 1982), asked("tmdb:2", "The Thing", 1982), "tmdb:1091"
    )
    mine = await claims(storage)
    await storage.completions.save([found(mine["tmdb:1091"], 1091)])
    await storage.completions.save([unknown_id(mine["tmdb:1"])])
    async with other.transaction():
        await other.execute(
            """
            select 1
            from lookups
            where key in ('title:the thing|1982', 'tmdb:1091')
            order by id
            for key share
            """
        )
        await other.execute("select 1 from sessions for no key update")
        moving = asyncio.create_task(storage.completions.save([unknown_id(mine["tmdb:2"])]))
        await somebody_waits()
        await other.execute(
            """
            update movies set lookup_id = (select id from lookups where key = 'tmdb:1091')
            where position = 1
            """
        )
        await other.execute("update session_counts set n = n + 1, enriched = enriched + 1")
    await moving
    assert await lists.keys(session) == ["tmdb:1091", "title:the thing|1982", "tmdb:1091"]
    assert await lists.counts(session) == (2, 0, 0)
    assert await lists.drifted() == []
