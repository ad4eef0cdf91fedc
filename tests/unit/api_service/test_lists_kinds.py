"""Lists of people who keep them as they like: nothing planned is seen, nothing told is lost."""

from __future__ import annotations

import json

import pytest

from api_service.lists.model import ListRefused
from tests.support.uploaded_lists import read

SEEN, PLANNED, NEITHER = ("t", "f"), ("f", "t"), ("f", "f")
STATES = {
    "a sheet's name": ("Geplant.csv", "Title,Year\nRan,1985\n", {"Ran": PLANNED}),
    "a name in French": ("À voir.csv", "Title,Year\nRan,1985\n", {"Ran": PLANNED}),
    "rated on a watchlist": ("To Watch.csv", "Title,Year,Rating\nRan,1985,8\n", {"Ran": PLANNED}),
    "a state under another name": (
        "a.csv",
        "Title,Category,Rating\nRan,Plan to Watch,8\nHeat,Completed,9\n",
        {"Ran": PLANNED, "Heat": SEEN},
    ),
    "a column in Portuguese": (
        "a.csv",
        "Title,Situação\nRan,planejado\nHeat,assistido\n",
        {"Ran": PLANNED, "Heat": SEEN},
    ),
    "several lists in a cell": (
        "a.csv",
        'Title,Lists,Rating\nRan,"Watchlist, Horror",8\n',
        {"Ran": PLANNED},
    ),
    "a watchlist with priorities": (
        "a.csv",
        "Title,Year,Watchlist\nRan,1985,high priority\n",
        {"Ran": PLANNED},
    ),
    "no plays": ("a.csv", "Title,Times Watched\nHeat,2\nRan,0\n", {"Heat": SEEN, "Ran": NEITHER}),
    "no plays in JSON": (
        "a.json",
        '[{"title":"Heat","viewCount":2},{"title":"Ran","viewCount":0}]',
        {"Heat": SEEN, "Ran": NEITHER},
    ),
    "words that negate, beside a rating": (
        "a.csv",
        "Title,Status,Rating\nRan,not watched yet,8\nHeat,seen,9\n",
        {"Ran": NEITHER, "Heat": SEEN},
    ),
    "a known word and more": (
        "a.csv",
        "Title,Status,Rating\nRan,Planned - 2025,8\nHeat,Seen (twice),9\n",
        {"Ran": PLANNED, "Heat": SEEN},
    ),
    "objects by id": (
        "a.json",
        '{"949":{"title":"Heat","seen":true},"11645":{"title":"Ran","seen":false}}',
        {"Heat": SEEN, "Ran": NEITHER},
    ),
    "a blank day that others have": (
        "a.csv",
        "Title,Watched Date\nHeat,03/04/2020\nRan,\n",
        {"Heat": SEEN, "Ran": PLANNED},
    ),
    "a blank day of Letterboxd's import form": (
        "a.csv",
        "Title,WatchedDate\nHeat,2024-03-09\nRan,\n",
        {"Heat": SEEN, "Ran": SEEN},
    ),
}


@pytest.mark.parametrize("kind", STATES)
def test_state_is_understood(kind: str) -> None:
    name, content, expected = STATES[kind]
    found = read({name: content})
    states = {movie["title"]: (movie["watched"], movie["in_watchlist"]) for movie in found.movies}
    assert states == expected


@pytest.mark.parametrize(
    ("header", "cell", "stars"),
    [
        ("Score (out of 100)", "95", "95/100"),
        ("Rating (1-10)", "4", "4/10"),
        ("Rating (0-100)", "40", "40/100"),
        ("Note /20", "14", "14/20"),
        ("Rating (5)", "4", "4/5"),
    ],
)
def test_scale_is_that_of_the_header(header: str, cell: str, stars: str) -> None:
    found = read({"a.csv": f"Title,Year,{header}\nHeat,1995,{cell}\n"})
    assert found.column("rating_original") == [(stars,)]


def test_days_stay_among_other_marks_of_having_seen() -> None:
    found = read({"a.csv": "Title,Watched\nHeat,2024-03-09\nAlien,yes\nRan,\n"})
    days = {movie["title"]: movie["watch_dates"] for movie in found.movies}
    assert days == {"Heat": "{2024-03-09}", "Alien": "{}", "Ran": "{}"}


def test_row_below_an_unknown_header_is_no_header() -> None:
    rows = "series_title,series_type,my_status\nAkira,Movie,Plan to Watch\nPaprika,Movie,Seen\n"
    found = read({"a.csv": rows})
    assert {movie["title"] for movie in found.movies} == {"Akira", "Paprika"}


@pytest.mark.parametrize("moment", [{"_seconds": 1709985600}, {"$date": "2024-03-09T12:00:00Z"}])
def test_moment_may_be_wrapped(moment: object) -> None:
    films = [{"title": "Heat", "watchedAt": moment}, {"title": "Ran", "watchedAt": None}]
    found = read({"a.json": json.dumps(films)})
    assert found.column("title", "watched", "watch_dates") == [
        ("Heat", "t", "{2024-03-09}"),
        ("Ran", "f", "{}"),
    ]


@pytest.mark.parametrize("header", ["Cím,Dátum", "标题,日期", "タイトル,日付", "Otsikko,Päivä"])
def test_netflix_history_has_any_language(header: str) -> None:
    rows = "".join(f'"Show: Season 1: Part {n}",{n}/13/24\n' for n in range(1, 8))
    found = read({"NetflixViewingHistory.csv": f"{header}\n{rows}Heat,3/9/24\n"})
    assert found.column("title", "watch_dates") == [("Heat", "{2024-03-09}")]


@pytest.mark.parametrize("line", ["- [ ] Ran (1985)", "To watch:"])
def test_plain_text_that_tells_states_is_refused(line: str) -> None:
    with pytest.raises(Exception, match="title column"):
        read({"a.txt": f"{line}\nHeat (1995)\nRan (1985)\n"})


@pytest.mark.parametrize("name", ["\\ud800w", "rating\\ud800"])
def test_half_a_character_in_a_name_is_not_shown(name: str) -> None:
    found = read({"a.json": f'[{{"title":"Heat","{name}":1995}}]', "b.csv": "Title\nRan\n"})
    assert json.dumps(found.report, ensure_ascii=False).encode()
    with pytest.raises(ListRefused) as refused:
        read({"a.json": f'[{{"{name}":1995,"a":true}}]'})
    assert refused.value.message.encode()
