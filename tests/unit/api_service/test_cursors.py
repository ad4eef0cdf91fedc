"""Cursors come back as they were handed out, and nothing else passes for one."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_service.queries.cursors import decode_cursor, encode_cursor
from shared.errors import BadRequestError

SORTS = st.sampled_from(["position", "title", "year", "rating"])
KEYS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
POSITIONS = st.integers(0, 2**31 - 1)


def packed(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


@given(sort=SORTS, sort_key=KEYS, position=POSITIONS)
def test_a_cursor_comes_back_as_it_was(sort: str, sort_key: str, position: int) -> None:
    text = encode_cursor(sort, sort_key, position)
    assert decode_cursor(text, sort) == (sort_key, position)


@given(sort=SORTS, sort_key=KEYS, position=POSITIONS)
def test_a_cursor_needs_no_escaping_in_an_address(sort: str, sort_key: str, position: int) -> None:
    text = encode_cursor(sort, sort_key, position)
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_a_cursor_of_another_order_is_refused_by_name() -> None:
    with pytest.raises(BadRequestError, match="made for sort=title, not for sort=year"):
        decode_cursor(encode_cursor("title", "heat", 7), "year")


@pytest.mark.parametrize(
    "value",
    [
        None,
        603,
        "title",
        [],
        ["title", "heat"],
        ["title", "heat", 1, 1],
        ["title", 5, 1],
        ["title", None, 1],
        ["title", "heat", "1"],
        ["title", "heat", 1.0],
        ["title", "heat", True],
        ["title", "heat", None],
        ["title", "heat", -1],
        ["title", "heat", 2**31],
        ["title", "he\0at", 1],
        ["title", "\udc80", 1],
        ["\udc80", "heat", 1],
        [["title"], "heat", 1],
        {"title": 1, "heat": 2, "position": 3},
    ],
)
def test_what_no_page_handed_out_is_refused(value: object) -> None:
    with pytest.raises(BadRequestError, match="hand back `next_cursor`"):
        decode_cursor(packed(value), "title")


def test_nesting_that_is_too_deep_to_read_is_refused() -> None:
    text = base64.urlsafe_b64encode(b"[" * 100_000).decode()
    with pytest.raises(BadRequestError):
        decode_cursor(text, "title")


@given(text=st.text(max_size=60), sort=SORTS)
def test_any_other_text_is_refused(text: str, sort: str) -> None:
    with pytest.raises(BadRequestError):
        decode_cursor(text, sort)


@given(value=st.binary(max_size=60), sort=SORTS)
def test_any_other_bytes_are_refused(value: bytes, sort: str) -> None:
    with pytest.raises(BadRequestError):
        decode_cursor(base64.urlsafe_b64encode(value).decode(), sort)
