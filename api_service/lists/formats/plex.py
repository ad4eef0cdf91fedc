"""Plex's own XML: what its server answers for a library, a film, a history or a watchlist.

From answers in public repositories (real ones were seen): a `MediaContainer` holds a `Video` for
each film or episode and a `Directory` for each series, collection or library. `viewCount` is
missing where nobody has watched it to its end; `lastViewedAt` alone is of a film that was begun. In
a history each `Video` is one viewing, with `viewedAt`. `rating` and `audienceRating` are other
people's, `userRating` is out of 10. Ids stand in `Guid` elements as `tmdb://949`, and in old
libraries in `guid`: `com.plexapp.agents.imdb://tt0113277?lang=en`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from api_service.lists.files.xml_records import XmlFormat, day_of_seconds, others
from api_service.lists.model import Column

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api_service.lists.files.xml_records import Cells, Element
    from api_service.lists.files.xml_stream import Attributes

_ID = re.compile(r"(?:com\.plexapp\.agents\.)?(tmdb|themoviedb|imdb)://(tt[0-9]+|[0-9]+)(?:\?.*)?")
_SERIES: Final = frozenset({"show", "season"})
_PLACES: Final = ("title1", "title2", "librarySectionID", "librarySectionTitle")
_USED: Final = frozenset(
    {"title", "year", "type", "userRating", "viewCount", "lastViewedAt", "viewedAt", "lastRatedAt"}
)
_NOT_THE_USERS: Final = frozenset(
    {
        *("ratingKey", "key", "guid", "slug", "studio", "titleSort", "originalTitle", "summary"),
        *("contentRating", "contentRatingAge", "rating", "ratingImage", "ratingCount", "tagline"),
        *("audienceRating", "audienceRatingImage", "thumb", "art", "banner", "theme", "duration"),
        *("originallyAvailableAt", "addedAt", "updatedAt", "chapterSource", "primaryExtraKey"),
        *("hasPremiumPrimaryExtra", "hasPremiumExtras", "librarySectionTitle", "librarySectionID"),
        *(
            "librarySectionKey",
            "librarySectionUUID",
            "editionTitle",
            "subtype",
            "createdAtAccuracy",
        ),
        *("createdAtTZOffset", "viewOffset", "skipCount", "index", "parentIndex", "parentKey"),
        *(
            "parentRatingKey",
            "parentGuid",
            "parentTitle",
            "parentThumb",
            "parentYear",
            "skipParent",
        ),
        *("grandparentKey", "grandparentRatingKey", "grandparentGuid", "grandparentTitle"),
        *("grandparentThumb", "grandparentArt", "grandparentTheme", "grandparentSlug"),
        *("historyKey", "accountID", "deviceID", "imdbRatingCount", "publicPagesURL", "source"),
        *("leafCount", "viewedLeafCount", "childCount", "allowSync", "playableKey", "userState"),
        *("enableCreditsMarkerGeneration", "languageOverride", "ratingAt", "watchlistedAt"),
    }
)


def _is_watchlist(root: Attributes) -> bool:
    return any("watchlist" in root.get(name, "").casefold() for name in _PLACES)


def _read(element: Element) -> Cells:
    said = element.attributes
    given = said.get("userRating", "").strip()
    rating = "" if not given.strip("0.") else given
    views, viewed = said.get("viewCount", "").strip(), said.get("viewedAt", "")
    is_seen = bool(views.strip("0") or viewed)
    ids = dict(_ids(element))
    return {
        Column.TITLE: said.get("title", ""),
        Column.YEAR: said.get("year", ""),
        Column.TYPE: _type(element),
        Column.TMDB_ID: ids.get("tmdb", ""),
        Column.IMDB_ID: ids.get("imdb", ""),
        Column.RATING: rating,
        Column.WRITTEN: day_of_seconds(said.get("lastRatedAt", "")),
        Column.WATCH_DATE: day_of_seconds(
            viewed or (said.get("lastViewedAt", "") if views.strip("0") else "")
        ),
        Column.PLAYS: views,
        Column.SEEN: "yes" if is_seen else "" if rating else "no",
        **others(said, _USED | _NOT_THE_USERS),
    }


def _type(element: Element) -> str:
    kind = element.attributes.get("type", "")
    if element.name == "Directory" and kind not in _SERIES:
        return "list"  # a library or a collection
    return "trailer" if kind == "clip" else kind


def _ids(element: Element) -> Iterator[tuple[str, str]]:
    """Ids by their source; a film's own come last and count."""
    guids = [part.attributes.get("id", "") for part in element.parts if part.name == "Guid"]
    for guid in (element.attributes.get("guid", ""), *guids):
        if found := _ID.fullmatch(guid):
            yield ("imdb" if found[1] == "imdb" else "tmdb"), found[2]


FORMAT: Final = XmlFormat(
    name="plex",
    title="Plex's XML",
    root=frozenset({"mediacontainer"}),
    items=frozenset({"Video", "Directory"}),
    within=frozenset({("MediaContainer",), ("MediaContainer", "Hub")}),
    read=_read,
    is_planned=_is_watchlist,
    rates_what_is_planned=True,
)
