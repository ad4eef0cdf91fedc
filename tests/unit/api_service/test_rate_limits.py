"""Permits for each client: so many at once, then evenly; and nothing is remembered for ever."""

from __future__ import annotations

import pytest

from api_service.limits import rate_limits
from api_service.limits.rate_limits import RateLimit


class Clock:
    """Time that only a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_burst_is_let_through_and_then_one_at_a_time(clock: Clock) -> None:
    limit = RateLimit(60, 3600.0, burst=10, clock=clock)
    assert [limit.take("a") for _ in range(10)] == [None] * 10
    assert limit.take("a") == 60
    clock.now += 59
    assert limit.take("a") == 1
    clock.now += 1
    assert limit.take("a") is None
    assert limit.take("a") == 60


def test_refused_takes_cost_nothing(clock: Clock) -> None:
    limit = RateLimit(2, 10.0, burst=2, clock=clock)
    assert [limit.take("a") for _ in range(100)][:3] == [None, None, 5]
    clock.now += 5
    assert limit.take("a") is None


def test_permit_that_is_given_back_is_there_again(clock: Clock) -> None:
    limit = RateLimit(2, 10.0, burst=2, clock=clock)
    assert [limit.take("a"), limit.take("a")] == [None, None]
    limit.give_back("a")
    limit.give_back("nobody")
    assert [limit.take("a"), limit.take("a")] == [None, 5]


def test_clients_do_not_share_permits(clock: Clock) -> None:
    limit = RateLimit(1, 10.0, burst=1, clock=clock)
    assert [limit.take("a"), limit.take("b"), limit.take("a"), limit.take("b")] == [
        *(None, None),
        *(10, 10),
    ]


def test_zero_is_no_limit(clock: Clock) -> None:
    limit = RateLimit(0, 10.0, burst=1, clock=clock)
    assert [limit.take("a") for _ in range(1000)] == [None] * 1000


def test_who_stayed_away_is_forgotten(clock: Clock) -> None:
    limit = RateLimit(10, 10.0, burst=10, clock=clock)
    for number in range(100):
        limit.take(f"client {number}")
    clock.now += 11
    limit.take("another")
    assert len(limit) == 1


def test_more_clients_than_are_remembered(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "MOST_CLIENTS", 10)
    limit = RateLimit(10, 10.0, burst=10, clock=clock)
    for number in range(1000):
        limit.take(f"client {number}")
    assert len(limit) == 10
