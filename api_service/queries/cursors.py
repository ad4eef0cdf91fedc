"""Cursors: where a page ended, as opaque text that a client only hands back."""

from __future__ import annotations

import base64
import binascii
import json

from shared.errors import BadRequestError


def encode_cursor(sort: str, sort_key: str, position: int) -> str:
    """Text for the row after which the next page begins."""
    packed = json.dumps([sort, sort_key, position], separators=(",", ":"))
    return base64.urlsafe_b64encode(packed.encode()).decode().rstrip("=")


def decode_cursor(text: str, sort: str) -> tuple[str, int]:
    """The sort key and position that a cursor stands for.

    Raises:
        BadRequestError: it is none of ours, or belongs to another sort order.
    """
    try:
        packed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        made_for, sort_key, position = json.loads(packed)
    except (binascii.Error, ValueError, TypeError, RecursionError) as error:
        raise _not_ours() from error
    if not (_is_text(made_for) and _is_text(sort_key) and _is_position(position)):
        raise _not_ours()
    if made_for != sort:
        raise BadRequestError(f"cursor: it was made for sort={made_for}, not for sort={sort}")
    return sort_key, position


def _not_ours() -> BadRequestError:
    return BadRequestError("cursor: hand back `next_cursor` of the page before as it was")


def _is_text(value: object) -> bool:
    """Whether PostgreSQL and an answer can hold it: no NUL, no lone surrogates."""
    return (
        isinstance(value, str)
        and "\0" not in value
        and not any("\ud800" <= char <= "\udfff" for char in value)
    )


def _is_position(value: object) -> bool:
    """Whether it is a whole number that PostgreSQL's integer holds."""
    return type(value) is int and 0 <= value < 2**31
