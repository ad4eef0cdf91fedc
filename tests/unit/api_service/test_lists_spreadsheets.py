"""Cells of an export: never a formula to a spreadsheet, and read back to the letter."""

from __future__ import annotations

import csv
from unicodedata import category
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_service.lists.files.spreadsheets import csv_line, plain_cell, safe_cell, session_mark

FULL_WIDTH = "\uff1d\uff0b\uff0d\uff20"
INVISIBLE = [
    *(
        char
        for char in map(chr, range(0x110000))
        if category(char) in {"Cc", "Cf", "Zs", "Zl", "Zp"}
    ),
    *("\u034f", "\u115f", "\u2800", "\u3164", "\ufe0f", "\uffa0", "\U000e0fff"),
]
FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    *(f"{sign}1" for sign in FULL_WIDTH),
]
ODD = "'=+-@\t\r\nA1,\"; \ufeff\u200b\u00a0\u3164" + FULL_WIDTH
CELLS = st.text(alphabet=ODD, max_size=6) | st.text(max_size=20)


@pytest.mark.parametrize("formula", FORMULAS)
def test_what_a_spreadsheet_would_run_begins_with_an_apostrophe(formula: str) -> None:
    assert safe_cell(formula) == f"'{formula}"


@pytest.mark.parametrize("sign", [*"=+-@", *FULL_WIDTH])
def test_invisible_characters_before_a_sign_do_not_hide_it(sign: str) -> None:
    for char in INVISIBLE:
        for text in (f"{char}{sign}1", f"{char}{char} {sign}1", f"'{char}{sign}1"):
            assert safe_cell(text) == f"'{text}", ascii(text)
            assert plain_cell(safe_cell(text)) == text, ascii(text)


@pytest.mark.parametrize(
    "title",
    [
        "\ufeffHeat",
        " 71",
        "\u200b'71",
        "\u00a0",
        "'71",
        "Heat",
        "",
        "1917",
        "8½",
        "''",
        "(500) Days",
    ],
)
def test_other_text_stays_as_it_is(title: str) -> None:
    assert safe_cell(title) == title
    assert plain_cell(title) == title


@given(CELLS)
def test_a_cell_is_safe_and_is_read_back_to_the_letter(text: str) -> None:
    cell = safe_cell(text)
    assert cell.lstrip("".join(INVISIBLE))[:1] not in set("=+-@" + FULL_WIDTH)
    assert cell[:1] not in set("\t\r\n")
    assert plain_cell(cell) == text


@given(CELLS, CELLS)
def test_no_two_texts_become_the_same_cell(one: str, other: str) -> None:
    assert (safe_cell(one) == safe_cell(other)) == (one == other)


@given(st.lists(CELLS.filter(lambda text: "\0" not in text), min_size=1, max_size=4))
def test_a_line_is_read_back_to_the_letter(texts: list[str]) -> None:
    (row,) = csv.reader([csv_line(texts)], strict=True)
    assert [plain_cell(cell) for cell in row] == texts


def test_a_session_is_named_without_giving_it_away() -> None:
    session_id = UUID(int=7)
    mark = session_mark(session_id)
    assert mark.startswith("s")
    assert mark == session_mark(session_id) != session_mark(UUID(int=8))
    assert str(session_id)[:6] not in mark
