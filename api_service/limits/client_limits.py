"""What one client may do at once and in an hour, and all together; in this process alone.

What is decided here costs no statement. With n processes behind one address a client has n times as
much. What is stored and queued is decided exactly, where it is stored (`storage.clients`).
"""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from api_service.limits.rate_limits import RateLimit
from api_service.storage.clients import StoredLimits
from shared.errors import (
    ClientLimitError,
    DatabaseUnavailableError,
    ParsersBusyError,
    ServiceFullError,
)
from shared.logging.throttle import Seldom

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api_service.storage.clients import Totals
    from shared.settings import Settings

MINUTE: Final = 60.0
HOUR: Final = 3600.0
UPLOADS_AT_A_STRETCH: Final = 10
"""Of those in an hour: what the service does for all of them at once, others wait for."""
ADMIN_TRIES: Final = 10
"""Wrong admin tokens that a client may try in a minute: nobody mistypes more often."""
BUSY_RETRY_SECONDS: Final = 5
"""After which one of several things that a client does at once may have ended."""
FULL_RETRY_SECONDS: Final = 600
"""After which sessions may have been deleted, and films looked up."""

_OUR_REFUSALS: Final = (ServiceFullError, DatabaseUnavailableError, ParsersBusyError)


class AtOnce:
    """Bounds how much of a thing each client does at the same time.

    Args:
        limit: its name in the problem.
        most: 0 is no limit.
        what: it is, in words.
    """

    def __init__(self, limit: str, most: int, what: str) -> None:
        self._limit = limit
        self._most = most
        self._what = what
        self._of: Counter[str] = Counter()
        self.all = 0
        """How many there are at this moment, of all clients."""

    @contextmanager
    def one(self, client: str) -> Iterator[None]:
        """Count one as long as the context lasts.

        Raises:
            ClientLimitError: the client has as many already.
        """
        self.enter(client)
        try:
            yield
        finally:
            self.leave(client)

    def enter(self, client: str | None) -> str:
        """Count one until `leave`, which takes what this returns; None is nobody's, and unbounded.

        Raises:
            ClientLimitError: the client has as many already.
        """
        if client is not None and self._most and self._of[client] >= self._most:
            raise ClientLimitError(
                f"One client may have {self._most} {self._what} at the same time.",
                retry_after=BUSY_RETRY_SECONDS,
                extra={"limit": self._limit},
            )
        name = client or ""
        self._of[name] += 1
        self.all += 1
        return name

    def leave(self, name: str) -> None:
        """Count one off."""
        self.all -= 1
        self._of[name] -= 1
        if not self._of[name]:
            del self._of[name]


class ClientLimits:
    """The limits of one process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.stored = StoredLimits(
            films_queued=settings.client_films_queued, movies_stored=settings.client_movies_stored
        )
        self.open_uploads = AtOnce("open_uploads", settings.client_open_uploads, "uploads")
        self.heavy_reads = AtOnce(
            "heavy_reads", settings.client_heavy_reads, "filtered pages, summaries and exports"
        )
        self.event_streams = AtOnce(
            "event_streams", settings.client_event_streams, "streams of events"
        )
        self.refusals_logged = Seldom()
        most = settings.client_uploads
        self._uploads = RateLimit(most, HOUR, burst=min(most, UPLOADS_AT_A_STRETCH))
        most = settings.client_reads_a_minute
        self._reads = RateLimit(most, MINUTE, burst=most)
        self._admin_tries = RateLimit(ADMIN_TRIES, MINUTE, burst=ADMIN_TRIES)

    @contextmanager
    def upload(self, client: str) -> Iterator[None]:
        """Count an upload, which is open as long as the context lasts.

        One that the service could not take, for whatever reason of its own, is none of an hour's.

        Raises:
            ClientLimitError: the client has begun too many within an hour, or has too many open.
            ServiceFullError: all clients together have too many open.
        """
        most = self._settings.max_open_uploads
        if most and self.open_uploads.all >= most:
            raise ServiceFullError(
                f"{most} uploads are under way at the moment. Nothing of yours was read.",
                retry_after=BUSY_RETRY_SECONDS,
                extra={"limit": "open_uploads"},
            )
        with self.open_uploads.one(client):
            if (seconds := self._uploads.take(client)) is not None:
                raise ClientLimitError(
                    f"One client may begin {self._settings.client_uploads} uploads in an hour, "
                    f"{UPLOADS_AT_A_STRETCH} of them at a stretch.",
                    retry_after=seconds,
                    extra={"limit": "uploads"},
                )
            try:
                yield
            except _OUR_REFUSALS:
                self._uploads.give_back(client)
                raise

    @contextmanager
    def heavy_read(self, client: str) -> Iterator[None]:
        """Count what reads a whole session, which lasts as long as the context.

        Raises:
            ClientLimitError: the client has asked for too much in a minute, or at once.
        """
        with self.heavy_reads.one(client):
            if (seconds := self._reads.take(client)) is not None:
                raise ClientLimitError(
                    f"One client may ask for {self._settings.client_reads_a_minute} filtered "
                    "pages, summaries, exports and the like in a minute.",
                    retry_after=seconds,
                    extra={"limit": "reads_a_minute"},
                )
            yield

    def begin_admin_try(self, client: str) -> None:
        """Count a try of the admin token, before it is compared.

        Raises:
            ClientLimitError: the client has tried too many wrong ones within a minute.
        """
        if (seconds := self._admin_tries.take(client)) is not None:
            raise ClientLimitError(
                f"One client may try {ADMIN_TRIES} wrong admin tokens in a minute.",
                retry_after=seconds,
                extra={"limit": "admin_token"},
            )

    def admin_try_succeeded(self, client: str) -> None:
        """Count it no more: the token was right."""
        self._admin_tries.give_back(client)

    def check_totals(self, totals: Totals | None, *, is_addition: bool = False) -> None:
        """Refuse an upload while all clients together have too much.

        Args:
            totals: as they were some seconds ago; None where nobody knows, which refuses nothing.
            is_addition: whether it makes no session, so that there may be as many as there are.

        Raises:
            ServiceFullError: they have.
        """
        if totals is None:
            return
        settings = self._settings
        for limit, there, most, what in (
            ("sessions", totals.sessions, settings.max_sessions, "lists"),
            ("movies_stored", totals.movies_stored, settings.max_movies_stored, "movies in lists"),
            (
                "films_queued",
                totals.films_queued,
                settings.max_films_queued,
                "films waiting to be looked up",
            ),
        ):
            if is_addition and limit == "sessions":
                continue
            if most and there >= most:
                raise ServiceFullError(
                    f"The service keeps at most {most} {what}, of all its users together, and has "
                    "as many. Try again later.",
                    retry_after=FULL_RETRY_SECONDS,
                    extra={"limit": limit},
                )
