"""Workbooks: every kind of cell is what a person sees in it, however far apart cells stand."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

import pytest

from api_service.lists.model import ListRefused, ListTooCostly, Refusal
from benchmarks.workbook_forms import packed, sheet, sheet_of, workbook
from tests.support.uploaded_lists import read
from tests.unit.api_service.test_lists_archives import zipped

if TYPE_CHECKING:
    from tests.support.uploaded_lists import Read

Rows = list[tuple[str | int, ...]]

FILMS: Rows = [("Title", "Year", "Rating", "Watched Date"), ("Heat", 1995, 9, "2024-03-09")]
SEEN: Rows = [("Title", "Year"), ("Heat", 1995)]
PLANNED: Rows = [("Title", "Year"), ("Casablanca", 1942)]


def read_one(content: bytes, name: str = "films.xlsx") -> Read:
    return read({name: content})


def refused(content: bytes, max_bytes: int = 50_000_000) -> ListRefused:
    with pytest.raises(ListRefused) as caught:
        read({"films.xlsx": content}, max_bytes=max_bytes)
    return caught.value


def row(number: int, *cells: str) -> str:
    return f'<row r="{number}">{"".join(cells)}</row>'


def text(place: str, content: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{content}</t></is></c>'


@pytest.mark.parametrize("name", ["films.xlsx", "films.xlsm", "films"])
def test_sheet_is_read_as_a_csv_is(name: str) -> None:
    found = read_one(workbook({"Sheet1": sheet(FILMS)}), name)
    assert found.column("title", "year", "rating_original", "watch_dates") == [
        ("Heat", "1995", "9/10", "{2024-03-09}")
    ]
    assert [file["name"] for file in found.report["files"]] == [name]
    assert found.formats == ["csv"]


def test_number_cells_are_dates_by_their_format() -> None:
    header = row(1, text("A1", "Title"), text("B1", "Watched Date"))
    cells = [
        ("Heat", '<c r="B2" s="1"><v>45360</v></c>'),
        ("Ran", '<c r="B3" s="2"><v>45360.84375</v></c>'),
        ("Alien", '<c r="B4" s="3"><v>45360</v></c>'),
        ("Jaws", '<c r="B5" t="d"><v>2024-03-09T00:00:00</v></c>'),
        ("M", '<c r="B6" s="1"><v>59</v></c>'),
        ("Freaks", '<c r="B7" s="1"><v>61</v></c>'),
    ]
    rows = [row(n, text(f"A{n}", title), cell) for n, (title, cell) in enumerate(cells, 2)]
    found = read_one(
        workbook(
            {"a": sheet_of([header, *rows])},
            formats=["dd/mm/yyyy;@", '[$-409]d\\-mmm\\-yy\\ h:mm "Uhr"', "0.0"],
        )
    )
    days = ["2024-03-09", "2024-03-09", "", "2024-03-09", "1900-02-28", "1900-03-01"]
    assert [movie["watch_dates"] for movie in found.movies] == [f"{{{day}}}" for day in days]
    assert found.notes == [(4, "bad_date")]


def test_epoch_of_1904_moves_every_date() -> None:
    rows = [
        row(1, text("A1", "Title"), text("B1", "Watched Date")),
        row(2, text("A2", "Heat"), '<c r="B2" s="1"><v>43898</v></c>'),
    ]
    book = workbook({"a": sheet_of(rows)}, formats=["yyyy-mm-dd"], properties='date1904="1"')
    assert read_one(book).column("watch_dates") == [("{2024-03-09}",)]


def test_kinds_of_cells_are_what_they_show() -> None:
    rows = [
        row(
            1, text("A1", "Title"), text("B1", "Rating"), text("C1", "Watched"), text("D1", "Tags")
        ),
        row(
            2,
            '<c r="A2" t="s"><v>0</v></c>',
            '<c r="B2"><f>A1+1</f><v>4.5</v></c>',
            '<c r="C2" t="b"><v>1</v></c>',
            '<c r="D2" t="str"><f>"x"</f><v>noir</v></c>',
        ),
        row(
            3,
            '<c r="A3" t="s"><v>1</v></c>',
            '<c r="B3" t="e"><v>#N/A</v></c>',
            '<c r="C3" t="b"><v>0</v></c>',
        ),
        row(4, "<c><v>300</v></c>", "<c><v>3.5000000000000004</v></c>"),
        row(5, text("A5", "Ran"), "<c><f>B4+1</f></c>"),
    ]
    strings = "<si><t>He</t></si><si><r><t>Ka</t></r><r><t xml:space='preserve'>gemusha</t></r>"
    strings += "<rPh><t>nothing</t></rPh></si>"
    found = read_one(workbook({"a": sheet_of(rows)}, strings=strings))
    assert found.column("title", "watched", "rating_original", "tags") == [
        ("He", "t", "4.5/5", '{"noir"}'),
        ("300", "t", "3.5/5", "{}"),
        ("Kagemusha", "f", "", "{}"),
        ("Ran", "f", "", "{}"),
    ]
    assert (5, "bad_rating") in found.notes


def test_column_of_titles_needs_no_header() -> None:
    book = workbook({"a": sheet([("Heat (1995)",), ("Ran",), ("",), ("2046",)])})
    found = read_one(book)
    assert found.formats == ["titles"]
    assert found.column("title", "year") == [("Heat", "1995"), ("Ran", ""), ("2046", "")]


def test_two_cells_at_the_corners_allocate_no_rectangle() -> None:
    corners = [
        row(1, text("A1", "Title")),
        row(2, text("A2", "Heat")),
        row(1_048_576, text("XFD1048576", "far away")),
    ]
    content = workbook({"a": sheet_of(corners)})
    read_one(content)
    tracemalloc.start()
    try:
        found = read_one(content)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
    assert found.column("title") == [("Heat",)]
    assert [(issue["line"], issue["code"]) for issue in found.report["rejected"]] == [
        (1_048_576, "too_many_cells")
    ]


def test_rows_keep_their_numbers_and_hidden_rows_count() -> None:
    rows = [
        row(3, text("B3", "My films")),
        row(5, text("A5", "Title"), text("B5", "Year")),
        '<row r="9" hidden="1">' + text("A9", "Heat") + "</row>",
        row(12, text("B12", "1999")),
    ]
    found = read_one(workbook({"a": sheet_of(rows)}))
    assert found.column("title") == [("Heat",)]
    assert [issue["line"] for issue in found.report["rejected"]] == [12]


def test_sheets_are_told_apart_and_others_are_named() -> None:
    book = workbook(
        {
            "Watched": sheet(SEEN),
            "Watchlist": sheet(PLANNED),
            "Notes": sheet([("Buy milk",), ("Feed the cat",)]),
            "Empty": sheet([]),
            "Old": sheet([("Title",), ("Ran",)]),
        },
        hidden=["Old"],
    )
    found = read_one(book)
    assert found.column("title", "watched", "in_watchlist") == [
        ("Heat", "t", "f"),
        ("Casablanca", "f", "t"),
    ]
    named = {file["name"]: file["set_aside"] for file in found.report["files"]}
    assert named["films.xlsx: Notes"] == "is no list"
    assert "hidden" in named["films.xlsx: Old"]
    assert "films.xlsx: Empty" not in named


@pytest.mark.parametrize(
    ("book", "name", "expected"),
    [
        ("watchlist.xlsx", "Sheet1", "planned"),
        ("watchlist.xlsx", "Watched", "seen"),
        ("films.xlsx", "To watch", "planned"),
        ("films.xlsx", "Unwatched", "planned"),
        ("films.xlsx", "Want to see", "planned"),
        ("films.xlsx", "2024", "seen"),
    ],
)
def test_name_of_sheet_or_workbook_tells_what_is_planned(
    book: str, name: str, expected: str
) -> None:
    content = workbook({name: sheet(SEEN), "Other": sheet([("Title",), ("Ran",)])})
    movies = {movie["title"]: movie for movie in read_one(content, book).movies}
    assert (movies["Heat"]["watched"], movies["Heat"]["in_watchlist"]) == (
        ("t", "f") if expected == "seen" else ("f", "t")
    )


def test_workbook_in_a_zip_is_read_beside_other_lists() -> None:
    book = workbook({"Sheet1": sheet(SEEN)})
    found = read({"all.zip": zipped({"a/films.xlsx": book, "b.csv": b"Title\nRan\n"})})
    assert sorted(movie["title"] for movie in found.movies) == ["Heat", "Ran"]


def test_prefixes_and_missing_references_do_not_matter() -> None:
    rows = (
        '<x:worksheet xmlns:x="u"><x:sheetData><x:row><x:c t="inlineStr"><x:is><x:t>Title</x:t>'
        '</x:is></x:c></x:row><x:row><x:c t="inlineStr"><x:is><x:t>Tom_x0026_Jerry</x:t></x:is>'
        "</x:c></x:row></x:sheetData></x:worksheet>"
    )
    assert read_one(workbook({"a": rows})).column("title") == [("Tom&Jerry",)]


def test_bomb_in_a_workbook_ends_at_the_limit() -> None:
    rows = sheet_of([row(1, text("A1", "Title")), " " * 5_000_000])
    error = refused(workbook({"a": rows}), max_bytes=1_000_000)
    assert error.reason is Refusal.TOO_MANY_BYTES


def test_shared_text_repeated_without_end_ends_at_the_limit() -> None:
    header = row(1, text("A1", "Title"), text("B1", "Review"))
    rows = [row(n, text(f"A{n}", "Heat"), f'<c r="B{n}" t="s"><v>0</v></c>') for n in range(2, 9)]
    book = workbook({"a": sheet_of([header, *rows])}, strings=f"<si><t>{'x' * 1_000_000}</t></si>")
    assert refused(book, max_bytes=5_000_000).reason is Refusal.TOO_MANY_BYTES


@pytest.mark.parametrize(
    ("content", "reason", "said"),
    [
        (
            packed({"[Content_Types].xml": "<a/>", "word/document.xml": "<a/>"}),
            "spreadsheet",
            "xlsx",
        ),
        (packed({"mimetype": "application/vnd.oasis"}), "spreadsheet", "OpenDocument"),
        (b"\xd0\xcf\x11\xe0" + bytes(600), "not_text", "save it as .xlsx"),
        (workbook({"a": sheet([])}), "empty_file", "no sheet"),
        (workbook({"a": "<worksheet><sheetData>"}), "broken_xml", "damaged"),
        (workbook({"a": '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'}), "broken_xml", "DTD"),
        (workbook({"a": sheet([("Buy milk", 2)])}), "no_title_column", "Title"),
    ],
)
def test_refusal_says_what_it_is_and_what_to_do(content: bytes, reason: str, said: str) -> None:
    error = refused(content)
    assert error.reason == reason
    assert said in error.detail


def test_endless_cells_and_rows_are_refused() -> None:
    long = row(1, text("A1", "Title"), text("B1", "x" * 1_100_000))
    assert refused(workbook({"a": sheet_of([long])})).reason is Refusal.FIELD_TOO_LONG
    many = row(1, *(text(f"{at}1", "x" * 1_000_000) for at in "ABC"))
    assert refused(workbook({"a": sheet_of([many])})).reason is Refusal.FIELD_TOO_LONG


def test_too_many_names_are_too_costly() -> None:
    names = "".join(f"<a{n}/>" for n in range(2_000))
    with pytest.raises(ListTooCostly):
        read_one(workbook({"a": sheet_of([names])}))
