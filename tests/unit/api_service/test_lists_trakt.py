"""Trakt's CSV, and the JSON of its export and API."""

from __future__ import annotations

import json

from tests.support.uploaded_lists import read

CSV = (
    "{moment},type,title,year,trakt_rating,trakt_id,imdb_id,tmdb_id,tvdb_id,url,released,"
    "season_number,episode_number,episode_title,genres,rating\n"
)
MOVIE = "2018-08-24T13:48:52Z,movie,Heat,1995,8.1,1,tt0113277,949,,https://trakt.tv/movies/heat-1995,,,,,,9\n"
SHOW = (
    "2018-08-24T12:06:07Z,show,Yellowstone,2018,7.7,2,tt4236770,73586,3,https://trakt.tv/x,,,,,,8\n"
)
EPISODE = "2018-08-24T12:06:07Z,episode,Dark,2017,7.7,2,tt5753856,70523,3,https://trakt.tv/x,,1,1,Secrets,,8\n"


def test_rated_films_are_watched_and_series_are_set_aside() -> None:
    found = read({"ratings.csv": CSV.format(moment="rated_at") + MOVIE + SHOW + EPISODE})
    assert found.formats == ["trakt_ratings"]
    assert found.aside == [(3, "tv_series"), (4, "tv_episode")]
    assert found.column("lookup_key", "year", "watched", "rating", "watch_dates") == [
        ("tmdb:949", "1995", "t", "4.5", "{}")
    ]


def test_history_has_the_days() -> None:
    found = read({"history.csv": CSV.format(moment="watched_at") + MOVIE})
    assert found.formats == ["trakt_history"]
    assert found.column("watched", "watch_dates") == [("t", "{2018-08-24}")]


def test_watchlist_and_list_are_not_watched() -> None:
    unrated = CSV.format(moment="listed_at") + MOVIE.replace(",9\n", ",\n")
    watchlist = read({"trakt-watchlist.csv": unrated})
    assert watchlist.column("watched", "in_watchlist") == [("f", "t")]
    listed = read({"Heists.csv": unrated})
    assert listed.column("watched", "in_watchlist", "lists") == [("f", "f", '{"Heists"}')]


IDS = {"trakt": 1, "slug": "heat-1995", "imdb": "tt0113277", "tmdb": 949}
HEAT = {"title": "Heat", "year": 1995, "ids": IDS}
DARK = {"title": "Dark", "year": 2017, "ids": {"trakt": 2, "tmdb": 70523}}


def test_export_is_merged_from_its_files() -> None:
    export = {
        "watched-movies.json": [
            {"plays": 3, "last_watched_at": "2024-05-01T20:00:00.000Z", "movie": HEAT}
        ],
        "watched-history-1.json": [
            {"id": 1, "watched_at": "2024-05-01T20:00:00.000Z", "type": "movie", "movie": HEAT},
            {"id": 2, "watched_at": "2020-02-03T20:00:00.000Z", "type": "movie", "movie": HEAT},
            {
                "id": 3,
                "watched_at": "2024-05-02T20:00:00.000Z",
                "type": "episode",
                "episode": {"title": "Secrets", "season": 1, "number": 1},
                "show": DARK,
            },
        ],
        "ratings-movies.json": [
            {"rated_at": "2024-05-02T20:00:00Z", "rating": 9, "type": "movie", "movie": HEAT}
        ],
        "lists-watchlist.json": [
            {"rank": 1, "listed_at": "2024-05-02T20:00:00Z", "type": "show", "show": DARK},
            {
                "rank": 2,
                "listed_at": "2024-05-02T20:00:00Z",
                "type": "movie",
                "movie": {"title": "Ran", "year": 1985, "ids": {"trakt": 3, "tmdb": 11645}},
            },
        ],
        "watched-shows.json": [{"plays": 9, "last_watched_at": "2024-05-02", "show": DARK}],
        "collection-movies.json": [{"collected_at": "2024-05-02T20:00:00Z", "movie": HEAT}],
        "ratings-seasons.json": [],
        "user-profile.json": {"username": "me", "name": "Me"},
        "lists-lists.json": [{"name": "Noir", "privacy": "private"}],
    }
    found = read({name: json.dumps(content) for name, content in export.items()})
    assert sorted(found.formats, key=str) == [
        *(None, None, None),
        *("trakt_history", "trakt_list", "trakt_ratings", "trakt_watched", "trakt_watched"),
        "trakt_watchlist",
    ]
    assert [code for _, code in found.aside] == ["tv_series", "tv_episode", "tv_series"]
    assert {issue["reason"].partition(" is ")[0] for issue in found.report["set_aside"]} == {
        "“Dark”",
        "“Secrets”",
    }
    assert found.column("lookup_key", "watched", "rating", "rewatches", "watch_dates", "lists") == [
        ("tmdb:949", "t", "4.5", "2", "{2020-02-03,2024-05-01}", '{"collection"}'),
        ("tmdb:11645", "f", "", "0", "{}", "{}"),
    ]
    assert found.column("in_watchlist") == [("f",), ("t",)]


def test_everybodys_rating_of_a_film_is_not_the_users() -> None:
    film = HEAT | {"rating": 8.1}
    items = [{"watched_at": "2024-05-01T20:00:00Z", "type": "movie", "movie": film, "rating": 6}]
    assert read({"x.json": json.dumps(items)}).column("rating") == [("3",)]
