"""IMDb's ratings, watchlists and lists in each of the three forms they have had."""

from __future__ import annotations

import pytest

from tests.support.uploaded_lists import read

OLD = (
    '"position","const","created","modified","description","Title","Title type","Directors",'
    '"You rated","IMDb Rating","Runtime (mins)","Year","Genres","Num. Votes",'
    '"Release Date (month/day/year)","URL"\n'
)
MIDDLE = (
    "Const,Your Rating,Date Rated,Title,URL,Title Type,IMDb Rating,Runtime (mins),Year,Genres,"
    "Num Votes,Release Date,Directors\n"
)
NEW = (
    "Const,Your Rating,Date Rated,Title,Original Title,URL,Title Type,IMDb Rating,Runtime (mins),"
    "Year,Genres,Num Votes,Release Date,Directors\n"
)
LIST = (
    "Position,Const,Created,Modified,Description,Title,Original Title,URL,Title Type,IMDb Rating,"
    "Runtime (mins),Year,Genres,Num Votes,Release Date,Directors,Your Rating,Date Rated\n"
)


def old(title_type: str, rating: str = "8", title: str = "Heat") -> str:
    return (
        f'"1","tt0113277","Sat Apr 23 08:36:35 2011","","","{title}","{title_type}","Michael Mann",'
        f'"{rating}","8.3","170","1995","crime, drama","1","1995-12-15",'
        '"http://www.imdb.com/title/tt0113277/"\n'
    )


def new(title_type: str, header: str = NEW) -> str:
    original = "Heat," if header == NEW else ""
    return (
        f"tt0113277,9,2024-01-05,Heat,{original}https://www.imdb.com/title/tt0113277/,{title_type},"
        '8.3,170,1995,"Action, Crime",750000,1995-12-15,Michael Mann\n'
    )


@pytest.mark.parametrize(
    ("content", "rating"),
    [
        (OLD + old("Feature Film"), "4.0"),
        (MIDDLE + new("movie", MIDDLE), "4.5"),
        (NEW + new("Movie"), "4.5"),
    ],
)
def test_ratings_of_each_generation_are_read(content: str, rating: str) -> None:
    found = read({"ratings.csv": content})
    assert found.formats == ["imdb_ratings"]
    (film,) = found.movies
    assert (film["lookup_key"], film["title"], film["year"]) == ("imdb:tt0113277", "Heat", "1995")
    assert (film["watched"], film["rating"]) == ("t", f"{float(rating):g}")
    assert film["rating_original"] in {"8/10", "9/10"}
    assert film["source_url"].endswith("www.imdb.com/title/tt0113277/")
    assert found.notes == []


@pytest.mark.parametrize(
    "title_type",
    [
        *("Feature Film", "Short Film", "Documentary", "TV Movie", "Video", "TV Special"),
        *("movie", "short", "tvMovie", "tvShort", "tvSpecial", "video", "musicVideo"),
        *("Movie", "Short", "TV Short", "Music Video", "Film", "whatever comes next", ""),
    ],
)
def test_films_short_films_and_videos_are_kept(title_type: str) -> None:
    for content in (OLD + old(title_type), NEW + new(title_type)):
        assert len(read({"ratings.csv": content}).movies) == 1


@pytest.mark.parametrize(
    ("title_type", "code"),
    [
        ("TV Series", "tv_series"),
        ("Mini-Series", "tv_series"),
        ("tvSeries", "tv_series"),
        ("tvMiniSeries", "tv_series"),
        ("TV Mini Series", "tv_series"),
        ("tvPilot", "tv_series"),
        ("Serie TV", "tv_series"),
        ("Série télévisée", "tv_series"),
        ("TV Episode", "tv_episode"),
        ("tvEpisode", "tv_episode"),
        ("Video Game", "game"),
        ("videoGame", "game"),
        ("Podcast Series", "podcast"),
        ("podcastEpisode", "podcast"),
    ],
)
def test_what_is_no_film_is_set_aside_with_its_line(title_type: str, code: str) -> None:
    found = read({"ratings.csv": NEW + new("Movie") + new(title_type)})
    assert found.aside == [(3, code)]
    assert found.report["set_aside"][0]["reason"].endswith("not a film")
    assert (found.report["set_aside_count"], found.report["rows_merged"]) == (1, 0)


def test_watchlist_is_not_watched() -> None:
    rows = "1,tt0113277,2024-01-05,2024-01-05,,Heat,Heat,https://x.org/,Movie,8,170,1995,,1,,,,\n"
    found = read({"WATCHLIST.csv": LIST + rows})
    assert found.formats == ["imdb_watchlist"]
    assert found.column("watched", "in_watchlist", "rating") == [("f", "t", "")]


def test_watchlist_of_2017_is_told_by_its_name() -> None:
    found = read({"WATCHLIST.csv": OLD + old("Feature Film", rating="")})
    assert found.column("watched", "in_watchlist") == [("f", "t")]


def test_list_keeps_its_name_and_only_what_was_rated_was_seen() -> None:
    rows = (
        "1,tt0113277,2024-01-05,2024-01-05,,Heat,Heat,https://x.org/,Movie,8,170,1995,,1,,,,\n"
        "2,tt0089881,2024-01-05,2024-01-05,,Ran,Ran,https://x.org/,Movie,8,160,1985,,1,,,9,2020-1-1\n"
    )
    found = read({"My favourites.csv": LIST + rows})
    assert found.formats == ["imdb_list"]
    assert found.column("title", "watched", "rating", "lists") == [
        ("Ran", "t", "4.5", '{"My favourites"}'),
        ("Heat", "f", "", '{"My favourites"}'),
    ]


@pytest.mark.parametrize("name", ["ls012345678.csv", "3f2504e0-4f89-41d3-9a0c-0305e82c3301.csv"])
def test_id_is_no_name_of_a_list(name: str) -> None:
    rows = "1,tt0113277,,,,Heat,Heat,,Movie,8,170,1995,,1,,,,\n"
    assert read({name: LIST + rows}).column("lists") == [("{}",)]


def test_line_of_excels_before_the_header_is_passed_over() -> None:
    content = "sep=;\n" + (NEW + new("Movie").replace('"Action, Crime"', "Action")).replace(
        ",", ";"
    )
    found = read({"ratings.csv": content})
    assert (found.formats, found.column("title", "rating")) == (["imdb_ratings"], [("Heat", "4.5")])


def test_list_of_people_is_set_aside() -> None:
    people = (
        "Position,Const,Created,Modified,Description,Name,Known For,Birth Date\n1,nm1,,,,A,B,\n"
    )
    found = read({"people.csv": people, "ratings.csv": NEW + new("Movie")})
    assert found.report["files"][1]["set_aside"] == "a list of people, not of films"


def test_upload_of_nothing_but_series_is_refused_with_their_number() -> None:
    with pytest.raises(Exception, match="holds no films: 2 rows are series, episodes"):
        read({"ratings.csv": NEW + new("TV Series") * 2})
