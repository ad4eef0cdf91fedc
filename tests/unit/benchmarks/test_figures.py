"""The arithmetic of figures, and their table."""

from __future__ import annotations

import pytest

from benchmarks.figures import (
    Figure,
    longest_gap,
    percentile,
    share_of_budget,
    spread,
    table,
)


def test_a_missed_figure_is_told_plainly() -> None:
    text = table(
        [
            Figure("speed", "3 s", "<= 2 s", met=False),
            Figure("memory", "60 MB", "<= 80 MB", met=True),
            Figure("by the way", "7"),
        ]
    )
    heading, rule, missed, met, told = text.splitlines()
    assert heading.split() == ["what", "measured", "to", "be", "reached", "met"]
    assert set(rule) == {"-"}
    assert missed.endswith(" NO")
    assert met.endswith(" yes")
    assert told.split() == ["by", "the", "way", "7"]


def test_spread_tells_the_median_between_the_extremes() -> None:
    assert spread([3.0, 1.0, 2.0], "s") == "2.0 s (1.0-3.0)"
    assert spread([0.456], "ms", 2) == "0.46 ms"


@pytest.mark.parametrize(("percent", "value"), [(1, 1.0), (50, 50.0), (95, 95.0), (100, 100.0)])
def test_percentile_is_a_value_that_occurred(percent: int, value: float) -> None:
    assert percentile([float(number) for number in range(100, 0, -1)], percent) == value


def test_all_of_the_budget_is_four_requests_a_second_after_the_burst() -> None:
    arrivals = [0.0] * 40 + [10 + number / 4 for number in range(100)]
    assert share_of_budget(arrivals, 40, 10.0) == pytest.approx(1.0)


def test_the_longest_gap_is_found_between_moments() -> None:
    assert longest_gap([1.0, 9.0, 2.0, 4.0], 0.0, 10.0) == 5.0
