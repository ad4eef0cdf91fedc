"""TV Time, which closed in July 2026: its log of actions, and what exporters made of it.

The copy of one's data holds `tracking-prod-records.csv`, with a row for each action: `watch`,
`rewatch`, `towatch`, `follow`. The second version of that file is of episodes alone. Exporters
wrote `movies.json`, `favorites.json` and `activity_history.csv`, and no day for what was not seen.
"""

from __future__ import annotations

from typing import Final

from api_service.lists.formats.format import Format, Sample
from api_service.lists.model import Column
from api_service.lists.values.states import State, Test, When

FORMATS: Final = (
    Format(
        name="tv_time",
        sample=Sample.CODE,
        marks=("entity_type, movie_name, type",),
        columns={
            Column.TITLE: ("movie_name", "series_name"),
            Column.YEAR: ("release_date",),
            Column.TYPE: ("entity_type",),
            Column.STATE: ("type",),
            Column.WATCH_DATE: ("watch_date", "created_at"),
            Column.REWATCH: ("type",),
            Column.PLAYS: ("watch_count",),
            Column.REWATCHES: ("rewatch_count",),
            Column.OWN_ID: ("uuid",),
        },
        states={
            "watch": State.SEEN,
            "towatch": State.PLANNED,
            "follow": State.UNSEEN,
            "unwatch": State.UNSEEN,
        },
        service="tv_time_uuid",  # ids of another kind than those of the exporters
    ),
    Format(
        name="tv_time",
        sample=Sample.CODE,
        marks=("is_watched, is_watchlisted, watched_at", "uuid, title, tvdb, created_at"),
        columns={
            Column.TITLE: ("title",),
            Column.YEAR: ("year", "release_date"),
            Column.TYPE: ("type",),
            Column.IMDB_ID: ("imdb", "imdb_id"),
            Column.TMDB_ID: ("tmdb", "tmdb_id"),
            Column.OWN_ID: ("tvdb_id", "tvdb"),
            Column.WATCH_DATE: ("watched_at",),
            Column.RATING: ("rating",),
            Column.REWATCHES: ("rewatch_count",),
            Column.LISTS: ("listname",),
        },
        rules=(
            When("is_watched", Test.YES, State.SEEN),
            When("is_watchlisted", Test.YES, State.PLANNED),
            When("is_watched", Test.NO, State.PLANNED),
        ),
        unstated=State.UNSEEN,
        rating_out_of=None,
        zero_is_blank=True,
    ),
)
