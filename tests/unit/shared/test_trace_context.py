"""What a `traceparent` says, and what says nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.tracing.context import TraceContext

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        (f"00-{TRACE}-{SPAN}-01", 1),
        (f"00-{TRACE}-{SPAN}-00", 0),
        (f"00-{TRACE}-{SPAN}-03", 1),  # a flag that nobody knows yet
        (f" 00-{TRACE}-{SPAN}-01 ", 1),
        (f"cc-{TRACE}-{SPAN}-01", 1),  # of a later version what is known is taken
        (f"cc-{TRACE}-{SPAN}-01-what-comes-then", 1),
    ],
)
def test_what_it_says_is_taken(text: str, flags: int) -> None:
    assert TraceContext.parse(text) == TraceContext(TRACE, SPAN, flags)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "nonsense",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-01-",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE[1:]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-01\n00-{TRACE}-{SPAN}-01",
        f"\u0660\u0660-{TRACE}-{SPAN}-01",  # digits, but not ASCII's
    ],
)
def test_what_says_nothing_is_passed_over(text: str | None) -> None:
    assert TraceContext.parse(text) is None


@given(st.text(max_size=80))
def test_no_text_does_harm(text: str) -> None:
    TraceContext.parse(text)


def test_what_begins_here_is_new_and_can_be_handed_on() -> None:
    one, other = TraceContext.begun(), TraceContext.begun()
    assert one.trace_id != other.trace_id
    assert TraceContext.parse(str(one)) == one
