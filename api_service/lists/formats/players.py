"""Players and shops that know what was played: Stremio, Jellyfin, Emby, Prime Video."""

from __future__ import annotations

from typing import Final

from api_service.lists.formats.format import Format, Sample
from api_service.lists.model import Column, Kind
from api_service.lists.values.states import State, Test, When

FORMATS: Final = (
    Format(
        name="stremio",
        sample=Sample.CODE,
        marks=("_id, name, removed, temp",),
        columns={
            Column.TITLE: ("name",),
            Column.YEAR: ("year", "releaseInfo"),
            Column.TYPE: ("type",),
            Column.ID: ("_id",),
            Column.WATCH_DATE: ("state.lastWatched",),
            Column.PLAYS: ("state.timesWatched",),
        },
        rules=(
            When("state.flaggedWatched", Test.YES, State.SEEN),
            When("state.timesWatched", Test.YES, State.SEEN),
            When("temp", Test.YES, State.STARTED),  # played, and never put into the library
            When("removed", Test.YES, State.REMOVED),
            When("state.timeOffset", Test.YES, State.STARTED),
            When("_id", Test.FILLED, State.PLANNED),
        ),
    ),
    Format(
        name="jellyfin",
        sample=Sample.CODE,
        marks=("Name, UserData.Played", "Name, UserData.PlayCount"),
        columns={
            Column.TITLE: ("Name",),
            Column.YEAR: ("ProductionYear", "PremiereDate"),
            Column.TYPE: ("Type",),
            Column.TMDB_ID: ("Tmdb",),
            Column.IMDB_ID: ("Imdb",),
            Column.OWN_ID: ("Id",),
            Column.SEEN: ("UserData.Played",),
            Column.PLAYS: ("UserData.PlayCount",),
            Column.WATCH_DATE: ("UserData.LastPlayedDate",),
            Column.RATING: ("UserData.Rating",),
            Column.LIKED: ("UserData.IsFavorite",),
        },
        rules=(
            When("UserData.Played", Test.YES, State.SEEN),
            When("UserData.PlaybackPositionTicks", Test.YES, State.STARTED),
        ),
        unstated=State.UNSEEN,
        zero_is_blank=True,
    ),
    Format(
        name="prime_video",
        sample=Sample.REAL,
        marks=("Date Watched, Type, Title, Episode Title",),
        columns={
            Column.TITLE: ("Title",),
            Column.TYPE: ("Type",),
            Column.WATCH_DATE: ("Date Watched",),
            Column.OWN_ID: ("Global Title Identifier",),
        },
        kind=Kind.DIARY,
    ),
)
