"""JSON of any shape that a list of films may have, and JSON that is broken or something else."""

from __future__ import annotations

import json

import pytest

from api_service.lists.model import ListRefused, Refusal
from tests.support.uploaded_lists import read

FILMS = [
    {"title": "Heat", "year": 1995, "rating": 4.5, "tags": ["noir", "on dvd"]},
    {"Title": "Ran", "Year": "1985", "watched_date": "2020-01-02", "rewatch": True},
]


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(FILMS),
        json.dumps(FILMS, indent=2),
        "\n".join(map(json.dumps, FILMS)),
        json.dumps({"count": 2, "films": FILMS}),
        json.dumps([{"movie": FILMS[0]}, {"film": FILMS[1], "note": None}]),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_list_and_lines_of_objects_are_read(content: str, encoding: str) -> None:
    found = read({"films.json": content.encode(encoding)})
    assert found.column("title", "year", "rating", "tags", "watch_dates", "rewatches") == [
        ("Heat", "1995", "4.5", '{"noir","on dvd"}', "{}", "0"),
        ("Ran", "1985", "", "{}", "{2020-01-02}", "1"),
    ]


def test_what_says_that_it_was_not_watched_was_not() -> None:
    films = [
        {"title": "Heat", "watched": False},
        {"title": "Ran", "watched": True},
        {"title": "Alien", "watched": False, "rating": 4},
        {"title": "Ikiru", "watched": None},
    ]
    found = read({"films.json": json.dumps(films)})
    assert sorted(found.column("title", "watched")) == [
        ("Alien", "f"),  # what is stated outweighs a rating
        ("Heat", "f"),
        ("Ikiru", "f"),  # a blank beside filled ones
        ("Ran", "t"),
    ]
    assert found.report["list_only"] == 3


def test_numbers_are_titles_ids_and_ratings_where_they_stand_so() -> None:
    content = '[{"title": 1917, "year": 2019, "tmdb_id": 530915, "rating": 8.0}]'
    found = read({"films.json": content})
    assert found.column("title", "lookup_key", "rating_original") == [
        ("1917", "tmdb:530915", "8/10")
    ]


def test_titles_alone_are_read() -> None:
    found = read({"films.json": '["Heat (1995)", "Ran"]'})
    assert found.column("title", "year") == [("Heat", "1995"), ("Ran", "")]


def test_series_are_set_aside_by_their_type_and_by_the_name_of_their_list() -> None:
    content = {
        "movies": [{"title": "Heat"}, {"title": "Alien", "type": "Movie"}],
        "shows": [{"title": "Dark"}],
        "other": [{"title": "Arcane", "type": "tvSeries"}, {"title": "Tron", "type": "game"}],
    }
    found = read({"films.json": json.dumps(content)})
    assert found.column("title") == [("Heat",), ("Alien",)]
    assert [code for _, code in found.aside] == ["tv_series", "tv_series", "game"]


def test_items_are_named_by_line_or_by_number() -> None:
    items = ['{"title": "Heat"}', "17", '{"year": 1985}', '{"title": "A\\u0007B"}', '"\\ud800"']
    expected = [
        (2, "missing_title"),
        (3, "missing_title"),
        (4, "control_character"),
        (5, "control_character"),
    ]
    for content in ("[" + ", ".join(items) + "]", "\n".join(items)):
        found = read({"films.json": content})
        assert [(issue["line"], issue["code"]) for issue in found.report["rejected"]] == expected
        assert found.column("title") == [("Heat",)]


def test_file_of_one_long_line_is_read() -> None:
    films = [{"title": f"Film {number}", "review": "x" * 2_000} for number in range(1_000)]
    assert len(read({"films.json": json.dumps(films)}).movies) == 1_000


@pytest.mark.parametrize("content", ["[]", "{}", '[{"user": "me"}]', "[[1], [2]]", '{"a": {}}'])
def test_json_without_films_is_set_aside(content: str) -> None:
    found = read({"other.json": content, "films.json": '["Heat"]'})
    (aside,) = [file for file in found.report["files"] if file["set_aside"]]
    assert (aside["name"], aside["format"]) == ("other.json", None)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('[{"title": "Heat"}', 1),
        ('[{"title": "Heat"}\n{"title": "Ran"}]', 2),
        ('{"title": "Heat"}\n{"title": "Ran"', 2),
        ('[{"title": "Heat"},\n{"title": Ran}]', 2),
        ('["Heat"] and more', 1),
        ('[{"title": ' + "[" * 100_000, 1),
    ],
)
def test_broken_json_is_refused_with_its_line(content: str, line: int) -> None:
    with pytest.raises(ListRefused) as caught:
        read({"films.json": content})
    assert (caught.value.reason, caught.value.line) == (Refusal.BROKEN_JSON, line)
