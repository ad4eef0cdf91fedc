"""The arithmetic of figures, and their table."""

from __future__ import annotations

import pytest

from benchmarks.figures import (
    WIDEST,
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


def test_columns_stand_below_their_headings() -> None:
    heading, _, row = table([Figure("a long name of a thing", "1", "2", met=True)]).splitlines()
    assert [heading.index(word) for word in ("measured", "to be", "met")] == [
        row.index(word) for word in ("1", "2", "yes")
    ]


def test_what_is_too_wide_goes_on_below() -> None:
    words = " ".join(["word"] * 40)
    lines = table([Figure("what", words, "reach", met=True)]).splitlines()[2:]
    assert " ".join(line.removeprefix("what") for line in lines).split().count("word") == 40
    assert max(map(len, lines)) < 2 * WIDEST
    assert lines[0].endswith("yes")


def test_spread_tells_the_median_between_the_extremes() -> None:
    assert spread([3.0, 1.0, 2.0], "s") == "2.0 s (1.0-3.0)"
    assert spread([0.456], "ms", 2) == "0.46 ms"


@pytest.mark.parametrize(("percent", "value"), [(1, 1.0), (50, 50.0), (95, 95.0), (100, 100.0)])
def test_percentile_is_a_value_that_occurred(percent: int, value: float) -> None:
    assert percentile([float(number) for number in range(100, 0, -1)], percent) == value


def test_percentile_of_one_value_is_that_value() -> None:
    assert percentile([4.0], 95) == 4.0


def test_all_of_the_budget_is_four_requests_a_second_after_the_burst() -> None:
    arrivals = [0.0] * 40 + [10 + number / 4 for number in range(100)]
    assert share_of_budget(arrivals, 40, 10.0) == pytest.approx(1.0)


def test_half_the_pace_is_half_of_the_budget() -> None:
    arrivals = [0.0] * 40 + [10 + number / 2 for number in range(100)]
    assert share_of_budget(arrivals, 40, 10.0) == pytest.approx(0.5)


def test_a_pause_in_the_middle_lowers_the_share() -> None:
    arrivals = [0.0] * 40 + [10 + number / 4 + (5 if number > 50 else 0) for number in range(100)]
    assert share_of_budget(arrivals, 40, 10.0) == pytest.approx(99 / (99 + 20))


def test_the_longest_gap_is_found_between_moments() -> None:
    assert longest_gap([1.0, 9.0, 2.0, 4.0], 0.0, 10.0) == 5.0


def test_the_longest_gap_may_touch_either_end() -> None:
    assert longest_gap([3.0, 4.0], 0.0, 5.0) == 3.0
    assert longest_gap([1.0, 2.0], 0.0, 9.0) == 7.0
    assert longest_gap([], 2.0, 8.0) == 6.0


def test_moments_outside_do_not_count() -> None:
    assert longest_gap([-1.0, 5.5, 11.0], 0.0, 10.0) == 5.5
