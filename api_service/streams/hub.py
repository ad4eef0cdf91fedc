"""The hub: tells all open streams what has changed, reading each changed session once for all.

PostgreSQL's notifications say which session has changed. What comes at once is gathered for a
moment, and then the changed sessions are read together, a few times a second each at most; the last
change of a row is always told, because a session that changes while it is read is read again. With
no stream open nothing is read. A notification may be lost, so all open sessions are looked at after
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
from api_service.streams.stream import Films, Stream, event
from api_service.streams.subscriptions import Watch
from shared.errors import ProjectionistError
from shared.models import Channel, SessionStatus
from shared.postgres.listener import Listener

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
    from typing import Self
    from uuid import UUID

    from api_service.eta import Pacer
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
"""Between two looks at the fleet: a daemon that dies sends no notification."""
RETRY_SECONDS = 1.0
END_SECONDS = 2.0
AT_ONCE = 200
"""Sessions that are read in one statement."""
GONE = event("gone", "{}")

log = structlog.get_logger(__name__)


class Hub:
    """Everybody who looks on, and what they are told.

    Args:
        database: for listening.
        storage: is read from.
        pacer: tells the time left.
        settings: the API's.
    """

    def __init__(
        self, database: Database, storage: StorageService, pacer: Pacer, settings: Settings
    ) -> None:
        self._storage = storage
        self._pacer = pacer
        self._settings = settings
        self.listener = Listener(
            database,
            {
                Channel.SESSION_PROGRESS: self._note_session,
                Channel.FLEET_CONTROL: lambda _: self._fleet_changed.set(),
            },
            on_connect=self._look_at_all,
        )
        self._watches: dict[str, Watch] = {}
        self._dirty: dict[Watch, bool] = {}
        """What is to be read, and whether it is known to have changed."""
        self._some_dirty = asyncio.Event()
        self._fleet: FleetState | None = None
        self._fleet_changed = asyncio.Event()
        self._ended = False
        self._said = False
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        loops = (self.listener.run(), self._follow(), self._follow_fleet(), self._look_regularly())
        self._tasks = [asyncio.create_task(loop) for loop in loops]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        # Over a silent connection even a cancelled statement waits; the pool gives it up.
        await asyncio.wait(self._tasks, timeout=END_SECONDS)

    @property
    def open_streams(self) -> int:
        """How many look on."""
        return sum(len(watch.streams) for watch in self._watches.values())

    @contextlib.contextmanager
    def opened(
        self, session_id: UUID, *, seen: int | None, abort: Callable[[], None]
    ) -> Iterator[Stream]:
        """A stream of a session's events; it begins with how everything stands.

        Args:
            session_id: of which there is one, unless it was deleted just now.
            seen: the number of the last films that the client has.
            abort: ends the connection.
        """
        stream = Stream(seen, abort)
        watch = self._watches.setdefault(str(session_id), Watch(session_id))
        watch.streams.add(stream)
        self._mark(watch, changed=False)
        if self._ended:
            stream.end()
        try:
            yield stream
        finally:
            self._close(watch, stream)

    def _close(self, watch: Watch, stream: Stream) -> None:
        watch.streams.discard(stream)
        if not watch.streams:
            self._dirty.pop(watch, None)
            # Of a session that was deleted the watch has gone, and may have been begun anew.
            if self._watches.get(str(watch.session_id)) is watch:
                del self._watches[str(watch.session_id)]
        if not self._watches:
            self._fleet = None

    def end(self) -> None:
        """End all streams, and those that may yet come, at once."""
        self._ended = True
        for watch in self._watches.values():
            for stream in watch.streams:
                stream.end()

    # -- what may have changed ---------------------------------------------------------------------

    def _note_session(self, session_id: str) -> None:
        if watch := self._watches.get(session_id):
            self._mark(watch, changed=True)

    def _look_at_all(self) -> None:
        for watch in self._watches.values():
            self._mark(watch, changed=False)
        self._fleet_changed.set()

    def _mark(self, watch: Watch, *, changed: bool) -> None:
        self._dirty[watch] = changed or self._dirty.get(watch, False)
        self._some_dirty.set()

    async def _look_regularly(self) -> None:
        while True:
            await asyncio.sleep(self._settings.enrich_interval)
            self._look_at_all()

    # -- sessions ----------------------------------------------------------------------------------

    async def _follow(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            await self._some_dirty.wait()
            await asyncio.sleep(GATHER_SECONDS)
            now = clock()
            rested = [watch for watch in self._dirty if watch.rest_until <= now]
            for start in range(0, len(rested), AT_ONCE):
                await self._survive(self._read(rested[start : start + AT_ONCE], clock()))
            if not self._dirty:
                self._some_dirty.clear()

    async def _survive(self, reading: Coroutine[None, None, None]) -> None:
        """Read, whatever the database does; streams stay open and go on after it."""
        try:
            await reading
        except ProjectionistError as error:
            if not self._said:
                log.warning("streams_waiting", code=error.code, error=error.detail)
            self._said = True
            await asyncio.sleep(RETRY_SECONDS)
        except Exception:
            log.exception("streams_crashed")
            await asyncio.sleep(RETRY_SECONDS)
        else:
            self._said = False

    async def _read(self, watches: Sequence[Watch], now: float) -> None:
        """Read these sessions and tell their streams; after a failure they are dirty again."""
        taken = {watch: self._dirty.pop(watch) for watch in watches if watch in self._dirty}
        try:
            await self._tell(taken)
        except BaseException:
            for watch, changed in taken.items():
                if watch.streams:
                    self._mark(watch, changed=changed)
            raise
        for watch in taken:
            watch.rest_until = now + PAUSE_SECONDS

    async def _tell(self, taken: Mapping[Watch, bool]) -> None:
        fresh = {watch: watch.newcomers() for watch in taken}
        moment, rows = await self._storage.sessions.get_many([w.session_id for w in taken])
        there = {watch: rows[watch.session_id] for watch in taken if watch.session_id in rows}
        changed = [
            watch
            for watch, row in there.items()
            if taken[watch] or fresh[watch] or watch.has_changed(row)
        ]
        films = await self._films(changed, fresh)
        statuses = {watch: await self._status(there[watch]) for watch in changed}
        fleet = await self._fleet_event() if any(fresh.values()) else b""
        # From here on nothing is awaited, so a stream is told either how all stands or what is new.
        for watch in taken.keys() - there.keys():
            self._say_gone(watch)
        for watch, row in there.items():
            watch.row = row
            everything = films.get(watch.session_id, [])
            if news := watch.take_news(everything, moment or watch.since):
                watch.put(films=self._encoded(news))
            if status := statuses.get(watch):
                watch.put(status=status)
                self._settle(watch, fresh[watch], status, fleet, everything)

    def _settle(
        self,
        watch: Watch,
        fresh: Sequence[Stream],
        status: bytes,
        fleet: bytes,
        films: Sequence[AnsweredFilm],
    ) -> None:
        encoded = self._encoded(films) if fresh else None
        for stream in watch.streams.intersection(fresh):
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
        self, watches: Sequence[Watch], fresh: Mapping[Watch, Sequence[Stream]]
    ) -> dict[UUID, list[AnsweredFilm]]:
        """The films to be told of; for a stream that has just been opened the latest there are."""
        if not watches:
            return {}
        since = {watch.session_id: NEVER if fresh[watch] else watch.since for watch in watches}
        films = await self._storage.events.answered(since)
        few = [watch.session_id for watch in watches if fresh[watch] and _are_few(films, watch)]
        # Answered longer ago than the newest thousand of all sessions.
        for session_id, latest in (await self._storage.events.latest(few)).items() if few else ():
            known = {film.position: film for film in [*latest, *films.get(session_id, ())]}
            films[session_id] = sorted(
                known.values(), key=lambda film: (film.answered_at, film.position), reverse=True
            )[:MOST_FILMS]
        return films

    async def _status(self, row: SessionRow) -> bytes:
        fields = session_fields(
            row, await self._pacer.outlook(row), days=self._settings.session_days
        )
        return event("status", SessionAnswer(**fields).model_dump_json())

    def _say_gone(self, watch: Watch) -> None:
        for stream in watch.streams:
            stream.end(GONE)
        if self._watches.get(str(watch.session_id)) is watch:
            del self._watches[str(watch.session_id)]

    # -- the fleet ---------------------------------------------------------------------------------

    async def _follow_fleet(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FLEET_SECONDS):
                    await self._fleet_changed.wait()
            self._fleet_changed.clear()
            if self._watches:
                await self._survive(self._look_at_fleet())

    async def _look_at_fleet(self) -> None:
        fleet = await self._storage.events.fleet()
        if fleet == self._fleet:
            return
        self._fleet = fleet
        data = event("fleet", fleet_answer(fleet).model_dump_json())
        self._pacer.forget()
        for watch in self._watches.values():
            for stream in watch.streams:
                if stream.settled:
                    stream.put(fleet=data)
            if watch.row and watch.row.status is SessionStatus.ENRICHING:
                self._mark(watch, changed=True)  # the time left is another

    async def _fleet_event(self) -> bytes:
        if self._fleet is None:
            self._fleet = await self._storage.events.fleet()
        return event("fleet", fleet_answer(self._fleet).model_dump_json())


def _are_few(films: Mapping[UUID, Sequence[AnsweredFilm]], watch: Watch) -> bool:
    return len(films.get(watch.session_id, ())) < MOST_FILMS
