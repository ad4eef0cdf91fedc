"""Fan-out of session changes to SSE subscribers, reading each changed session once.

PostgreSQL's notifications say which session has changed. What comes at once is gathered for a
moment, and then the changed sessions are read together, a few times a second each at most; the last
change of a row is always sent, because a session that changes while it is read is read again. With
no stream open nothing is read. A notification may be lost, so all open sessions are read after
each connect of the listener, and every `ENRICH_INTERVAL`.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import structlog

from api_service.schemas.fleet import fleet_answer
from api_service.schemas.sessions import SessionAnswer, session_fields
from api_service.storage.events import MOST_FILMS, NEVER
from api_service.streams.stream import Films, Stream, Subscription, event
from shared.errors import ProjectionistError
from shared.models import Channel, SessionStatus
from shared.postgres.listener import Listener

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
    from typing import Self
    from uuid import UUID

    from api_service.eta import EtaEstimator
    from api_service.storage import StorageService
    from api_service.storage.events import AnsweredFilm, FleetState
    from api_service.storage.sessions import SessionRow
    from shared.postgres.database import Database
    from shared.settings import Settings

GATHER_SECONDS = 0.02
"""How long changes are gathered before they are read."""
PAUSE_SECONDS = 0.2
"""Between two reads of a session."""
FLEET_SECONDS = 2.0
"""Between two reads of the fleet: a daemon that dies sends no notification."""
RETRY_SECONDS = 1.0
END_SECONDS = 2.0
AT_ONCE = 200
"""Sessions that are read in one statement."""
GONE = event("gone", "{}")

log = structlog.get_logger(__name__)


class Hub:
    """Open event streams by session, and what they are sent.

    Args:
        database: for listening.
        storage: is read from.
        eta: tells the time left.
        settings: the API's.
    """

    def __init__(
        self, database: Database, storage: StorageService, eta: EtaEstimator, settings: Settings
    ) -> None:
        self._storage = storage
        self._eta = eta
        self._settings = settings
        self.listener = Listener(
            database,
            {
                Channel.SESSION_PROGRESS: self._on_session_progress,
                Channel.FLEET_CONTROL: lambda _: self._fleet_changed.set(),
            },
            on_connect=self._mark_all,
        )
        self._subscriptions: dict[str, Subscription] = {}
        self._stale: dict[Subscription, bool] = {}
        """Subscriptions to be read, and whether each is known to have changed."""
        self._some_stale = asyncio.Event()
        self._fleet: FleetState | None = None
        self._fleet_changed = asyncio.Event()
        self._ended = False
        self._is_failing = False
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        loops = (self.listener.run(), self._follow(), self._follow_fleet(), self._poll())
        self._tasks = [asyncio.create_task(loop) for loop in loops]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        # Over a silent connection even a cancelled statement waits; the pool gives it up.
        await asyncio.wait(self._tasks, timeout=END_SECONDS)

    @property
    def open_streams(self) -> int:
        """How many streams are open."""
        return sum(len(subscription.streams) for subscription in self._subscriptions.values())

    @contextlib.contextmanager
    def opened(
        self, session_id: UUID, *, seen: int | None, abort: Callable[[], None]
    ) -> Iterator[Stream]:
        """Provide a stream of a session's events, which begins with the current state.

        Args:
            session_id: of which there is one, unless it was deleted just now.
            seen: the number of the last films that the client has.
            abort: ends the connection.
        """
        stream = Stream(seen, abort)
        subscription = self._subscriptions.setdefault(str(session_id), Subscription(session_id))
        subscription.streams.add(stream)
        self._mark(subscription, changed=False)
        if self._ended:
            stream.end()
        try:
            yield stream
        finally:
            self._close(subscription, stream)

    def _close(self, subscription: Subscription, stream: Stream) -> None:
        subscription.streams.discard(stream)
        if not subscription.streams:
            self._stale.pop(subscription, None)
            # Of a session that was deleted the subscription has gone, and may have been begun anew.
            if self._subscriptions.get(str(subscription.session_id)) is subscription:
                del self._subscriptions[str(subscription.session_id)]
        if not self._subscriptions:
            self._fleet = None

    def end(self) -> None:
        """End all streams, and those that are yet to be opened."""
        self._ended = True
        for subscription in self._subscriptions.values():
            for stream in subscription.streams:
                stream.end()

    # -- what may have changed ---------------------------------------------------------------------

    def _on_session_progress(self, session_id: str) -> None:
        if subscription := self._subscriptions.get(session_id):
            self._mark(subscription, changed=True)

    def _mark_all(self) -> None:
        for subscription in self._subscriptions.values():
            self._mark(subscription, changed=False)
        self._fleet_changed.set()

    def _mark(self, subscription: Subscription, *, changed: bool) -> None:
        self._stale[subscription] = changed or self._stale.get(subscription, False)
        self._some_stale.set()

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(self._settings.enrich_interval)
            self._mark_all()

    # -- sessions ----------------------------------------------------------------------------------

    async def _follow(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            await self._some_stale.wait()
            await asyncio.sleep(GATHER_SECONDS)
            now = clock()
            rested = [
                subscription for subscription in self._stale if subscription.rest_until <= now
            ]
            for start in range(0, len(rested), AT_ONCE):
                await self._guard(self._read(rested[start : start + AT_ONCE], clock()))
            if not self._stale:
                self._some_stale.clear()

    async def _guard(self, reading: Coroutine[None, None, None]) -> None:
        """Await a read; log its failure and pause, so that streams outlive an outage."""
        try:
            await reading
        except ProjectionistError as error:
            if not self._is_failing:
                log.warning("streams_stalled", code=error.code, error=error.detail)
            self._is_failing = True
            await asyncio.sleep(RETRY_SECONDS)
        except Exception:
            log.exception("streams_crashed")
            await asyncio.sleep(RETRY_SECONDS)
        else:
            self._is_failing = False

    async def _read(self, subscriptions: Sequence[Subscription], now: float) -> None:
        """Read these sessions and update their streams; after a failure they stay stale."""
        taken = {
            subscription: self._stale.pop(subscription)
            for subscription in subscriptions
            if subscription in self._stale
        }
        try:
            await self._publish(taken)
        except BaseException:
            for subscription, changed in taken.items():
                if subscription.streams:
                    self._mark(subscription, changed=changed)
            raise
        for subscription in taken:
            subscription.rest_until = now + PAUSE_SECONDS

    async def _publish(self, taken: Mapping[Subscription, bool]) -> None:
        fresh = {subscription: subscription.newcomers() for subscription in taken}
        moment, rows = await self._storage.sessions.get_many([w.session_id for w in taken])
        there = {
            subscription: rows[subscription.session_id]
            for subscription in taken
            if subscription.session_id in rows
        }
        changed = [
            subscription
            for subscription, row in there.items()
            if taken[subscription] or fresh[subscription] or subscription.has_changed(row)
        ]
        films = await self._films(changed, fresh)
        statuses = {
            subscription: await self._status(there[subscription]) for subscription in changed
        }
        fleet = await self._fleet_event() if any(fresh.values()) else b""
        # From here on nothing is awaited, so a stream is told either how all stands or what is new.
        for subscription in taken.keys() - there.keys():
            self._publish_gone(subscription)
        for subscription, row in there.items():
            subscription.row = row
            everything = films.get(subscription.session_id, [])
            if changes := subscription.take_changes(everything, moment or subscription.since):
                subscription.put(films=self._encoded(changes))
            if status := statuses.get(subscription):
                subscription.put(status=status)
                self._settle(subscription, fresh[subscription], status, fleet, everything)

    def _settle(
        self,
        subscription: Subscription,
        fresh: Sequence[Stream],
        status: bytes,
        fleet: bytes,
        films: Sequence[AnsweredFilm],
    ) -> None:
        encoded = self._encoded(films) if fresh else None
        for stream in subscription.streams.intersection(fresh):
            lacking = encoded
            if encoded and stream.seen is not None:
                # It was there before: there may be nothing that it lacks.
                lacking = encoded.after(stream.seen)
                lacking = lacking if lacking.films else None
            stream.put(status=status, fleet=fleet, films=lacking)
            stream.settled = True

    def _encoded(self, films: Sequence[AnsweredFilm]) -> Films:
        return Films.of(films, self._settings.tmdb_image_base_url)

    async def _films(
        self, subscriptions: Sequence[Subscription], fresh: Mapping[Subscription, Sequence[Stream]]
    ) -> dict[UUID, list[AnsweredFilm]]:
        """Return the films to send; to a stream just opened the latest there are."""
        if not subscriptions:
            return {}
        since = {
            subscription.session_id: NEVER if fresh[subscription] else subscription.since
            for subscription in subscriptions
        }
        films = await self._storage.events.answered(since)
        few = [
            subscription.session_id
            for subscription in subscriptions
            if fresh[subscription] and _are_few(films, subscription)
        ]
        # Answered longer ago than the newest thousand of all sessions.
        for session_id, latest in (await self._storage.events.latest(few)).items() if few else ():
            known = {film.position: film for film in [*latest, *films.get(session_id, ())]}
            films[session_id] = sorted(
                known.values(), key=lambda film: (film.answered_at, film.position), reverse=True
            )[:MOST_FILMS]
        return films

    async def _status(self, row: SessionRow) -> bytes:
        fields = session_fields(
            row, await self._eta.estimate(row), days=self._settings.session_days
        )
        return event("status", SessionAnswer(**fields).model_dump_json())

    def _publish_gone(self, subscription: Subscription) -> None:
        for stream in subscription.streams:
            stream.end(GONE)
        if self._subscriptions.get(str(subscription.session_id)) is subscription:
            del self._subscriptions[str(subscription.session_id)]

    # -- the fleet ---------------------------------------------------------------------------------

    async def _follow_fleet(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FLEET_SECONDS):
                    await self._fleet_changed.wait()
            self._fleet_changed.clear()
            if self._subscriptions:
                await self._guard(self._read_fleet())

    async def _read_fleet(self) -> None:
        fleet = await self._storage.events.fleet()
        if fleet == self._fleet:
            return
        self._fleet = fleet
        data = event("fleet", fleet_answer(fleet).model_dump_json())
        self._eta.invalidate()
        for subscription in self._subscriptions.values():
            for stream in subscription.streams:
                if stream.settled:
                    stream.put(fleet=data)
            if subscription.row and subscription.row.status is SessionStatus.ENRICHING:
                self._mark(subscription, changed=True)  # the time left is another

    async def _fleet_event(self) -> bytes:
        if self._fleet is None:
            self._fleet = await self._storage.events.fleet()
        return event("fleet", fleet_answer(self._fleet).model_dump_json())


def _are_few(films: Mapping[UUID, Sequence[AnsweredFilm]], subscription: Subscription) -> bool:
    return len(films.get(subscription.session_id, ())) < MOST_FILMS
