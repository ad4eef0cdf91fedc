"""Which film a title is taken for: right, wrong or none, in a catalogue whose titles collide.

Beside the generated catalogue, where titles are spelt by rule, a set of real titles is asked for if
there is one (`--set`, see `benchmarks.set_questions`).
"""

from __future__ import annotations

import argparse
import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.figures import PERCENT, Figure, table
from benchmarks.films import STAND_IN_SEED, tellable
from benchmarks.in_process import InProcess
from benchmarks.matching_set import measure_set
from benchmarks.spellings import Spelling, spelled
from local_stack.tmdb.catalogue import Catalogue
from local_stack.tmdb.film import load_films
from local_stack.tmdb.generator import generate_films
from shared.lookup_keys import fold, title_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from local_stack.tmdb.film import Film

USUAL_SET = Path(__file__).parents[2] / "shared" / "data" / "matching-set"
"""Beside the repository; it is not part of it."""
REACH_RIGHT = 99.5
REACH_RIGHT_WITHOUT_YEAR = 97.0
MOST_WRONG = 0.2
UNSEEN_BESIDE = 100
KNOWN_FROM = 500
"""A film with so many votes, and so many times its namesake's, is taken for the one meant."""
MIX = {
    Spelling.DISPLAYED: 78,
    Spelling.ORIGINAL: 8,
    Spelling.NOTATION: 13,
    Spelling.SLIP: 1,
}
"""How many in a hundred titles of a list are written so."""


@dataclass(slots=True)
class Tally:
    """What became of some questions."""

    right: int = 0
    wrong: int = 0
    none: int = 0
    requests: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    @property
    def asked(self) -> int:
        """All of them."""
        return self.right + self.wrong + self.none

    def percent(self, count: int) -> float:
        """So many of all."""
        return PERCENT * count / self.asked if self.asked else 0.0

    def __str__(self) -> str:
        return (
            f"{self.percent(self.right):.2f} % right, {self.percent(self.wrong):.3f} % wrong "
            f"({self.right} + {self.wrong} + {self.none} none), "
            f"{self.requests / max(self.asked, 1):.2f} requests"
        )


@dataclass(frozen=True, slots=True)
class Question:
    """A title and year as a list has them, and the film that is meant."""

    film: Film
    title: str
    year: int | None


async def ask(in_process: InProcess, questions: Iterable[Question]) -> Tally:
    """Let the real course answer them all."""
    tally = Tally()
    before = in_process.asked.total()
    for question in questions:
        key = title_key(question.title, question.year)
        done = await in_process.look_up(key, question.title)
        if done.tmdb_id is None:
            tally.none += 1
            tally.reasons[str(done.reason)] += 1
            tally.examples.append(f"{question.title!r} {question.year}: {done.reason}")
        elif done.tmdb_id == question.film.id:
            tally.right += 1
        else:
            tally.wrong += 1
            tally.examples.append(
                f"{question.title!r} {question.year}: WRONG, {done.tmdb_id} ({done.reason})"
            )
    tally.requests = in_process.asked.total() - before
    return tally


def in_spelling(films: Iterable[Film], spelling: Spelling) -> list[Question]:
    """Ask for each film by its title, in one spelling, and its year."""
    chance = random.Random(STAND_IN_SEED)  # noqa: S311  # no secret
    questions = []
    for film in films:
        title = spelled(film, spelling, chance)
        if title is not None:
            questions.append(Question(film, title, film.year))
    return questions


def mixed(films: Sequence[Film]) -> list[Question]:
    """Ask for each film once, in the spellings that lists have, as often as they have them."""
    chance = random.Random(STAND_IN_SEED)  # noqa: S311  # no secret
    questions = []
    for film in films:
        (spelling,) = chance.choices(list(MIX), weights=list(MIX.values()))
        title = spelled(film, spelling, chance) or film.title
        questions.append(Question(film, title, film.year))
    return questions


def without_year(questions: Iterable[Question]) -> list[Question]:
    """The same questions by title alone."""
    return [Question(question.film, question.title, None) for question in questions]


def year_off(questions: Iterable[Question]) -> list[Question]:
    """The same questions with a year that is one too high or too low."""
    chance = random.Random(STAND_IN_SEED)  # noqa: S311  # no secret
    return [
        Question(question.film, question.title, question.year + chance.choice((-1, 1)))
        for question in questions
        if question.year is not None
    ]


async def measure(count: int, *, show: int = 0) -> list[Figure]:
    """Ask for every film of the catalogue in every way."""
    films = [*load_films(), *generate_films(count, STAND_IN_SEED)]
    in_process = InProcess(Catalogue(films))
    told = tellable(films)
    named = {film.id for film in told}
    borne = Counter(
        name for film in films for name in {fold(film.title), fold(film.original_title)}
    )
    alone = {film.id for film in told if borne[fold(film.title)] == 1}
    lacking = generate_films(count + count // 4, STAND_IN_SEED)[count:]
    figures = [
        Figure("films in the catalogue", f"{len(films)}"),
        Figure("no title and year tells them from another", f"{len(films) - len(told)}"),
    ]

    async def row(
        what: str, questions: list[Question], right: float | None, *, wrong: bool = True
    ) -> None:
        tally = await ask(in_process, questions)
        for line in tally.examples[:show]:
            print(f"  {what}: {line}")
        reaches = [] if right is None else [f">= {right} % right"]
        reaches += [f"<= {MOST_WRONG} % wrong"] if wrong else []
        met = (right is None or tally.percent(tally.right) >= right) and (
            not wrong or tally.percent(tally.wrong) <= MOST_WRONG
        )
        figures.append(Figure(what, str(tally), ", ".join(reaches), met if reaches else None))

    questions = mixed(told)
    await row("title and year given, as lists write them", questions, REACH_RIGHT)
    for spelling in Spelling:
        await row(f"  of these: {spelling}", in_spelling(told, spelling), None)
    titled_once = [question for question in questions if question.film.id in alone]
    await row(
        "year missing, title borne by one film", without_year(titled_once), REACH_RIGHT_WITHOUT_YEAR
    )
    named_so = {title_key(name, film.year) for film in films for name in _names(film)}
    off = [
        asked
        for asked in year_off(questions)
        if named_so.isdisjoint(title_key(name, asked.year) for name in _names(asked.film))
    ]
    await row("year one off, no other film of that year named so", off, REACH_RIGHT_WITHOUT_YEAR)
    await row("films that TMDB lacks, title and year given", mixed(lacking), None, wrong=False)
    shared = [question for question in questions if question.film.id not in alone]
    await row("year missing, title borne by several", without_year(shared), None, wrong=False)
    await row("all of these questions", [*questions, *without_year(questions), *off], None)
    twins = [film for film in films if film.id not in named and film.year is not None]
    seen = [film for film in twins if _has_an_equal(film, twins)]
    figures.append(await _never_guessed(in_process, seen))
    if unseen := [film for film in twins if film not in seen]:
        await row("identical, one of them known to all", mixed(unseen), None, wrong=False)
    return figures


async def _never_guessed(in_process: InProcess, twins: list[Film]) -> Figure:
    tally = await ask(in_process, in_spelling(twins, Spelling.DISPLAYED))
    guessed = tally.right + tally.wrong
    return Figure(
        "identical in title and year: guessed", f"{guessed} of {len(twins)}", "none", guessed == 0
    )


def _has_an_equal(film: Film, twins: Sequence[Film]) -> bool:
    """Whether neither it nor its namesake is unseen beside the other."""
    votes = [
        other.vote_count
        for other in twins
        if other.year == film.year and not _names(other).isdisjoint(_names(film))
    ]
    return max(votes) < max(UNSEEN_BESIDE * sorted(votes)[-2], KNOWN_FROM)


def _names(film: Film) -> set[str]:
    return {film.title, film.original_title}


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.matching", description=__doc__)
    arguments.add_argument("--films", type=int, default=12_000, help="generated ones; 0: none")
    arguments.add_argument("--show", type=int, default=0, help="so many misses of each row")
    arguments.add_argument("--set", type=Path, default=USUAL_SET, help="folder of real titles")
    arguments.add_argument("--sample", type=int, default=0, help="of each kind of the set; 0: all")
    options = arguments.parse_args()
    if options.films:
        print(table(asyncio.run(measure(options.films, show=options.show))), flush=True)
    if options.set.is_dir():
        figures = measure_set(options.set, sample=options.sample, show=options.show)
        print(table(asyncio.run(figures)), flush=True)


if __name__ == "__main__":
    main()
