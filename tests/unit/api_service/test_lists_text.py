"""What is text, what is not, and where it goes wrong."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pytest

from api_service.lists.files.text import MAX_FIELD, field_limit, inspect_text, read_records
from api_service.lists.model import ListRefused, Refusal, UploadedFile
from api_service.lists.report import Budget, FileJournal

if TYPE_CHECKING:
    from pathlib import Path


def uploaded(folder: Path, content: bytes) -> UploadedFile:
    path = folder / "upload"
    path.write_bytes(content)
    return UploadedFile("list.csv", path)


def records(folder: Path, content: bytes) -> tuple[list[tuple[int, list[str]]], FileJournal]:
    journal = FileJournal("list.csv", Budget(rows=1000))
    with field_limit():
        found = list(read_records(inspect_text(uploaded(folder, content)), ",", journal))
    return found, journal


def refusal(folder: Path, content: bytes) -> ListRefused:
    with pytest.raises(ListRefused) as caught:
        records(folder, content)
    return caught.value


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_encodings_with_which_lists_are_saved_are_read(tmp_path: Path, encoding: str) -> None:
    found, _ = records(tmp_path, "Title\r\nAmélie 🎬\r\n".encode(encoding))
    assert found == [(1, ["Title"]), (2, ["Amélie 🎬"])]


@pytest.mark.parametrize(
    "title", ["Amélie", "L\u2019Été \u2013 “Noël” …", "Œuvre n° 1", "¿Quién mató?", "Ré"]
)
def test_windows_1252_is_read_when_it_looks_like_it(tmp_path: Path, title: str) -> None:
    found, journal = records(tmp_path, f"Title\r\nÀ\r\n{title}".encode("cp1252"))
    assert found == [(1, ["Title"]), (2, ["À"]), (3, [title])]
    assert not journal.rejected


@pytest.mark.parametrize(
    "content",
    [
        b"Title\nHeat\nAm\xe9lie\x81\n",  # a byte that means nothing in Windows-1252
        "Title\nHeat\nAm\xe9lie\n".encode() + b"\xe9\n",  # UTF-8 with a fault in it
        b"\xef\xbb\xbfTitle\nHeat\nAm\xe9lie\n",  # a mark that says UTF-8
        b"Title\nHeat\nAm\xb6\xa4\xac\n",  # not the marks of running text
    ],
)
def test_other_encodings_are_refused_with_byte_and_line(tmp_path: Path, content: bytes) -> None:
    error = refusal(tmp_path, content)
    assert error.reason is Refusal.BAD_ENCODING
    assert error.line in {3, 4}
    assert "is not valid UTF-8" in error.detail


def test_bad_byte_is_found_beyond_the_first_piece(tmp_path: Path) -> None:
    start = ("é" * 100 + "\n").encode() * 2000
    error = refusal(tmp_path, start + b"\xff")
    assert error.line == 2001
    assert f"byte {len(start) + 1} " in error.message


@pytest.mark.parametrize("content", [b"Title\nAm\xc3", "Title\n".encode("utf-16") + b"x"])
def test_file_cut_off_within_a_character_is_refused(tmp_path: Path, content: bytes) -> None:
    error = refusal(tmp_path, content)
    assert error.reason is Refusal.BAD_ENCODING
    assert error.line == 2


def test_surrogates_written_as_utf8_are_refused(tmp_path: Path) -> None:
    content = "Title\n\ud800\n".encode("utf-8", "surrogatepass")
    assert refusal(tmp_path, content).reason is Refusal.BAD_ENCODING


def test_nul_is_refused_with_its_line(tmp_path: Path) -> None:
    error = refusal(tmp_path, b"Title\nHeat\nA\0B\n")
    assert (error.reason, error.line) == (Refusal.NOT_TEXT, 3)


def test_empty_file_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, b"").reason is Refusal.EMPTY_FILE


def test_endless_line_is_refused_before_it_is_held(tmp_path: Path) -> None:
    error = refusal(tmp_path, b"Title\n" + b"x" * (2 * MAX_FIELD))
    assert (error.reason, error.line) == (Refusal.FIELD_TOO_LONG, 2)


def test_field_of_many_lines_over_the_limit_is_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path, b'Title\n"' + b"some words\n" * 100_000 + b'"\n')
    assert (error.reason, error.line) == (Refusal.FIELD_TOO_LONG, 2)


def test_lines_are_counted_physically(tmp_path: Path) -> None:
    found, _ = records(tmp_path, b'\n\nTitle,Review\r\nHeat,"one\ntwo\n"\n\n , \nRan,\n')
    assert [line for line, _ in found] == [3, 4, 9]


def test_old_line_ends_are_read(tmp_path: Path) -> None:
    assert records(tmp_path, b"Title\rHeat\r")[0] == [(1, ["Title"]), (2, ["Heat"])]


@pytest.mark.parametrize(
    "content",
    [b'Title\nHeat\n"Ran', b'Title\nHeat\n"Ran\nAlien\n', b'Title\nHeat\n"Ran\n"Alien" x\nIkiru\n'],
)
def test_quote_that_never_closes_is_refused_where_it_opens(tmp_path: Path, content: bytes) -> None:
    error = refusal(tmp_path, content)
    assert (error.reason, error.line) == (Refusal.UNTERMINATED_QUOTE, 3)


def test_stray_quote_costs_its_row_only(tmp_path: Path) -> None:
    found, journal = records(tmp_path, b'Title\n"The "Best" Film"\nHeat\n')
    assert found == [(1, ["Title"]), (3, ["Heat"])]
    assert [(issue.line, issue.code.value) for issue in journal.rejected] == [(2, "stray_quote")]


@pytest.mark.parametrize("control", ["\x07", "\x1b", "\x7f", "\x92"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_control_character_costs_its_row_only(tmp_path: Path, control: str, encoding: str) -> None:
    found, journal = records(tmp_path, f"Title\nA{control}B\n\xc0\n".encode(encoding))
    assert found == [(1, ["Title"]), (3, ["\xc0"])]
    assert [(issue.line, issue.code.value) for issue in journal.rejected] == [
        (2, "control_character")
    ]


def test_field_limit_of_the_process_is_put_back() -> None:
    before = csv.field_size_limit()
    with field_limit():
        assert csv.field_size_limit() == MAX_FIELD
    assert csv.field_size_limit() == before
