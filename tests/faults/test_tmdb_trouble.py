"""TMDB in trouble: for a while with everybody, or for ever with a few films."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.driving import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from local_stack.tmdb.film import Film
    from tests.faults.conftest import Ground
    from tests.support.driving import Driver

    Bill = Callable[[int], int]
    Rule = dict[str, Any]

LISTED = 50
"""Films of a list: more than are in flight at once."""
TROUBLES: dict[str, Rule] = {
    "500": {"kind": "status", "status": 500},
    "503": {"kind": "status", "status": 503, "headers": {"Retry-After": "1"}},
    "garbage": {"kind": "garbage"},
    "wrong shape": {"kind": "wrong_shape"},
    "truncated": {"kind": "truncated"},
    "reset": {"kind": "reset"},
}
SILENCE: Rule = {"kind": "hang"}
"""Apart from the others: the client waits ten seconds for an answer."""
LIMITED: dict[str, Rule] = {
    "with Retry-After": {"kind": "status", "status": 429, "headers": {"Retry-After": "1"}},
    "without Retry-After": {"kind": "status", "status": 429},
}


@pytest.fixture(scope="module")
async def one_daemon(ground: Ground) -> AsyncIterator[None]:
    """A daemon that lives through all these troubles."""
    daemon = await ground.driver.stack.add_daemon()
    yield
    assert await daemon.stop() == 0


@pytest.mark.usefixtures("one_daemon")
@pytest.mark.parametrize("trouble", [*TROUBLES, "silence"])
async def test_trouble_with_everybody_costs_no_film_an_attempt(
    driver: Driver, films: list[Film], bill: Bill, trouble: str
) -> None:
    asked = (await driver.report())["requests"]
    await driver.go_wrong({"match": "/3/", **TROUBLES.get(trouble, SILENCE)})

    session_id = await driver.upload(films[:LISTED])

    await driver.tmdb_is("down")
    await until(lambda: _nothing_claimed(driver))
    struck = (await driver.report())["requests"] - asked
    assert struck < LISTED, "while TMDB is down nobody goes on asking"
    assert await driver.value("select max(attempts) from lookups") == 0
    await until(lambda: _without_estimate(driver, session_id))

    await driver.go_wrong()
    status = await driver.completed(session_id)

    assert status["enriched_count"] == LISTED
    await driver.audit()
    assert len(driver.events("tmdb_down")) == 1
    assert len(driver.events("tmdb_up")) == 1
    assert bill(await driver.paid_twice()) <= struck


@pytest.mark.usefixtures("one_daemon")
@pytest.mark.parametrize("how", LIMITED)
async def test_a_429_holds_everybody_back_and_costs_no_film_an_attempt(
    driver: Driver, films: list[Film], bill: Bill, how: str
) -> None:
    asked = (await driver.report())["requests"]
    await driver.go_wrong({"match": "/3/", "times": 25, **LIMITED[how]})

    status = await driver.completed(await driver.upload(films[:LISTED]))

    assert status["enriched_count"] == LISTED
    await driver.audit()
    held = [event["hold_seconds"] for event in driver.events("tmdb_rate_limited")]
    assert held == [1.0] * 25
    assert not driver.events("lookup_retry")
    assert not driver.events("tmdb_down")
    arrivals = (await driver.report())["arrivals"][asked:]
    assert len(arrivals) == 2 * LISTED + 25
    longest_rest = max(later - sooner for sooner, later in pairwise(arrivals))
    assert longest_rest > 0.9, "nobody asks for as long as TMDB said, or one period"
    assert bill(await driver.paid_twice()) <= 25


@pytest.mark.usefixtures("one_daemon")
async def test_a_few_films_that_never_succeed_fail_with_their_reasons(
    driver: Driver, films: list[Film], bill: Bill
) -> None:
    poisoned = dict(zip(TROUBLES, films, strict=False))
    await driver.go_wrong(
        *({"match": rf"/3/movie/{film.id}\?", **TROUBLES[name]} for name, film in poisoned.items())
    )
    session_id = await driver.upload(films[:LISTED])

    status = await driver.completed(session_id)

    assert status["enriched_count"] == LISTED - len(poisoned)
    assert status["failed_count"] == len(poisoned)
    await driver.audit()
    failed = {
        movie["title"]: movie["reason"]
        for movie in await driver.movies(session_id)
        if movie["outcome"] == "failed"
    }
    assert failed.keys() == {film.title for film in poisoned.values()}
    assert "HTTP 500" in failed[poisoned["500"].title]
    assert "cut short" in failed[poisoned["truncated"].title]
    assert not driver.events("tmdb_down"), "TMDB answered everybody else"
    attempts = [event["key"] for event in driver.events("lookup_retry")]
    assert all(attempts.count(key) == 4 for key in attempts), "each had five attempts"
    assert bill(await driver.paid_twice()) == 4 * len(poisoned)

    await driver.go_wrong()
    forced = await driver.call("POST", f"/api/session/{session_id}/enrich")
    assert (forced.status, forced.body["requeued"]) == (202, len(poisoned))
    status = await driver.completed(session_id)
    assert status["enriched_count"] == LISTED
    await driver.audit()


async def _without_estimate(driver: Driver, session_id: str) -> bool:
    status = await driver.status(session_id)
    assert status["status"] == "enriching"
    return status["eta_seconds"] is None


async def _nothing_claimed(driver: Driver) -> bool:
    return await driver.claims() == 0
