"""What the API answers about the fleet: pydantic models, and how rows become them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from api_service.schemas.sessions import Answer
from shared.models import TMDBState

if TYPE_CHECKING:
    import asyncpg

    from api_service.storage.events import FleetState
    from api_service.storage.fleet import FleetRow

FleetWord = Literal["running", "paused", "stopped"]


class WorkerAnswer(Answer):
    """One running daemon; `tmdb_state` is what TMDB is to it, which may be cut off by itself.

    `host` is its machine and process, and null for whoever is not the operator.
    """

    id: UUID
    host: str | None
    started_at: datetime
    heartbeat_at: datetime
    last_run: datetime | None
    next_run: datetime | None
    in_flight: int
    draining: bool
    tmdb_state: TMDBState


class QueueAnswer(Answer):
    """The queue: lookups that somebody waits for and those in flight.

    Besides, what nobody waits for (`background`: old records to be refreshed, titles to be learned,
    common films to be fetched), and the seconds that the oldest of what is waited for has been due.
    """

    queued: int
    background: int
    claimed: int
    oldest_wait_seconds: float | None


class TMDBAnswer(Answer):
    """What the fleet knows of TMDB."""

    state: TMDBState
    since: datetime
    reason: str | None
    next_probe: datetime | None


class BudgetAnswer(Answer):
    """The request budget: used of limit, in the last period (seconds)."""

    used: int
    limit: int
    period_seconds: float
    held_until: datetime | None


class WorkerStatusAnswer(Answer):
    """The fleet: `running` when a daemon works, `paused` on order, `stopped` when there is none."""

    worker_status: FleetWord
    running: bool
    paused_since: datetime | None
    last_run: datetime | None
    next_run: datetime | None
    interval: float | None
    workers: list[WorkerAnswer]
    queue: QueueAnswer
    tmdb: TMDBAnswer
    budget: BudgetAnswer


class FleetAnswer(Answer):
    """What a stream is told of the fleet."""

    worker_status: FleetWord
    tmdb_state: TMDBState
    tmdb_reason: str | None


def fleet_word(*, paused: bool, alive: bool) -> FleetWord:
    """`paused` on order, `running` when a daemon works, else `stopped`."""
    return "paused" if paused else "running" if alive else "stopped"


def fleet_answer(fleet: FleetState) -> FleetAnswer:
    """The fleet's state from its row."""
    return FleetAnswer(
        worker_status=fleet_word(paused=fleet.paused, alive=fleet.alive),
        tmdb_state=fleet.tmdb_state,
        tmdb_reason=fleet.tmdb_reason,
    )


def worker_status_answer(
    fleet: FleetRow,
    workers: list[asyncpg.Record],
    *,
    limit: int,
    period: float,
    names_hosts: bool = False,
) -> WorkerStatusAnswer:
    """The fleet from its rows."""
    runs = [worker["last_run"] for worker in workers if worker["last_run"]]
    next_runs = [worker["next_run"] for worker in workers if worker["next_run"]]
    return WorkerStatusAnswer(
        worker_status=fleet_word(paused=bool(fleet.paused_since), alive=bool(workers)),
        running=bool(workers) and not fleet.paused_since,
        paused_since=fleet.paused_since,
        last_run=max(runs, default=None),
        next_run=min(next_runs, default=None),
        interval=min((worker["interval_seconds"] for worker in workers), default=None),
        workers=[_worker_answer(worker, names_host=names_hosts) for worker in workers],
        queue=QueueAnswer(
            queued=fleet.queued,
            background=fleet.background,
            claimed=fleet.claimed,
            oldest_wait_seconds=fleet.oldest_wait,
        ),
        tmdb=TMDBAnswer(
            state=fleet.tmdb_state,
            since=fleet.tmdb_since,
            reason=fleet.tmdb_reason,
            next_probe=fleet.tmdb_next_probe,
        ),
        budget=BudgetAnswer(
            used=fleet.requests_in_period,
            limit=limit,
            period_seconds=period,
            held_until=fleet.held_until,
        ),
    )


def _worker_answer(worker: asyncpg.Record, *, names_host: bool) -> WorkerAnswer:
    return WorkerAnswer.model_validate(
        dict(worker) | {"host": worker["host"] if names_host else None}
    )
