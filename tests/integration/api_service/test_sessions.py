"""A session's status, its expiry, and what is answered to an id that is none."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.stack_driver import ADMIN_TOKEN
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.support.api_client import Service
    from tests.support.scripted_daemon import ScriptedDaemon

FIELDS = {
    "session_id": str,
    "status": str,
    "total_movies": int,
    "enriched_count": int,
    "not_found_count": int,
    "failed_count": int,
    "progress_percent": int,
    "eta_seconds": int,
    "waiting": bool,
    "held": bool,
    "created_at": str,
    "completed_at": type(None),
    "expires_at": str,
}
ROUTES = [
    ("GET", ""),
    ("GET", "/status"),
    ("GET", "/report"),
    ("GET", "/movies"),
    ("POST", "/enrich"),
    ("PUT", "/movies/1/match"),
    ("DELETE", "/movies/1/match"),
    ("DELETE", ""),
]


async def test_the_fields_and_their_types(service: Service, daemon: ScriptedDaemon) -> None:
    await daemon.beat()
    session_id = await service.session("Heat,1995")
    status = await service.status(session_id)
    assert {name: type(value) for name, value in status.items()} == FIELDS
    assert await service.get(f"/api/session/{session_id}") == status


async def test_a_status_is_never_kept_by_a_cache(service: Service) -> None:
    session_id = await service.session("Heat,1995")
    for path in (f"/api/session/{session_id}", f"/api/session/{session_id}/status"):
        response = await service.client.get(path)
        assert response.headers["Cache-Control"] == "no-store"


async def test_counts_and_progress_follow_the_outcomes(
    service: Service, daemon: ScriptedDaemon
) -> None:
    session_id = await service.session("Heat,1995", "Fargo,1996", "Ran,1985", "M,1931")
    await daemon.answer(
        found={"title:heat|1995": 949},
        not_found=["title:fargo|1996"],
        failed=["title:ran|1985"],
    )
    status = await service.status(session_id)
    assert await service.counts(session_id) == ("enriching", 4, 1, 1, 1)
    assert (status["progress_percent"], status["completed_at"]) == (75, None)

    await daemon.answer(not_found=["title:m|1931"])
    status = await service.status(session_id)
    assert await service.counts(session_id) == ("completed", 4, 1, 2, 1)
    assert (status["progress_percent"], status["eta_seconds"]) == (100, 0)
    assert datetime.fromisoformat(status["completed_at"]) >= datetime.fromisoformat(
        status["created_at"]
    )


async def test_progress_is_100_only_when_nothing_is_left(
    service: Service, daemon: ScriptedDaemon
) -> None:
    session_id = await service.session(*[f"Film {number},2000" for number in range(1000)])
    await daemon.answer(not_found=[f"title:film {number}|2000" for number in range(999)])
    status = await service.status(session_id)
    assert (status["status"], status["progress_percent"]) == ("enriching", 99)
    await daemon.answer(not_found=["title:film 999|2000"])
    assert (await service.status(session_id))["progress_percent"] == 100


async def test_there_is_no_time_left_to_tell_while_nobody_works(
    service: Service, daemon: ScriptedDaemon
) -> None:
    session_id = await service.session("Heat,1995")
    assert (await service.status(session_id))["eta_seconds"] is None
    admin = {"Authorization": f"Bearer {ADMIN_TOKEN}"}

    async def eta() -> int | None:
        seconds: int | None = (await service.status(session_id))["eta_seconds"]
        return seconds

    async def unknown() -> bool:
        return await eta() is None

    await daemon.beat()
    await until(eta)
    await service.client.post("/worker/pause", headers=admin)
    await until(unknown)
    await service.client.post("/worker/resume", headers=admin)
    await until(eta)


@pytest.mark.parametrize(("limit", "share"), [(1, 1.0), (2, 0.5)])
async def test_the_time_left_counts_those_who_share_the_budget(
    make_service: Callable[..., Awaitable[Service]],
    daemon: ScriptedDaemon,
    limit: int,
    share: float,
) -> None:
    await daemon.beat()
    service = await make_service(tmdb_rate_limit=limit)  # one film takes twice 10.2 s
    await service.database.fetchval(
        "update request_window set slowed_to = $1, slowed_at = now() + interval '1 hour'", share
    )
    small = await service.session("Heat,1995")
    assert (await service.status(small))["eta_seconds"] == 20
    large = await service.session(*[f"Film {number},2000" for number in range(100)])
    assert (await service.status(large))["eta_seconds"] in range(2_040, 2_062)


async def test_reading_a_session_keeps_it_and_is_written_down_at_most_daily(
    service: Service,
) -> None:
    session_id = await service.session("Heat,1995")

    async def read_at() -> datetime:
        moment: datetime = await service.database.fetchval("select read_at from sessions")
        return moment

    async def age(interval: str) -> datetime:
        await service.database.fetchval(
            f"update sessions set read_at = clock_timestamp() - interval '{interval}'"  # noqa: S608  # one of these
        )
        return await read_at()

    recent = await age("23 hours")
    status = await service.status(session_id)
    assert await read_at() == recent
    assert datetime.fromisoformat(status["expires_at"]) == recent + timedelta(days=30)

    old = await age("25 hours")
    await service.status(session_id)
    assert await read_at() > old + timedelta(hours=24)


async def test_how_long_a_session_is_kept_is_a_setting(
    make_service: Callable[..., Awaitable[Service]],
) -> None:
    service = await make_service(session_days=7)
    status = await service.status(await service.session("Heat,1995"))
    kept = datetime.fromisoformat(status["expires_at"]) - datetime.fromisoformat(
        status["created_at"]
    )
    assert timedelta(days=7) <= kept < timedelta(days=7, minutes=5)


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize(
    "session_id",
    ["5f0c1b9e-7b1d-4c58-9a50-3d1f0a2e6c77", "603", "%00", "0" * 4_000, "..%2F..%2Fetc", "null"],
)
async def test_an_id_that_is_none(
    refusing: Service, method: str, path: str, session_id: str
) -> None:
    response = await refusing.client.request(
        method, f"/api/session/{session_id}{path}", json={"tmdb_id": 603}
    )
    await refusing.problem(response, 404, "session_not_found")


async def test_an_id_may_be_written_in_capitals(service: Service) -> None:
    session_id = await service.session("Heat,1995")
    assert (await service.status(session_id.upper()))["session_id"] == session_id
