"""Simkl's backup: a JSON of shows, anime and movies, and the CSV of the same."""

from __future__ import annotations

from typing import Final

from api_service.lists.formats.format import Format, Sample
from api_service.lists.model import Column
from api_service.lists.values.states import State

_STATES: Final = {
    "hold": State.STARTED,
    "notinteresting": State.DROPPED,
    "1": State.PLANNED,  # as other programs write the same CSV
}

FORMATS: Final = (
    Format(
        name="simkl",
        sample=Sample.REPORTED,
        marks=("SIMKL_ID, Title, Watchlist", "simkl, title, status", "simkl, user_rating"),
        columns={
            Column.TITLE: ("title",),
            Column.YEAR: ("year",),
            Column.TYPE: ("anime_type", "type"),
            Column.TMDB_ID: ("tmdb",),
            Column.IMDB_ID: ("imdb",),
            Column.OWN_ID: ("SIMKL_ID", "simkl"),
            Column.STATE: ("status", "Watchlist"),
            Column.WATCH_DATE: ("WatchedDate", "last_watched_at"),
            Column.RATING: ("Rating", "user_rating"),
            Column.WRITTEN: ("user_rated_at",),
            Column.REVIEW: ("Memo",),
        },
        states=_STATES,
        zero_is_blank=True,
    ),
)
