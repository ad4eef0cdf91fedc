"""Columns that list reading has a use for."""

from __future__ import annotations

from enum import StrEnum


class Column(StrEnum):
    """What a column may hold that list reading has a use for."""

    TITLE = "title"
    YEAR = "year"
    ADDRESS = "address"
    TMDB_ID = "tmdb_id"
    IMDB_ID = "imdb_id"
    RATING = "rating"
    """Out of what the layout says."""
    RATING10 = "rating10"
    """Out of 10, beside a rating out of something else."""
    WRITTEN = "written"
    """When the row was written; it only tells the newer of two apart."""
    WATCH_DATE = "watch_date"
    REWATCH = "rewatch"
    PLAYS = "plays"
    """How often it was watched in all."""
    TAGS = "tags"
    REVIEW = "review"
    SEEN = "seen"
    """Whether it was watched, in a list that has both."""
    TYPE = "type"
    """Whether it is a film at all, or a series, a game, …"""

    # What follows is looked for only where a format has it: see `row_marks.py`.
    STATE = "state"
    """Seen, planned, dropped, … in a word."""
    PLANNED = "planned"
    """Whether it is on the watchlist."""
    LIKED = "liked"
    LISTS = "lists"
    """Names of lists that it is on, one a line; a state's or the favourites' name means that."""
    SOURCE = "source"
    """Whose id the id is: TMDB's, IMDb's, or that of another catalogue."""
    ID = "id"
    """An id of the source, or one that says itself whose it is: `tt0113277`, `tmdb:949`."""
    OWN_ID = "own_id"
    """The id that the service itself has for the film."""
    REWATCHES = "rewatches"
    """How often it was watched after the first time."""
