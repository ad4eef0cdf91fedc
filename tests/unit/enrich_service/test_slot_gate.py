from __future__ import annotations

import asyncio
import time

import pytest

from enrich_service.scheduling.slot_gate import SlotGate, SlotWaitCancelledError

LATER = 60.0


async def settle() -> None:
    """Let every task run until it waits."""
    for _ in range(10):
        await asyncio.sleep(0)


def fresh() -> float:
    return time.monotonic() + LATER


def stale() -> float:
    return time.monotonic() - 0.001


async def test_a_fresh_slot_lets_its_holder_through_at_once() -> None:
    wake = asyncio.Event()
    gate = SlotGate(wake)
    await gate.acquire(fresh())
    assert gate.waiting == 0
    assert not wake.is_set()


async def test_who_passes_is_told_the_time_until_which_it_may_send() -> None:
    gate = SlotGate(asyncio.Event())
    held, given = fresh(), fresh() + 1
    assert await gate.acquire(held) == held
    passing = asyncio.create_task(gate.acquire(stale()))
    await settle()
    gate.give([given])
    assert await passing == given


async def test_an_expired_slot_is_thrown_away_and_a_new_one_is_waited_for() -> None:
    wake = asyncio.Event()
    gate = SlotGate(wake)
    passing = asyncio.create_task(gate.acquire(stale()))
    await settle()
    assert (gate.waiting, wake.is_set(), passing.done()) == (1, True, False)
    assert gate.give([fresh()]) == []
    await passing


async def test_a_slot_that_expires_while_it_is_handed_over_is_thrown_away_too() -> None:
    gate = SlotGate(asyncio.Event())
    passing = asyncio.create_task(gate.acquire())
    await settle()
    assert gate.give([stale()]) == [], "it was taken, and found to be too old"
    await settle()
    assert not passing.done()
    assert gate.waiting == 1
    gate.give([fresh()])
    await passing


async def test_a_loop_that_stood_still_sends_nothing_with_its_old_slots() -> None:
    gate = SlotGate(asyncio.Event())
    tasks = [asyncio.create_task(gate.acquire()) for _ in range(3)]
    await settle()
    gate.give([time.monotonic() + 0.05] * 3)
    time.sleep(0.1)  # noqa: ASYNC251  # the loop is to stand still
    await settle()
    assert gate.waiting == 3
    assert not any(task.done() for task in tasks)
    gate.give([fresh()] * 3)
    await asyncio.gather(*tasks)


async def test_slots_go_to_those_who_wait_in_the_order_they_came_and_the_rest_comes_back() -> None:
    gate = SlotGate(asyncio.Event())
    passed: list[int] = []

    async def request(number: int) -> None:
        await gate.acquire()
        passed.append(number)

    tasks = []
    for number in range(3):
        tasks.append(asyncio.create_task(request(number)))
        await settle()
    slots = [fresh() + number for number in range(5)]
    assert gate.give(slots[:2]) == []
    await settle()
    assert passed == [0, 1]
    assert gate.give(slots[2:]) == slots[3:]
    await asyncio.gather(*tasks)
    assert passed == [0, 1, 2]
    assert gate.give(slots) == slots


async def test_who_stopped_waiting_takes_no_slot() -> None:
    gate = SlotGate(asyncio.Event())
    first = asyncio.create_task(gate.acquire())
    second = asyncio.create_task(gate.acquire())
    third = asyncio.create_task(gate.acquire())
    await settle()
    first.cancel()
    second.cancel()
    await settle()
    assert gate.waiting == 1
    assert gate.give([fresh()]) == []
    await third


async def test_everybody_who_starts_to_wait_wakes_the_dispatcher() -> None:
    wake = asyncio.Event()
    gate = SlotGate(wake)
    tasks = []
    for _ in range(2):
        wake.clear()
        tasks.append(asyncio.create_task(gate.acquire()))
        await settle()
        assert wake.is_set()
    gate.give([fresh(), fresh()])
    await asyncio.gather(*tasks)


async def test_who_is_turned_away_waits_no_longer_and_whoever_comes_later_does() -> None:
    gate = SlotGate(asyncio.Event())
    gone = asyncio.create_task(gate.acquire())
    first = asyncio.create_task(gate.acquire())
    second = asyncio.create_task(gate.acquire())
    await settle()
    gone.cancel()
    gate.cancel_waiters()
    for task in (first, second):
        with pytest.raises(SlotWaitCancelledError):
            await task
    assert gate.waiting == 0
    later = asyncio.create_task(gate.acquire())
    await settle()
    assert gate.give([fresh()]) == []
    await later


async def test_a_slot_that_was_put_back_is_taken_once_while_it_is_fresh() -> None:
    wake = asyncio.Event()
    gate = SlotGate(wake)
    assert not gate.has_spare
    unused = fresh()
    gate.put_back(stale())
    gate.put_back(unused)
    assert wake.is_set()
    assert gate.has_spare
    assert gate.take_spare() == [unused]
    assert gate.take_spare() == []
    gate.put_back(stale())
    assert not gate.has_spare
