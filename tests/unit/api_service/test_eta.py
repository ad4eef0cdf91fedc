"""How long a session still takes when everybody's films go round in turns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_service.rules.eta import REQUESTS_PER_FILM, estimate_seconds

OTHERS = st.lists(st.integers(1, 100_000), max_size=20)
REMAINING = st.integers(1, 100_000)


@pytest.mark.parametrize(
    ("remaining", "everyone", "seconds"),
    [
        (0, [], 0),
        (0, [500], 0),
        (20, [20], 10),  # 20 films are 40 requests, which is one period
        (500, [500], 250),
        (1, [1], 0),
        (20, [20, 20], 20),
        (20, [20, 100_000], 20),  # a long list takes no more turns than a short one meanwhile
        (100, [100, 20], 60),
        (20, [], 10),  # what is told of the others may be older than this session
        (20, [3, 5], 10),
    ],
)
def test_turns_go_round_film_by_film(remaining: int, everyone: list[int], seconds: int) -> None:
    assert estimate_seconds(remaining, everyone, limit=40, period=10.0) == seconds


@given(remaining=REMAINING, others=OTHERS, limit=st.integers(1, 1000))
def test_no_session_is_told_more_than_if_it_were_last_nor_less_than_if_it_were_alone(
    remaining: int, others: list[int], limit: int
) -> None:
    told = estimate_seconds(remaining, [remaining, *others], limit=limit, period=10.0)
    alone = remaining * REQUESTS_PER_FILM * 10.0 / limit
    last = (remaining + sum(others)) * REQUESTS_PER_FILM * 10.0 / limit
    assert round(alone) <= told <= round(last)


@given(remaining=REMAINING, others=OTHERS)
def test_every_film_that_is_done_brings_the_end_nearer(remaining: int, others: list[int]) -> None:
    now = estimate_seconds(remaining, [remaining, *others], limit=40, period=10.0)
    next_ = estimate_seconds(remaining - 1, [remaining - 1, *others], limit=40, period=10.0)
    assert next_ <= now
