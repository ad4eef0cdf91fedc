"""Trackers that people run themselves: Yamtrack, Ryot, MediaTracker, Watcharr, Movary."""

from __future__ import annotations

from typing import Final

from api_service.lists.formats.format import Format, Sample
from api_service.lists.model import Column, Kind
from api_service.lists.values.states import State, Test, When

YAMTRACK: Final = Format(
    name="yamtrack",
    sample=Sample.REAL,
    marks=("media_id, source, media_type, title",),
    columns={
        Column.TITLE: ("title",),
        Column.TYPE: ("media_type",),
        Column.ID: ("media_id",),
        Column.SOURCE: ("source",),
        Column.RATING: ("score",),
        Column.STATE: ("status",),
        Column.WATCH_DATE: ("end_date",),
        Column.REWATCHES: ("repeats",),
        Column.REVIEW: ("notes",),
    },
    unstated=State.UNSEEN,
)

RYOT: Final = Format(
    name="ryot",
    sample=Sample.CODE,
    marks=("lot, source, identifier",),
    columns={
        Column.TITLE: ("source_id",),  # where Ryot writes a title, an id at times
        Column.TYPE: ("lot",),
        Column.ID: ("identifier",),
        Column.SOURCE: ("source",),
        Column.WATCH_DATE: ("seen_history.ended_on",),
        Column.RATING: ("reviews.rating",),
        Column.REVIEW: ("reviews.review.text",),
        Column.WRITTEN: ("reviews.review.date",),
        Column.LISTS: ("collections.collection_name", "collections.name", "collections"),
    },
    rules=(
        When("seen_history.state", frozenset({"dropped", "dr", "onhold", "oh"}), State.DROPPED),
        When("seen_history.state", frozenset({"inprogress", "ip"}), State.STARTED),
        When("seen_history.ended_on", Test.FILLED, State.SEEN),
        When("seen_history.progress", Test.DONE, State.SEEN),
        When("seen_history.progress", Test.FILLED, State.STARTED),
        When("seen_history", Test.YES, State.SEEN),  # without any progress it is done
    ),
    unstated=State.UNSEEN,
    rating_out_of=100,
    zero_is_blank=True,
)

MEDIATRACKER: Final = Format(
    name="mediatracker",
    sample=Sample.REPORTED,
    marks=("mediaType, onWatchlist",),
    columns={
        Column.TITLE: ("title",),
        Column.YEAR: ("releaseDate", "releaseYear"),
        Column.TYPE: ("mediaType",),
        Column.TMDB_ID: ("tmdbId",),
        Column.IMDB_ID: ("imdbId",),
        Column.OWN_ID: ("id",),
        Column.SEEN: ("seen",),
        Column.PLANNED: ("onWatchlist",),
        Column.WATCH_DATE: ("lastSeenAt",),
        Column.RATING: ("userRating.rating",),
        Column.REVIEW: ("userRating.review",),
        Column.WRITTEN: ("userRating.date",),
    },
    unstated=State.UNSEEN,
    rating_out_of=5,
    zero_is_blank=True,
)

WATCHARR: Final = Format(
    name="watcharr",
    sample=Sample.REAL,
    marks=("status, rating, thoughts",),
    columns={
        Column.TITLE: ("title", "name"),
        Column.YEAR: ("release_date",),
        Column.TYPE: ("type",),
        Column.TMDB_ID: ("tmdbId",),
        Column.IMDB_ID: ("imdb_id",),
        Column.STATE: ("status",),
        Column.RATING: ("rating",),
        Column.REVIEW: ("thoughts",),
        Column.TAGS: ("tags.name",),
    },
    unstated=State.UNSEEN,
    zero_is_blank=True,
)

_MOVARY: Final = {
    Column.TITLE: ("title",),
    Column.YEAR: ("year",),
    Column.TMDB_ID: ("tmdbId",),
    Column.IMDB_ID: ("imdbId",),
}

FORMATS: Final = (
    YAMTRACK,
    RYOT,
    MEDIATRACKER,
    WATCHARR,
    Format(
        name="movary_history",
        sample=Sample.CODE,
        marks=("title, tmdbId, imdbId, watchedAt, comment",),
        columns=_MOVARY | {Column.WATCH_DATE: ("watchedAt",), Column.REVIEW: ("comment",)},
        kind=Kind.DIARY,
    ),
    Format(
        name="movary_ratings",
        sample=Sample.CODE,
        marks=("title, year, tmdbId, imdbId, userRating",),
        columns=_MOVARY | {Column.RATING: ("userRating",), Column.WATCH_DATE: ("watchedAt",)},
        kind=Kind.RATINGS,
    ),
    Format(
        name="movary_watchlist",
        sample=Sample.CODE,
        marks=("title, tmdbId, imdbId, addedAt",),
        columns=_MOVARY | {Column.WRITTEN: ("addedAt",)},
        kind=Kind.WATCHLIST,
    ),
)
