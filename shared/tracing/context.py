"""Where a trace is carried on: W3C's `traceparent`, as a value.

An upload's trace goes with its lookups through the database to the films that it caused, so that
one id finds all that was logged on the way. https://www.w3.org/TR/trace-context/
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import Self

SAMPLED = 1
_VERSION_0 = "00"
_NO_TRACE = "0" * 32
_NO_SPAN = "0" * 16
_FORM = re.compile(
    r"(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class TraceContext:
    """One span of one trace, which others may be children of.

    Attributes:
        trace_id: 32 small hexadecimal digits.
        span_id: 16 of them.
        flags: the lowest bit says that the trace is recorded.
    """

    trace_id: str
    span_id: str
    flags: int = SAMPLED

    @classmethod
    def begun(cls) -> Self:
        """A trace that begins here."""
        return cls(secrets.token_hex(16), secrets.token_hex(8))

    @classmethod
    def parse(cls, text: str | None) -> Self | None:
        """What a `traceparent` says; None where it says nothing of use, which is no error."""
        form = _FORM.fullmatch(text.strip()) if text else None
        if form is None:
            return None
        version, trace_id, span_id, flags, further = form.groups()
        if trace_id == _NO_TRACE or span_id == _NO_SPAN or (further and version == _VERSION_0):
            return None
        return cls(trace_id, span_id, int(flags, 16) & SAMPLED)

    def __str__(self) -> str:
        return f"{_VERSION_0}-{self.trace_id}-{self.span_id}-{self.flags:02x}"
