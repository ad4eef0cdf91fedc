"""What an upload asks: each question once, what is known not at all, and each at its fair turn."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import pytest

if TYPE_CHECKING:
    from tests.support.api_answering import Daemon
    from tests.support.api_driving import Notified, Service, Until


def keys(*names: str) -> list[str]:
    return [f"title:{name}|2000" for name in names]


def rows(*names: str) -> list[str]:
    return [f"{name},2000" for name in names]


# -- what is known ---------------------------------------------------------------------------------


async def test_an_upload_of_known_films_is_complete_in_its_own_answer(
    service: Service, daemon: Daemon, notified: Notified
) -> None:
    await service.session(*rows("a", "b"))
    await daemon.answer(found={"title:a|2000": 1}, not_found=keys("b"))
    await notified.settle()
    notified.clear()

    answer = await (await service.upload("Title,Year\nA,2000\nB,2000\n")).json()
    assert (answer["status"], answer["progress_percent"], answer["eta_seconds"]) == (
        "completed",
        100,
        0,
    )
    assert (answer["enriched_count"], answer["not_found_count"]) == (1, 1)
    assert answer["completed_at"] is not None
    assert await service.queue() == []
    await notified.settle()
    assert notified.of("new_work") == []
    assert await service.drifted() == []


async def test_sessions_that_list_a_film_share_its_lookup(service: Service, daemon: Daemon) -> None:
    sessions = [await service.session("THE  Thing,2000"), await service.session("the thing,2000")]
    assert await service.queue() == keys("the thing")
    await daemon.answer(found={"title:the thing|2000": 1})
    for session_id in sessions:
        assert await service.counts(session_id) == ("completed", 1, 1, 0, 0)


@pytest.mark.parametrize(
    ("ended", "age", "asked_again"),
    [
        ("failed", "1 second", True),
        ("not_found", "1 day", False),
        ("not_found", "6 days 23 hours", False),
        ("not_found", "7 days 1 hour", True),
        ("found", "300 days", False),
    ],
)
async def test_what_is_asked_again(
    service: Service,
    daemon: Daemon,
    notified: Notified,
    *,
    ended: str,
    age: str,
    asked_again: bool,
) -> None:
    first = await service.session(*rows("a"))
    key = "title:a|2000"
    await daemon.answer(
        found={key: 1} if ended == "found" else {},
        not_found=[key] if ended == "not_found" else [],
        failed=[key] if ended == "failed" else [],
    )
    await service.database.fetchval(
        f"update lookups set answered_at = clock_timestamp() - interval '{age}'"  # noqa: S608  # one of these
    )
    await notified.settle()
    notified.clear()

    answer = await (await service.upload("Title,Year\nA,2000\n")).json()
    status = "enriching" if asked_again else "completed"
    assert answer["status"] == status
    assert await service.queue() == ([key] if asked_again else [])
    # Whoever listed it before waits for the new answer too.
    assert (await service.counts(first))[0] == status
    await notified.settle()
    assert notified.of("new_work") == (["2"] if asked_again else [])
    assert await service.drifted() == []


async def test_only_what_is_old_is_asked_again(service: Service, daemon: Daemon) -> None:
    await service.session(*rows("old", "recent", "broken"))
    await daemon.answer(not_found=keys("old", "recent"), failed=keys("broken"))
    await service.database.fetchval(
        "update lookups set answered_at = answered_at - interval '8 days' where key = $1",
        "title:old|2000",
    )
    session_id = await service.session(*rows("old", "recent", "broken"))
    assert await service.counts(session_id) == ("enriching", 3, 0, 1, 0)
    assert await service.queue() == keys("old", "broken")


# -- turns -----------------------------------------------------------------------------------------


async def set_clock(service: Service, virtual_time: int) -> None:
    await service.database.fetchval(
        "insert into virtual_times (turn) values ($1) on conflict do nothing", virtual_time
    )


async def test_the_films_of_a_list_get_one_turn_after_the_other(service: Service) -> None:
    await set_clock(service, 100)
    await service.session(*rows("c", "a", "b"))
    assert await service.turns() == dict(zip(keys("c", "a", "b"), (101, 102, 103), strict=True))


async def test_turns_count_what_is_new_and_not_what_is_known(
    service: Service, daemon: Daemon
) -> None:
    await service.session(*rows("a", "b"))
    await daemon.answer(found={"title:a|2000": 1, "title:b|2000": 2})
    await set_clock(service, 100)
    await service.session(*rows("a", "b", "c"))
    assert await service.turns() == {"title:c|2000": 101}


async def test_lists_uploaded_at_different_times_alternate_film_by_film(
    service: Service,
) -> None:
    large = [f"large {number:02}" for number in range(20)]
    await service.session(*rows(*large))
    await service.session(*rows("small 1", "small 2", "small 3"))
    assert (await service.queue())[:6] == keys(
        "large 00", "small 1", "large 01", "small 2", "large 02", "small 3"
    )


async def test_watched_films_come_before_the_watchlist(service: Service) -> None:
    header = "Date,Name,Year,Letterboxd URI\n"
    await service.upload_files(
        ("watchlist.csv", f"{header}2023-01-01,A,2000,https://boxd.it/a\n"),
        ("watched.csv", f"{header}2023-01-01,Z,2000,https://boxd.it/z\n"),
    )
    assert await service.queue() == keys("z", "a")


async def test_what_somebody_queued_far_behind_is_brought_forward(service: Service) -> None:
    await service.session(*rows(*[f"film {number}" for number in range(50)]))
    await service.session(*rows("film 45", "film 3", "other"))
    turns = await service.turns()
    # The first is moved up, the second has a better turn already, the third is new.
    assert [turns[key] for key in keys("film 45", "film 3", "other")] == [1, 2, 1]
    assert turns["title:film 44|2000"] == 45


async def test_nothing_is_brought_forward_that_is_in_flight(
    service: Service, daemon: Daemon
) -> None:
    await service.session(*rows(*[f"film {number}" for number in range(50)]))
    await daemon.claim("title:film 45|2000")
    before = await service.lookup("title:film 45|2000")
    await set_clock(service, 0)
    await service.session(*rows("film 45"))
    assert await service.lookup("title:film 45|2000") == before


async def test_what_is_held_is_not_waited_for_to_bring_it_forward(
    service: Service, dsn: str
) -> None:
    await service.session(*rows(*[f"film {number}" for number in range(50)]))
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            # As a claim does; what an upload inserts does not conflict with it.
            await connection.execute(
                "select 1 from lookups where key = 'title:film 45|2000' for no key update"
            )
            async with asyncio.timeout(60):
                await service.session(*rows("film 45", "film 46"))
    finally:
        await connection.close()
    turns = await service.turns()
    assert [turns[key] for key in keys("film 45", "film 46")] == [46, 2]


# -- telling the daemons ---------------------------------------------------------------------------


async def test_the_daemons_are_told_once_of_a_session(service: Service, notified: Notified) -> None:
    await service.session(*rows(*[f"film {number}" for number in range(500)]))
    await notified.settle()
    assert notified.of("new_work") == ["1"], "the lowest of their turns"


async def test_the_daemons_are_told_when_it_is_committed_and_not_before(
    service: Service, notified: Notified, dsn: str, until: Until
) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            await connection.execute("lock table upload_reports in share mode")
            uploading = asyncio.create_task(service.session(*rows("a")))
            await until(
                lambda: service.database.fetchval(
                    "select count(*) from pg_locks where not granted "
                    "and relation = 'upload_reports'::regclass"
                )
            )
            await notified.settle()
            assert notified.of("new_work") == []
        await uploading
    finally:
        await connection.close()
    await notified.settle()
    assert notified.of("new_work") == ["1"], "the lowest of their turns"
