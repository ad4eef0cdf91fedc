"""Each planted defect is found within a minute, and is found to break what it breaks."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.torture.defects import DEFECTS
from tests.torture.kinds import KINDS
from tests.torture.machine import case_of, play
from tests.torture.world import world_over

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.torture.defects import Defect
    from tests.torture.machine import Case

pytestmark = pytest.mark.long
FOUND_SECONDS = 60.0
CONTROLS = 60
SEED = "teeth"


def cases(defect: Defect) -> Iterator[Case]:
    number = 0
    while True:
        case = case_of(f"{SEED} {number}", defect.kinds)
        yield replace(
            case,
            faults=case.faults if defect.faults is None else defect.faults,
            at_once=defect.at_once or case.at_once,
        )
        number += 1


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
async def test_planted_defect_is_found(
    dsn: str, defect: Defect, record_property: Callable[[str, object], None]
) -> None:
    async with world_over(dsn) as world:
        if defect.statement:
            await world.auditor.execute(defect.statement)
        end = time.monotonic() + FOUND_SECONDS
        with defect.planted():
            for number, case in enumerate(cases(defect), 1):
                played = await play(world, case)
                if played.violations:
                    break
                assert time.monotonic() < end, f"not found in {number} cases"
        record_property("cases", number)
        assert played.violations[0].guarantee in defect.guarantees, played.violations[0]


async def test_nothing_is_found_where_nothing_was_planted(dsn: str) -> None:
    async with world_over(dsn) as world:
        for number in range(CONTROLS):
            assert (await play(world, case_of(f"{SEED} {number}", KINDS))).violations == []
