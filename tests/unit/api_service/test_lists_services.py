"""Lists of many services, each read right to the value: states, ratings, days, ids, lists' names.

Where somebody has put a folder of reported lists beside the repository, those are read as well.
"""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any, Final

import pytest

from api_service.lists.formats import DECLARED
from local_stack.processes import ROOT
from tests.support.uploaded_lists import Read, read

REPORTED = ROOT.parent / "shared" / "data" / "reported-lists"

Film = tuple[str, str, str, str, str]
"""Title, marks (w watched, l on the watchlist, h liked), rating as given, days, lists."""


def films(found: Read) -> list[Film]:
    return sorted(
        (
            movie["title"],
            "".join(
                mark
                for mark, name in (("w", "watched"), ("l", "in_watchlist"), ("h", "liked"))
                if movie[name] == "t"
            ),
            movie["rating_original"],
            movie["watch_dates"].strip("{}"),
            movie["lists"].strip("{}").replace('"', ""),
        )
        for movie in found.movies
    )


def zipped(members: dict[str, Any]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in members.items():
            text = content if isinstance(content, str) else json.dumps(content)
            archive.writestr(name, text)
    return packed.getvalue()


def simkl(kind: str, title: str, year: int, simkl_id: int, **said: object) -> dict[str, object]:
    return {
        "last_watched_at": None,
        "user_rating": None,
        **said,
        kind: {"title": title, "year": year, "ids": {"simkl": simkl_id, "slug": "x"}},
    }


TV_TIME: Final = (
    "created_at,type,uuid,entity_type,release_date,rewatch_count,movie_name,series_name\n"
)

CASES: Final[dict[str, tuple[str | bytes, list[Film], list[str]]]] = {
    "simkl.csv": (
        (
            '"SIMKL_ID","Title","Type","Year","Watchlist","WatchedDate","Rating","Memo","TMDB","IMDB"\n'
            '"1","Ran","movie","1985","completed","2023-05-06","10","war","11645","tt0089881"\n'
            '"2","Ikiru","movie","1952","plantowatch","","8","","3782",""\n'
            '"3","Stalker","movie","1979","hold","","","","",""\n'
            '"4","Solaris","movie","1972","notinteresting","2023-01-01","3","","",""\n'
            '"5","A Series","tv","2011","completed","2023-01-02","8","","",""\n'
        ),
        [
            ("Ikiru", "l", "8/10", "", ""),
            ("Ran", "w", "10/10", "2023-05-06", ""),
            ("Solaris", "", "3/10", "", ""),
            ("Stalker", "", "", "", ""),
        ],
        ["tv_series", "not_seen", "not_seen"],
    ),
    "simkl.json": (
        json.dumps(
            {
                "shows": [simkl("show", "A Series", 2011, 1, status="completed")],
                "anime": [
                    simkl("show", "Akira", 1988, 2, status="completed", anime_type="movie"),
                    simkl("show", "Bits", 1999, 3, status="completed", anime_type="ova"),
                ],
                "movies": [
                    simkl("movie", "Ran", 1985, 4, status="dropped", user_rating=2),
                    simkl("movie", "Ikiru", 1952, 5, status="plantowatch", user_rating=9),
                    simkl(
                        *("movie", "Alien", 1979, 6),
                        status="completed",
                        last_watched_at="2023-05-06T23:30:00Z",
                    ),
                ],
            }
        ),
        [
            ("Akira", "w", "", "", ""),
            ("Alien", "w", "", "2023-05-06", ""),
            ("Ikiru", "l", "9/10", "", ""),
            ("Ran", "", "2/10", "", ""),
        ],
        ["tv_series", "tv_series", "not_seen"],
    ),
    "tv-time.zip": (
        zipped(
            {
                "tracking-prod-records.csv": TV_TIME
                + "2023-05-06 20:00:00,watch,a,movie,1985-06-01 00:00:00,,Ran,\n"
                + "2024-05-06 20:00:00,rewatch,a,movie,1985-06-01 00:00:00,,Ran,\n"
                + "2023-05-06 20:00:00,follow,a,movie,1985-06-01 00:00:00,,Ran,\n"
                + "2023-05-07 20:00:00,towatch,b,movie,1952-10-09 00:00:00,,Ikiru,\n"
                + "2023-05-07 20:00:00,follow,c,movie,1979-05-25 00:00:00,,Alien,\n"
                + "2023-05-08 20:00:00,watch,d,episode,,,,A Series\n",
                "user.csv": "name,mail\nme,me@example.org\n",
                "user_tv_show_data.csv": "tv_show_name,user_id\nA Series,1\n",
            }
        ),
        [
            ("Alien", "", "", "", ""),
            ("Ikiru", "l", "", "", ""),
            ("Ran", "w", "", "2023-05-06,2024-05-06", ""),
        ],
        ["tv_episode"],
    ),
    "tv-time-exporter.zip": (
        zipped(
            {
                "movies.json": [
                    {
                        "id": {"tvdb": 1, "imdb": "tt0089881"},
                        "uuid": "a",
                        "title": "Ran",
                        "created_at": "2023-01-01 00:00:00",
                        "rating": None,
                        "is_watched": True,
                        "watched_at": "2023-05-06 20:00:00",
                    },
                    {
                        "id": {"tvdb": 2, "imdb": "-1"},
                        "uuid": "b",
                        "title": "Ikiru",
                        "created_at": "2023-01-01 00:00:00",
                        "rating": None,
                        "is_watched": False,
                    },
                ],
                "favorites.json": {
                    "name": "Favorites",
                    "movies": [
                        {
                            "id": {"tvdb": 1, "imdb": "tt0089881"},
                            "uuid": "a",
                            "title": "Ran",
                            "created_at": "2023-01-01 00:00:00",
                        }
                    ],
                    "shows": [],
                },
                "lists.json": [
                    {
                        "name": "War, and peace",
                        "movies": [
                            {
                                "id": {"tvdb": 1, "imdb": "tt0089881"},
                                "uuid": "a",
                                "title": "Ran",
                                "created_at": "2023-01-01 00:00:00",
                            }
                        ],
                    }
                ],
                "shows.json": [
                    {
                        "id": {"tvdb": 9},
                        "uuid": "s",
                        "title": "A Series",
                        "created_at": "x",
                        "seasons": [{"number": 1, "episodes": []}],
                    }
                ],
                "activity_history.csv": "imdb_id,tvdb_id,type,title,is_watched,watched_at,"
                "is_watchlisted\ntt0089881,1,movie,Ran,true,2023-05-06,false\n"
                "-1,2,movie,Ikiru,false,,true\n-1,9,show,A Series,,,true\n",
            }
        ),
        [
            ("Ikiru", "l", "", "", ""),
            ("Ran", "wh", "", "2023-05-06", "War, and peace"),
        ],
        ["tv_series", "tv_series"],
    ),
    "yamtrack.csv": (
        (
            "media_id,source,media_type,title,score,status,repeats,end_date,notes\n"
            "11645,tmdb,movie,Ran,9.5,Completed,1,2023-05-06,Great\n"
            "tt0044741,imdb,movie,Ikiru,8.0,Planning,0,,\n"
            "7,manual,movie,Home film,,Paused,0,,\n"
            "1,mal,anime,A Series,,Completed,0,,\n"
            "2,bgg,boardgame,A Game,,Completed,0,,\n"
        ),
        [
            ("Home film", "", "", "", ""),
            ("Ikiru", "l", "8/10", "", ""),
            ("Ran", "w", "9.5/10", "2023-05-06", ""),
        ],
        ["tv_series", "game", "not_seen"],
    ),
    "ryot.json": (
        json.dumps(
            {
                "metadata": [
                    {
                        "lot": "movie",
                        "source": "tmdb",
                        "identifier": "11645",
                        "source_id": "Ran",
                        "collections": ["Completed", "War, and peace"],
                        "seen_history": [
                            {"progress": "100", "ended_on": "2023-05-06"},
                            {"progress": "40", "ended_on": None},
                        ],
                        "reviews": [{"rating": "80", "review": {"text": "Great"}}],
                    },
                    {
                        "lot": "movie",
                        "source": "tmdb",
                        "identifier": "3782",
                        "source_id": "Ikiru",
                        "collections": ["Watchlist"],
                        "seen_history": [],
                        "reviews": [],
                    },
                    {
                        "lot": "movie",
                        "source": "tmdb",
                        "identifier": "348",
                        "source_id": "Alien",
                        "collections": [],
                        "seen_history": [{"progress": "40"}],
                        "reviews": [],
                    },
                    {
                        "lot": "audio_book",
                        "source": "audible",
                        "identifier": "1",
                        "source_id": "A Book",
                        "seen_history": [],
                        "reviews": [],
                    },
                ],
                "people": [],
            }
        ),
        [
            ("Alien", "", "", "", ""),
            ("Ikiru", "l", "", "", ""),
            ("Ran", "w", "80/100", "2023-05-06", "War, and peace"),
        ],
        ["book", "not_seen"],
    ),
    "mediatracker.json": (
        json.dumps(
            [
                {
                    "id": 1,
                    "mediaType": "movie",
                    "title": "Ran",
                    "tmdbId": 11645,
                    "seen": True,
                    "onWatchlist": False,
                    "lastSeenAt": 1683403200000,
                    "userRating": {"rating": 3.5, "review": "Great"},
                },
                {
                    "id": 2,
                    "mediaType": "movie",
                    "title": "Ikiru",
                    "tmdbId": 3782,
                    "seen": False,
                    "onWatchlist": True,
                    "userRating": {"rating": 4},
                },
                {
                    "id": 3,
                    "mediaType": "movie",
                    "title": "Alien",
                    "tmdbId": 348,
                    "seen": False,
                    "onWatchlist": False,
                    "userRating": None,
                },
                {"id": 4, "mediaType": "video_game", "title": "A Game", "onWatchlist": True},
            ]
        ),
        [
            ("Alien", "", "", "", ""),
            ("Ikiru", "l", "4/5", "", ""),
            ("Ran", "w", "3.5/5", "2023-05-06", ""),
        ],
        ["game"],
    ),
    "watcharr.json": (
        json.dumps(
            [
                {
                    "id": 1,
                    "status": "FINISHED",
                    "rating": 9,
                    "thoughts": "Great",
                    "content": {
                        "id": 5,
                        "tmdbId": 11645,
                        "title": "Ran",
                        "type": "movie",
                        "release_date": "1985-06-01T00:00:00Z",
                        "status": "Released",
                    },
                },
                {
                    "id": 2,
                    "status": "PLANNED",
                    "rating": 0,
                    "thoughts": "",
                    "content": {"tmdbId": 3782, "title": "Ikiru", "type": "movie"},
                },
                {
                    "id": 3,
                    "status": "FINISHED",
                    "rating": 9,
                    "thoughts": "",
                    "content": {"tmdbId": 1, "title": "A Series", "type": "tv"},
                },
                {
                    "id": 4,
                    "status": "FINISHED",
                    "rating": 9,
                    "thoughts": "",
                    "game": {"name": "A Game"},
                },
            ]
        ),
        [("Ikiru", "l", "", "", ""), ("Ran", "w", "9/10", "", "")],
        ["tv_series", "game"],
    ),
    "movary.zip": (
        zipped(
            {
                "history.csv": "title,year,tmdbId,imdbId,watchedAt,comment,location\n"
                "Ran,1985,11645,tt0089881,2023-05-06,Great,Cinema\nAlien,1979,348,,,,\n",
                "ratings.csv": "title,year,tmdbId,imdbId,userRating\nRan,1985,11645,,7\n",
                "wanted.csv": "title,year,tmdbId,imdbId,addedAt\nIkiru,1952,3782,,2023-01-01\n",
            }
        ),
        [
            ("Alien", "w", "", "", ""),
            ("Ikiru", "l", "", "", ""),
            ("Ran", "w", "7/10", "2023-05-06", ""),
        ],
        [],
    ),
    "stremio.json": (
        json.dumps(
            [
                {
                    "_id": "tt0089881",
                    "name": "Ran",
                    "type": "movie",
                    "removed": False,
                    "temp": False,
                    "state": {"lastWatched": "2023-05-06T20:00:00Z", "flaggedWatched": 1},
                },
                {
                    "_id": "tt0044741",
                    "name": "Ikiru",
                    "type": "movie",
                    "removed": False,
                    "temp": False,
                    "state": {"lastWatched": None, "flaggedWatched": 0, "timesWatched": 0},
                },
                {
                    "_id": "tt0078748",
                    "name": "Alien",
                    "type": "movie",
                    "removed": True,
                    "temp": True,
                    "state": {"lastWatched": "2023-05-07T20:00:00Z", "flaggedWatched": 0},
                },
                {
                    "_id": "tt0079944",
                    "name": "Stalker",
                    "type": "movie",
                    "removed": True,
                    "temp": False,
                    "state": {"flaggedWatched": 0},
                },
                {
                    "_id": "tt9900001",
                    "name": "A Series",
                    "type": "series",
                    "removed": False,
                    "temp": False,
                    "state": {},
                },
            ]
        ),
        [
            ("Alien", "", "", "", ""),
            ("Ikiru", "l", "", "", ""),
            ("Ran", "w", "", "2023-05-06", ""),
        ],
        ["removed", "tv_series", "not_seen"],
    ),
    "jellyfin.json": (
        json.dumps(
            {
                "Items": [
                    {
                        "Name": "Ran",
                        "Id": "a",
                        "Type": "Movie",
                        "ProductionYear": 1985,
                        "ProviderIds": {"Tmdb": "11645"},
                        "People": [{"Name": "Somebody", "Type": "Actor"}],
                        "UserData": {
                            "Played": True,
                            "PlayCount": 2,
                            "IsFavorite": True,
                            "LastPlayedDate": "2023-05-06T20:00:00.000Z",
                        },
                    },
                    {
                        "Name": "Ikiru",
                        "Id": "b",
                        "Type": "Movie",
                        "ProductionYear": 1952,
                        "UserData": {"Played": False, "PlayCount": 0, "IsFavorite": False},
                    },
                    {"Name": "Pilot", "Id": "c", "Type": "Episode", "UserData": {"Played": True}},
                ]
            }
        ),
        [("Ikiru", "", "", "", ""), ("Ran", "wh", "", "2023-05-06", "")],
        ["tv_episode"],
    ),
    "criticker.csv": (
        (
            "Score, Film Name, Year, Date Rated, Mini Review, URL, IMDB ID\n"
            '85,"Ran",1985,"May 06 2023, 08:52","Great",https://example.org/ran,tt0089881\n'
        ),
        [("Ran", "w", "85/100", "", "")],
        [],
    ),
    "prime.csv": (
        (
            '"Date Watched","Type","Title","Episode Title","Global Title Identifier"\n'
            '"1683403200000","Movie","Ran","","a"\n"1683403200000","Series","A Series","One","b"\n'
        ),
        [("Ran", "w", "", "2023-05-06", "")],
        ["tv_series"],
    ),
    "flixster.json": (
        json.dumps(
            {
                "ratings": [
                    {
                        "id": "1_2",
                        "movieId": 2,
                        "score": "4.5",
                        "ratingSource": "Flixster",
                        "review": "Great",
                        "movie": {"id": 2, "title": "Ran", "year": 1985},
                    }
                ]
            }
        ),
        [("Ran", "w", "4.5/5", "", "")],
        [],
    ),
    "tomatoes.json": (
        json.dumps(
            {
                "ratings": [
                    {
                        "review": {"score": 4, "comment": "Great", "emsId": "a"},
                        "item": {
                            "title": "Ran",
                            "releaseYear": "1985",
                            "emsId": "a",
                            "rtId": "7",
                            "audienceScore": {"score": 42},
                        },
                    }
                ]
            }
        ),
        [("Ran", "w", "4/5", "", "")],
        [],
    ),
    "movielens.json": (
        json.dumps(
            {
                "data": {
                    "title": None,
                    "searchResults": [
                        {
                            "movieId": 5971,
                            "movie": {
                                "movieId": 5971,
                                "title": "Ran",
                                "tmdbMovieId": 11645,
                                "imdbMovieId": "0089881",
                                "avgRating": 4.1,
                            },
                            "movieUserData": {"movieId": 5971, "rating": 4.5, "wishlist": False},
                        },
                        {
                            "movieId": 7,
                            "movie": {"movieId": 7, "title": "Ikiru", "avgRating": 4.2},
                            "movieUserData": {"rating": None, "wishlist": True},
                        },
                    ],
                }
            }
        ),
        [("Ikiru", "l", "", "", ""), ("Ran", "w", "4.5/5", "", "")],
        [],
    ),
    "anilist.json": (
        json.dumps(
            {
                "data": {
                    "anime": {
                        "lists": [
                            {
                                "entries": [
                                    {
                                        "status": "COMPLETED",
                                        "score": 9,
                                        "repeat": 1,
                                        "completedAt": {"year": 2023, "month": 5, "day": 6},
                                        "media": {
                                            "idMal": 1,
                                            "format": "MOVIE",
                                            "title": {"romaji": "Akira"},
                                        },
                                    },
                                    {
                                        "status": "PLANNING",
                                        "score": 0,
                                        "completedAt": {"year": None, "month": None, "day": None},
                                        "media": {
                                            "idMal": 2,
                                            "format": "MOVIE",
                                            "title": {"userPreferred": "Ghost"},
                                        },
                                    },
                                    {
                                        "status": "COMPLETED",
                                        "score": 7,
                                        "completedAt": {"year": None, "month": None, "day": None},
                                        "media": {"idMal": 3, "title": {"romaji": "Bits"}},
                                    },
                                ]
                            }
                        ]
                    }
                }
            }
        ),
        [("Akira", "w", "9/10", "2023-05-06", ""), ("Ghost", "l", "", "", "")],
        ["tv_series"],
    ),
    "filmtipset.csv": (
        "VoteDate;MovieTitle;IMDB;Score\n2023-05-06;Ran;89881;4\n2023-05-07;Ikiru;-1;0\n",
        [("Ikiru", "w", "", "", ""), ("Ran", "w", "4/5", "", "")],
        [],
    ),
    "anime.json": (
        json.dumps(
            {
                "data": [
                    {
                        "node": {"id": 1, "title": "Akira", "media_type": "movie"},
                        "list_status": {"status": "plan_to_watch", "score": 0},
                    },
                    {
                        "node": {"id": 2, "title": "Ghost", "media_type": "movie"},
                        "list_status": {
                            "status": "completed",
                            "score": 9,
                            "num_episodes_watched": 1,
                            "finish_date": "2023-05-06",
                        },
                    },
                    {"node": {"id": 3, "title": "Bits"}, "list_status": {"status": "completed"}},
                ]
            }
        ),
        [("Akira", "l", "", "", ""), ("Ghost", "w", "9/10", "2023-05-06", "")],
        ["tv_series"],
    ),
    "trakt.zip": (
        zipped(
            {
                "lists-favorites.json": [
                    {
                        "listed_at": "2023-05-06T00:00:00Z",
                        "movie": {"title": "Ran"},
                        "type": "movie",
                    }
                ],
                "lists-list-7-late-at-night.json": [
                    {
                        "listed_at": "2023-05-06T00:00:00Z",
                        "movie": {"title": "Ikiru"},
                        "type": "movie",
                    }
                ],
                "lists-list-8-no-name.json": [
                    {
                        "listed_at": "2023-05-06T00:00:00Z",
                        "movie": {"title": "Alien"},
                        "type": "movie",
                    }
                ],
                "lists-lists.json": [
                    {"name": "Late, at night", "privacy": "private", "ids": {"trakt": 7}}
                ],
            }
        ),
        [
            ("Alien", "", "", "", "No name"),
            ("Ikiru", "", "", "", "Late, at night"),
            ("Ran", "h", "", "", ""),
        ],
        [],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_export_of_a_service_is_read_right_to_the_value(name: str) -> None:
    content, expected, codes = CASES[name]
    found = read({name: content})
    assert films(found) == expected
    assert [code for _, code in found.aside + found.notes] == codes
    assert found.report["rejected_count"] == 0


def test_every_declared_format_has_a_sample() -> None:
    read_as = {
        file["format"]
        for content, _, _ in [CASES[name] for name in CASES]
        for file in read({"list.zip" if isinstance(content, bytes) else "x.json": content}).report[
            "files"
        ]
    }
    assert {declared.name for declared in DECLARED} <= read_as


REPORTED_CASES: Final[dict[str, tuple[list[Film], list[str]]]] = {
    "simkl_export.csv": (
        [
            ("Casablanca", "l", "", "", ""),
            ("Heat", "w", "9/10", "2024-03-09", ""),
            ("Metropolis", "", "", "", ""),
        ],
        ["tv_series", "tv_series", "not_seen"],
    ),
    "SimklBackup.json": (
        [
            ("Casablanca", "l", "", "", ""),
            ("Heat", "w", "9/10", "2024-03-09", ""),
            ("Metropolis", "", "", "", ""),
        ],
        ["tv_series", "tv_series", "not_seen"],
    ),
    "tracking-prod-records.csv": (
        [("Casablanca", "l", "", "", ""), ("Heat", "w", "", "2024-03-09,2025-02-09", "")],
        ["tv_episode"],
    ),
    "own_sheet.csv": (
        [
            ("Casablanca", "l", "", "", ""),
            ("Freaks", "w", "", "2024-03-10", ""),
            ("Heat", "w", "9/10", "2024-03-09", ""),
            ("Metropolis", "l", "", "", ""),
        ],
        ["bad_rating"],
    ),
    "yamtrack.csv": (
        [("Casablanca", "l", "", "", ""), ("Heat", "w", "9/10", "2024-03-09,2025-01-02", "")],
        ["game", "book", "book", "book", "game"],
    ),
    "mediatracker.json": (
        [("Casablanca", "l", "", "", ""), ("Heat", "w", "4.5/5", "2024-03-09", "")],
        ["book", "book"],
    ),
    "ryot.json": (
        [("Casablanca", "l", "", "", ""), ("Heat", "w", "90/100", "2024-03-09,2025-01-02", "")],
        ["book"],
    ),
    "criticker.csv": (
        [("Casablanca", "w", "70/100", "", ""), ("Heat", "w", "95/100", "", "")],
        [],
    ),
    "stars.csv": (
        [
            ("Casablanca", "w", "85/100", "2024-03-09", ""),
            ("Freaks", "w", "4/5", "2024-03-10", ""),
            ("Heat", "w", "4.5/5", "2024-03-09", ""),
            ("Metropolis", "w", "3/5", "2024-03-09", ""),
        ],
        [],
    ),
    "prime_history.csv": ([("Heat", "w", "", "2024-07-07", "")], ["tv_series"]),
    "letterboxd_diary_resaved.csv": (
        [("Casablanca", "w", "5/5", "2024-03-25", ""), ("Heat", "w", "4.5/5", "2024-03-09", "")],
        [],
    ),
    "imdb_ratings_resaved.csv": (
        [("Casablanca", "w", "10/10", "", ""), ("Heat", "w", "9/10", "", "")],
        [],
    ),
    "trakt-export.zip": (
        [
            ("Casablanca", "l", "", "", ""),
            ("Citizen Kane", "", "", "", "Rainy evenings"),
            ("Heat", "w", "9/10", "2024-03-09,2025-01-02", ""),
            ("Metropolis", "h", "", "", ""),
        ],
        ["tv_episode"],
    ),
    "editions.txt": (
        [("Alien", "w", "", "", ""), ("Heat", "w", "", "", ""), ("Ran", "w", "", "", "")],
        [],
    ),
}


@pytest.mark.skipif(not REPORTED.is_dir(), reason="no reported lists beside the repository")
@pytest.mark.parametrize("name", REPORTED_CASES)
def test_reported_list_is_read_right_to_the_value(name: str) -> None:
    expected, codes = REPORTED_CASES[name]
    found = read({name: (REPORTED / name).read_bytes()})
    assert films(found) == expected
    assert [code for _, code in found.aside + found.notes] == codes
    assert found.report["rejected_count"] == 0
