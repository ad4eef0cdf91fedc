"""Trakt's CSV, and the JSON of its export and API."""

from __future__ import annotations

from tests.unit.api_service.uploaded_lists import read

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
