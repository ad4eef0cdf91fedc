"""Whether going straight to details costs a wrong film: every film of a catalogue asked for twice.

Once while the title index learns from what TMDB says by the way, and once with every year gone
through; the real course, index and storage, and TMDB's answers from the catalogue in this process.
"""

from __future__ import annotations

import argparse
import datetime as dt
from typing import TYPE_CHECKING

from benchmarks.figures import Figure
from benchmarks.films import STAND_IN_SEED, tellable
from benchmarks.harness import Room, run
from benchmarks.in_process import InProcess
from benchmarks.matching import MOST_WRONG, REACH_RIGHT, Tally, ask, mixed
from enrich_service.options import WorkerOptions
from enrich_service.storage import StorageService
from enrich_service.storage.surveys import FIRST_YEAR
from enrich_service.title_index.index import TitleIndex
from enrich_service.tmdb.requests import discover_movies
from local_stack.tmdb.catalogue import Catalogue
from local_stack.tmdb.film import load_films
from local_stack.tmdb.generator import generate_films
from shared.postgres.database import Database
from shared.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

REVEALED = 0.5


async def measure(room: Room, options: argparse.Namespace) -> Sequence[Figure]:
    """Ask for every film, as lists write its title, with its year."""
    films = [*load_films(), *generate_films(options.films, STAND_IN_SEED)]
    named = {film.id for film in tellable(films)}
    told = [film for film in films if film.id in named]
    twins = [film for film in films if film.id not in named and film.year]
    catalogue = Catalogue(films)
    settings = Settings(_env_file=None, database_url=await room.fresh_database())
    async with Database(settings, application_name="benchmark") as database:
        storage = StorageService(database)
        index = TitleIndex(storage, WorkerOptions())
        in_process = InProcess(catalogue, index, revealed=REVEALED)
        figures = [Figure("films in the catalogue", f"{len(films)}")]
        for state in (f"learning by the way, {REVEALED:.0%} revealed", "every year gone through"):
            tally = await ask(in_process, mixed(told))
            figures += [_figure(f"{state}: title and year given", tally)]
            guessed = await ask(in_process, mixed(twins))
            figures.append(
                Figure(f"{state}: identical in title and year", f"{guessed.none} of {len(twins)} "
                f"not guessed, {guessed.wrong} wrong")
            )  # fmt: skip
            if state.startswith("learning"):
                await go_through_all_years(storage, index, in_process)
    return figures


async def go_through_all_years(
    storage: StorageService, index: TitleIndex, in_process: InProcess
) -> None:
    """Let every year's films be learned, page by page."""
    for year in range(FIRST_YEAR, dt.datetime.now(dt.UTC).year + 1):
        while page := await storage.surveys.take(year):
            await index.turn_over(year, page, await in_process(discover_movies(year, page)))


def _figure(what: str, tally: Tally) -> Figure:
    right, wrong = tally.percent(tally.right), tally.percent(tally.wrong)
    return Figure(
        what,
        str(tally),
        f">= {REACH_RIGHT} % right, <= {MOST_WRONG} % wrong",
        right >= REACH_RIGHT and wrong <= MOST_WRONG,
    )


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.shortcuts", description=__doc__)
    arguments.add_argument("--films", type=int, default=12_000, help="generated ones")
    run(measure, arguments.parse_args())
