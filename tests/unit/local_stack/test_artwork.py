"""Pictures of the stand-in: well-formed SVG whatever a title holds, and each film's own."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from local_stack.tmdb.artwork import backdrop, portrait, poster
from local_stack.tmdb.film import load_films


def words(drawing: str) -> str:
    root = ET.fromstring(drawing)  # noqa: S314 - the drawing is our own
    return " ".join(text for text in root.itertext() if text)


def test_every_poster_is_well_formed_and_bears_its_title_and_year() -> None:
    for film in load_films():
        told = words(poster(film))
        assert film.title.split()[0][:8] in told
        assert str(film.year or "") in told


def test_a_long_title_is_cut_short() -> None:
    longest = max(load_films(), key=lambda film: len(film.title))
    assert "…" in words(poster(longest))


def test_two_films_have_two_posters_and_one_film_always_the_same() -> None:
    first, second = load_films()[:2]
    assert poster(first) == poster(first)
    assert backdrop(first) != backdrop(second)


def test_a_portrait_shows_the_initials() -> None:
    assert words(portrait(4, "ada von Abel")) == "AV"
    assert words(portrait(5, "<&")) == "<"
