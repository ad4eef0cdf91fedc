"""XML, web pages and workbooks that are made to cost as much as they can, of any size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks.workbook_forms import sheet_of, workbook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Files = dict[str, bytes]
    Family = Callable[[int], Files]

_TITLE: Final = '<row r="1"><c r="A1" t="inlineStr"><is><t>Title</t></is></c></row>'
_HEADER: Final = "<tr><td>Title</td><td>Year</td></tr>"


def _films(elements: Iterable[str]) -> Files:
    return {"list.xml": f"<recentratings>{''.join(elements)}</recentratings>".encode()}


def _film(n: int, more: str = "") -> str:
    return f"<film><filmname>Film {n} (2000)</filmname>{more}</film>"


def _videos(elements: Iterable[str]) -> Files:
    return {"list.xml": f"<MediaContainer>{''.join(elements)}</MediaContainer>".encode()}


def _feed(description: str) -> Files:
    item = (
        "<item><guid>letterboxd-review-1</guid><letterboxd:filmTitle>Heat</letterboxd:filmTitle>"
        f"<description><![CDATA[{description}]]></description></item>"
    )
    return {"list.xml": f"<rss><channel>{item}</channel></rss>".encode()}


def _page(content: str) -> Files:
    return {"list.html": f"<html><table>{_HEADER}{content}</table></html>".encode()}


def _book(rows: Iterable[str], strings: str = "", formats: Iterable[str] = ()) -> Files:
    sheets = {"a": sheet_of([_TITLE, *rows])}
    return {"list.xlsx": workbook(sheets, strings=strings, formats=list(formats))}


def _row(*cells: str) -> str:
    return f"<row>{''.join(cells)}</row>"


def _text(text: str, place: str = "") -> str:
    reference = f' r="{place}"' if place else ""
    return f'<c{reference} t="inlineStr"><is><t>{text}</t></is></c>'


def _attributes(n: int) -> str:
    return "<film " + " ".join(f'a{i}=""' for i in range(n)) + "/>"


def _entities(n: int) -> str:
    declared = (f'<!ENTITY e{i + 1} "&e{i};&e{i};">' for i in range(n))
    return f'<!DOCTYPE a [<!ENTITY e0 "ha">{"".join(declared)}]><recentratings>&e{n};'


XML: Final[dict[str, Family]] = {
    "elements of titles": lambda n: _films(_film(i) for i in range(n)),
    "videos": lambda n: _videos(
        f'<Video title="Film {i}" viewCount="1"><Guid id="tmdb://{i + 1}"/></Video>'
        for i in range(n)
    ),
    "elements without titles": lambda n: _films([_film(1), *["<film/>"] * n]),
    "elements that are no titles": lambda n: _films([_film(1), *["<a/>"] * 10 * n]),
    "nothing but elements that are no titles": lambda n: _films(["<a/>"] * 10 * n),
    "elements within a title": lambda n: _films([_film(1, "<quote/>" * n)]),
    "elements deep within titles": lambda n: _films(
        _film(i, "<a>" * 90 + "</a>" * 90) for i in range(n // 10 + 1)
    ),
    "elements within elements": lambda n: _films(["<a>" * n]),
    "elements with names of their own": lambda n: _films(_film(1, f"<a{i}/>") for i in range(n)),
    "members with a few names": lambda n: _films(
        _film(i, f"<a{i % 900}>x</a{i % 900}>") for i in range(n)
    ),
    "attributes of one element": lambda n: _films([_attributes(n)]),
    "an endless attribute": lambda n: _films([f"<film a='{'x' * 100 * n}'/>"]),
    "long attributes": lambda n: _films([f"<a a='{'x' * 100_000}'/>"] * (n // 500 + 1)),
    "an endless comment": lambda n: _films([f"<!--{'x' * 100 * n}-->"]),
    "comments and instructions": lambda n: _films([_film(1), "<!--x--><?x y?>" * 5 * n]),
    "escaped characters": lambda n: _films([_film(1, f"<quote>{'&amp;&#65;' * n}</quote>")]),
    "an endless text": lambda n: _films([_film(1, f"<quote>{'x ' * 100 * n}</quote>")]),
    "long texts that are not used": lambda n: _films(["<a>", "x" * 100 * n, "</a>", _film(1)]),
    "entities of entities": lambda n: {"list.xml": _entities(n).encode()},
    "a tag that does not end": lambda n: {"list.xml": b"<recentratings " + b"a" * 100 * n},
    "tags of a review": lambda n: _feed("<p>x<br/>" * 5 * n),
    "broken tags of a review": lambda n: _feed("<" * 20 * n + "&" * 20 * n),
    "years of Criticker": lambda n: _films(
        [_film(1), f"<film><filmname>{'a (' * n}{' ' * n})</filmname></film>"]
    ),
    "XML of sixteen bits": lambda n: {
        "list.xml": f"<recentratings>{_film(1) * n}</recentratings>".encode("utf-16")
    },
}
HTML: Final[dict[str, Family]] = {
    "rows of a page": lambda n: _page(f"<tr><td>Film {n}</td><td>2000</td></tr>" * n),
    "cells of a page": lambda n: _page(f"<tr>{'<td>x' * 5 * n}</tr>"),
    "far cells of a page": lambda n: _page("<tr><td colspan=9999>x<td>y</tr>" * (n // 20 + 1)),
    "cells without rows": lambda n: _page("<td>" * 10 * n),
    "rows without cells": lambda n: _page("<tr>" * 10 * n),
    "tags that do not end": lambda n: _page("<td" * 10 * n),
    "tags alone": lambda n: _page("<" * 20 * n),
    "comments that do not end": lambda n: _page("<!--" * 10 * n),
    "comments": lambda n: _page("<!-- > -->" * 5 * n),
    "scripts": lambda n: _page("<script>a</script>" * 5 * n),
    "a script that does not end": lambda n: _page("<script>" + "a<" * 20 * n),
    "entities of a page": lambda n: _page(f"<tr><td>{'&amp;&#65;&x' * n}</tr>"),
    "an endless cell": lambda n: _page(f"<tr><td>{'x ' * 100 * n}"),
}
WORKBOOKS: Final[dict[str, Family]] = {
    "rows of a workbook": lambda n: _book(_row(_text(f"Film {i}")) for i in range(n)),
    "blank rows of a workbook": lambda n: _book(["<row/>"] * 10 * n),
    "blank cells of a workbook": lambda n: _book([_row('<c s="1"/>' * 10 * n)]),
    "cells of a row": lambda n: _book([_row("<c><v>1</v></c>" * 5 * n)]),
    "far cells": lambda n: _book(
        [_row(_text("Heat"), _text("x", f"XFD{i}")) for i in range(n // 20 + 1)]
    ),
    "one cell again and again": lambda n: _book([_row(_text("Heat", "A2") * n)]),
    "texts that are shared": lambda n: _book(
        (_row(f'<c t="s"><v>{i}</v></c>') for i in range(n)),
        "".join(f"<si><t>Film {i}</t></si>" for i in range(n)),
    ),
    "one text that is shared": lambda n: _book(
        (_row('<c t="s"><v>0</v></c>') for _ in range(n)), f"<si><t>{'Film' * 100}</t></si>"
    ),
    "texts that nothing shares": lambda n: _book([], "<si/>" * 10 * n),
    "pieces of a text": lambda n: _book(
        [_row('<c t="s"><v>0</v></c>')], f"<si>{'<r><t>a</t></r>' * n}</si>"
    ),
    "escapes of a workbook": lambda n: _book([_row(_text("_x0041_" * n))]),
    "numbers": lambda n: _book(
        (_row(f'<c s="1"><v>{i}.5</v></c>') for i in range(n)), formats=["yyyy-mm-dd"]
    ),
    "formats of numbers": lambda n: _book(
        [_row(_text("Heat"))], formats=('"[\\' * 80 for _ in range(n // 10 + 1))
    ),
    "formulas": lambda n: _book(_row(f"<c><f>A{i}</f></c>") for i in range(n)),
    "sheets": lambda n: {
        "list.xlsx": workbook(
            {f"s{i}": sheet_of([_TITLE, _row(_text("Heat"))]) for i in range(n // 50 + 1)}
        )
    },
    "white space in a workbook": lambda n: _book([" " * 1_000 * n]),
}
MARKUP: Final = XML | HTML | WORKBOOKS
