"""Kodi's library as one file of XML, or the `.nfo` file of one film.

From two libraries in public repositories (real ones were seen): `videodb` holds a `movie` for each
film and a `tvshow` for each series. `playcount` is how often a film was seen; `userrating`, out of
10, is 0 where there is none, and `rating` and `ratings` are other people's. Ids stand in `uniqueid`
elements, and in older files in `id`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from api_service.lists.files.xml_records import XmlFormat, others
from api_service.lists.model import Column

if TYPE_CHECKING:
    from api_service.lists.files.xml_records import Cells, Element

_TYPES: Final = {"movie": "movie", "tvshow": "tvshow", "episodedetails": "episode"}
_USED: Final = frozenset(
    {
        *("title", "originaltitle", "year", "premiered", "userrating", "playcount", "lastplayed"),
        *("watched", "uniqueid", "id", "imdbid", "tmdbid"),
    }
)
_NOT_THE_USERS: Final = frozenset(
    {
        *("rating", "ratings", "criticrating", "votes", "top250", "outline", "plot", "tagline"),
        *("runtime", "thumb", "fanart", "mpaa", "file", "path", "filenameandpath", "basepath"),
        *("genre", "country", "set", "credits", "director", "status", "code", "aired", "studio"),
        *("trailer", "fileinfo", "actor", "resume", "dateadded", "art", "tag", "sorttitle"),
        *("season", "episode", "displayseason", "displayepisode", "namedseason", "episodeguide"),
        *("videoassettitle", "videoassetid", "videoassettype", "hasvideoversions", "tvdbid"),
        *(
            "hasvideoextras",
            "isdefaultvideoversion",
            "releasedate",
            "writer",
            "lockdata",
            "edition",
        ),
        *("collectionnumber", "showlink", "epbookmark", "playcountshow", "stereomode", "source"),
        *("original_filename", "languages", "user_note", "enddate", "certification"),
    }
)


def _read(element: Element) -> Cells:
    said = element.texts()
    given, plays = said.get("userrating", ""), said.get("playcount", "")
    rating = given if given.strip("0.") else ""
    watched = said.get("watched", "").casefold()
    is_seen = bool(plays.strip("0") or watched == "true" or (rating and watched != "false"))
    ids = {
        part.attributes.get("type", "").casefold(): part.text.strip()
        for part in element.parts
        if part.name == "uniqueid"
    }
    of_old = next((text for text in (said.get("id", ""), *ids.values()) if text[:2] == "tt"), "")
    return {
        Column.TITLE: said.get("title") or said.get("originaltitle", ""),
        Column.YEAR: said.get("year") or said.get("premiered", ""),
        Column.TYPE: _TYPES.get(element.name, element.name),
        Column.TMDB_ID: ids.get("tmdb") or said.get("tmdbid", ""),
        Column.IMDB_ID: ids.get("imdb") or said.get("imdbid") or of_old,
        Column.RATING: rating,
        Column.WATCH_DATE: said.get("lastplayed", "") if plays.strip("0") else "",
        Column.PLAYS: plays,
        Column.SEEN: "yes" if is_seen else "no",
        **others(said, _USED | _NOT_THE_USERS),
    }


FORMAT: Final = XmlFormat(
    name="kodi",
    title="Kodi's library",
    root=frozenset({"videodb", "movie", "tvshow", "episodedetails"}),
    items=frozenset({"movie", "tvshow", "episodedetails"}),
    within=frozenset({("videodb",), ()}),
    read=_read,
)
