"""Reading of one upload: files in, `movies.csv` for COPY and `report.json` out."""

from __future__ import annotations

import json
from contextlib import closing
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from api_service.lists.files.archives import unpack
from api_service.lists.files.text import field_limit
from api_service.lists.formats.movielens import join
from api_service.lists.merging import own_export
from api_service.lists.merging.copy_format import write_lines, write_movies
from api_service.lists.merging.film_merger import FilmMerger, Source
from api_service.lists.merging.session_films import read_session_films
from api_service.lists.merging.session_merger import SessionMerger
from api_service.lists.model import ReadResult
from api_service.lists.problems import ListRefused, Refusal, display_name
from api_service.lists.recognition import find_lists
from api_service.lists.report import (
    MOST_NAMED,
    Budget,
    FileJournal,
    Totals,
    build_report,
    folded_name,
    shorten_report,
)
from api_service.lists.rows.row_reader import RowReader
from api_service.lists.rows.survey import find_date_orders
from api_service.lists.values.cells import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from api_service.lists.files.tables import ListFile
    from api_service.lists.film import Film
    from api_service.lists.model import SessionFilms, Sighting, UploadedFile

MOVIES_FILE: Final = "movies.csv"
REPORT_FILE: Final = "report.json"
_ROWS_PER_MOVIE: Final = 10
_MIN_ROWS: Final = 100_000
_FILE_BITS: Final = 32
"""Room for a line number in a row's canonical place."""


def read_lists(
    files: Sequence[UploadedFile],
    *,
    max_movies: int,
    max_bytes: int,
    folder: Path,
    session: SessionFilms | None = None,
    profiles: Collection[str] = (),
    on_unpacked: Callable[[int], None] | None = None,
) -> ReadResult:
    """Read the files of one upload and merge their rows into distinct films.

    Writes `folder/movies.csv`, with the columns of `copy_format.MOVIE_COLUMNS`, and
    `folder/report.json`. Neither depends on the order of the files.

    Args:
        files: what was uploaded: CSV files, or zips of them.
        max_movies: distinct films that the upload, or the session with it, may have.
        max_bytes: bytes that its files may have together, unpacked.
        folder: an existing folder of this upload's own.
        session: the films that these are added to. Then `movies.csv` has those of them that have
            changed and the new ones, and the report tells of what these files spoke of.
        profiles: the people whose rows are read of files that several share; empty for all.
        on_unpacked: told how many bytes there are to read, once that is known.

    Raises:
        ListRefused: a file is no list, a limit is passed, or no file knows a profile; then
            neither file counts.
        ListTooCostly: reading a file would take more than any list of films does.
    """
    budget = Budget(rows=max(max_movies * _ROWS_PER_MOVIE, _MIN_ROWS))
    merger = (
        SessionMerger(max_movies, read_session_films(session.path))
        if session
        else FilmMerger(max_movies)
    )
    with TemporaryDirectory(dir=folder) as unpacked, field_limit():
        members = unpack(files, Path(unpacked), max_bytes=max_bytes)
        if on_unpacked:
            on_unpacked(sum(member.path.stat().st_size for member in members))
        asked_for = frozenset(map(folded_name, profiles))
        lists, set_aside = find_lists(members, budget, Path(unpacked), asked_for)
        lists, joined = join(lists, budget)
        set_aside += joined
        sources = [
            Source(item.layout, _journal(item, budget), rank << _FILE_BITS)
            for rank, item in enumerate(lists)
        ]
        _merge(lists, sources, merger, session.mark if session else None)
    films = merger.mentioned_in(sources)
    _refuse_unknown_profiles(profiles, [source.journal for source in sources])
    if not films:
        raise ListRefused(
            files[0].name if files else "", Refusal.NO_USABLE_ROWS, _no_films(sources, set_aside)
        )
    for source in sources:
        source.journal.movies = merger.count(source)
    report = build_report([*(source.journal for source in sources), *set_aside], _totals(films))
    added, changed = _write(folder / MOVIES_FILE, merger, session)
    if session:
        report |= {"added": added, "changed": changed}
    with (folder / REPORT_FILE).open("w", encoding="utf-8") as file:
        json.dump(report, file, ensure_ascii=False)
    return ReadResult(len(merger.films()), added, changed, shorten_report(report))


def _journal(item: ListFile, budget: Budget) -> FileJournal:
    journal = FileJournal(item.name, budget, item.layout.format)
    for unread in item.layout.unread:
        journal.name_unread(unread)
    return journal


def _merge(
    lists: Sequence[ListFile], sources: Sequence[Source], merger: FilmMerger, mark: str | None
) -> None:
    """Read the rows of all files: what names films for sure first."""
    for item, source in zip(lists, sources, strict=True):
        if item.layout.format == own_export.FORMAT:
            _read_own_export(item, source, merger, mark)
    for item, source in zip(lists, sources, strict=True):
        if item.layout.film_addresses and item.layout.format != own_export.FORMAT:
            _read(item, source, merger.add_addressed)
    merger.add_rows_without_address()
    for item, source in zip(lists, sources, strict=True):
        if not item.layout.film_addresses:
            _read(item, source, merger.add_entry)


def _write(path: Path, merger: FilmMerger, session: SessionFilms | None) -> tuple[int, int]:
    """Write the films; how many are new, and how many of the session's have changed."""
    if session and isinstance(merger, SessionMerger):
        changed, added = write_lines(
            path, merger.changed_lines(), merger.new_lines(session.last_position)
        )
        return added, changed
    films = merger.films()
    write_movies(path, films, merger.lookup_key)
    return len(films), 0


def _no_films(sources: Sequence[Source], set_aside: Sequence[FileJournal]) -> str:
    """Return why an upload has no films, and what it has instead."""
    no_lists = [source.journal for source in sources if source.journal.set_aside]
    no_lists += set_aside
    aside = sum(source.journal.aside_count for source in sources)
    if aside:
        return f"the upload holds no films: {aside:,} rows are series, episodes and the like"
    if not no_lists:
        return "the upload holds no films"
    if len(no_lists) == 1:
        return f"the upload holds no films: {no_lists[0].set_aside}"
    told = [f"{display_name(one.name)} ({one.set_aside})" for one in no_lists[:MOST_NAMED]]
    if len(no_lists) > len(told):
        told.append(f"{len(no_lists) - len(told):,} more")
    return f"the upload holds no films; its members are {', '.join(told)}"


def _refuse_unknown_profiles(profiles: Collection[str], journals: Iterable[FileJournal]) -> None:
    """Refuse an upload that lacks a wanted profile.

    Raises:
        ListRefused: a profile stands in none of the files.
    """
    known = {name: None for journal in journals for name in journal.profiles}
    folded = set(map(folded_name, known))
    for name in profiles:
        if folded_name(name) not in folded:
            those = ", ".join(map(shown, known)) if known else "none"
            raise ListRefused(
                "",
                Refusal.NO_SUCH_PROFILE,
                f"no row is of a profile {shown(name)}; the profiles are: {those}",
            )


def _read(item: ListFile, source: Source, add: Callable[[Sighting, Source], Any]) -> None:
    # Closed at once when a row is one too many, and not when the refusal has been forgotten.
    orders = partial(find_date_orders, item.table, item.layout, source.journal.budget.rows)
    with closing(item.table.records(source.journal)) as records:
        for sighting in RowReader(item.layout, source.journal, orders).read(records):
            add(sighting, source)
    _refuse_unusable(item, source.journal)


def _read_own_export(item: ListFile, source: Source, merger: FilmMerger, mark: str | None) -> None:
    orders = partial(find_date_orders, item.table, item.layout, source.journal.budget.rows)
    with closing(item.table.records(source.journal)) as records:
        own_export.add_rows(records, source, merger, mark, orders)
    _refuse_unusable(item, source.journal)


def _refuse_unusable(item: ListFile, journal: FileJournal) -> None:
    """Refuse a list of which no row can be used; in a zip set it aside, since others may be good.

    Raises:
        ListRefused: it stands alone.
    """
    if journal.rows != journal.rejected_count or (not journal.rows and item.layout.may_be_empty):
        return
    first = journal.rejected[0] if journal.rejected else None
    reason = f"no row can be used; the first one: {first.reason}" if first else "there are no rows"
    if not item.table.text.file.from_zip:
        line = first.line if first else None
        raise ListRefused(item.name, Refusal.NO_USABLE_ROWS, reason, line)
    journal.set_aside = reason
    journal.rejected_count = 0
    journal.rejected.clear()


def _totals(films: Iterable[Film]) -> Totals:
    films = list(films)
    watched = sum(film.watched for film in films)
    watchlist_only = sum(film.in_watchlist and not film.watched for film in films)
    return Totals(
        movies=len(films),
        watched=watched,
        watchlist_only=watchlist_only,
        list_only=len(films) - watched - watchlist_only,
    )
