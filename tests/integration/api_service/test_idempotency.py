"""An upload that is sent again with its Idempotency-Key makes no second session."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import pytest

if TYPE_CHECKING:
    from tests.support.api_driving import Service, Until

LIST = "Title\nHeat\nFargo\n,\n"
KEY = {"Idempotency-Key": "3f2c-once"}


async def test_the_same_body_gets_the_same_session(service: Service) -> None:
    first = await service.upload(LIST, KEY)
    again = await service.upload(LIST, KEY)
    assert (first.status, again.status) == (201, 201)
    assert again.headers["Location"] == first.headers["Location"]
    answers = [await first.json(), await again.json()]
    assert answers[0] == answers[1]
    assert answers[1]["report"]["total_movies"] == 2
    assert (await service.stored())["sessions"] == 1


async def test_the_same_form_gets_the_same_session_whatever_its_boundary(
    service: Service,
) -> None:
    files = [("a.csv", "Title\nHeat\n"), ("b.csv", "Title\nFargo\n")]
    answers = [
        await (await service.upload_files(*files, headers=KEY)).json(),
        await (await service.upload_files(*files, headers=KEY)).json(),
    ]
    assert answers[0]["session_id"] == answers[1]["session_id"]


async def test_without_a_key_each_upload_makes_a_session(service: Service) -> None:
    await service.upload(LIST)
    await service.upload(LIST)
    assert await service.stored() == {
        "sessions": 2,
        "movies": 4,
        "lookups": 2,
        "upload_reports": 2,
    }


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        pytest.param("Title\nHeat\nFargo\n", {}, id="another list"),
        pytest.param(LIST, {"Content-Disposition": 'a; filename="watchlist.csv"'}, id="file name"),
    ],
)
async def test_another_body_is_refused(
    service: Service, body: str, headers: dict[str, str]
) -> None:
    await service.upload(LIST, KEY)
    before = await service.stored()
    response = await service.upload(body, KEY | headers)
    await service.problem(response, 422, "idempotency_key_reused")
    assert await service.stored() == before


async def test_another_key_makes_another_session(service: Service) -> None:
    await service.upload(LIST, KEY)
    await service.upload(LIST, {"Idempotency-Key": "another"})
    assert (await service.stored())["sessions"] == 2


async def test_a_refused_upload_does_not_use_up_its_key(service: Service) -> None:
    refused = await service.upload("Rank,Score\n1,9\n", KEY)
    assert refused.status == 422
    assert (await service.upload(LIST, KEY)).status == 201


async def test_a_key_is_kept_for_24_hours(service: Service) -> None:
    first = await (await service.upload(LIST, KEY)).json()
    await service.database.fetchval(
        "update idempotency_keys set created_at = created_at - interval '23 hours 59 minutes'"
    )
    again = await (await service.upload(LIST, KEY)).json()
    assert again["session_id"] == first["session_id"]

    await service.database.fetchval(
        "update idempotency_keys set created_at = created_at - interval '2 minutes'"
    )
    later = await (await service.upload("Title\nRan\n", KEY)).json()
    assert later["session_id"] != first["session_id"]
    assert (await service.stored())["idempotency_keys"] == 1


async def test_a_key_goes_with_its_session(service: Service) -> None:
    first = await (await service.upload(LIST, KEY)).json()
    await service.client.delete(f"/api/session/{first['session_id']}")
    again = await (await service.upload(LIST, KEY)).json()
    assert again["session_id"] != first["session_id"]


async def test_of_many_at_once_exactly_one_makes_a_session(service: Service) -> None:
    responses = await asyncio.gather(*[service.upload(LIST, KEY) for _ in range(8)])
    assert {response.status for response in responses} <= {201, 409}
    stored = {
        (await response.json())["session_id"] for response in responses if response.status == 201
    }
    assert len(stored) == 1
    assert (await service.stored())["sessions"] == 1


async def test_while_one_is_being_stored_another_is_told_to_come_again(
    service: Service, dsn: str, until: Until
) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            await connection.execute("lock table sessions in share mode")  # its INSERT waits
            storing = asyncio.create_task(service.upload(LIST, KEY))
            await until(
                lambda: service.database.fetchval(
                    "select count(*) from pg_locks where relation = 'sessions'::regclass "
                    "and not granted"
                )
            )
            second = await service.upload(LIST, KEY)
            await service.problem(second, 409, "upload_in_progress")
            assert int(second.headers["Retry-After"]) > 0
        first = await storing
    finally:
        await connection.close()
    third = await service.upload(LIST, KEY)
    assert (first.status, third.status) == (201, 201)
    assert first.headers["Location"] == third.headers["Location"]
