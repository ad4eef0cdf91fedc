"""Both services by their own roles over one database: a list goes its whole way, and nothing lacks.

What a role may not do would be a refusal in a log, or a loop that fails and tries again, so every
log is looked through.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from api_service.storage.staging import WORTH_ANALYSING
from tests.conftest import run_on
from tests.support.driving import ADMIN_TOKEN, running, until
from tests.support.roles import create_shared_database

if TYPE_CHECKING:
    from pathlib import Path

    from local_stack.postgres import EmbeddedPostgres
    from tests.end_to_end.conftest import Sample
    from tests.support.driving import Driver

REFUSED = ("permission denied", "InsufficientPrivilege")


async def test_a_list_goes_its_whole_way_by_the_roles_alone(
    postgres: EmbeddedPostgres, sample: Sample, tmp_path: Path
) -> None:
    database = await create_shared_database(postgres)
    async with running(
        database.superuser,
        tmp_path,
        api_dsn=database.api,
        daemon_dsn=database.daemon,
        LOG_LEVEL="DEBUG",
        ENRICH_INTERVAL="0.3",
        INDEX_VOTES="5",
        WARM_FILMS="3",
    ) as driver:
        users = "select distinct usename::text from pg_stat_activity where application_name like $1"
        assert await driver.value(users, "projectionist-api%") == "projectionist_api"
        assert await driver.value(users, "projectionist-enrich%") == "projectionist_daemon"
        session_id = await _upload_and_look(driver, sample)
        await _correct_and_add(driver, session_id)
        await _control(driver)
        await _delete_and_keep_house(driver, session_id)
        for log in driver.stack.folder.glob("*.log"):
            text = log.read_text("utf-8")
            assert [line for line in text.splitlines() if any(no in line for no in REFUSED)] == []
        assert driver.events("request_failed", "api.log") == []
        assert driver.events("upload_not_caught_up", "api.log") == []
    await run_on(postgres.dsn(), f"drop database {database.name} with (force)")


async def _upload_and_look(driver: Driver, sample: Sample) -> str:
    """The sample until it is completed, with somebody who looks on; its session."""
    uploaded = await driver.post_folder(sample.folder)
    assert uploaded.status == 201, uploaded
    session_id = str(uploaded.body["session_id"])
    async with driver.http.get(f"{driver.stack.api_url}/api/session/{session_id}/events") as events:
        assert events.status == 200
        assert await events.content.readline()
    status = await driver.completed(session_id)
    assert status["enriched_count"] == sample.summary.films - sample.summary.missing
    for what in ("movies", "summary", "report", "export"):
        async with driver.http.get(
            f"{driver.stack.api_url}/api/session/{session_id}/{what}"
        ) as answer:
            assert (what, answer.status) == (what, 200)
            assert await answer.read()
    made = await driver.call("POST", f"/api/session/{session_id}/shares", json={})
    assert made.status == 201, made
    for path in (f"session/{session_id}/shares", f"share/{made.body['share_id']}/summary"):
        assert (await driver.call("GET", f"/api/{path}")).status == 200
    for _ in range(2):
        again = await driver.post_list(b"Title,Year\r\nHeat,1995\r\n", Idempotency_Key="the-same")
        assert again.status == 201, again
    return session_id


async def _correct_and_add(driver: Driver, session_id: str) -> None:
    """Every way in which a user changes a session."""
    path = f"/api/session/{session_id}"
    corrected = await driver.call("PUT", f"{path}/movies/1/match", json={"tmdb_id": 603})
    assert corrected.status == 200, corrected
    unknown = await driver.call("PUT", f"{path}/movies/2/match", json={"tmdb_id": 899_999_999})
    assert unknown.status == 200, unknown
    assert (await driver.call("DELETE", f"{path}/movies/3/match")).status in {200, 204}
    for options in ({}, {"expires_in_days": 1}):
        made = await driver.call("POST", f"{path}/shares", json=options)
        revoked = await driver.call("DELETE", f"{path}/shares/{made.body['share_id']}")
        assert revoked.status == 204, revoked
    forced = await driver.call("POST", f"{path}/enrich")
    assert forced.status in {200, 202}, forced
    more = await driver.call(
        "POST",
        f"{path}/upload",
        data=b"Title,Year,tmdbID\r\nHeat,1995,\r\nRan,1985,899999998\r\n",
        headers={"Content-Type": "text/csv"},
    )
    assert more.status in {200, 201}, more
    await driver.completed(session_id)


async def _control(driver: Driver) -> None:
    """What an operator does, and who watches for them."""
    async with driver.http.get(f"{driver.stack.api_url}/metrics") as answer:
        assert answer.status == 200
    by_token = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    for order, state in (("pause", "paused"), ("resume", "running")):
        assert (await driver.call("POST", f"/worker/{order}", headers=by_token)).status == 200
        assert (await driver.worker_status())["worker_status"] == state


async def _delete_and_keep_house(driver: Driver, session_id: str) -> None:
    """A user deletes sessions; and the daemon what is old, of every kind there is."""
    large = "".join(f"Never Made {number},1950\r\n" for number in range(WORTH_ANALYSING))
    huge = await driver.post_list(b"Title,Year\r\n" + large.encode())
    assert huge.status == 201, huge
    for deleted in (session_id, huge.body["session_id"]):
        assert (await driver.call("DELETE", f"/api/session/{deleted}")).status == 204
    analysed = "select analyze_count from pg_stat_user_tables where relname = 'lookups'"
    await until(lambda: driver.value(analysed))
    unread = await driver.post_list(b"Title,Year\r\nAlien,1979\r\nNobody Made This,1950\r\n")
    shares = f"/api/session/{unread.body['session_id']}/shares"
    assert (await driver.call("POST", shares, json={})).status == 201
    await driver.completed(str(unread.body["session_id"]))
    await driver.fetch("update sessions set read_at = clock_timestamp() - interval '400 days'")
    await driver.fetch("update titles set learned_at = clock_timestamp() - interval '400 days'")
    await driver.fetch("update catalogue set fetched_at = clock_timestamp() - interval '400 days'")
    await driver.fetch(
        "update lookups set kept = false, answered_at = clock_timestamp() - interval '400 days' "
        "where outcome is not null"
    )
    for event in ("unread_sessions_deleted", "unused_records_deleted", "surveys_queued"):
        await until(partial(driver.events, event))
    assert await driver.value("select count(*) from sessions") == 0
    assert await driver.value("select count(*) from shares") == 0
