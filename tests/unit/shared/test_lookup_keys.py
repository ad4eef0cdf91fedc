from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.lookup_keys import (
    LookupKey,
    LookupKind,
    fold,
    imdb_key,
    parse_key,
    title_key,
    tmdb_key,
    twins_key,
)

TEXT = st.text(max_size=60)
YEARS = st.none() | st.integers(1874, 2100)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The Matrix", "the  matrix "),
        ("AMÉLIE", "Ame\N{COMBINING ACUTE ACCENT}lie"),
        ("Straße", "STRASSE"),
        ("\N{FULLWIDTH LATIN CAPITAL LETTER M}", "m"),
        ("8\N{VULGAR FRACTION ONE HALF}", "81\N{FRACTION SLASH}2"),
        ("WALL\N{NO-BREAK SPACE}E", "wall e"),
        ("Heat\t\n1995", "heat 1995"),
        ("ǅ", "ǆ"),
    ],
)
def test_spellings_of_one_title_meet(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Amélie", "Amelie"), ("The Thing", "Thing"), ("Alien", "Aliens"), ("Se7en", "Seven")],
)
def test_titles_that_only_matching_may_take_for_one_stay_apart(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@given(st.text(st.characters(codec="ascii"), max_size=60))
def test_plain_titles_are_folded_as_all_others(text: str) -> None:
    assert fold(text) == fold(f"{text}\u3000")  # a space beyond ASCII, which takes the long way


@given(TEXT)
def test_case_and_white_space_never_matter(text: str) -> None:
    folded = fold(text)
    assert fold(f"  {text}\t") == folded
    assert "  " not in folded
    assert folded == folded.strip()


@given(title=TEXT, year=YEARS)
def test_a_title_key_is_taken_apart_as_it_was_made(title: str, year: int | None) -> None:
    """Also when the title itself holds the separators."""
    assert parse_key(title_key(title, year)) == LookupKey(LookupKind.TITLE, fold(title), year)
    assert parse_key(twins_key(title, year)) == LookupKey(LookupKind.TWINS, fold(title), year)


@given(one=TEXT, other=TEXT, first=YEARS, second=YEARS)
def test_different_questions_have_different_keys(
    one: str, other: str, first: int | None, second: int | None
) -> None:
    same_question = (fold(one), first) == (fold(other), second)
    assert (title_key(one, first) == title_key(other, second)) == same_question
    assert title_key(one, first) != twins_key(other, second)


@given(st.integers(1, 10**9))
def test_a_tmdb_key_is_taken_apart_as_it_was_made(tmdb_id: int) -> None:
    assert parse_key(tmdb_key(tmdb_id)) == LookupKey(LookupKind.TMDB, str(tmdb_id))


def test_the_keys_of_the_design() -> None:
    assert tmdb_key(603) == "tmdb:603"
    assert imdb_key("TT0133093") == "imdb:tt0133093"
    assert title_key("The  Matrix", 1999) == "title:the matrix|1999"
    assert title_key("The Matrix", None) == "title:the matrix|"
    assert twins_key("The Thing", 1982) == "twins:the thing|1982"
    assert parse_key("imdb:tt0133093") == LookupKey(LookupKind.IMDB, "tt0133093")


@pytest.mark.parametrize("text", ["", "heat", "film:heat", "TITLE:heat|", "title:heat|soon"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_key(text)
