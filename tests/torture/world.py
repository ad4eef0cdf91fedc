"""What a case of the torture plays in: a database, both services' storages, and what must be so."""

from __future__ import annotations

import json
import random
import shutil
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg

import api_service.storage
import enrich_service.storage
from enrich_service.scheduling.connection_sharing import ConnectionSharing
from enrich_service.storage.fleet import Heartbeat
from enrich_service.storage.request_limit import RequestLimit
from enrich_service.tmdb.connections import ConnectionPool
from shared.models import Channel
from shared.settings import Settings
from tests.guarantees import violations
from tests.support.guarantee import Measures, Moment, Violation
from tests.torture.stage import Stage
from tests.torture.staged import StagedDatabase, pauses_are_turns

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from enrich_service.lookups import Claim, TokenAt
    from enrich_service.storage.fleet import Neighbours
    from enrich_service.tmdb.connections import Connection

WORKERS = 3
RULE = RequestLimit(limit=6, period=10.0, margin=0.2)
LEASE_SECONDS = SILENT_SECONDS = 3600.0
"""So long that nobody falls silent because a case takes its time."""
MEASURES = Measures(limit=RULE.limit, period=RULE.period, lease=LEASE_SECONDS)
KEY = "0123456789abcdef0123456789abcdef"

WATCH_ENDS = (
    """
    create table ended_claims (
      id         bigint generated always as identity primary key,
      lookup_id  bigint not null,
      token      uuid,
      reason     text,
      is_answer  boolean not null
    )
    """,
    """
    create function note_end() returns trigger language plpgsql as $$
    begin
      insert into ended_claims (lookup_id, token, reason, is_answer)
      values (old.id, old.claim_token, new.reason, new.due_at is null);
      return null;
    end
    $$
    """,
    """
    create trigger lookups_note_end after update on lookups
    for each row when (
      old.claim_token is not null and new.claim_token is distinct from old.claim_token
      or old.claim_token is null and old.due_at is not null and new.due_at is null
    )
    execute function note_end()
    """,
)
"""Ends of claims are written down, and answers without any; an answer's reason is its token."""

CLEAR = """
    truncate
      sessions, session_counts, upload_reports, idempotency_keys, movies, lookups, catalogue,
      virtual_times, retry_turns, background_shares, queue_grants, request_slots, workers, shares,
      ended_claims
    restart identity
"""
BEGIN = (
    "insert into virtual_times (turn) values (0)",
    "insert into retry_turns (turn) values (0)",
    "insert into background_shares (n, next_at) values (1, '-infinity')",
    "update orphan_sweep set swept_to = 0",
    "update request_window set hold_until = '-infinity', held_at = null, timeline = null",
    """
    update fleet
    set
      paused_since = null, tmdb_state = 'up', tmdb_reason = null, tmdb_probe_at = null,
      tmdb_probes = 0
    """,
)

LOWEST = """
    select turn, id
    from lookups
    where due_at <= clock_timestamp()
      and claimed_by is null
      and turn < 9223372036854775807
    order by turn, id
    limit 1
"""
"""Where the queue begins for whoever looks for somebody's films."""

FOREIGN_ANSWERS = """
    select lookup_id, token, reason
    from ended_claims
    where is_answer and reason is distinct from token::text
"""
"""Claims that ended with an answer which was another claim's."""


def chance_of(seed: str) -> random.Random:
    """Return a generator of choices that can be repeated."""
    return random.Random(seed)  # noqa: S311  # no secret


@dataclass(eq=False, slots=True)
class Worker:
    """A daemon, as far as its storage goes.

    Attributes:
        in_hand: the claims that it works on.
        claiming: the token of claims that it is making.
        was_silent: it has had no heartbeat for long, so that its claims were anybody's.
    """

    id: UUID
    storage: enrich_service.storage.StorageService
    sharing: ConnectionSharing
    pool: ConnectionPool
    in_hand: dict[TokenAt, Claim] = field(default_factory=dict)
    claiming: UUID | None = None
    was_silent: bool = False

    # What the real `Reclaimer` asks of a dispatcher.
    has_lost_claims: bool = False

    @property
    def known_claims(self) -> set[TokenAt]:
        return set(self.in_hand)

    async def beat(self) -> Neighbours:
        """Say that this worker is alive."""
        said = Heartbeat(self.id, "torture:1", None, None, 10.0, 0, draining=False)
        return await self.storage.fleet.beat(said, LEASE_SECONDS, SILENT_SECONDS)


@dataclass(slots=True)
class Expected:
    """What an upload that was stored has to have brought."""

    films: int
    is_gone: bool = False
    """Somebody has begun to delete it, or may."""


class World:
    """One database, used for one case after the other.

    Args:
        settings: with its address.
        auditor: a connection that asks whether the guarantees are kept.
        stage: where all others act.
        folder: for files of uploads.
    """

    def __init__(
        self,
        settings: Settings,
        auditor: asyncpg.Connection[asyncpg.Record],
        stage: Stage,
        folder: Path,
    ) -> None:
        self.database = StagedDatabase(settings, stage)
        self.auditor = auditor
        self.stage = stage
        self.folder = folder
        self._ids = chance_of("")
        self.workers: list[Worker] = []
        self.sessions: list[UUID] = []
        self.expected: dict[UUID, Expected] = {}
        self.broken: list[Violation] = []
        self.granted = 0
        """Slots that takers were given."""

    async def reset(self, seed: str) -> None:
        """Begin anew; nothing of an earlier case is left."""
        self.stage.clear()
        for left in self.folder.iterdir():
            left.unlink()
        await self.auditor.execute(CLEAR)
        for statement in BEGIN:
            await self.auditor.execute(statement)
        self._ids = chance_of(f"{seed} ids")
        self.sessions.clear()
        self.expected.clear()
        self.broken.clear()
        self.granted = 0
        for worker in self.workers:
            await worker.sharing.close()
        self.workers = [self.add_worker() for _ in range(WORKERS)]
        for worker in self.workers:
            await worker.beat()

    def add_worker(self) -> Worker:
        """Make one more daemon, of which nobody has heard yet."""
        storage = enrich_service.storage.StorageService(self.database)
        worker_id = self.new_id()
        pool = ConnectionPool(0, _no_connection, _no_connecting)
        sharing = ConnectionSharing(
            worker_id,
            storage.fleet,
            pool,
            most=MEASURES.connections,
            lease=LEASE_SECONDS,
            wake=_nobody,
        )
        return Worker(worker_id, storage, sharing, pool)

    def api(self) -> api_service.storage.StorageService:
        """Make the storage of an API; no two actors share its places for uploads."""
        return api_service.storage.StorageService(self.database)

    def new_id(self) -> UUID:
        """Return an id that is the same in each run of a case."""
        return UUID(int=self._ids.getrandbits(128), version=4)

    def breaks(self, guarantee: str, evidence: object) -> None:
        """Note that a guarantee is not kept that no statement decides."""
        self.broken.append(Violation(guarantee, str(evidence)))

    def note_death(self) -> None:
        """Somebody was killed in the middle of something: what that came to nobody knows.

        Claims that it had in hand are released once its daemon counts as silent.
        """
        self.expected.clear()
        for worker in self.workers:
            worker.was_silent = True

    async def was_taken(self, claim: Claim) -> bool:
        """Whether a claim that is lost was ended by others, and for no reason.

        It was not where its question has gone with the last list that asked it, nor where its own
        answer was saved by a try whose COMMIT was not answered.
        """
        return bool(
            await self.auditor.fetchval(
                """
                select exists (select from lookups where id = $1)
                  and not exists (
                    select
                    from ended_claims
                    where lookup_id = $1 and token = $2 and reason = token::text
                  )
                """,
                claim.lookup_id,
                claim.token,
            )
        )

    async def violations(self, moment: Moment) -> list[Violation]:
        """Everything that is not as it should be."""
        found = [*self.broken, *await violations(self.auditor, moment, MEASURES)]
        rows = await self.auditor.fetch(FOREIGN_ANSWERS)
        found += [Violation("G16", json.dumps(dict(row), default=str)) for row in rows]
        found += await self._below_floors()
        slots = await self.auditor.fetchval("select coalesce(max(n), 0) from request_slots")
        if self.granted > slots:
            found.append(Violation("G20", f"{self.granted} slots were given, {slots} are there"))
        return found

    async def _below_floors(self) -> list[Violation]:
        """What could be claimed and is not looked for; what was told has arrived by now."""
        lowest = await self.auditor.fetchrow(LOWEST)
        if lowest is None:
            return []
        return [
            Violation("G21", f"{tuple(lowest)} is below {worker.storage.queue.floor.place}")
            for worker in self.workers
            if tuple(lowest) < worker.storage.queue.floor.place
        ]

    async def lost_films(self) -> list[Violation]:
        """Sessions that have not as many films as were uploaded; nothing is under way."""
        rows = await self.auditor.fetch(
            """
            select id, (select count(*) from movies where session_id = sessions.id) as films
            from sessions
            """
        )
        there = {row["id"]: row["films"] for row in rows}
        return [
            Violation("G24", f"{session_id} has {there.get(session_id)} of {expected.films} films")
            for session_id, expected in self.expected.items()
            if not expected.is_gone and there.get(session_id) != expected.films
        ]

    def note_work(self, _: object, __: int, ___: str, turn: object) -> None:
        """Tell all workers what `new_work` says."""
        told = int(turn) if isinstance(turn, str) and turn.isdigit() else None
        for worker in self.workers:
            worker.storage.queue.floor.lower(told)


@asynccontextmanager
async def world_over(dsn: str) -> AsyncIterator[World]:
    """Open a world over a migrated database that nobody else uses."""
    settings = Settings(_env_file=None, database_url=dsn, tmdb_api_key=KEY)
    auditor = await asyncpg.connect(dsn, server_settings={"search_path": "public"})
    control = await asyncpg.connect(dsn)
    folder = Path(tempfile.mkdtemp(prefix="projectionist-torture-"))
    try:
        for statement in WATCH_ENDS:
            await auditor.execute(statement)
        stage = Stage(control)
        world = World(settings, auditor, stage, folder)
        await auditor.add_listener(Channel.NEW_WORK, world.note_work)
        async with world.database:
            with pauses_are_turns(stage):
                yield world
    finally:
        await auditor.close()
        await control.close()
        shutil.rmtree(folder, ignore_errors=True)


def _no_connection() -> Connection:
    raise AssertionError("nobody asks TMDB here")


async def _no_connecting(_: Connection) -> None:
    raise AssertionError("nobody asks TMDB here")


def _nobody() -> None:
    """Nobody is woken."""
