"""How long a session still takes when everybody's films go round in turns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_service.eta import estimate_seconds, films_ahead

OTHERS = st.lists(st.integers(1, 100_000), max_size=20)
REMAINING = st.integers(1, 100_000)


@pytest.mark.parametrize(
    ("remaining", "everyone", "films"),
    [
        (0, [], 0),
        (0, [500], 0),
        (20, [20], 20),
        (20, [20, 20], 40),
        (20, [20, 100_000], 40),  # a long list takes no more turns than a short one meanwhile
        (100, [100, 20], 120),
        (20, [], 20),  # what is told of the others may be older than this session
        (20, [3, 5], 20),
    ],
)
def test_turns_go_round_film_by_film(remaining: int, everyone: list[int], films: int) -> None:
    assert films_ahead(remaining, everyone) == films


def test_turns_of_clients_come_before_as_they_were_granted() -> None:
    assert films_ahead(100, [20, 500], granted=300) == 420
    assert films_ahead(100, [], granted=30) == 100


@given(remaining=REMAINING, others=OTHERS)
def test_no_session_is_behind_more_films_than_there_are_nor_fewer_than_its_own(
    remaining: int, others: list[int]
) -> None:
    ahead = films_ahead(remaining, [remaining, *others])
    assert remaining <= ahead <= remaining + sum(others)


@given(remaining=REMAINING, others=OTHERS)
def test_every_film_that_is_done_brings_the_end_nearer(remaining: int, others: list[int]) -> None:
    now = films_ahead(remaining, [remaining, *others])
    assert films_ahead(remaining - 1, [remaining - 1, *others]) < now


@pytest.mark.parametrize(
    ("films", "requests_per_film", "wait", "share", "seconds"),
    [
        (20, None, 0.0, 1.0, 10),  # 20 films are 40 requests, which is one period
        (20, 1.0, 0.0, 1.0, 5),
        (20, 1.0, 9.6, 1.0, 15),
        (500, 5.0, 0.0, 1.0, 625),
        (0, None, 10.0, 1.0, 10),
        (20, None, 3.0, 0.5, 23),  # after a 429
        (20, None, 0.0, 0.001, 400),  # a request a period is the least
    ],
)
def test_the_time_is_that_of_the_requests_after_the_wait_for_the_first(
    films: int, requests_per_film: float | None, wait: float, share: float, seconds: int
) -> None:
    told = estimate_seconds(
        films, requests_per_film=requests_per_film, wait=wait, share=share, limit=40, period=10.0
    )
    assert told == seconds
