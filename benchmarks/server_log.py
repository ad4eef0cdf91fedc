"""Reading PostgreSQL's own log: which statements a program sent, and how long they took."""

from __future__ import annotations

import re
from collections import defaultdict

LINE_PREFIX = "%a|"
"""`log_line_prefix`: what is read here begins each entry with the application's name."""

POOL_RESET = "SELECT pg_advisory_unlock_all()"
"""What asyncpg sends when a connection goes back to its pool."""

_STATEMENT = re.compile(
    r"^(?P<application>[^|\n]*)\|LOG:  (?:statement|execute [^:\n]*): \s*(?P<text>.+)$",
    re.MULTILINE,
)
_DURATION = re.compile(
    r"^(?P<application>[^|\n]*)\|LOG:  duration: (?P<milliseconds>[\d.]+) ms  "
    r"(?:statement|(?:parse|bind|execute) [^:\n]*): \s*(?P<text>.+)$",
    re.MULTILINE,
)


def statements(log: str, application: str) -> list[str]:
    """First lines of the statements a program sent, pool resets aside (`log_statement=all`)."""
    return [
        found["text"]
        for found in _STATEMENT.finditer(log)
        if found["application"] == application and not found["text"].startswith(POOL_RESET)
    ]


def seconds_by_statement(log: str, application: str) -> dict[str, float]:
    """How long each kind of statement took in all, by its first three words, longest first.

    From `log_min_duration_statement=0`; parsing and binding (which plans) count too.
    """
    seconds: defaultdict[str, float] = defaultdict(float)
    for found in _DURATION.finditer(log):
        if found["application"] == application:
            kind = " ".join(found["text"].split()[:3])
            seconds[kind] += float(found["milliseconds"]) / 1000
    return dict(sorted(seconds.items(), key=lambda item: -item[1]))


def executions(log: str, application: str, beginning: str) -> list[float]:
    """How long each execution of the statements with this beginning took, in milliseconds."""
    return [
        float(found["milliseconds"])
        for found in _DURATION.finditer(log)
        if found["application"] == application
        and found["text"].startswith(beginning)
        and "  execute " in found[0]
    ]
