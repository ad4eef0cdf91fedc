"""The two shapes of a TMDB key, recognised without a request.

See https://developer.themoviedb.org/docs/authentication-application.
"""

from __future__ import annotations

import re

_V3_KEY = re.compile(r"[0-9a-f]{32}", re.IGNORECASE | re.ASCII)
_V4_TOKEN = re.compile(r"eyJ[\w-]+(?:\.[\w-]+)*", re.ASCII)

WRONG_SHAPE = "neither a v3 key (32 hex digits) nor a v4 read token (eyJ…)"


def is_v3_key(text: str) -> bool:
    """Whether it is sent as the parameter `api_key`."""
    return _V3_KEY.fullmatch(text) is not None


def is_v4_token(text: str) -> bool:
    """Whether it is sent as a bearer token."""
    return _V4_TOKEN.fullmatch(text) is not None
