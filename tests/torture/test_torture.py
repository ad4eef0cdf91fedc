"""The torture at short, the exactness of its replay, and its shrinking."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.torture.defects import DEFECTS
from tests.torture.kinds import KINDS
from tests.torture.machine import case_of, play, shrink
from tests.torture.running import torture
from tests.torture.world import world_over

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.torture.world import World

CASES = 50
SEED = "ordinary suite"
PLAYED_TWICE = 4


@pytest.fixture
async def world(dsn: str) -> AsyncIterator[World]:
    async with world_over(dsn) as opened:
        yield opened


async def test_no_guarantee_is_broken(world: World) -> None:
    """The same cases each time, so that what breaks one is the change at hand.

    `make torture` plays others.
    """
    done = await torture(world, SEED, most=CASES)
    assert done.violations == [], done.told
    assert done.cases == CASES


async def test_same_seed_plays_the_same_case(world: World) -> None:
    for number in range(PLAYED_TWICE):
        case = case_of(f"{SEED} {number}", KINDS)
        first, second = await play(world, case), await play(world, case)
        assert first.trace == second.trace
        # And the moves that were written down make the same of it as the choices did.
        third = await play(world, first.case)
        assert first.trace == third.trace


@pytest.mark.long
async def test_what_was_found_is_shrunk_and_found_again(world: World) -> None:
    defect = next(defect for defect in DEFECTS if "ended stays" in defect.name)
    with defect.planted():
        found = await play(world, case_of(SEED, KINDS))
        assert found.violations
        small = await shrink(world, found)
        assert len(small.trace) <= len(found.trace)
        again = await play(world, small.case)
        assert again.violations[0].guarantee == found.violations[0].guarantee
    assert (await play(world, small.case)).violations == []
