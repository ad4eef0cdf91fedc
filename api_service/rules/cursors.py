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
    except (binascii.Error, ValueError, TypeError) as error:
        raise BadRequestError("cursor: hand back `next_cursor` of the page before as it was") from (
            error
        )
    if made_for != sort or not isinstance(sort_key, str) or not isinstance(position, int):
        raise BadRequestError(f"cursor: it was made for sort={made_for}, not for sort={sort}")
    return sort_key, position
