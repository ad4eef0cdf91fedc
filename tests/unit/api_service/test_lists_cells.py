"""What single cells may look like, and what they mean."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_service.handlers.movies import Correction
from api_service.lists.values import cells
from enrich_service.tmdb.requests import movie_details


@pytest.mark.parametrize(
    ("cell", "title"),
    [
        ("Heat", "Heat"),
        ("  In the   Mood\tfor\nLove ", "In the Mood for Love"),
        ("Ame\u0301lie", "Amélie"),
        ("\N{FULLWIDTH LATIN SMALL LETTER F}ilm", "\N{FULLWIDTH LATIN SMALL LETTER F}ilm"),
        (
            "\u0645\u06cc\u200c\u062e\u0648\u0631\u0645",
            "\u0645\u06cc\u200c\u062e\u0648\u0631\u0645",
        ),
        ("???", "???"),
        ("   ", ""),
        ("\u200b \u2060", ""),
    ],
)
def test_title_is_trimmed_and_composed_but_otherwise_left_alone(cell: str, title: str) -> None:
    assert cells.read_title(cell) == title


@given(st.text())
def test_reading_a_title_again_changes_nothing(text: str) -> None:
    title = cells.read_title(text)
    assert cells.read_title(title) == title
    assert unicodedata.is_normalized("NFC", title)


@pytest.mark.parametrize(
    ("title", "parts"),
    [
        ("The Thing (1982)", ("The Thing", "1982")),
        ("The Thing(1982)", ("The Thing", "1982")),
        ("2001 (A Space Odyssey)", ("2001 (A Space Odyssey)", "")),
        ("(1982)", ("(1982)", "")),
        ("1917", ("1917", "")),
        ("Class of (9999)", ("Class of (9999)", "")),
    ],
)
def test_year_in_brackets_after_a_title_is_split_off(title: str, parts: tuple[str, str]) -> None:
    assert cells.split_title(title) == parts


@pytest.mark.parametrize(
    ("cell", "year"),
    [
        ("1999", 1999),
        (" 1999 ", 1999),
        ("1999.0", 1999),
        ("(1999)", 1999),
        ("1999-03-31", 1999),
        ("31/03/1999", 1999),
        ("March 31, 1999", 1999),
        ("1870", 1870),
        ("2100", 2100),
        ("  ", None),
    ],
)
def test_year_is_found_in_years_and_dates(cell: str, year: int | None) -> None:
    assert cells.read_year(cell) == year


@pytest.mark.parametrize(
    "cell", ["19x9", "1869", "2101", "99", "19999", "1999-2001", "١٩٩٩", "soon"]
)
def test_what_is_no_year_is_refused(cell: str) -> None:
    with pytest.raises(ValueError, match="read without a year"):
        cells.read_year(cell)


def test_ids_are_read() -> None:
    assert [cells.read_tmdb_id(cell) for cell in ("603", " 603.0 ", " ")] == [603, 603, None]
    assert cells.read_imdb_id("TT0133093") == "tt0133093"
    assert cells.read_imdb_id("https://www.imdb.com/title/tt0133093/") == "tt0133093"
    assert cells.read_imdb_id(" ") is None


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("tt12345", "tt0012345"),
        ("TT133093", "tt0133093"),
        ("tt0133093", "tt0133093"),
        ("tt00133093", "tt0133093"),
        ("tt12345678", "tt12345678"),
        ("tt1234567890", "tt1234567890"),
    ],
)
def test_an_imdb_id_is_read_as_one_that_tmdb_can_be_asked_for(cell: str, expected: str) -> None:
    read = cells.read_imdb_id(cell)
    assert read == expected
    assert read is not None
    assert movie_details(read).path == f"/3/movie/{expected}"
    assert Correction(imdb_id=read).key == f"imdb:{expected}"


@pytest.mark.parametrize("cell", ["0", "-5", "603.5", "2147483648", "tt603", "٦٠٣"])
def test_what_is_no_tmdb_id_is_refused(cell: str) -> None:
    with pytest.raises(ValueError, match="no TMDB id"):
        cells.read_tmdb_id(cell)


@pytest.mark.parametrize("cell", ["nm0000206", "133093", "att0133093", "tt1"])
def test_what_is_no_imdb_id_is_refused(cell: str) -> None:
    with pytest.raises(ValueError, match="no IMDb title id"):
        cells.read_imdb_id(cell)


def test_an_imdb_id_may_stand_without_its_letters_where_the_format_has_none() -> None:
    assert [cells.read_imdb_number(cell) for cell in ("0114709", "114709", " ")] == [
        "tt0114709",
        "tt0114709",
        None,
    ]
    for cell in ("0", "12345678901", "nm1"):
        with pytest.raises(ValueError, match="no IMDb title id"):
            cells.read_imdb_number(cell)


@pytest.mark.parametrize(("cell", "count"), [("3", 3), ("3.0", 3), ("many", 0), ("9" * 9, 10_000)])
def test_plays_are_counted(cell: str, count: int) -> None:
    assert cells.read_count(cell) == count


@pytest.mark.parametrize(
    "cell",
    ["javascript:alert(1)", "//boxd.it/1", "boxd.it/1", "https://a b", "https://" + "a" * 2000],
)
def test_address_that_no_page_should_link_to_is_refused(cell: str) -> None:
    with pytest.raises(ValueError, match="no http or https address"):
        cells.read_address(cell)


def test_blank_cells_say_nothing() -> None:
    assert [cells.read_year(" "), cells.read_address(" "), cells.read_count(" ")] == [None, "", 0]


def test_long_cells_are_shown_shortened() -> None:
    with pytest.raises(ValueError, match=r"^“x{40}…” is no year"):
        cells.read_year("x" * 1000)


def test_tags_are_split_and_distinct() -> None:
    assert cells.split_tags(" noir,, on  dvd, noir ,") == ("noir", "on dvd")
