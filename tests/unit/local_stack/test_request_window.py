"""The request budget of the stand-in: a sliding window, checked against plain counting."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from local_stack.tmdb.request_window import RequestWindow


def test_the_limit_passes_and_one_more_waits() -> None:
    window = RequestWindow(limit=3, period=10)
    assert [window.arrive(moment) for moment in (0.0, 1.0, 2.0, 3.0)] == [None, None, None, 7]
    assert window.largest == 4


def test_one_may_pass_when_the_first_is_a_whole_period_old() -> None:
    window = RequestWindow(limit=1, period=10)
    assert window.arrive(0.0) is None
    assert window.arrive(9.99) == 1
    assert window.arrive(10.0) is None


def test_waiting_is_rounded_up_to_whole_seconds() -> None:
    window = RequestWindow(limit=1, period=10)
    window.arrive(0.0)
    assert window.arrive(2.5) == 8


def test_refused_requests_count_as_seen_but_use_nothing_up() -> None:
    window = RequestWindow(limit=1, period=10)
    answers = [window.arrive(second) for second in range(11)]
    assert answers[0] is None
    assert answers[10] is None
    assert None not in answers[1:10]
    assert window.largest == 10


def test_a_smaller_limit_holds_at_once() -> None:
    window = RequestWindow(limit=4, period=10)
    for moment in (0.0, 1.0, 2.0):
        window.arrive(moment)
    window.change(limit=2, period=10)
    assert window.arrive(3.0) == 8
    assert window.arrive(11.0) is None


def test_a_larger_limit_holds_at_once() -> None:
    window = RequestWindow(limit=1, period=10)
    window.arrive(0.0)
    window.change(limit=2, period=10)
    assert window.arrive(1.0) is None


def test_another_period_counts_anew() -> None:
    window = RequestWindow(limit=1, period=10)
    window.arrive(0.0)
    window.change(limit=1, period=1)
    assert window.largest == 0
    assert window.arrive(0.1) is None
    assert window.arrive(0.2) == 1


@given(
    steps=st.lists(st.sampled_from([0.0, 0.25, 0.5, 3.0]), max_size=60),
    limit=st.integers(1, 5),
    period=st.sampled_from([1.0, 2.0]),
)
def test_never_more_than_the_limit_passes_in_any_period(
    steps: list[float], limit: int, period: float
) -> None:
    window = RequestWindow(limit=limit, period=period)
    now = 0.0
    arrived: list[float] = []
    passed: list[float] = []
    largest = 0
    for step in steps:
        now += step
        wait = window.arrive(now)
        arrived.append(now)
        recent = [moment for moment in passed if moment > now - period]
        if wait is None:
            assert len(recent) < limit
            passed.append(now)
        else:
            assert len(recent) == limit
            assert wait >= recent[0] + period - now
        largest = max(largest, sum(moment > now - period for moment in arrived))
    assert window.largest == largest
