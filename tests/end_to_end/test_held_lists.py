"""Who fills the queue, and lists that the operator holds: nothing of theirs is looked up."""

from __future__ import annotations

import asyncio
import json
import os
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from local_stack.processes import ROOT
from shared.models import HELD_TURN
from tests.manual.pages import blocks
from tests.support.driving import ADMIN_TOKEN, plain_films, title_list, until
from tests.support.migrating import alembic

if TYPE_CHECKING:
    from tests.support.driving import Driver

ADMIN = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
ORDERS = ("hold", "release", "delete")
WRONG_BODIES = (
    b"",
    b"{}",
    b"[]",
    b'{"session": "3f2a9c1d"}',
    b'{"session": "3f2a9c1d-0123456789abcdef", "client": "00112233445566778899aabbccddeeff"}',
    b'{"client": null}',
    b'{"client": 1}',
)
HELD = f"select count(*) from lookups where turn = {HELD_TURN}"  # noqa: S608  # a number of ours


async def order(driver: Driver, what: str, **target: str) -> int:
    """Give an order; how many lists it was for."""
    answer = await driver.call("POST", f"/worker/queue/{what}", headers=ADMIN, json=target)
    assert answer.status == 200, answer
    return int(answer.body["sessions"])


async def queue(driver: Driver) -> dict[str, Any]:
    """Who fills the queue."""
    answer = await driver.call("GET", "/worker/queue", headers=ADMIN)
    assert answer.status == 200, answer
    return dict(answer.body)


async def handle(driver: Driver, session_id: str) -> str:
    """What the operator calls a session that waits."""
    (found,) = [
        entry["session"]
        for entry in (await queue(driver))["sessions"]
        if entry["session"].startswith(f"{session_id[:8]}-")
    ]
    return str(found)


async def pause(driver: Driver, word: str) -> None:
    """Pause or resume the fleet."""
    assert (await driver.call("POST", f"/worker/{word}", headers=ADMIN)).status == 200


async def upload(driver: Driver, first: int, end: int) -> str:
    """Upload some of the films; the session's id."""
    answer = await driver.post_list(title_list(plain_films(60)[first:end]))
    assert answer.status == 201, answer
    return str(answer.body["session_id"])


async def status(driver: Driver, session_id: str) -> dict[str, Any]:
    """A session's status."""
    return dict((await driver.call("GET", f"/api/session/{session_id}/status")).body)


async def test_a_held_list_waits_until_it_is_released_and_nobody_else_does(driver: Driver) -> None:
    await pause(driver, "pause")
    before = await upload(driver, 0, 3)
    held = await upload(driver, 0, 20)
    name = await handle(driver, held)
    assert await order(driver, "hold", session=name) == 1
    after = await upload(driver, 18, 25)
    assert await driver.value(HELD) == 15, (
        "but for three that one lists, and two that the other does"
    )
    assert await driver.value(f"{HELD} and due_at < now() + interval '1 year'") == 0, (
        "a daemon of an earlier release would claim what is due"
    )
    await pause(driver, "resume")
    for session_id in (before, after, await upload(driver, 30, 40)):
        await driver.completed(session_id)

    now = await status(driver, held)
    assert (now["held"], now["waiting"], now["eta_seconds"]) == (True, False, None)
    assert (now["status"], now["enriched_count"]) == ("enriching", 5)
    (entry,) = (await queue(driver))["sessions"]
    assert (entry["session"], entry["films_waiting"], bool(entry["held_at"])) == (name, 15, True)
    fleet = await driver.worker_status()
    assert (fleet["queue"]["queued"], fleet["queue"]["oldest_wait_seconds"]) == (0, None)

    assert await order(driver, "hold", session=name) == 1, "again changes nothing"
    assert await order(driver, "release", session=name) == 1
    assert (await driver.completed(held))["held"] is False
    assert await driver.value(HELD) == 0
    (ordered, again) = driver.events("session_held", "api.log")
    assert ordered["session_id"] == held[:8]
    assert ordered["client"] == again["client"] == entry["client"]
    assert driver.events("session_released", "api.log")[0]["session_id"] == held[:8]
    driver.sessions |= {before, held, after}


async def test_a_held_list_whose_films_others_have_ends_and_can_be_released(
    driver: Driver,
) -> None:
    await pause(driver, "pause")
    held = await upload(driver, 0, 3)
    name = await handle(driver, held)
    await order(driver, "hold", session=name)
    other = await upload(driver, 0, 3)
    await pause(driver, "resume")
    await driver.completed(other)
    assert (await driver.completed(held))["held"] is True
    assert await order(driver, "release", session=name) == 1
    assert (await status(driver, held))["held"] is False
    assert (await queue(driver))["sessions"] == []


async def test_to_a_held_list_nothing_comes_and_it_can_be_read_and_deleted(driver: Driver) -> None:
    await pause(driver, "pause")
    held = await upload(driver, 0, 5)
    await order(driver, "hold", session=await handle(driver, held))
    path = f"/api/session/{held}"
    csv = {"Content-Type": "text/csv"}
    for method, where, more in (
        ("POST", f"{path}/enrich", {}),
        ("POST", f"{path}/upload", {"data": b"Title,Year\r\nHeat,1995\r\n", "headers": csv}),
        ("PUT", f"{path}/movies/1/match", {"json": {"tmdb_id": 603}}),
    ):
        answer = await driver.call(method, where, **more)
        assert (answer.status, answer.body["code"]) == (409, "session_held"), where
    assert len((await driver.call("GET", f"{path}/movies")).body["movies"]) == 5
    assert (await driver.call("DELETE", path)).status == 204
    assert await driver.value("select count(*) from lookups where outcome is null") == 0


async def test_who_looks_on_is_told_that_a_list_is_held(driver: Driver) -> None:
    await pause(driver, "pause")
    session_id = await upload(driver, 0, 5)
    name = await handle(driver, session_id)
    address = f"{driver.stack.api_url}/api/session/{session_id}/events"
    async with driver.http.get(address) as stream:
        seen: list[bool] = []
        async for line in stream.content:
            text = line.decode()
            if text.startswith("data:") and "progress_percent" in text:
                seen.append(json.loads(text.removeprefix("data:"))["held"])
                if seen == [False]:
                    await order(driver, "hold", session=name)
                elif seen == [False, True]:
                    await order(driver, "release", session=name)
                else:
                    break
        assert seen == [False, True, False]


async def test_the_commands_of_the_runbook_are_those_that_are_taken(driver: Driver) -> None:
    await pause(driver, "pause")
    name = await handle(driver, await upload(driver, 0, 5))
    page = ROOT / "docs" / "operating.md"
    (block,) = [
        block for block in blocks(page) if block.heading == "Who fills the queue" and block.excuse
    ]
    for line, held in zip(block.text.splitlines(), (5, 0, 0), strict=True):
        command = line.replace("http://127.0.0.1:8000", driver.stack.api_url).replace("NAME", name)
        process = await asyncio.create_subprocess_exec(
            *("bash", "-c", f"{command} --fail --silent --show-error"),
            env={**os.environ, "ADMIN_TOKEN": ADMIN_TOKEN},
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await process.communicate()
        assert (process.returncode, json.loads(said)) == (0, {"sessions": 1}), line
        assert await driver.value(HELD) == held
    assert await driver.value("select count(*) from sessions") == 0


async def test_all_waiting_lists_of_a_client_are_held_and_deleted_together(driver: Driver) -> None:
    await driver.completed(done := await upload(driver, 0, 3))
    await pause(driver, "pause")
    first, second = await upload(driver, 10, 20), await upload(driver, 15, 40)
    shown = await queue(driver)
    (client,) = shown["clients"]
    assert (client["sessions"], client["films_waiting"], client["sessions_held"]) == (2, 35, 0)
    assert [entry["films_waiting"] for entry in shown["sessions"]] == [25, 10], "the largest first"
    assert {entry["client"] for entry in shown["sessions"]} == {client["client"]}
    assert await order(driver, "hold", client=client["client"]) == 2
    assert await driver.value(HELD) == 30
    assert (await queue(driver))["clients"][0]["sessions_held"] == 2
    assert await order(driver, "delete", client=client["client"]) == 2
    for session_id in (first, second):
        assert (await driver.call("GET", f"/api/session/{session_id}")).status == 404
    assert (await status(driver, done))["status"] == "completed"
    deleted = driver.events("session_deleted_on_order", "api.log")
    assert [event["session_id"] for event in deleted] == [first[:8], second[:8]]
    assert await queue(driver) == {"sessions": [], "clients": []}


async def test_no_answer_and_no_line_of_the_log_has_the_id_of_a_list(driver: Driver) -> None:
    await pause(driver, "pause")
    session_id = await upload(driver, 0, 5)
    name = await handle(driver, session_id)
    text = json.dumps(await queue(driver))
    assert session_id not in text
    assert session_id[:13] not in text
    for what in ORDERS:
        await order(driver, what, session=name)
    await until(partial(driver.events, "session_deleted_on_order", "api.log"))
    for event in ("session_held", "session_released", "session_deleted_on_order"):
        (line,) = driver.events(event, "api.log")
        assert session_id[:13] not in json.dumps(line)


async def test_orders_need_the_token_and_a_list_that_waits(driver: Driver) -> None:
    await driver.completed(done := await upload(driver, 0, 3))
    assert (await driver.call("GET", "/worker/queue")).status == 401
    stranger = f"{done[:8]}-0123456789abcdef"
    for what in ORDERS:
        path = f"/worker/queue/{what}"
        assert (await driver.call("POST", path, json={"session": stranger})).status == 401
        answer = await driver.call("POST", path, headers=ADMIN, json={"session": stranger})
        assert (answer.status, answer.body["code"]) == (404, "session_not_found")
        for body in WRONG_BODIES:
            answer = await driver.call("POST", path, headers=ADMIN, data=body)
            assert (answer.status, answer.body["code"]) == (422, "invalid_body"), body
            assert "pydantic" not in json.dumps(answer.body)


async def test_going_back_a_schema_releases_what_is_held(driver: Driver) -> None:
    await pause(driver, "pause")
    session_id = await upload(driver, 0, 5)
    await order(driver, "hold", session=await handle(driver, session_id))
    assert await driver.value(HELD) == 5
    await driver.stack.api.stop()
    for worker in driver.stack.workers:
        await worker.stop()
    done = await alembic(driver.stack.dsn, "downgrade", "0013")
    assert done.returncode == 0, done.stderr
    assert await driver.value(HELD) == 0
    assert await driver.value("select count(*) from lookups where due_at <= clock_timestamp()") == 5


@pytest.mark.parametrize("what", ORDERS)
async def test_an_order_for_nobody_is_not_found(driver: Driver, what: str) -> None:
    answer = await driver.call(
        "POST", f"/worker/queue/{what}", headers=ADMIN, json={"client": "0" * 32}
    )
    assert (answer.status, answer.body["code"]) == (404, "session_not_found")
