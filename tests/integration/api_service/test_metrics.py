"""What the API tells Prometheus: what came in, what became of it, and how the fleet stands."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from api_service.app import DATABASE_CONNECTIONS
from shared import metrics
from shared.postgres.database import Database
from shared.postgres.pool import COMMAND_SECONDS
from shared.settings import Settings
from tests.support.api_client import Service, serve
from tests.support.prometheus_text import scrape
from tests.support.tcp_proxy import Cut, dsn_through, proxy_to_database
from tests.support.waiting import until

if TYPE_CHECKING:
    from tests.support.api_client import LastingParsers
    from tests.support.prometheus_text import Exposition
    from tests.support.scripted_daemon import ScriptedDaemon

REQUESTS = "projectionist_http_requests_total"
SECONDS = "projectionist_http_request_duration_seconds"
STATUS = "/api/session/{session_id}/status"
DEAD = "postgresql://127.0.0.1:1/films"


@pytest.fixture(autouse=True)
def _always_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(metrics, "COOLDOWN_FACTOR", 0.0)


async def told(service: Service) -> Exposition:
    return await scrape(service.client, "/metrics")


async def test_requests_are_counted_by_route_and_status(service: Service) -> None:
    session_id = await service.session("Heat,1995")
    for _ in range(3):
        await service.status(session_id)
    for path in ("/nowhere", "/api/session/x/nothing"):
        assert (await service.client.get(path)).status == 404
    assert (await service.client.get("/api/session/no-id/status")).status == 404
    assert (await service.client.request("PURGE", "/api/upload")).status == 405
    said = await told(service)
    assert said.value(REQUESTS, route=STATUS, method="GET", status="200") == 3
    assert said.value(REQUESTS, route=STATUS, method="GET", status="404") == 1
    assert said.value(REQUESTS, route="/api/upload", method="POST", status="201") == 1
    assert said.value(REQUESTS, route="unmatched", method="GET", status="404") == 2
    assert said.value(REQUESTS, route="unmatched", method="other", status="405") == 1
    assert said.value(f"{SECONDS}_count", route=STATUS) == 4
    assert said.value(f"{SECONDS}_bucket", route=STATUS, le="+Inf") == 4


async def test_a_client_that_leaves_is_counted_as_such(service: Service) -> None:
    _, writer = await asyncio.open_connection(service.client.host, service.client.port)
    writer.write(
        b"POST /api/upload HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
        b"Content-Length: 1000\r\n\r\nTitle\n"
    )
    await writer.drain()
    writer.transport.abort()

    async def is_counted() -> bool:
        return ("status", "cancelled") in (await told(service)).labels(REQUESTS)

    await until(is_counted)
    said = await told(service)
    assert said.value(REQUESTS, route="/api/upload", method="POST", status="cancelled") == 1


async def test_uploads_are_measured_in_bytes_and_in_phases(service: Service) -> None:
    one, other = b"Title,Year\nHeat,1995\n", b"Title,Year\nRonin,1998\nAlien,1979\n"
    assert (await service.upload_files(("one.csv", one), ("other.csv", other))).status == 201
    session_id = await service.session("Fargo,1996")
    assert (
        await service.client.post(f"/api/session/{session_id}/upload", data=other)
    ).status == 200
    sent = len(one) + len(other) + len("Title,Year\nFargo,1996") + len(other)
    said = await told(service)
    assert said.value("projectionist_upload_size_bytes_count") == 3
    assert said.value("projectionist_upload_size_bytes_sum") == sent
    for phase in ("receive", "read", "store"):
        assert said.value("projectionist_upload_duration_seconds_count", phase=phase) == 3
        assert said.value("projectionist_upload_duration_seconds_sum", phase=phase) > 0


async def test_reads_that_wait_or_are_refused_are_told(service: Service) -> None:
    await service.problem(await service.upload("Title,Year\n"), 422, "unreadable_list")
    body = json.dumps([{"title": "Heat", str(number): 1} for number in range(1_001)])
    await service.problem(await service.upload(body), 413, "upload_too_costly")
    said = await told(service)
    refused = "projectionist_refused_reads_total"
    assert said.value(refused, code="unreadable_list") == 1
    assert said.value(refused, code="upload_too_costly") == 1
    assert said.value(refused, code="parsers_busy") == 0
    for size in ("small", "large"):
        assert said.value("projectionist_waiting_reads", size=size) == 0


async def test_the_queue_is_told_by_kind(service: Service, daemon: ScriptedDaemon) -> None:
    await service.session("Heat,1995", "Ronin,1998", "Alien,1979")
    await daemon.beat()
    await daemon.claim("title:heat|1995")
    await service.database.fetchval(
        """
        update lookups
        set due_at = clock_timestamp() - case when claimed_by is null then interval '100 s'
          else interval '200 s' end
        """
    )
    await service.database.fetchval(
        """
        insert into lookups (key, due_at, turn)
        values ('tmdb:603', clock_timestamp() - interval '300 s', 9223372036854775807)
        """
    )
    await service.database.fetchval(
        "update request_slots set sent_at = clock_timestamp() where n > 37"
    )
    await service.database.fetchval(
        """
        update request_window
        set
          hold_until = clock_timestamp() + interval '50 s',
          slowed_at = clock_timestamp(),
          slowed_to = 0.5
        """
    )
    said = await told(service)
    depth, wait = "projectionist_queue_lookups", "projectionist_queue_oldest_wait_seconds"
    for kind, count, age in (("waiting", 2, 100), ("background", 1, 300), ("in_flight", 1, 200)):
        assert said.value(depth, kind=kind) == count, kind
        assert said.value(wait, kind=kind) == pytest.approx(age, abs=30), kind
    assert said.value("projectionist_fleet_workers") == 1
    assert said.value("projectionist_budget_used_requests") == 3
    assert said.value("projectionist_budget_limit_requests") == 40
    assert 0 < said.value("projectionist_budget_hold_seconds") <= 50
    assert 0.5 <= said.value("projectionist_budget_share") < 1


async def test_pause_and_tmdbs_state_are_told(service: Service) -> None:
    said = await told(service)
    assert said.value("projectionist_fleet_paused") == 0
    assert said.value("projectionist_fleet_tmdb_state", state="up") == 1
    await service.database.fetchval(
        """
        update fleet
        set tmdb_state = 'refused', tmdb_reason = 'a test', tmdb_probe_at = clock_timestamp(),
          paused_since = clock_timestamp()
        """
    )
    said = await told(service)
    assert said.value("projectionist_fleet_paused") == 1
    states = {s: said.value("projectionist_fleet_tmdb_state", state=s) for s in ("up", "refused")}
    assert states == {"up": 0, "refused": 1}


async def test_open_streams_are_told_and_have_no_duration(service: Service) -> None:
    session_id = await service.session("Heat,1995")
    async with service.events(session_id):
        assert (await told(service)).value("projectionist_event_streams") == 1

    async def none_is_open() -> bool:
        return (await told(service)).value("projectionist_event_streams") == 0

    await until(none_is_open)
    assert ("route", "/api/session/{session_id}/events") not in (await told(service)).labels(
        f"{SECONDS}_count"
    )


async def test_the_pool_and_the_listener_are_told(service: Service) -> None:
    async def listens() -> bool:
        said = await told(service)
        return said.value("projectionist_listener_connected") == 1

    await until(listens)
    await service.database.fetchval(
        """
        select count(pg_terminate_backend(pid))
        from pg_stat_activity
        where application_name = 'projectionist-api' and datname = current_database()
        """
    )

    async def listens_again() -> bool:
        said = await told(service)
        return (
            said.value("projectionist_listener_connected") == 1
            and said.value("projectionist_listener_reconnects_total") == 1
        )

    await until(listens_again)
    said = await told(service)
    assert said.value("projectionist_database_connections") >= 1
    assert said.value("projectionist_database_connections_limit") == DATABASE_CONNECTIONS
    assert said.value("projectionist_database_up") == 1
    assert said.value("projectionist_ready") == 1


async def test_an_older_schema_is_not_ready_though_the_database_is_there(service: Service) -> None:
    await service.database.fetchval("update alembic_version set version_num = '0000'")
    said = await told(service)
    assert said.value("projectionist_database_up") == 1
    assert said.value("projectionist_ready") == 0


async def test_without_its_database_the_rest_is_told(parsers: LastingParsers) -> None:
    settings = Settings(_env_file=None, database_url=DEAD)
    async with serve(settings, parsers) as client:
        service = Service(client, Database(settings, application_name="never used"))
        assert (await client.get("/livez")).status == 200
        said = await told(service)
    assert said.value("projectionist_database_up") == 0
    assert said.value("projectionist_ready") == 0
    assert said.value(REQUESTS, route="/livez") == 1
    assert not said.has("projectionist_queue_lookups")
    assert not said.has("projectionist_fleet_workers")


async def test_a_silent_database_does_not_hold_a_scrape_up(
    settings: Settings, parsers: LastingParsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "READING_SECONDS", 0.3)
    dsn = settings.database_url.get_secret_value()
    async with proxy_to_database(dsn) as line:
        address = SecretStr(dsn_through(line, dsn))
        async with serve(settings, parsers, database_url=address) as client:
            service = Service(client, Database(settings, application_name="never used"))

            async def is_up() -> bool:  # connecting may take longer than a scrape waits
                return (await told(service)).value("projectionist_database_up") == 1

            await until(is_up)
            line.cut(Cut.DELAY)
            started = time.monotonic()
            for _ in range(2):
                said = await told(service)
                assert not said.has("projectionist_queue_lookups")
                assert said.value("projectionist_database_up") == 0
            assert time.monotonic() - started < COMMAND_SECONDS / 4
            line.restore()


async def test_who_goes_away_is_not_ready(service: Service) -> None:
    assert service.client.app is not None
    await service.client.app.shutdown()
    said = await told(service)
    assert said.value("projectionist_ready") == 0
    assert said.value("projectionist_database_up") == 1


async def test_two_applications_in_one_process_count_apart(
    service: Service, settings: Settings, parsers: LastingParsers
) -> None:
    for _ in range(3):
        await service.client.get("/livez")
    async with serve(settings, parsers) as other:
        await other.get("/livez")
        assert (await scrape(other, "/metrics")).value(REQUESTS, route="/livez") == 1
    assert (await told(service)).value(REQUESTS, route="/livez") == 3
