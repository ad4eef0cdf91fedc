"""The report of an upload: what each file was taken for; what was rejected, set aside or noted."""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any, Final

from api_service.lists.model import (
    MAX_NAME,
    ListRefused,
    Problem,
    Refusal,
    display_name,
)
from api_service.lists.values.cells import shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from api_service.lists.merging.films import Film
    from api_service.lists.model import NotAFilm, Unread

MAX_ISSUES: Final = 10_000
"""Rows rejected, rows set aside, rows merged, and notes, that a report names one by one; it counts
the rest."""
MAX_PROFILES: Final = 50
"""Profiles that are counted in a file; Netflix has five in an account."""
MAX_CHARACTERS: Final = 2_000_000
"""Of file names, reasons and titles in what a report names one by one, all kinds together."""

_LONGEST_EXAMPLE: Final = 100
_SHORT: Final = 20
_LISTED: Final = ("rejected", "set_aside", "merged", "notes")


@dataclass(frozen=True, slots=True)
class Issue:
    """One row rejected or set aside, or one note on a row."""

    line: int
    code: Problem
    reason: str


@dataclass(slots=True)
class Profile:
    """One of the people who share a file.

    Attributes:
        name: as it is shown.
        is_read: whether its rows are read.
        rows: all that are its.
        films: the lookup keys of the films that those which were read are of.
    """

    name: str
    is_read: bool
    rows: int = 0
    films: set[str] = field(default_factory=set)


def too_many_rows(name: str, line: int) -> ListRefused:
    """Return the refusal of an upload that has no rows left."""
    return ListRefused(name, Refusal.TOO_MANY_ROWS, "the upload has too many rows", line)


@dataclass(slots=True)
class Budget:
    """What one upload may still use: rows, which cost time, and issues, which cost memory."""

    rows: int
    rejected: int = MAX_ISSUES
    aside: int = MAX_ISSUES
    merged: int = MAX_ISSUES
    notes: int = MAX_ISSUES
    characters: int = MAX_CHARACTERS

    def spend(self, size: int) -> bool:
        """Take so many characters of the report, if it has as many left; whether it had."""
        if size > self.characters:
            return False
        self.characters -= size
        return True


@dataclass(slots=True)
class FileJournal:
    """What happened while one file was read."""

    name: str
    budget: Budget
    format: str | None = None
    set_aside: str | None = None
    unread: list[Unread] = field(default_factory=list)
    rows: int = 0
    movies: int = 0
    rejected: list[Issue] = field(default_factory=list)
    aside: list[Issue] = field(default_factory=list)
    merged: list[tuple[int, Film]] = field(default_factory=list)
    notes: list[Issue] = field(default_factory=list)
    profiles: dict[str, Profile] = field(default_factory=dict)
    rejected_count: int = 0
    aside_count: int = 0
    notes_count: int = 0

    def count_row(self, line: int) -> None:
        """Count a row that says something, whether it can be used or not.

        Raises:
            ListRefused: the upload has too many rows.
        """
        self.rows += 1
        self.budget.rows -= 1
        if self.budget.rows < 0:
            raise too_many_rows(self.name, line)

    def reject(self, line: int, code: Problem, reason: str) -> None:
        """Record that the row starting on `line` is not used."""
        self.rejected_count += 1
        if self.budget.rejected > 0 and self._fits(reason):
            self.budget.rejected -= 1
            self.rejected.append(Issue(line, code, reason))

    def put_aside(self, line: int, title: str, why: NotAFilm) -> None:
        """Record that the row starting on `line` is no film."""
        self.aside_count += 1
        if self.budget.aside > 0:
            reason = why.of(shown(title) if title else "")
            if self._fits(reason):
                self.budget.aside -= 1
                self.aside.append(Issue(line, why.code, reason))

    def profile(self, name: str, wanted: frozenset[str]) -> Profile:
        """Return the profile of this name, whose rows are read if it is wanted or nobody is."""
        known = self.profiles.get(name)
        if known is None:
            is_read = not wanted or folded_name(name) in wanted
            known = Profile(display_name(name), is_read)
            if len(self.profiles) < MAX_PROFILES and self._fits(name):
                self.profiles[name] = known
        return known

    def merge(self, line: int, film: Film) -> None:
        """Record that the row starting on `line` says more of a film that another row had named."""
        if self.budget.merged > 0 and self._fits(film.title):
            self.budget.merged -= 1
            self.merged.append((line, film))

    def note(self, line: int, code: Problem, reason: str) -> None:
        """Record what was peculiar about a row that is used."""
        self.notes_count += 1
        if self.budget.notes > 0 and self._fits(reason):
            self.budget.notes -= 1
            self.notes.append(Issue(line, code, reason))

    def name_unread(self, unread: Unread) -> None:
        """Record that a column is not read, though it looks as if it told something."""
        shortened = unread._replace(example=unread.example[:_LONGEST_EXAMPLE])
        if self._fits("".join(shortened)):
            self.unread.append(shortened)

    def _fits(self, text: str) -> bool:
        return self.budget.spend(min(len(self.name), MAX_NAME) + len(text))


@dataclass(frozen=True, slots=True)
class Totals:
    """What an upload came to, in movies."""

    movies: int
    watched: int
    watchlist_only: int
    """On the watchlist, not watched."""
    list_only: int
    """Neither: on a list, or liked."""


def build_report(journals: Iterable[FileJournal], totals: Totals) -> dict[str, Any]:
    """The whole report, as `report.json` holds it. `journals` come in canonical order."""
    journals = list(journals)
    rejected_count = sum(journal.rejected_count for journal in journals)
    aside_count = sum(journal.aside_count for journal in journals)
    # A file that is set aside has no rows of films, though its rows may have been looked into.
    lists = [journal for journal in journals if journal.set_aside is None]
    used = sum(journal.rows - journal.rejected_count - journal.aside_count for journal in lists)
    return {
        "files": [
            {
                "name": display_name(journal.name),
                "format": journal.format,
                "rows": journal.rows,
                "movies": journal.movies,
                "set_aside": journal.set_aside,
                "unread": [
                    {"column": display_name(column), "example": display_name(example)}
                    for column, example in journal.unread
                ],
                "profiles": _profiles(journal),
            }
            for journal in journals
        ],
        "rows_read": sum(journal.rows for journal in lists),
        "rows_merged": used - totals.movies,
        "total_movies": totals.movies,
        "watched": totals.watched,
        "watchlist_only": totals.watchlist_only,
        "list_only": totals.list_only,
        "rejected": _issues((journal, journal.rejected) for journal in journals),
        "rejected_count": rejected_count,
        "merged": [
            {"file": name, "line": line, **_named(film)}
            for journal in journals
            for name in (display_name(journal.name),)
            for line, film in sorted(journal.merged, key=itemgetter(0))
        ],
        "set_aside": _issues((journal, journal.aside) for journal in journals),
        "set_aside_count": aside_count,
        "notes": _issues((journal, journal.notes) for journal in journals),
        "notes_count": sum(journal.notes_count for journal in journals),
    }


def _profiles(journal: FileJournal) -> list[dict[str, Any]]:
    """Whose the rows of a file are, where it says so."""
    return [
        {
            "name": profile.name,
            "is_read": profile.is_read,
            "rows": profile.rows,
            "films": len(profile.films),
        }
        for profile in journal.profiles.values()
    ]


def folded_name(name: str) -> str:
    """Return a profile's name as it is compared: case and white space do not count."""
    return " ".join(name.split()).casefold()


def _issues(found: Iterable[tuple[FileJournal, list[Issue]]]) -> list[dict[str, Any]]:
    return [
        {"file": name, "line": issue.line, "reason": issue.reason, "code": issue.code.value}
        for journal, issues in found
        for name in (display_name(journal.name),)
        for issue in sorted(issues, key=attrgetter("line"))
    ]


def _named(film: Film) -> dict[str, Any]:
    while film.same_as is not None:
        film = film.same_as
    return {"title": film.title or None, "year": film.year}


def shorten(report: dict[str, Any]) -> dict[str, Any]:
    """The report with its first 20 rejected rows, rows set aside, rows merged, and notes."""
    return report | {key: report[key][:_SHORT] for key in _LISTED}


def with_member(report: str, name: str, value: str) -> str:
    """A report as JSON text, with one more member, whose value is JSON text too.

    It may be megabytes long, and is never taken apart only to be sent.
    """
    return f'{report.rstrip().removesuffix("}")}, "{name}": {value}}}'
