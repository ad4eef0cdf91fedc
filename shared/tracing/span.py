"""What a span is, whether or not OpenTelemetry records it."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from shared.tracing.context import TraceContext


class Kind(StrEnum):
    """What a span is, in OpenTelemetry's words."""

    SERVER = "SERVER"
    CLIENT = "CLIENT"
    CONSUMER = "CONSUMER"


class Span(Protocol):
    """One operation."""

    @property
    def context(self) -> TraceContext:
        """The trace context for what this operation causes."""

    def set_attribute(self, name: str, value: str | int) -> None:
        """Set an attribute."""

    def fail(self, why: str) -> None:
        """Mark it as failed."""


class UnrecordedSpan:
    """A span that only carries its trace's id on."""

    def __init__(self, context: TraceContext) -> None:
        self.context = context

    def set_attribute(self, name: str, value: str | int) -> None:
        """Do nothing."""

    def fail(self, why: str) -> None:
        """Do nothing."""
