"""Forms of list that are neither CSV nor JSON, written with as many rows as wanted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape, quoteattr

from api_service.lists.model import UploadedFile
from benchmarks.list_forms import rows
from benchmarks.workbook_forms import sheet, sheet_of, workbook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from benchmarks.list_forms import Row

_PLOT: Final = "A film. " * 20
_HEADER: Final = ("Title", "Year", "Rating", "Watched Date")


@dataclass(frozen=True, slots=True)
class MarkupForm:
    """One form of list.

    Attributes:
        name: is what it is called here.
        format: is what it must be recognised as.
        file: is what it is called.
        make: its bytes.
    """

    name: str
    format: str
    file: str
    make: Callable[[Iterator[Row]], bytes]

    def write(self, folder: Path, count: int) -> list[UploadedFile]:
        """Write it."""
        path = folder / self.file
        path.write_bytes(self.make(rows(count)))
        return [UploadedFile(self.file, path)]


def _document(opening: str, elements: Iterator[str], closing: str) -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n{opening}\n{"".join(elements)}{closing}'.encode()
    )


def plex(films: Iterator[Row]) -> bytes:
    """A library of Plex's."""

    def video(row: Row) -> str:
        day = datetime.combine(date.fromisoformat(row.day), time(), UTC)
        return (
            f'<Video ratingKey="{row.number}" type="movie" title={quoteattr(row.title)} '
            f'summary="{_PLOT}" rating="7.1" userRating="{row.half_stars}.0" viewCount="1" '
            f'lastViewedAt="{day.timestamp():.0f}" year="{row.year}" addedAt="1499731986">\n'
            f'<Media id="1" duration="8348726"><Part id="2" file="/films/{row.number}.mkv"/>'
            f'</Media>\n<Genre tag="Drama"/><Guid id="imdb://{row.imdb_id}"/>'
            f'<Guid id="tmdb://{row.number}"/>\n</Video>\n'
        )

    return _document("<MediaContainer>", map(video, films), "</MediaContainer>")


def _feed(films: Iterator[Row]) -> bytes:
    def item(row: Row) -> str:
        return (
            f"<item><title>{escape(row.title)}, {row.year}</title>"
            f"<link>https://letterboxd.com/a/film/{row.number}/</link><guid>letterboxd-review-{row.number}</guid>"
            f"<letterboxd:watchedDate>{row.day}</letterboxd:watchedDate>"
            f"<letterboxd:filmTitle>{escape(row.title)}</letterboxd:filmTitle>"
            f"<letterboxd:filmYear>{row.year}</letterboxd:filmYear>"
            f"<letterboxd:memberRating>{row.half_stars / 2}</letterboxd:memberRating>"
            f"<tmdb:movieId>{row.number}</tmdb:movieId>"
            "<description><![CDATA[ <p><img src='x'/></p> "
            "<p>Saw it &amp; liked it.<br/>Twice.</p> ]]></description></item>\n"
        )

    return _document('<rss version="2.0"><channel>', map(item, films), "</channel></rss>")


def _criticker(films: Iterator[Row]) -> bytes:
    def film(row: Row) -> str:
        return (
            f"<film>\n<filmid>{row.number}</filmid>\n<filmname>{escape(row.title)} ({row.year})"
            f"</filmname>\n<imdbid>{row.imdb_id}</imdbid>\n<rating>{row.half_stars * 10}</rating>\n"
            f"<summary>{_PLOT}</summary><quote/>\n<reviewdate>Apr 23 2017, 08:18"
            "</reviewdate>\n<tier>9</tier></film>\n"
        )

    return _document("<recentratings>", map(film, films), "</recentratings>")


def _kodi(films: Iterator[Row]) -> bytes:
    def movie(row: Row) -> str:
        return (
            f"<movie>\n<title>{escape(row.title)}</title><userrating>{row.half_stars}</userrating>\n"
            f"<plot>{_PLOT}</plot><playcount>1</playcount><lastplayed>{row.day} 20:15:00"
            f'</lastplayed>\n<uniqueid type="tmdb">{row.number}</uniqueid><year>{row.year}</year>\n'
            f"{'<actor><name>Somebody</name><role>Else</role></actor>' * 5}</movie>\n"
        )

    return _document("<videodb>", map(movie, films), "</videodb>")


def _texts(films: Iterator[Row]) -> bytes:
    return workbook(
        {
            "Films": sheet(
                [_HEADER, *((row.title, row.year, row.half_stars, row.day) for row in films)]
            )
        }
    )


def shared_workbook(films: Iterator[Row]) -> bytes:
    """As spreadsheets write it: texts shared, dates as numbers, a style on each cell."""
    strings = "".join(f"<si><t>{name}</t></si>" for name in _HEADER)
    header = "".join(f'<c r="{"ABCD"[at]}1" t="s"><v>{at}</v></c>' for at in range(4))
    lines = [f'<row r="1">{header}</row>']
    texts = [strings]
    for number, row in enumerate(films, 2):
        texts.append(f"<si><t>{escape(row.title)}</t></si>")
        days = (date.fromisoformat(row.day) - date(1899, 12, 30)).days
        lines.append(
            f'<row r="{number}" spans="1:4"><c r="A{number}" s="0" t="s"><v>{number + 2}</v></c>'
            f'<c r="B{number}" s="0"><v>{row.year}</v></c><c r="C{number}" s="2">'
            f'<v>{row.half_stars}</v></c><c r="D{number}" s="1"><v>{days}</v></c></row>'
        )
    formats = ["dd/mm/yyyy", "0.0"]
    return workbook({"Films": sheet_of(lines)}, formats=formats, strings="".join(texts))


def _page(films: Iterator[Row]) -> bytes:
    lines = "".join(
        f"<tr>\n<td nowrap><b>{escape(row.title)}</b></td><td>{row.year}</td>"
        f'<td align="left">{row.half_stars}</td><td>{row.day}</td></tr>\n'
        for row in films
    )
    header = "".join(f"<th>{name}</th>" for name in _HEADER)
    return f"<html><body><table><tr>{header}</tr>{lines}</table></body></html>".encode()


MARKUP_FORMS: Final = (
    MarkupForm("Plex, XML", "plex", "all.xml", plex),
    MarkupForm("Letterboxd, RSS", "letterboxd_feed", "rss.xml", _feed),
    MarkupForm("Criticker, XML", "criticker", "ratings.xml", _criticker),
    MarkupForm("Kodi, XML", "kodi", "videodb.xml", _kodi),
    MarkupForm("workbook of texts", "csv", "films.xlsx", _texts),
    MarkupForm("workbook of shared texts and dates", "csv", "saved.xlsx", shared_workbook),
    MarkupForm("table of HTML", "csv", "films.xls", _page),
)
