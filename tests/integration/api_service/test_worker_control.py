"""The fleet over HTTP: what it does, and who may hold and release it."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from enrich_service.storage.fleet import FleetStorage, Heartbeat
from tests.support.driving import ADMIN_TOKEN

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from uuid import UUID

    from tests.support.api_answering import Daemon
    from tests.support.api_driving import Notified, Service

ADMIN = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
NOW = datetime.now(UTC).replace(microsecond=0)


async def beat(service: Service, worker: UUID, *, last_run: datetime, interval: float) -> None:
    await FleetStorage(service.database).beat(
        Heartbeat(
            worker_id=worker,
            host="host:1",
            last_run=last_run,
            next_run=last_run + timedelta(seconds=interval),
            interval_seconds=interval,
            in_flight=3,
            draining=False,
        )
    )


async def status(service: Service) -> dict[str, Any]:
    return await service.get("/worker/status")


async def test_a_fleet_of_nobody_is_stopped(service: Service) -> None:
    told = await status(service)
    assert told.pop("tmdb").keys() == {"state", "since", "reason", "next_probe"}
    assert told == {
        "worker_status": "stopped",
        "running": False,
        "paused_since": None,
        "last_run": None,
        "next_run": None,
        "interval": None,
        "workers": [],
        "queue": {"queued": 0, "background": 0, "claimed": 0, "oldest_wait_seconds": None},
        "budget": {"used": 0, "limit": 40, "period_seconds": 10.0, "held_until": None},
    }


async def test_who_beats_is_running(service: Service) -> None:
    first, second = uuid4(), uuid4()
    await beat(service, first, last_run=NOW, interval=10)
    await beat(service, second, last_run=NOW - timedelta(seconds=3), interval=20)
    told = await status(service)
    assert (told["worker_status"], told["running"], told["interval"]) == ("running", True, 10.0)
    assert datetime.fromisoformat(told["last_run"]) == NOW
    assert datetime.fromisoformat(told["next_run"]) == NOW + timedelta(seconds=10)
    assert {worker["id"] for worker in told["workers"]} == {str(first), str(second)}
    assert [(worker["host"], worker["in_flight"]) for worker in told["workers"]] == [(None, 3)] * 2

    await service.database.fetchval(
        "update workers set heartbeat_at = clock_timestamp() - interval '13 seconds' where id = $1",
        first,
    )
    told = await status(service)
    assert [worker["id"] for worker in told["workers"]] == [str(second)]


async def test_the_queue_and_the_budget_are_told(service: Service, daemon: Daemon) -> None:
    await service.session("Heat,1995", "Ran,1985", "Fargo,1996")
    await daemon.claim("title:ran|1985")
    for statement in (
        "update lookups set due_at = due_at - interval '1 minute'",
        """
        insert into lookups (key, due_at, turn)
        values ('tmdb:1', clock_timestamp() - interval '1 hour', 9223372036854775807)
        """,
        """
        update request_slots
        set sent_at = clock_timestamp() - (array[11, 9, 0])[n - 37] * interval '1 second'
        where n > 37
        """,
        "update request_window set hold_until = clock_timestamp() + interval '1 minute'",
    ):
        await service.database.fetchval(statement)
    told = await status(service)
    queue = told["queue"]
    assert (queue["queued"], queue["background"], queue["claimed"]) == (2, 1, 1)
    assert 60 <= told["queue"]["oldest_wait_seconds"] < 120
    assert told["budget"]["used"] == 2
    assert datetime.fromisoformat(told["budget"]["held_until"]) > NOW


async def test_trouble_with_tmdb_is_told(service: Service) -> None:
    await service.database.fetchval(
        """
        update fleet
        set tmdb_state = 'refused', tmdb_reason = 'the key is refused',
          tmdb_probe_at = clock_timestamp() + interval '1 minute'
        """
    )
    told = (await status(service))["tmdb"]
    assert (told["state"], told["reason"]) == ("refused", "the key is refused")
    assert datetime.fromisoformat(told["next_probe"]) > NOW
    session = await service.status(await service.session("Heat,1995"))
    assert session["eta_seconds"] is None


async def test_pausing_and_resuming(service: Service, notified: Notified) -> None:
    await beat(service, uuid4(), last_run=NOW, interval=10)
    told = []
    with capture_logs() as log:
        for order in ("pause", "pause", "resume", "resume"):
            response = await service.client.post(f"/worker/{order}", headers=ADMIN)
            assert response.status == 200
            answer = await response.json()
            seen = await (await service.client.get("/worker/status", headers=ADMIN)).json()
            assert answer == seen | {"queue": answer["queue"]}
            told.append(answer)
    orders = [event for event in log if event["event"].startswith("fleet_")]
    assert [event["event"] for event in orders] == ["fleet_paused"] * 2 + ["fleet_resumed"] * 2
    assert all(event["log_level"] == "info" for event in orders)
    assert [answer["worker_status"] for answer in told] == ["paused"] * 2 + ["running"] * 2
    assert [answer["running"] for answer in told] == [False, False, True, True]
    since = [answer["paused_since"] for answer in told]
    assert since[0] is not None
    assert since == [since[0], since[0], None, None]
    await notified.settle()
    assert notified.of("fleet_control") == [""] * 4


async def test_a_pause_is_kept_across_restarts(
    service: Service, make_service: Callable[..., Awaitable[Service]]
) -> None:
    await service.client.post("/worker/pause", headers=ADMIN)
    restarted = await make_service()
    assert (await status(restarted))["worker_status"] == "paused"


async def test_the_operator_alone_is_told_where_daemons_run(service: Service) -> None:
    await beat(service, uuid4(), last_run=NOW, interval=10)
    for headers, host in (({}, None), (ADMIN, "host:1"), ({"Authorization": "Basic x"}, None)):
        response = await service.client.get("/worker/status", headers=headers)
        assert [worker["host"] for worker in (await response.json())["workers"]] == [host]
    wrong = {"Authorization": f"Bearer {ADMIN_TOKEN}s"}
    response = await service.client.get("/worker/status", headers=wrong)
    await service.problem(response, 401, "admin_token_required")


async def test_status_of_an_api_without_a_token_is_anybodys(
    make_service: Callable[..., Awaitable[Service]],
) -> None:
    service = await make_service(admin_token=None)
    await beat(service, uuid4(), last_run=NOW, interval=10)
    response = await service.client.get("/worker/status", headers=ADMIN)
    assert [worker["host"] for worker in (await response.json())["workers"]] == [None]


@pytest.mark.parametrize("order", ["pause", "resume"])
async def test_without_the_right_token_nothing_happens(service: Service, order: str) -> None:
    wrong = (
        *(f"Bearer {ADMIN_TOKEN[:-1]}", f"Bearer {ADMIN_TOKEN}e", f"Bearer {ADMIN_TOKEN.upper()}"),
        *(f"bearer {ADMIN_TOKEN} x", "Bearer лет-ми"),
    )
    basic = f"Basic {b64encode(ADMIN_TOKEN.encode()).decode()}"
    missing = (None, "", ADMIN_TOKEN, "Bearer", "Bearer ", basic)
    for given in (*wrong, *missing):
        headers = {} if given is None else {"Authorization": given}
        with capture_logs() as log:
            response = await service.client.post(f"/worker/{order}", headers=headers)
        problem = await service.problem(response, 401, "admin_token_required")
        assert response.headers["WWW-Authenticate"] == "Bearer"
        assert ADMIN_TOKEN not in str(problem)
        logged = [event for event in log if event["event"] == "admin_token_refused"]
        if given in missing[1:]:
            assert logged == [], "anybody may ask without a token: once a minute is told of it"
            continue
        (refused,) = logged
        assert refused["reason"] == ("wrong" if given in wrong else "missing")
        assert (refused["log_level"], refused["route"]) == ("warning", f"/worker/{order}")
        assert len(refused["client"]) == 32
        assert ADMIN_TOKEN[:-1] not in str(log)
    assert (await status(service))["worker_status"] == "stopped"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR "])
async def test_the_scheme_may_be_written_in_any_case(service: Service, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {ADMIN_TOKEN}"}
    assert (await service.client.post("/worker/pause", headers=headers)).status == 200


async def test_a_client_may_try_few_wrong_tokens(service: Service) -> None:
    wrong = {"Authorization": f"Bearer {ADMIN_TOKEN}s"}
    with capture_logs() as log:
        for _ in range(100):  # one more is granted every six seconds
            response = await service.client.get("/worker/status", headers=wrong)
            if response.status != 401:
                break
    problem = await service.problem(response, 429, "client_limit")
    assert problem["limit"] == "admin_token"
    assert 0 < int(response.headers["Retry-After"]) <= 6
    refused = [event for event in log if event["event"] == "admin_token_refused"]
    assert 10 <= len(refused) < 100
    assert (await service.client.get("/worker/status")).status == 200


async def test_right_tokens_are_not_counted(service: Service) -> None:
    for _ in range(30):
        assert (await service.client.get("/worker/status", headers=ADMIN)).status == 200


@pytest.mark.parametrize("given", [{}, ADMIN, {"Authorization": "Bearer "}])
async def test_while_no_token_is_set_control_is_switched_off(
    make_service: Callable[..., Awaitable[Service]], given: dict[str, str]
) -> None:
    service = await make_service(admin_token=None)
    for order in ("pause", "resume"):
        response = await service.client.post(f"/worker/{order}", headers=given)
        await service.problem(response, 403, "admin_token_unset")
    assert (await status(service))["worker_status"] == "stopped"
