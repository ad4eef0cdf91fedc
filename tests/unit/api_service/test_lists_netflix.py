"""Netflix's viewing history: dates of any country, profiles, and what is no viewing."""

from __future__ import annotations

import io
import zipfile

import pytest

from api_service.lists.formats.netflix_titles import is_episode_by_itself
from api_service.lists.model import ListRefused, Refusal
from tests.support.uploaded_lists import read


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
    assert is_episode_by_itself(title)


@pytest.mark.parametrize("title", FILMS)
def test_film_with_a_colon_is_a_film(title: str) -> None:
    assert not is_episode_by_itself(title)


def test_episodes_are_set_aside_by_line_and_films_watched_twice_merged() -> None:
    rows = f'Heat,1/13/23\n"{EPISODES[0]}",1/13/23\n" ",1/13/23\nHeat,1/12/22\n'
    found = read({"ViewingHistory.csv": f"Title,Date\n{rows}"})
    assert found.aside == [(3, "tv_episode")]
    assert found.column("title", "watch_dates") == [("Heat", "{2022-01-12,2023-01-13}")]
    assert [issue["line"] for issue in found.report["rejected"]] == [4]


HEADER = (
    "Profile Name,Start Time,Duration,Attributes,Title,Supplemental Video Type,Device Type,"
    "Bookmark,Latest Bookmark,Country"
)


def activity(*rows: tuple[str, str, str, str]) -> str:
    """`ViewingActivity.csv` with a profile, a day, a duration and a title in each row."""
    lines = [
        f'{profile},{day} 20:32:15,{duration},,"{title}",,TV,{duration},{duration},DE (Germany)'
        for profile, day, duration, title in rows
    ]
    return "\n".join((HEADER, *lines, ""))


def test_viewing_activity_has_times_and_trailers() -> None:
    row = "Ash,2026-05-12 20:32:15,01:42:30,,{},{},Apple TV,01:42:30,01:42:30,US (United States)\n"
    content = f"{HEADER}\n" + row.format("Dune: Part Two", "") + row.format("Heat", "TRAILER")
    found = read({"ViewingActivity.csv": content})
    assert found.aside == [(3, "other_type")]
    assert found.column("title", "watch_dates") == [("Dune: Part Two", "{2026-05-12}")]


def test_less_than_two_minutes_is_no_viewing() -> None:
    content = activity(
        ("Ash", "2024-03-09", "00:01:59", "Ran"),
        ("Ash", "2024-03-10", "0:02:00", "Heat"),
        ("Ash", "2024-03-11", "", "Alien"),
    )
    found = read({"ViewingActivity.csv": content})
    assert found.aside == [(2, "short_viewing")]
    assert "“Ran” ran for 119 seconds" in found.report["set_aside"][0]["reason"]
    assert [title for (title,) in found.column("title")] == ["Heat", "Alien"]


SHARED = activity(
    ("Ash", "2024-03-09", "02:40:00", "Heat"),
    ("Ash", "2024-03-10", "02:40:00", "Heat"),
    ("Bo", "2024-03-11", "01:20:00", "Frozen"),
    ("Bo", "2024-03-12", "00:00:05", "Ran"),
)


def test_all_profiles_are_read_and_counted() -> None:
    found = read({"ViewingActivity.csv": SHARED})
    assert found.column("title", "watch_dates") == [
        ("Heat", "{2024-03-09,2024-03-10}"),
        ("Frozen", "{2024-03-11}"),
    ]
    assert found.report["files"][0]["profiles"] == [
        {"name": "Ash", "is_read": True, "rows": 2, "films": 1},
        {"name": "Bo", "is_read": True, "rows": 2, "films": 1},
    ]


def test_only_the_profiles_asked_for_are_read() -> None:
    found = read({"ViewingActivity.csv": SHARED}, profiles=["  BO "])
    assert [title for (title,) in found.column("title")] == ["Frozen"]
    assert found.aside == [(2, "other_profile"), (3, "other_profile"), (5, "short_viewing")]
    assert found.report["files"][0]["profiles"] == [
        {"name": "Ash", "is_read": False, "rows": 2, "films": 0},
        {"name": "Bo", "is_read": True, "rows": 2, "films": 1},
    ]


def test_unknown_profile_is_refused_with_those_there_are() -> None:
    with pytest.raises(ListRefused, match="“Cy”; the profiles are: “Ash”, “Bo”") as refused:
        read({"ViewingActivity.csv": SHARED}, profiles=["Bo", "Cy"])
    assert refused.value.reason is Refusal.NO_SUCH_PROFILE
    with pytest.raises(ListRefused, match="the profiles are: none"):
        read({"films.csv": "Title,Year\nHeat,1995\n"}, profiles=["Bo"])


def test_copy_of_all_data_is_read_for_its_viewings_alone() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("CONTENT_INTERACTION/ViewingActivity.csv", SHARED)
        archive.writestr(
            "CONTENT_INTERACTION/MyList.csv",
            "Profile Name,Title Name,Country,Utc Title Add Date\nAsh,Metropolis,DE,2024-02-01\n",
        )
        archive.writestr(
            "CONTENT_INTERACTION/Ratings.csv",
            "Profile Name,Title Name,Rating Type,Star Value,Thumbs Value,Device Model,"
            "Event Utc Ts,Region View Date\nAsh,Heat,thumb,,2,TV,2024-03-10 19:13:22,\n",
        )
        archive.writestr(
            "CONTENT_INTERACTION/SearchHistory.csv",
            "Profile Name,Country Iso Code,Device,Is Kids,Query Typed,Displayed Name,Action,"
            "Section,Utc Timestamp\nAsh,DE,TV,0,hea,Heat,play,Titles,2024-03-09 21:09:00\n",
        )
    found = read({"netflix-report.zip": packed.getvalue()})
    assert [title for (title,) in found.column("title")] == ["Heat", "Frozen"]
    assert {file["name"].split("/")[1]: file["set_aside"] for file in found.report["files"]} == {
        "ViewingActivity.csv": None,
        "MyList.csv": "is a list of series and films alike, and does not say which is which",
        "Ratings.csv": "rates series and films alike, and does not say which is which",
        "SearchHistory.csv": "holds what was searched for",
    }


@pytest.mark.parametrize(
    "content",
    [
        'Title;Date\n"Ran";25.3.24\nHeat;4.3.24\n',
        'Date,Title\n25/3/24,"Ran"\n4/3/24,Heat\n',
        "Title;;Date;;\nRan;;25/3/24;;\nHeat;;4/3/24;;\n",
        "Title,Date,Genre\nRan,25/3/24,war\nHeat,4/3/24,crime\nX: Season 1: A,3/3/24,\n",
    ],
)
def test_history_that_a_spreadsheet_saved_again_is_read(content: str) -> None:
    found = read({"h.csv": content})
    assert found.formats == ["netflix"]
    assert found.column("title", "watch_dates") == [
        ("Ran", "{2024-03-25}"),
        ("Heat", "{2024-03-04}"),
    ]


def test_own_list_of_titles_and_years_is_no_viewing_history() -> None:
    found = read({"films.csv": "Title,Date\nHeat,1995\n"})
    assert found.formats == ["csv"]
