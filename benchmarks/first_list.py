"""What a first list costs: requests a film and wrong films, with TMDB's daily export and without.

The real resolver, index and storage, and TMDB's answers from a simulated population of 1.24 million
films in this process, of which those are kept that anything here could be taken for.
"""

from __future__ import annotations

import argparse
import datetime as dt
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from benchmarks.figures import Figure
from benchmarks.films import STAND_IN_SEED, tellable
from benchmarks.harness import Room, run
from benchmarks.in_process import InProcess
from benchmarks.matching import Question, Tally, ask
from benchmarks.shortcuts import go_through_all_years
from enrich_service.options import WorkerOptions
from enrich_service.scheduling.export_loader import MOST_POPULAR
from enrich_service.storage import StorageService
from enrich_service.storage.exports import LoadedExport
from enrich_service.title_index.exported_films import ExportedFilms
from enrich_service.title_index.index import TitleIndex
from enrich_service.tmdb.export import ExportReader
from local_stack.tmdb.catalogue import Catalogue
from local_stack.tmdb.exports import export_of
from local_stack.tmdb.population import KNOWN, simulate
from shared.postgres.database import Database
from shared.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local_stack.tmdb.film import Film

REACH_COMMON = 1.25
REACH_TAIL = 1.6
REVEALED = 0.5
COMMON = 10_000
"""From this rank on a film is of the long tail: it has 200 votes."""
REMOVED = 0.01
"""So many of the films of the trial were removed since the export was made."""


@dataclass(frozen=True, slots=True)
class _Trial:
    """Films to ask for, what TMDB has of them, and its export."""

    common: list[Film]
    tail: list[Film]
    any: list[Film]
    catalogue: Catalogue
    export: bytes


def _trial(options: argparse.Namespace) -> _Trial:
    chance = random.Random(options.seed)  # noqa: S311  # no secret
    population = simulate(options.known, options.seed)
    known = population.films[: population.known]
    named = {film.id for film in tellable(population.films)}
    common = [film for film in known if film.id in named][: options.films]
    tail = [film for film in known[COMMON:] if film.id in named]
    trial = chance.sample([film for film in known if film.year], options.trial)
    removed = {film.id for film in trial if chance.random() < REMOVED}
    catalogue = Catalogue(film for film in population.films if film.id not in removed)
    here = [film for film in common if film.id not in removed]
    chance.shuffle(here)
    rare = [film for film in chance.sample(tail, options.films) if film.id not in removed]
    return _Trial(here, rare, trial, catalogue, export_of(population.films))


async def measure(room: Room, options: argparse.Namespace) -> Sequence[Figure]:
    """Each list over a database of its own, so that it is the first; then all kinds of films."""
    trial = _trial(options)
    figures = [Figure("films in the catalogue", f"{len(trial.catalogue.films)}")]
    for exported in (False, True):
        told = "with the export" if exported else "without"
        for name, films, reach in (
            ("common", trial.common, REACH_COMMON),
            ("of the long tail", trial.tail, REACH_TAIL),
        ):
            tally = await _first_list(room, trial, films, exported=exported)
            spent = tally.requests / len(films)
            figures.append(
                Figure(
                    f"requests a film, {len(films)} {name}, {told}",
                    f"{spent:.3f} ({tally})",
                    f"<= {reach}" if exported else "",
                    spent <= reach if exported else None,
                )
            )
    return [*figures, *await _warmed(room, trial), await _wrong_films(room, trial)]


async def _warmed(room: Room, trial: _Trial) -> list[Figure]:
    """Both lists, once every year was gone through in the background."""
    settings = Settings(_env_file=None, database_url=await room.fresh_database())
    async with Database(settings, application_name="benchmark") as database:
        storage = StorageService(database)
        await load_export(storage, trial.export)
        index = TitleIndex(storage, WorkerOptions(export_url="here"))
        in_process = InProcess(trial.catalogue, index, revealed=REVEALED)
        await go_through_all_years(storage, index, in_process)
        pages = in_process.asked.total()
        figures = [Figure("requests to go through all years", f"{pages}")]
        for name, films in (("common", trial.common), ("of the long tail", trial.tail)):
            tally = await ask(in_process, [Question(film, film.title, film.year) for film in films])
            figures.append(
                Figure(
                    f"requests a film, {len(films)} {name}, with the export and all years",
                    f"{tally.requests / len(films):.3f} ({tally})",
                )
            )
    return figures


async def _first_list(room: Room, trial: _Trial, films: Sequence[Film], *, exported: bool) -> Tally:
    settings = Settings(_env_file=None, database_url=await room.fresh_database())
    async with Database(settings, application_name="benchmark") as database:
        storage = StorageService(database)
        if exported:
            await load_export(storage, trial.export)
        index = TitleIndex(storage, WorkerOptions(export_url="" if not exported else "here"))
        in_process = InProcess(trial.catalogue, index, revealed=REVEALED)
        return await ask(in_process, [Question(film, film.title, film.year) for film in films])


async def _wrong_films(room: Room, trial: _Trial) -> Figure:
    """Ask for films of every kind, each as if it were the first, and compare with searches."""
    searched = InProcess(trial.catalogue)
    settings = Settings(_env_file=None, database_url=await room.fresh_database())
    async with Database(settings, application_name="benchmark") as database:
        storage = StorageService(database)
        await load_export(storage, trial.export)
        guessing = InProcess(trial.catalogue, TitleIndex(storage, WorkerOptions(export_url="here")))
        guessing.learns = False
        added, tally = 0, Tally()
        for film in trial.any:
            question = Question(film, film.title, film.year)
            one = await ask(guessing, [question])
            tally.right += one.right
            tally.none += one.none
            tally.requests += one.requests
            if one.wrong:
                tally.wrong += 1
                added += not (await ask(searched, [question])).wrong
    return Figure(
        f"wrong films that guesses add, of {len(trial.any)}: any known film, twins, translated and "
        f"removed ones among them",
        f"{added} ({tally})",
        "0",
        added == 0,
    )


async def load_export(storage: StorageService, export: bytes) -> None:
    """Load an export as today's."""
    reader, films = ExportReader(), ExportedFilms()
    for read in reader.read(export):
        films.add(read)
    reader.close()
    for part in films.parts(MOST_POPULAR):
        await storage.exports.write(part)
    worker_id = uuid4()
    due = await storage.exports.take(worker_id)
    loaded = LoadedExport(due.wanted, films.count) if due else None
    await storage.exports.give_back(worker_id, dt.timedelta(0), loaded)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.first_list", description=__doc__)
    arguments.add_argument("--films", type=int, default=2_500, help="in each list")
    arguments.add_argument("--trial", type=int, default=10_000, help="films of any kind")
    arguments.add_argument("--known", type=int, default=KNOWN, help="best known of the population")
    arguments.add_argument("--seed", type=int, default=STAND_IN_SEED)
    run(measure, arguments.parse_args())
