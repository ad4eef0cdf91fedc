"""Ratings out of 5, 10 and 100 on one scale, with what was given kept."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_service.lists.values.ratings import SCALES, Rating, find_scale, rating_reader


@pytest.mark.parametrize(
    ("cell", "out_of", "stars", "original"),
    [
        ("0.5", 5, "0.5", "0.5/5"),
        ("4", 5, "4", "4/5"),
        ("4.50", 5, "4.5", "4.5/5"),
        ("4,5", 5, "4.5", "4.5/5"),
        (" 5 ", 5, "5", "5/5"),
        ("1", 10, "0.5", "1/10"),
        ("9", 10, "4.5", "9/10"),
        ("10", 10, "5", "10/10"),
        ("7.0", 10, "3.5", "7/10"),
        ("8.5", 10, "4.5", "8.5/10"),  # between two halves: the better one
        ("0.5", 10, "0.5", "0.5/10"),
        ("73", 100, "3.5", "73/100"),
        ("100", 100, "5", "100/100"),
        ("8/10", 5, "4", "8/10"),
        ("4 / 5", 100, "4", "4/5"),
    ],
)
def test_rating_becomes_stars(cell: str, out_of: int, stars: str, original: str) -> None:
    assert rating_reader(out_of)(cell) == Rating(Decimal(stars), original)


@pytest.mark.parametrize(
    "cell", ["0", "5.5", "-1", "8", "NaN", "sNaN", "1e0", "☆☆☆", "٤", "6/5", "B+"]
)
def test_what_is_no_rating_is_refused(cell: str) -> None:
    with pytest.raises(ValueError, match=r"not a rating from 0.5 to 5"):
        rating_reader(5)(cell)


@pytest.mark.parametrize(
    ("cell", "original"),
    [
        *(("★★★★½", "4.5/5"), ("★★★☆☆", "3/5"), ("⭐️⭐️", "2/5"), ("★★★★★★★☆☆☆", "7/10")),
        *(("4 stars", "4/5"), ("4½", "4.5/5"), ("8 out of 10", "8/10"), ("4,5 / 5", "4.5/5")),
        *(("85%", "85/100"), ("7 stars", "7/10"), ("*** 1/2", "3.5/5")),
    ],
)
def test_stars_and_per_cent_have_a_scale_of_their_own(cell: str, original: str) -> None:
    found = rating_reader(100)(cell)
    assert found is not None
    assert found.original == original


def test_blank_cell_is_no_rating() -> None:
    assert rating_reader(10)(" ") is None


@pytest.mark.parametrize(
    ("cells", "scale"),
    [
        ([], 5),
        (["4.5", "", "1"], 5),
        (["3", "6"], 10),
        (["10", "x"], 10),
        (["11", "80"], 100),
        (["8/10", "4"], 5),
        (["1000"], 5),
        (["4", "3", "11"], 5),
        (["4", "8", "80"], 10),
    ],
)
def test_whole_file_tells_the_scale(cells: list[str], scale: int) -> None:
    assert find_scale(cells) == scale


@given(st.decimals("0.01", 100, places=2), st.sampled_from(SCALES))
def test_stars_are_halves_nearest_to_what_was_given(given_rating: Decimal, out_of: int) -> None:
    try:
        rating = rating_reader(out_of)(str(given_rating))
    except ValueError:
        assert given_rating > out_of
        return
    assert rating
    assert rating.stars in {Decimal(half) / 2 for half in range(1, 11)}
    exact = given_rating * 5 / out_of
    assert abs(rating.stars - exact) <= Decimal("0.25") or exact < Decimal("0.25")
    assert Decimal(rating.original.split("/", maxsplit=1)[0]) == given_rating
