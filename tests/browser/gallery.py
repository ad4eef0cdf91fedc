"""Lists that between them show everything that the page can show, taken in by running services."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from local_stack.samples.default_sample import write_default_sample
from tests.support.film_lists import made_up_films

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.support.stack_driver import Driver

HOSTILE = "<img src=x onerror=\"document.title='owned'\">"
"""A title, tag and list's name that a careless page would run."""
FAR_TOO_LONG = "The Incredibly Strange " + "Unpronounceable" * 8 + " of the Far and Distant North"
TO_FIX = (
    ("Dune", ""),  # two films fit
    ("Solaris", ""),
    ("Godfater", "1972"),  # close, but not close enough
    ("Frogo", "1996"),  # nothing like it
    ("Pulp Fictiom", "1994"),  # found, and doubtful
    (HOSTILE, "1999"),
    (FAR_TOO_LONG, "2001"),
)
UNDER_WAY = 400
LATENCY = 3.0
"""Seconds that TMDB takes to answer, so that a list of hundreds is under way for minutes."""


def titles(rows: Iterable[tuple[str, str]]) -> bytes:
    """A plain list, to be uploaded."""
    text = io.StringIO()
    csv.writer(text).writerows([("Title", "Year"), *rows])
    return text.getvalue().encode()


@dataclass(slots=True)
class Gallery:
    """Sessions to look at.

    Attributes:
        driver: of the services that have them.
        export: the folder of the sample, a Letterboxd export.
        done: the session of the sample and of `TO_FIX`, completed.
    """

    driver: Driver
    export: Path
    done: str
    _taken: int = 0
    _shares: dict[str, str] = field(default_factory=dict)

    async def share(self, **options: object) -> str:
        """Share the list that is done, once with the same options; the address for visitors."""
        key = str(sorted(options.items()))
        if key not in self._shares:
            path = f"/api/session/{self.done}/shares"
            made = await self.driver.call("POST", path, json=options)
            assert made.status == 201, made
            self._shares[key] = str(made.body["path"])
        return self._shares[key]

    async def under_way(self) -> str:
        """A session that will be under way for minutes yet, some of it found."""
        (row,) = await self.driver.fetch(
            """
            select max(id::text) filter (where enriched between 30 and total - 60) as id
            from sessions
            join session_counts on session_id = id
            where completed_at is null
            """
        )
        if row["id"] is not None:
            return str(row["id"])
        await self.driver.set_latency(0.3)
        begun = await self.driver.upload(made_up_films()[self._taken : self._taken + UNDER_WAY])
        self._taken += UNDER_WAY
        await self.driver.ended(begun, 40)
        await self.driver.set_latency(LATENCY)
        return begun


async def furnish(driver: Driver, export: Path) -> Gallery:
    """Take the lists in."""
    write_default_sample(export)
    done = str((await driver.post_folder(export)).body["session_id"])
    answer = await driver.call(
        "POST",
        f"/api/session/{done}/upload",
        data=titles(TO_FIX),
        headers={"Content-Type": "text/csv"},
    )
    assert answer.status == 200, answer
    await driver.completed(done)
    return Gallery(driver, export, done)
