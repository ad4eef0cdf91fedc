"""Netflix's viewing history: dates of any country, and episodes in any language set aside."""

from __future__ import annotations

import pytest

from api_service.rules.lists.netflix import not_a_film
from tests.unit.api_service.uploaded_lists import read


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (("1/9/23", "12/23/22"), ("2023-01-09", "2022-12-23")),
        (("09/01/2023", "23/12/2022"), ("2023-01-09", "2022-12-23")),
        (("09-01-23", "23-12-22"), ("2023-01-09", "2022-12-23")),
        (("09.01.23", "08.12.22"), ("2023-01-09", "2022-12-08")),
        (("2023-01-09", "2022-12-23"), ("2023-01-09", "2022-12-23")),
        (("2023. 1. 9.", "2022. 12. 23."), ("2023-01-09", "2022-12-23")),
    ],
)
def test_whole_file_tells_days_from_months(
    days: tuple[str, str], expected: tuple[str, str]
) -> None:
    found = read({"h.csv": f'Title,Date\n"Heat","{days[0]}"\n"Ran","{days[1]}"\n'})
    assert found.formats == ["netflix"]
    assert found.column("watch_dates") == [(f"{{{day}}}",) for day in expected]


def test_dates_that_nothing_tells_are_not_guessed_and_reported() -> None:
    found = read({"h.csv": "Title,Date\nHeat,3/4/23\nRan,4/3/23\nAlien,3/3/23\n"})
    assert found.column("watched", "watch_dates") == [
        ("t", "{}"),
        ("t", "{}"),
        ("t", "{2023-03-03}"),
    ]
    assert found.notes == [(2, "bad_date"), (3, "bad_date")]
    assert "nothing in the file tells which" in found.report["notes"][0]["reason"]


EPISODES = [
    "The Good Doctor: Season 3: Disaster",
    "Inside the World’s Toughest Prisons: Season 3: Colombia: Narco Prison",  # noqa: RUF001  # its own
    "Hold Tight: Limited Series: Episode 6",
    "Luther: Series 4: Episode 2",
    "Unsolved Mysteries: Volume 3: Body in Bags",
    "Avatar: The Last Airbender: Book 1: The Avatar Returns",
    "KENGAN ASHURA: Part ll: Father",
    "Stranger Things: Stranger Things 4: Chapter Nine: The Piggyback",
    "Stranger Things: Chapter One: The Vanishing of Will Byers",
    "WWE SmackDown: 2025: Some Night",
    "High Water: Episode 6",
    "Dark: Staffel 1: Geheimnisse",
    "La Casa de Papel: Temporada 3: Episodio 4",
    "Stranger Things : Saison 1 : Chapitre un : La disparition",
    "Downton Abbey: Seizoen 6: The Finale",
    "Kastanjemanden: Aflevering 6",
    "Godless: Miniserie: Homecoming",
    "Den osannolika mördaren: Miniserie: Aflevering 5",
    "Vår tid är nu : Seizoen 4: Late zomer",
    "Lupin: Deel 2: Hoofdstuk 10",
]
FILMS = [
    "Heat",
    "Dune: Part Two",
    "Kill Bill: Volume 1",
    "John Wick: Chapter 4",
    "The Hunger Games: Mockingjay: Part 1",
    "Spider-Man: Homecoming",
    "The Lord of the Rings: The Fellowship of the Ring",
    "Star Wars: Episode IV - A New Hope",
    "Conor McGregor: Notorious",
    "Gifted Hands: The Ben Carson Story",
    "2001: A Space Odyssey",
    "1917",
    "1:23:45",
    "Making The Witcher: Season 2",
]


@pytest.mark.parametrize("title", EPISODES)
def test_episode_is_known_by_its_title(title: str) -> None:
    assert not_a_film(title)


@pytest.mark.parametrize("title", FILMS)
def test_film_with_a_colon_is_a_film(title: str) -> None:
    assert not_a_film(title) is None


def test_episodes_are_set_aside_by_line_and_films_watched_twice_merged() -> None:
    rows = f'Heat,1/13/23\n"{EPISODES[0]}",1/13/23\n" ",1/13/23\nHeat,1/12/22\n'
    found = read({"ViewingHistory.csv": f"Title,Date\n{rows}"})
    assert found.aside == [(3, "tv_episode")]
    assert found.column("title", "watch_dates") == [("Heat", "{2022-01-12,2023-01-13}")]
    assert [issue["line"] for issue in found.report["rejected"]] == [4]


def test_viewing_activity_has_times_and_trailers() -> None:
    header = (
        "Profile Name,Start Time,Duration,Attributes,Title,Supplemental Video Type,Device Type,"
        "Bookmark,Latest Bookmark,Country\n"
    )
    row = "Ash,2026-05-12 20:32:15,01:42:30,,{},{},Apple TV,01:42:30,01:42:30,US (United States)\n"
    content = header + row.format("Dune: Part Two", "") + row.format("Heat", "TRAILER")
    found = read({"ViewingActivity.csv": content})
    assert found.aside == [(3, "other_type")]
    assert found.column("title", "watch_dates") == [("Dune: Part Two", "{2026-05-12}")]


def test_own_list_of_titles_and_years_is_no_viewing_history() -> None:
    found = read({"films.csv": "Title,Date\nHeat,1995\n"})
    assert found.formats == ["csv"]
