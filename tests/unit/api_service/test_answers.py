"""What the API says of a session: percentages that never promise too much, and when it expires."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_service.eta import Outlook
from api_service.schemas.fleet import worker_status_answer
from api_service.schemas.sessions import SessionAnswer, session_fields
from api_service.storage.fleet import FleetRow
from api_service.storage.sessions import SessionRow
from shared.models import SessionStatus, TMDBState

CREATED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
READ = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)


def row(total: int, enriched: int = 0, not_found: int = 0, failed: int = 0) -> SessionRow:
    done = enriched + not_found + failed == total
    return SessionRow(
        id=UUID(int=1),
        total=total,
        enriched=enriched,
        not_found=not_found,
        failed=failed,
        created_at=CREATED,
        completed_at=READ if done else None,
        read_at=READ,
    )


def answer(session: SessionRow, eta_seconds: int | None = None) -> SessionAnswer:
    outlook = Outlook(eta_seconds, waiting=False)
    return SessionAnswer(**session_fields(session, outlook, days=30))


@pytest.mark.parametrize(
    ("session", "percent"),
    [
        (row(3), 0),
        (row(3, 1), 33),
        (row(3, 1, 1), 66),
        (row(3, 1, 1, 1), 100),
        (row(200_000, 199_999), 99),
        (row(1000, 9), 0),
        (row(0), 100),
    ],
)
def test_progress_counts_whatever_has_an_outcome(session: SessionRow, percent: int) -> None:
    assert answer(session).progress_percent == percent


@given(total=st.integers(1, 300_000), parts=st.tuples(*[st.floats(0, 1)] * 3))
def test_progress_is_100_exactly_when_the_session_is_complete(
    total: int, parts: tuple[float, float, float]
) -> None:
    counts: list[int] = []
    for part in parts:
        counts.append(int(part * (total - sum(counts))))
    told = answer(row(total, *counts))
    assert 0 <= told.progress_percent <= 100
    assert (told.progress_percent == 100) == (told.status is SessionStatus.COMPLETED)


def test_a_session_expires_so_many_days_after_it_was_last_read() -> None:
    assert answer(row(1)).expires_at == READ + timedelta(days=30)


def test_times_are_rfc_3339_in_utc_and_what_is_unknown_is_null() -> None:
    told = json.loads(answer(row(2, 1)).model_dump_json())
    assert told["created_at"] == "2026-01-02T03:04:05Z"
    assert (told["completed_at"], told["eta_seconds"]) == (None, None)


def fleet(*, paused_since: datetime | None = None) -> FleetRow:
    return FleetRow(
        paused_since=paused_since,
        tmdb_state=TMDBState.UP,
        tmdb_reason=None,
        tmdb_since=CREATED,
        tmdb_next_probe=None,
        queued=0,
        background=0,
        claimed=0,
        oldest_background_wait=None,
        oldest_claimed_wait=None,
        held_for=None,
        oldest_wait=None,
        requests_in_period=0,
        held_until=None,
    )


def test_a_fleet_that_is_paused_and_empty_is_paused() -> None:
    told = worker_status_answer(fleet(paused_since=READ), [], limit=40, period=10.0)
    assert (told.worker_status, told.running) == ("paused", False)


def test_a_fleet_without_workers_is_stopped() -> None:
    told = worker_status_answer(fleet(), [], limit=40, period=10.0)
    assert (told.worker_status, told.running, told.interval) == ("stopped", False, None)
