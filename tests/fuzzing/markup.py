"""Broken and hostile XML, web pages and workbooks, out of a source of chance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from benchmarks.workbook_forms import sheet_of, workbook

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

_ELEMENTS: Final = (
    *("Video", "Directory", "Guid", "item", "film", "movie", "tvshow", "title", "filmname", "year"),
    *("letterboxd:filmTitle", "description", "guid", "rating", "score", "quote", "reviewdate"),
    *("uniqueid", "playcount", "lastplayed", "userrating", "a", "channel", "Hub", "tmdb:movieId"),
)
_ATTRIBUTES: Final = (
    *("title", "year", "type", "viewCount", "lastViewedAt", "userRating", "id", "guid", "rating10"),
    *("viewedAt", "x", "record of".replace(" ", ""), "librarySectionID"),
)
_XML_OPENINGS: Final = (
    *("", "<?xml version='1.0'?>", "<?xml version='1.0' encoding='windows-1251'?>", "<!-- x -->"),
    *("<!DOCTYPE a>", "<!DOCTYPE a [<!ENTITY b 'c'>]>", "<?xml version='1.0' encoding='rot13'?>"),
)
_TAGS: Final = (
    *(
        "<tr>",
        "<td>",
        "</td>",
        "</tr>",
        "<th colspan=3>",
        "<td colspan=9999>",
        "<br/>",
        "<!--",
        "-->",
    ),
    *(
        "<script>",
        "</script>",
        "<style>",
        "<p>",
        "</table>",
        "<table>",
        "<td",
        ">",
        "&nbsp;",
        "<b>",
    ),
)
_PLACES: Final = ("A1", "B2", "C1", "XFD1048576", "ZZZ9999999", "a1", "", "1A", "ALM3")
_CELL_TYPES: Final = ("n", "s", "b", "e", "str", "inlineStr", "d", "", "x")
_CODES: Final = (
    "yyyy-mm-dd",
    "0%",
    "h:mm",
    "[h]:mm",
    "General",
    '"d"0',
    "m",
    "\\d0",
    "[Red]0.00",
    "",
)


def _element(chance: random.Random, cells: Sequence[str], depth: int) -> str:
    name = chance.choice(_ELEMENTS)
    attributes = "".join(
        f" {chance.choice(_ATTRIBUTES)}='{_escaped(chance, cells)}'"
        for _ in range(chance.randint(0, 3))
    )
    if depth > 5 or chance.random() < 0.3:
        inner = _escaped(chance, cells)
    else:
        inner = "".join(_element(chance, cells, depth + 1) for _ in range(chance.randint(0, 4)))
    return f"<{name}{attributes}>{inner}</{name}>"


def _escaped(chance: random.Random, cells: Sequence[str]) -> str:
    return escape(chance.choice(cells), {"'": "&#39;"})


def xml(chance: random.Random, cells: Sequence[str]) -> bytes:
    """XML with the names of every format."""
    root = chance.choice(("MediaContainer", "rss", "recentratings", "videodb", "movie", "a"))
    within = chance.choice(("", "channel", "Hub"))
    inner = "".join(_element(chance, cells, 0) for _ in range(chance.choice((0, 1, 3, 10))))
    inner = f"<{within}>{inner}</{within}>" if within else inner
    opening = chance.choice(_XML_OPENINGS)
    text = f"{opening}<{root}>{inner}</{root}>"
    encoding = chance.choice(("utf-8", "utf-8", "utf-8-sig", "utf-16", "cp1251"))
    return text.encode(encoding, "ignore")


def page(chance: random.Random, cells: Sequence[str]) -> bytes:
    """A web page of tags in any order."""
    pieces = [chance.choice(_TAGS) + chance.choice(cells) for _ in range(chance.randint(0, 40))]
    opening = chance.choice(("<html>", "<!DOCTYPE html>", "<table>", "<TR>"))
    return (opening + "".join(pieces)).encode("utf-8", "replace")


def book(chance: random.Random, cells: Sequence[str], columns: Sequence[str]) -> bytes:
    """A workbook of odd cells."""
    sheets = {
        f"{chance.choice(cells)}{n}": _rows(chance, cells, columns)
        for n in range(chance.randint(1, 3))
    }
    strings = "".join(
        f"<si><t>{_escaped(chance, cells)}</t></si>" for _ in range(chance.randint(0, 4))
    )
    formats = [chance.choice(_CODES) for _ in range(chance.randint(0, 4))]
    properties = chance.choice(("", 'date1904="1"'))
    return workbook(sheets, formats=formats, strings=strings, properties=properties)


def _rows(chance: random.Random, cells: Sequence[str], columns: Sequence[str]) -> str:
    header = "".join(
        f'<c t="inlineStr"><is><t>{escape(name)}</t></is></c>'
        for name in chance.choices(columns, k=5)
    )
    rows = [f"<row>{header}</row>"] if chance.random() < 0.8 else []
    for _ in range(chance.choice((0, 1, 5))):
        filled = (
            f"<c r='{chance.choice(_PLACES)}' t='{chance.choice(_CELL_TYPES)}' "
            f"s='{chance.randint(-1, 5)}'><f>{chance.choice(('', 'A1'))}</f>"
            f"<v>{_escaped(chance, cells)}</v></c>"
            for _ in range(chance.randint(0, 6))
        )
        rows.append(
            f"<row r='{chance.choice((1, 2, 0, -1, 1_048_576, 10**12))}'>{''.join(filled)}</row>"
        )
    return sheet_of(rows)
