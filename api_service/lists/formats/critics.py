"""Sites to rate films at, from Criticker to MyAnimeList."""

from __future__ import annotations

from typing import Final

from api_service.lists.formats.format import Format, Sample
from api_service.lists.model import Column, Kind
from api_service.lists.values.states import State

FORMATS: Final = (
    Format(
        name="criticker",
        sample=Sample.REPORTED,
        marks=("Score, Film Name, Date Rated", "Score, Film Name, Mini Review"),
        columns={
            Column.TITLE: ("Film Name",),
            Column.YEAR: ("Year",),
            Column.RATING: ("Score",),
            Column.WRITTEN: ("Date Rated",),
            Column.REVIEW: ("Mini Review",),
            Column.IMDB_ID: ("IMDB ID",),
            Column.ADDRESS: ("URL",),
        },
        kind=Kind.RATINGS,
        rating_out_of=100,
    ),
    Format(
        name="filmtipset",
        sample=Sample.REAL,
        marks=("VoteDate, MovieTitle, IMDB, Score",),
        columns={
            Column.TITLE: ("MovieTitle",),
            Column.IMDB_ID: ("IMDB",),
            Column.RATING: ("Score",),
            Column.WRITTEN: ("VoteDate",),
        },
        kind=Kind.RATINGS,
        rating_out_of=5,
        zero_is_blank=True,
        imdb_numbers=True,
    ),
    Format(
        name="flixster",
        sample=Sample.REAL,
        marks=("movieId, score, ratingSource",),
        columns={
            Column.TITLE: ("title",),
            Column.YEAR: ("year",),
            Column.RATING: ("score",),
            Column.REVIEW: ("review",),
            Column.OWN_ID: ("movieId",),
        },
        kind=Kind.RATINGS,
        rating_out_of=5,
        zero_is_blank=True,
    ),
    Format(
        name="rotten_tomatoes",
        sample=Sample.REAL,
        marks=("title, rtId, review.score", "title, emsId, review.score"),
        columns={
            Column.TITLE: ("title",),
            Column.YEAR: ("releaseYear",),
            Column.RATING: ("review.score",),
            Column.REVIEW: ("review.comment",),
            Column.OWN_ID: ("emsId",),
        },
        kind=Kind.RATINGS,
        rating_out_of=5,
        zero_is_blank=True,
    ),
    Format(
        name="movielens_ratings",
        sample=Sample.REAL,
        marks=("movieId, title, movieUserData.rating",),
        columns={
            Column.TITLE: ("title",),
            Column.YEAR: ("releaseYear", "releaseDate"),
            Column.TMDB_ID: ("tmdbMovieId",),
            Column.IMDB_ID: ("imdbMovieId",),
            Column.RATING: ("movieUserData.rating",),
            Column.PLANNED: ("movieUserData.wishlist",),
            Column.OWN_ID: ("movieId",),
        },
        unstated=State.UNSEEN,
        rating_out_of=5,
        service="movielens",
        imdb_numbers=True,
    ),
    Format(
        name="anilist",
        sample=Sample.REAL,
        marks=("title, status, score, completedAt", "title, status, score, idMal"),
        columns={
            Column.TITLE: ("title",),
            Column.YEAR: ("seasonYear", "startDate"),
            Column.TYPE: ("format",),
            Column.STATE: ("status",),
            Column.RATING: ("score",),
            Column.WATCH_DATE: ("completedAt",),
            Column.REWATCHES: ("repeat",),
            Column.REVIEW: ("notes",),
            Column.OWN_ID: ("idMal",),
        },
        defaults={Column.TYPE: "anime"},  # without its type nothing says that it is a film
        rating_out_of=None,
        zero_is_blank=True,
    ),
    Format(
        name="myanimelist",
        sample=Sample.REAL,
        marks=("title, list_status.status", "title, list_status.num_episodes_watched"),
        columns={
            Column.TITLE: ("title",),
            Column.YEAR: ("start_season.year", "start_date"),
            Column.TYPE: ("media_type",),
            Column.STATE: ("list_status.status",),
            Column.RATING: ("list_status.score",),
            Column.WATCH_DATE: ("list_status.finish_date",),
            Column.REWATCHES: ("list_status.num_times_rewatched",),
            Column.REVIEW: ("list_status.comments",),
            Column.OWN_ID: ("id",),
        },
        defaults={Column.TYPE: "anime"},  # without its type nothing says that it is a film
        zero_is_blank=True,
    ),
)
