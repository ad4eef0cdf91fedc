"""Letterboxd's RSS feed of what somebody watched, rated and reviewed lately.

From feeds in public repositories (real ones were seen): each `item` has a `guid` such as
`letterboxd-watch-1310048973`, `letterboxd-review-…` or `letterboxd-list-…`. Lists have no film in
an element of its own, films of television a `tmdb:tvId`. `pubDate` is the moment of publication and
never of watching. The `description` is HTML: the poster, then the review, or only the sentence
“Watched on Saturday May 9, 2026.”
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Final

from api_service.lists.files.xml_records import XmlFormat, others
from api_service.lists.model import Column, Kind

if TYPE_CHECKING:
    from api_service.lists.files.xml_records import Cells, Element

_REVIEW: Final = "letterboxd-review-"
_SEEN: Final = ("letterboxd-watch-", _REVIEW)
_SPOILERS: Final = "This review may contain spoilers."
_TAG = re.compile(r"<([^<>]*)>")
_BREAKS: Final = ("p", "/p", "br", "br/", "br /", "/blockquote", "li", "/li")
_USED: Final = frozenset(
    {
        *("title", "link", "guid", "description", "tmdb:movieId", "tmdb:tvId"),
        *("letterboxd:filmTitle", "letterboxd:filmYear", "letterboxd:memberRating"),
        *("letterboxd:watchedDate", "letterboxd:rewatch", "letterboxd:memberLike"),
    }
)
_NOT_THE_USERS: Final = frozenset({"pubDate", "dc:creator"})


def _read(element: Element) -> Cells:
    said = element.texts()
    guid = said.get("guid", "")
    title = said.get("letterboxd:filmTitle", "")
    watched, rating = (
        said.get("letterboxd:watchedDate", ""),
        said.get("letterboxd:memberRating", ""),
    )
    return {
        Column.TITLE: title or said.get("title", ""),
        Column.YEAR: said.get("letterboxd:filmYear", ""),
        Column.TYPE: "" if title and "tmdb:tvId" not in said else "tv" if title else "list",
        Column.ADDRESS: said.get("link", ""),
        Column.TMDB_ID: said.get("tmdb:movieId", ""),
        Column.RATING: rating,
        Column.WATCH_DATE: watched,
        Column.REWATCH: said.get("letterboxd:rewatch", ""),
        Column.REVIEW: _text(said.get("description", "")) if guid.startswith(_REVIEW) else "",
        "liked": said.get("letterboxd:memberLike", ""),
        Column.SEEN: "yes" if watched or rating or guid.startswith(_SEEN) else "no",
        **others(said, _USED | _NOT_THE_USERS),
    }


def _text(description: str) -> str:
    """The text of a review's HTML, its paragraphs parted by blank lines."""
    parts = _TAG.split(description)
    pieces = [parts[0]]
    for tag, text in zip(parts[1::2], parts[2::2], strict=True):
        if tag.partition(" ")[0].casefold() in _BREAKS or tag.casefold() in _BREAKS:
            pieces.append("\n\n" if "p" in tag.casefold() else "\n")
        pieces.append(text)
    paragraphs = html.unescape("".join(pieces)).split("\n\n")
    kept = [stripped for paragraph in paragraphs if (stripped := paragraph.strip())]
    if kept and kept[0] == _SPOILERS:
        del kept[0]
    return "\n\n".join(kept)


FORMAT: Final = XmlFormat(
    name="letterboxd_feed",
    title="Letterboxd's RSS",
    root=frozenset({"rss"}),
    items=frozenset({"item"}),
    within=frozenset({("rss", "channel")}),
    read=_read,
    kind=Kind.DIARY,
    rating_out_of=5,
)
