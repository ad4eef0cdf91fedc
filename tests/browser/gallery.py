"""Lists that between them show everything that the page can show, taken in by running services."""

from __future__ import annotations

import csv
import io
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from local_stack.samples.default_sample import write_default_sample
from local_stack.stack import StandIn
from tests.driving import LIMIT, MADE_UP, made_up_films, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from pathlib import Path

    from tests.driving import Driver

HOSTILE = "<img src=x onerror=\"document.title='owned'\">"
"""A title, tag and list's name that a careless page would run."""
FAR_TOO_LONG = "The Incredibly Strange " + "Unpronounceable" * 8 + " of the Far and Distant North"
TO_FIX = (
    ("Dune", ""),  # two films fit
    ("Solaris", ""),
    ("Godfater", "1972"),  # close, but not close enough
    ("Frago", "1996"),  # nothing like it
    ("Pulp Ficton", "1994"),  # found, and doubtful
    (HOSTILE, "1999"),
    (FAR_TOO_LONG, "2001"),
)
LATENCY = 3.0
"""Seconds that TMDB takes to answer, so that a list of hundreds is under way for minutes."""


def titles(rows: Iterable[tuple[str, str]]) -> bytes:
    """A plain list, to be uploaded."""
    text = io.StringIO()
    csv.writer(text).writerows([("Title", "Year"), *rows])
    return text.getvalue().encode()


@dataclass(frozen=True, slots=True)
class Gallery:
    """Running services with sessions to look at.

    Attributes:
        driver: of the services.
        export: the folder of the sample, a Letterboxd export.
        done: the session of the sample and of `TO_FIX`, completed.
        running: a session that will be under way for minutes.
    """

    driver: Driver
    export: Path
    done: str
    running: str


@asynccontextmanager
async def furnished(dsn: str, folder: Path) -> AsyncIterator[Gallery]:
    """Run the services over a migrated database, and take the lists in."""
    export = folder / "export"
    write_default_sample(export)
    stand_in = StandIn(films=MADE_UP, limit=LIMIT, period=1.0)
    async with running(dsn, folder, stand_in=stand_in) as driver:
        done = str((await driver.post_folder(export)).body["session_id"])
        answer = await driver.call(
            "POST",
            f"/api/session/{done}/upload",
            data=titles(TO_FIX),
            headers={"Content-Type": "text/csv"},
        )
        assert answer.status == 200, answer
        await driver.completed(done)
        films = made_up_films()[:500]
        begun = await driver.upload(films)
        await driver.ended(begun, 60)
        await driver.set_latency(LATENCY)
        yield Gallery(driver, export, done, begun)
