"""A daemon's status is read by attribute, by name, and as a dictionary."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime

import pytest

from enrich_service.status import WorkerStatus
from shared.models import TMDBState

STATUS = WorkerStatus(
    worker_status="running",
    running=True,
    last_run=datetime(2024, 5, 4, tzinfo=UTC),
    next_run=None,
    interval=10,
    in_flight=3,
    blocked=2,
    tick_lag=0.0,
    tick_overdue=False,
    listening=True,
    tmdb_state=TMDBState.UP,
)


def test_status_by_name_is_the_attribute() -> None:
    assert STATUS["running"] is True
    assert STATUS["in_flight"] == STATUS.in_flight == 3
    assert STATUS.get("next_run", "unset") is None


def test_status_as_dictionary_has_every_attribute() -> None:
    assert dict(STATUS) == asdict(STATUS)
    assert list(STATUS) == list(asdict(STATUS))
    assert len(STATUS) == len(asdict(STATUS))


@pytest.mark.parametrize("name", ["stopped", "_NAMES", "keys", "__len__", ""])
def test_unknown_name_in_status_is_a_key_error(name: str) -> None:
    assert name not in STATUS
    with pytest.raises(KeyError, match=repr(name)):
        STATUS[name]
