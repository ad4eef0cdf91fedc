"""Whatever a list says arrives in PostgreSQL unchanged: csv for COPY and array literals."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from api_service.lists.merging.copying import date_array, quote, text_array

texts = st.text(
    st.one_of(
        st.sampled_from('"\\,{} \n\tN'),
        st.characters(codec="utf-8", exclude_characters="\0"),
    )
)


def unquote(cell: str) -> str:
    """Take a quoted csv cell apart by the rules of RFC 4180."""
    assert cell[0] == cell[-1] == '"'
    inner = cell[1:-1]
    assert '"' not in inner.replace('""', "")
    return inner.replace('""', '"')


def parse_array(literal: str) -> list[str]:
    """Take a PostgreSQL array literal of quoted elements apart, character by character."""
    assert literal[0] == "{"
    assert literal[-1] == "}"
    items: list[str] = []
    at = 1
    while at < len(literal) - 1:
        assert literal[at] == '"'
        at += 1
        item = ""
        while literal[at] != '"':
            at += literal[at] == "\\"
            item += literal[at]
            at += 1
        items.append(item)
        at += 1
        if at < len(literal) - 1:
            assert literal[at] == ","
            at += 1
    return items


@given(texts)
def test_text_cell_round_trips(text: str) -> None:
    assert unquote(quote(text)) == text


@given(st.lists(texts))
def test_text_array_round_trips(items: list[str]) -> None:
    assert parse_array(unquote(text_array(tuple(items)))) == items


def test_words_that_mean_something_to_postgresql_are_quoted() -> None:
    assert text_array(("NULL", "", "a,b", 'say "x"')) == (
        '"{""NULL"","""",""a,b"",""say \\""x\\""""}"'
    )


def test_empty_arrays_are_no_null() -> None:
    assert text_array(()) == date_array([]) == '"{}"'


def test_dates_are_written_as_iso() -> None:
    assert date_array([date(1999, 3, 31), date(2020, 2, 29)]) == '"{1999-03-31,2020-02-29}"'
