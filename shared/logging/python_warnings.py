"""Python's warnings as events of the log, once a minute for each line of code that warns."""

from __future__ import annotations

import time
import warnings
from typing import TYPE_CHECKING, Final, TextIO

import structlog

from shared.logging.redaction import shorten_ids
from shared.logging.throttle import Seldom

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_MESSAGE: Final = 300
"""Characters: aiohttp repeats a client's header in its warnings."""

log = structlog.get_logger(__name__)


class WarningLog:
    """Logs warnings; for `warnings.showwarning`.

    Args:
        clock: for a test to turn.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._seldom = Seldom(clock)

    def __call__(  # noqa: PLR0917  # the signature of warnings.showwarning
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,  # noqa: ARG002
        line: str | None = None,  # noqa: ARG002
    ) -> None:
        """Log one warning, unless the same line of code gave one less than a minute ago."""
        # By place in the code, of which there are few.
        if self._seldom.due((filename, lineno, category.__name__)) is None:
            return
        log.warning(
            "python_warning",
            category=category.__name__,
            # Cut afterwards, lest half an id look like none.
            message=shorten_ids(str(message))[:LONGEST_MESSAGE],
            where=f"{filename}:{lineno}",
        )


def log_warnings() -> None:
    """Send warnings to the log from now on."""
    warnings.showwarning = WarningLog()
    # Python remembers for ever each text that it warned of: of these a client chooses the text.
    warnings.filterwarnings("always", category=RuntimeWarning, module=r"aiohttp\.")
