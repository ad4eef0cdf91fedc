"""Each request of a film waits for its slot; a 429 holds the fleet and costs the film nothing."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

import pytest
from structlog.testing import capture_logs

from enrich_service.scheduling.rate_limited_client import RateLimitedClient
from enrich_service.scheduling.slot_gate import SlotGate
from enrich_service.storage.request_limit import RequestLimit
from enrich_service.storage.window_holds import LONGEST_HOLD_SECONDS
from enrich_service.tmdb.client import ConnectionRevokedError, SlotExpiredError
from enrich_service.tmdb.errors import (
    KeyRefusedError,
    MalformedError,
    NotFoundError,
    RateLimitedError,
    RefusedError,
    TMDBError,
    Trouble,
    UnavailableError,
)
from enrich_service.tmdb.models import MovieDetails
from enrich_service.tmdb.requests import movie_details
from shared.tracing.spans import Tracing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from enrich_service.storage.window import WindowStorage
    from enrich_service.tmdb.client import TMDBClient
    from enrich_service.tmdb.requests import TMDBRequest

FILM = MovieDetails(id=603, title="The Matrix")
RULE = RequestLimit(limit=40, period=10.0, margin=0.2)
ROUTE = "movie_details"


class Outside:
    """What lies beyond the asking: the wire, the window and the fleet's view of TMDB."""

    def __init__(
        self, *answers: MovieDetails | TMDBError | SlotExpiredError | ConnectionRevokedError
    ) -> None:
        self._answers = list(answers)
        self.sent_at: list[float] = []
        self.latest: list[float] = []
        self.holds: list[float] = []
        self.answered: list[float] = []

    @asynccontextmanager
    async def connection(self, _: None) -> AsyncIterator[None]:
        yield

    async def send(
        self, _: TMDBRequest[MovieDetails], *, latest: float, connection: None
    ) -> MovieDetails:
        assert connection is None
        self.sent_at.append(time.monotonic())
        self.latest.append(latest)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def hold(self, seconds: float) -> None:
        self.holds.append(seconds)

    async def note_answer(self, sent_at: float) -> None:
        self.answered.append(sent_at)


def asking(outside: Outside, gate: SlotGate, expiry: float | None = None) -> RateLimitedClient:
    return RateLimitedClient(
        client=cast("TMDBClient", outside),
        gate=gate,
        window=cast("WindowStorage", outside),
        rule=RULE,
        on_answer=outside.note_answer,
        tracing=Tracing(),
        expiry=fresh() if expiry is None else expiry,
    )


def fresh() -> float:
    return time.monotonic() + 60


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def rate_limited(retry_after: float | None) -> RateLimitedError:
    return RateLimitedError("too many requests", retry_after=retry_after, route=ROUTE)


async def test_the_first_request_goes_on_the_slot_of_the_claim_and_the_next_waits_for_one() -> None:
    gate = SlotGate(asyncio.Event())
    outside = Outside(FILM, FILM)
    ask = asking(outside, gate)
    assert await ask(movie_details(603)) is FILM
    second = asyncio.create_task(ask(movie_details(603)))
    await settle()
    assert (gate.waiting, len(outside.sent_at)) == (1, 1)
    gate.give([fresh()])
    assert await second is FILM
    assert len(outside.answered) == 2


async def test_an_expired_slot_of_the_claim_is_not_used() -> None:
    gate = SlotGate(asyncio.Event())
    outside = Outside(FILM)
    asked = asyncio.create_task(asking(outside, gate, time.monotonic() - 1)(movie_details(603)))
    await settle()
    assert (gate.waiting, outside.sent_at) == (1, [])
    gate.give([fresh()])
    assert await asked is FILM


@pytest.mark.parametrize("trouble", [SlotExpiredError, ConnectionRevokedError])
async def test_a_request_that_lost_slot_or_connection_takes_another_slot(
    trouble: type[SlotExpiredError | ConnectionRevokedError],
) -> None:
    gate = SlotGate(asyncio.Event())
    outside = Outside(trouble(), FILM)
    first, second = fresh(), fresh() + 1
    asked = asyncio.create_task(asking(outside, gate, first)(movie_details(603)))
    await settle()
    assert gate.waiting == 1
    gate.give([second])
    assert await asked is FILM
    assert outside.latest == [first, second]
    assert (len(outside.answered), outside.holds) == (1, [])


@pytest.mark.parametrize(
    ("retry_after", "held"),
    [(3.0, 3.0), (None, RULE.period), (0.0, 0.0), (999_999.0, LONGEST_HOLD_SECONDS)],
)
async def test_too_many_requests_hold_the_window_and_are_sent_again_on_another_slot(
    retry_after: float | None, held: float
) -> None:
    gate = SlotGate(asyncio.Event())
    outside = Outside(rate_limited(retry_after), rate_limited(retry_after), FILM)
    with capture_logs() as events:
        asked = asyncio.create_task(asking(outside, gate)(movie_details(603)))
        for _ in range(2):
            await settle()
            assert gate.waiting == 1
            gate.give([fresh()])
        assert await asked is FILM
    assert outside.holds == [held, held]
    assert len(outside.answered) == 1, "being over the limit is no answer about a film"
    assert [event["hold_seconds"] for event in events] == [held, held]


@pytest.mark.parametrize(
    ("error", "is_an_answer"),
    [
        (NotFoundError("no such film", route=ROUTE), True),
        (RefusedError("bad parameter", route=ROUTE), True),
        (KeyRefusedError("bad key", route=ROUTE), False),
        (MalformedError("no JSON", route=ROUTE), False),
        (UnavailableError("HTTP 500", kind=Trouble.SERVER_ERROR, route=ROUTE), False),
    ],
)
async def test_what_tells_that_tmdb_answers_is_noted_and_every_error_passes_on(
    error: TMDBError, *, is_an_answer: bool
) -> None:
    outside = Outside(error)
    with pytest.raises(TMDBError) as caught:
        await asking(outside, SlotGate(asyncio.Event()))(movie_details(603))
    assert caught.value is error
    assert len(outside.answered) == int(is_an_answer)
    assert outside.holds == []


async def test_an_answer_is_noted_with_the_time_at_which_its_own_request_went_out() -> None:
    gate = SlotGate(asyncio.Event())
    outside = Outside(rate_limited(0.0), FILM)
    asked = asyncio.create_task(asking(outside, gate)(movie_details(603)))
    await settle()
    gate.give([fresh()])
    await asked
    (noted,) = outside.answered
    assert outside.sent_at[0] <= noted <= outside.sent_at[1]
