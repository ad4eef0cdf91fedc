"""An upload read whole: files on disk in, `movies.csv` for COPY and `report.json` out."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from api_service.lists.files.archives import unpack
from api_service.lists.files.tables import ListFile
from api_service.lists.files.text import field_limit, inspect_text
from api_service.lists.formats import holds_no_films, recognise, trakt
from api_service.lists.formats.conversion import converted
from api_service.lists.formats.generic import is_weak
from api_service.lists.formats.movielens import join
from api_service.lists.merging import own_export as ours
from api_service.lists.merging.additions import SessionMerger
from api_service.lists.merging.copying import write_lines, write_movies
from api_service.lists.merging.known import read_known
from api_service.lists.merging.merging import FilmMerger, Source
from api_service.lists.model import (
    Layout,
    ListRefused,
    ListTooCostly,
    ReadResult,
    Refusal,
    SetAside,
    display_name,
)
from api_service.lists.report import (
    Budget,
    FileJournal,
    Totals,
    build_report,
    folded_name,
    shorten,
)
from api_service.lists.rows.rows import RowReader
from api_service.lists.rows.survey import find_orders, settle
from api_service.lists.values.cells import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from api_service.lists.merging.films import Film
    from api_service.lists.model import Kind, SessionFilms, Sighting, UploadedFile

MOVIES_FILE: Final = "movies.csv"
REPORT_FILE: Final = "report.json"

_ROWS_PER_MOVIE: Final = 10
_MIN_ROWS: Final = 100_000
_NO_LIST: Final = SetAside("is no list")
_TOO_COSTLY: Final = SetAside("is no list: it takes too much to read")
_MUST_BE_LISTS: Final = (".csv", ".tsv")
_MAY_BE_LISTS: Final = (*_MUST_BE_LISTS, ".json", ".jsonl", ".ndjson")
_MARKUP: Final = (*_MAY_BE_LISTS, ".xml", ".rss", ".nfo", ".xls", ".html", ".htm")
"""Names of a zip's files. Of the others nobody said that they are lists: each line of a licence
would be the title of a film."""
_NOTHING_LIKE_A_LIST: Final = (Refusal.NO_TITLE_COLUMN, Refusal.EMPTY_FILE)
_MOST_NAMED: Final = 12
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

    Writes `folder/movies.csv`, whose columns are `copying.MOVIE_COLUMNS`, and `folder/report.json`.
    Neither depends on the order of the files.

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
        SessionMerger(max_movies, read_known(session.path)) if session else FilmMerger(max_movies)
    )
    with TemporaryDirectory(dir=folder) as unpacked, field_limit():
        members = unpack(files, Path(unpacked), max_bytes=max_bytes)
        if on_unpacked:
            on_unpacked(sum(member.path.stat().st_size for member in members))
        asked_for = frozenset(map(folded_name, profiles))
        lists, set_aside = _recognise(members, budget, Path(unpacked), asked_for)
        lists, joined = join(lists, budget)
        set_aside += joined
        sources = [
            Source(item.layout, _journal(item, budget), rank << _FILE_BITS)
            for rank, item in enumerate(lists)
        ]
        _merge(lists, sources, merger, session.mark if session else None)
    films = merger.spoken_of(sources)
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
    return ReadResult(len(merger.films()), added, changed, shorten(report))


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
        if item.layout.format == ours.FORMAT:
            _read_ours(item, source, merger, mark)
    for item, source in zip(lists, sources, strict=True):
        if item.layout.film_addresses and item.layout.format != ours.FORMAT:
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
    """Why an upload has no films, and what it has instead."""
    no_lists = [source.journal for source in sources if source.journal.set_aside]
    no_lists += set_aside
    aside = sum(source.journal.aside_count for source in sources)
    if aside:
        return f"the upload holds no films: {aside:,} rows are series, episodes and the like"
    if not no_lists:
        return "the upload holds no films"
    if len(no_lists) == 1:
        return f"the upload holds no films: {no_lists[0].set_aside}"
    told = [f"{display_name(one.name)} ({one.set_aside})" for one in no_lists[:_MOST_NAMED]]
    if len(no_lists) > len(told):
        told.append(f"{len(no_lists) - len(told):,} more")
    return f"the upload holds no films; its members are {', '.join(told)}"


def _refuse_unknown_profiles(profiles: Collection[str], journals: Iterable[FileJournal]) -> None:
    """Refuse an upload of which rows are wanted that nobody has.

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


def _recognise(
    members: Sequence[UploadedFile], budget: Budget, folder: Path, profiles: frozenset[str]
) -> tuple[list[ListFile], list[FileJournal]]:
    """The lists among the files, in canonical order, and journals of the files that are none.

    Raises:
        ListRefused: a file is none that should be one, or there is no list at all.
        ListTooCostly: reading one would take too much.
    """
    lists: list[ListFile] = []
    unread: ListRefused | ListTooCostly | None = None
    set_aside: list[FileJournal] = []
    list_names: dict[str, str] = {}
    for file in members:
        aside = SetAside(file.aside) if file.aside else holds_no_films(file.name)
        if aside is None:
            try:
                readable = converted(file, folder)
                table, found = recognise(inspect_text(readable), budget.rows)
            except (ListRefused, ListTooCostly) as error:
                if not file.from_zip or _must_be_list(file, error):
                    raise
                unread = unread or error
                aside = _NO_LIST if isinstance(error, ListRefused) else _TOO_COSTLY
            else:
                aside = _aside(file, found, is_markup=readable is not file)
                if isinstance(found, Layout) and aside is None:
                    layout = replace(settle(table, found, budget.rows), profiles=profiles)
                    lists.append(ListFile(table, layout))
                    continue
                if isinstance(found, SetAside) and found.describes_lists:
                    list_names |= trakt.described_lists(table, budget)
        set_aside.append(FileJournal(file.name, budget, set_aside=(aside or _NO_LIST).reason))
    if unread and not lists:
        raise _no_lists(members, unread)
    lists = [_named(item, list_names) for item in lists]
    lists, weak = _without_weak(lists, budget)
    set_aside += weak
    lists, again = _distinct(lists, budget)
    set_aside += again
    set_aside.sort(key=lambda journal: journal.name)
    return lists, set_aside


def _aside(file: UploadedFile, found: Layout | SetAside, *, is_markup: bool) -> SetAside | None:
    """Why a file that was recognised is no list after all."""
    if not _may_be_list(file, is_markup=is_markup):
        return _NO_LIST
    return None if isinstance(found, Layout) else found


def _distinct(lists: list[ListFile], budget: Budget) -> tuple[list[ListFile], list[FileJournal]]:
    """The lists in canonical order, each once; and journals of those that are repeated."""
    lists.sort(key=ListFile.canonical)
    seen: set[tuple[Kind, str | None, bytes]] = set()
    distinct, repeated = [], []
    for item in lists:
        if item.same in seen:
            again = FileJournal(item.name, budget, item.layout.format)
            again.set_aside = "the same file was uploaded twice"
            repeated.append(again)
        else:
            seen.add(item.same)
            distinct.append(item)
    return distinct, repeated


def _named(item: ListFile, list_names: Mapping[str, str]) -> ListFile:
    if not list_names or item.layout.format != trakt.LIST_FORMAT:
        return item
    name = trakt.name_of_list(item.layout, item.name, list_names)
    return replace(item, layout=replace(item.layout, list_name=name))


def _without_weak(
    lists: list[ListFile], budget: Budget
) -> tuple[list[ListFile], list[FileJournal]]:
    """The lists without those of a zip that have nothing but a column of names.

    Beside the lists of a service such a file is of something else that the service keeps.
    """
    weak = [item for item in lists if item.table.text.file.from_zip and is_weak(item.layout)]
    if len(weak) == len(lists) or all(item.layout.format == "csv" for item in lists):
        return lists, []
    ids = {id(item) for item in weak}
    journals = [
        FileJournal(item.name, budget, set_aside="is no list of films: it has names, and no more")
        for item in weak
    ]
    return [item for item in lists if id(item) not in ids], journals


def _no_lists(
    members: Sequence[UploadedFile], first: ListRefused | ListTooCostly
) -> ListRefused | ListTooCostly:
    """The refusal of an upload of which no file is a list."""
    if len(members) == 1 or isinstance(first, ListTooCostly):
        return first
    names = [display_name(member.name) for member in members[:_MOST_NAMED]]
    more = f" and {len(members) - len(names):,} more" if len(members) > len(names) else ""
    return ListRefused(
        first.file,
        first.reason,
        f"no titles of films were found in the zip; its members are {', '.join(names)}{more}; "
        f"the first that was looked into: {first.message}",
        first.line,
    )


def _may_be_list(file: UploadedFile, *, is_markup: bool) -> bool:
    if file.numbered or not file.from_zip:
        return True
    return file.name.casefold().endswith(_MARKUP if is_markup else _MAY_BE_LISTS)


def _must_be_list(file: UploadedFile, error: ListRefused | ListTooCostly) -> bool:
    """Whether a file of a zip cannot be set aside, because films would be lost in silence."""
    if file.numbered:
        return False
    if isinstance(error, ListRefused) and error.reason in _NOTHING_LIKE_A_LIST:
        return False
    is_long = isinstance(error, ListRefused) and error.reason is Refusal.TOO_MANY_ROWS
    return file.name.casefold().endswith(_MAY_BE_LISTS if is_long else _MUST_BE_LISTS)


def _read(item: ListFile, source: Source, add: Callable[[Sighting, Source], Any]) -> None:
    # Closed at once when a row is one too many, and not when the refusal has been forgotten.
    orders = partial(find_orders, item.table, item.layout, source.journal.budget.rows)
    with closing(item.table.records(source.journal)) as records:
        for sighting in RowReader(item.layout, source.journal, orders).read(records):
            add(sighting, source)
    _refuse_unusable(item, source.journal)


def _read_ours(item: ListFile, source: Source, merger: FilmMerger, mark: str | None) -> None:
    orders = partial(find_orders, item.table, item.layout, source.journal.budget.rows)
    with closing(item.table.records(source.journal)) as records:
        ours.add_rows(records, source, merger, mark, orders)
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
