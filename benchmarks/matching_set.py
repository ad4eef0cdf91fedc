"""Which films real titles are taken for, as lists spell and misspell them, and how sure that is."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from statistics import mean
from typing import TYPE_CHECKING, Final

from benchmarks.figures import PERCENT, Figure
from benchmarks.in_process import InProcess
from benchmarks.set_questions import MatchingSet
from local_stack.tmdb.catalogue import Catalogue, Page
from shared.lookup_keys import title_key
from shared.models import DOUBTFUL_BELOW

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from benchmarks.set_questions import Asked
    from local_stack.tmdb.film import Film

REACHES: Final = {
    "a list's spelling": (98.5, 0.1),
    "its hard part": (68.0, 0.3),
    "title and year": (98.5, 0.1),
    "one typo, year right": (90.0, 0.1),
}
"""Least per cent right and most per cent wrong."""
MOST_TAKEN: Final = 0.3
"""Per cent of the questions after a film that the catalogue lacks."""
REMOVED: Final = (
    "a list's spelling", "its hard part", "title and year", "one typo, year right",
    "another name on the list, and year",
)  # fmt: skip
BUCKET: Final = 5
LEAST_IN_BUCKET: Final = 100
FURTHEST_FROM_TRUTH: Final = 3.0
MOST_DOUBTED: Final = 2.0


@dataclass(frozen=True, slots=True)
class Answered:
    """One question, and the film that it was taken for, if any."""

    asked: Asked
    tmdb_id: int | None
    confidence: int
    reason: str
    requests: int

    @property
    def is_right(self) -> bool:
        """Whether it is the film that was meant."""
        return self.tmdb_id == self.asked.meant

    def __str__(self) -> str:
        verdict = "none" if self.tmdb_id is None else "right" if self.is_right else "WRONG"
        return (
            f"{self.asked.title!r} {self.asked.year or ''}: {verdict}, {self.tmdb_id} for "
            f"{self.asked.meant} ({self.reason}, {self.confidence} %, {self.requests} requests)"
        )


@dataclass(slots=True)
class Answers:
    """What became of some questions."""

    all: list[Answered] = field(default_factory=list)

    def percent(self, *, right: bool) -> float:
        """So many of the questions were answered, rightly or wrongly."""
        found = [one for one in self.all if one.tmdb_id is not None and one.is_right == right]
        return PERCENT * len(found) / max(len(self.all), 1)

    def __str__(self) -> str:
        found = [one.requests for one in self.all if one.tmdb_id is not None]
        return (
            f"{self.percent(right=True):.2f} % right, {self.percent(right=False):.2f} % wrong "
            f"of {len(self.all)}; requests: {mean(found or [0]):.2f} for a film found, "
            f"{mean(one.requests for one in self.all):.2f} for any"
        )


class Lacking(Catalogue):
    """A catalogue that can be made to lack a film."""

    lacking: int | None = None

    def search(
        self,
        query: str,
        year: int | None = None,
        primary_release_year: int | None = None,
        page: int = 1,
    ) -> Page[Film]:
        """See `Catalogue.search`; a page with the film that is lacking is one shorter."""
        found = super().search(query, year, primary_release_year, page)
        entries = [film for film in found.entries if film.id != self.lacking]
        hidden = len(found.entries) - len(entries)
        return Page(page, entries, found.total_results - hidden)

    def film(self, film_id: int) -> Film | None:
        """See `Catalogue.film`."""
        return None if film_id == self.lacking else super().film(film_id)


async def answers(
    catalogue: Lacking, questions: Iterable[Asked], *, without: bool = False
) -> Answers:
    """Answer all questions as the daemon would, if need be without the film that each means."""
    in_process = InProcess(catalogue)
    told = Answers()
    for asked in questions:
        catalogue.lacking = asked.meant if without else None
        before = in_process.asked.total()
        done = await in_process.look_up(title_key(asked.title, asked.year), asked.title)
        requests = in_process.asked.total() - before
        confidence, reason = done.confidence or 0, str(done.reason)
        told.all.append(Answered(asked, done.tmdb_id, confidence, reason, requests))
    return told


async def measure_set(folder: Path, *, sample: int = 0, show: int = 0) -> list[Figure]:
    """Ask every question of a set: of its films, without the right one, and with namesakes.

    Args:
        folder: of the set.
        sample: questions of each kind at most; 0 asks all of them.
        show: so many misses of each kind are printed.
    """
    questions = MatchingSet(folder, sample)
    kinds = questions.kinds()
    catalogue = Lacking(questions.films)
    figures = [Figure("films of the set", f"{len(questions.films)}")]
    found: list[Answered] = []
    removed: list[Answered] = []
    for kind, asked in kinds.items():
        told = await answers(catalogue, asked)
        _show(kind, [one for one in told.all if not one.is_right][:show])
        found += [one for one in told.all if one.tmdb_id is not None]
        figures.append(_reached(kind, told))
    figures.append(_guessed(await answers(catalogue, questions.twins())))
    for kind in REMOVED:
        told = await answers(catalogue, kinds[kind], without=True)
        removed += [one for one in told.all if one.tmdb_id is not None]
        _show(kind, removed[-show:] if show else [])
        figures.append(_taken(f"{kind}: the right film removed", told))
    catalogue = Lacking([*questions.films, *questions.invented()])
    for kind, asked in kinds.items():
        told = await answers(catalogue, asked)
        figures.append(Figure(f"{kind}: invented namesakes added", str(told)))
    return [*figures, *_rules(found, removed), *_calibration(found)]


def _show(kind: str, misses: Iterable[Answered]) -> None:
    for one in misses:
        print(f"  {kind}: {one}")


def _guessed(twins: Answers) -> Figure:
    guessed = sum(one.tmdb_id is not None for one in twins.all)
    return Figure(
        "one title and year: guessed", f"{guessed} of {len(twins.all)}", "none", not guessed
    )


def _taken(what: str, told: Answers) -> Figure:
    """How many questions took another film; one of the very title and year cannot be told apart."""
    taken = [one for one in told.all if one.tmdb_id is not None]
    alike = [one for one in taken if one.reason.startswith(("exact", "same"))]
    percent = PERCENT * len(taken) / len(told.all)
    return Figure(
        what,
        f"{percent:.2f} % taken of {len(told.all)}, "
        f"{PERCENT * len(alike) / len(told.all):.2f} % being of the same title",
        f"<= {MOST_TAKEN} %",
        percent <= MOST_TAKEN,
    )


def _reached(kind: str, told: Answers) -> Figure:
    if kind not in REACHES:
        return Figure(kind, str(told))
    right, wrong = REACHES[kind]
    met = told.percent(right=True) >= right and told.percent(right=False) <= wrong
    return Figure(kind, str(told), f">= {right} % right, <= {wrong} % wrong", met)


def _rules(found: Iterable[Answered], removed: Iterable[Answered]) -> list[Figure]:
    """How often each rule was right and wrong, and took another film for one that is lacking."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for one in found:
        counts[one.reason]["right" if one.is_right else "wrong"] += 1
    for one in removed:
        counts[one.reason]["removed"] += 1
    ordered = sorted(counts.items(), key=lambda rule: -rule[1].total())
    return [
        Figure(
            f"rule: {reason}",
            f"{told['right']} right, {told['wrong']} wrong; "
            f"{told['removed']} where the right film is removed",
        )
        for reason, told in ordered
    ]


def _calibration(found: Iterable[Answered]) -> list[Figure]:
    """How many of the films shown as n per cent sure are right, and how many right ones doubted."""
    buckets = defaultdict(list)
    for one in found:
        buckets[min(one.confidence, PERCENT - 1) // BUCKET * BUCKET].append(one)
    figures = []
    for start, inside in sorted(buckets.items()):
        told = mean(one.confidence for one in inside)
        truth = PERCENT * mean(one.is_right for one in inside)
        met = abs(told - truth) <= FURTHEST_FROM_TRUTH if len(inside) >= LEAST_IN_BUCKET else None
        figures.append(
            Figure(
                f"confidence {start} to {start + BUCKET - 1}, shown {told:.1f} %",
                f"{truth:.2f} % right of {len(inside)}",
                f"within {FURTHEST_FROM_TRUTH:.0f} points" if met is not None else "",
                met,
            )
        )
    right = [one for one in found if one.is_right]
    doubted = PERCENT * mean(one.confidence < DOUBTFUL_BELOW for one in right)
    figures.append(
        Figure(
            "right films marked doubtful",
            f"{doubted:.2f} % of {len(right)}",
            f"< {MOST_DOUBTED} %",
            doubted < MOST_DOUBTED,
        )
    )
    return figures
