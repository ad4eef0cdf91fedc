"""Room for uploads: never more than there is, small ones beside large ones, and bounded waiting."""

from __future__ import annotations

import asyncio

import pytest

from api_service.uploads.disk_budget import Room, bytes_needed
from shared.errors import ServiceFullError
from tests.support.driving import until

TOTAL = 3200
SMALL, LARGE = TOTAL // 32, TOTAL // 2


def test_room_is_given_back_with_its_booking() -> None:
    room = Room(TOTAL)

    async def book() -> None:
        with room.booking() as booking:
            await booking.grow_to(SMALL)
            await booking.grow_to(LARGE)
            assert room.reserved == LARGE
            booking.shrink_to(SMALL)
            assert room.reserved == SMALL

    asyncio.run(book())
    assert room.reserved == 0


async def test_large_upload_waits_for_the_share_of_large_ones_and_small_ones_do_not() -> None:
    room = Room(TOTAL, wait_seconds=60)
    with room.booking() as first, room.booking() as second, room.booking() as small:
        await first.grow_to(LARGE)
        waiting = asyncio.create_task(second.grow_to(LARGE))
        await until(lambda: room.waiting == 1)
        await small.grow_to(SMALL)
        assert not waiting.done()
        first.shrink_to(0)
        await waiting
        assert room.reserved == LARGE + SMALL


async def test_large_ones_are_let_in_in_their_order() -> None:
    room = Room(TOTAL, wait_seconds=60)
    came: list[str] = []

    async def upload(name: str, size: int) -> None:
        with room.booking() as booking:
            await booking.grow_to(size)
            came.append(name)

    with room.booking() as first:
        await first.grow_to(LARGE)
        tasks = [asyncio.create_task(upload("a", LARGE + 500))]
        await until(lambda: room.waiting == 1)
        tasks.append(asyncio.create_task(upload("b", SMALL + 1)))
        await until(lambda: room.waiting == 2)
        assert came == []
    await asyncio.gather(*tasks)
    assert came == ["a", "b"]
    assert room.reserved == 0


async def test_waiting_is_bounded_and_lets_in_who_stood_behind() -> None:
    room = Room(TOTAL, wait_seconds=0.05)
    with room.booking() as first, room.booking() as second:
        await first.grow_to(LARGE)
        with pytest.raises(ServiceFullError) as refused:
            await second.grow_to(LARGE)
    assert refused.value.extra == {"limit": "upload_room"}
    assert refused.value.retry_after
    assert (room.reserved, room.waiting) == (0, 0)


async def test_who_goes_while_it_waits_leaves_nothing_booked() -> None:
    room = Room(TOTAL, wait_seconds=60)
    with room.booking() as first:
        await first.grow_to(LARGE)
        with room.booking() as second:
            waiting = asyncio.create_task(second.grow_to(LARGE))
            await until(lambda: room.waiting == 1)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
    assert (room.reserved, room.waiting) == (0, 0)


async def test_the_largest_upload_comes_when_it_is_alone() -> None:
    room = Room(TOTAL, wait_seconds=60)
    with room.booking() as booking:
        await booking.grow_to(10 * TOTAL)
        assert room.reserved == TOTAL


@pytest.mark.parametrize(
    ("size", "zipped", "needed"),
    [(1_000, False, 9_000), (1_000, True, 31_000), (40_000, False, 100_000)],
)
def test_what_an_upload_is_taken_to_need(size: int, needed: int, *, zipped: bool) -> None:
    assert bytes_needed(size, zipped=zipped, max_bytes=50_000, max_movies=100) == needed
