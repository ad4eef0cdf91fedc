"""Recognition of the lists among an upload's files, and reasons why others are none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from api_service.lists.files.tables import ListFile
from api_service.lists.files.text import inspect_text
from api_service.lists.formats import holds_no_films, recognise, trakt
from api_service.lists.formats.conversion import convert
from api_service.lists.formats.generic import is_weak
from api_service.lists.layout import Layout, SetAside
from api_service.lists.problems import ListRefused, ListTooCostly, Refusal, display_name
from api_service.lists.report import (
    MOST_NAMED,
    Budget,
    FileJournal,
)
from api_service.lists.rows.survey import settle_layout

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from api_service.lists.layout import Kind
    from api_service.lists.model import UploadedFile

_NO_LIST: Final = SetAside("is no list")
_TOO_COSTLY: Final = SetAside("is no list: it takes too much to read")
_MUST_BE_LISTS: Final = (".csv", ".tsv")
_MAY_BE_LISTS: Final = (*_MUST_BE_LISTS, ".json", ".jsonl", ".ndjson")
_MARKUP: Final = (*_MAY_BE_LISTS, ".xml", ".rss", ".nfo", ".xls", ".html", ".htm")
"""Names of a zip's files. Of the others nobody said that they are lists: each line of a licence
would be the title of a film."""
_NOTHING_LIKE_A_LIST: Final = (Refusal.NO_TITLE_COLUMN, Refusal.EMPTY_FILE)


def find_lists(
    members: Sequence[UploadedFile], budget: Budget, folder: Path, profiles: frozenset[str]
) -> tuple[list[ListFile], list[FileJournal]]:
    """Return the lists in canonical order, and journals of the other files.

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
                readable = convert(file, folder)
                table, found = recognise(inspect_text(readable), budget.rows)
            except (ListRefused, ListTooCostly) as error:
                if not file.from_zip or _must_be_list(file, error):
                    raise
                unread = unread or error
                aside = _NO_LIST if isinstance(error, ListRefused) else _TOO_COSTLY
            else:
                aside = _aside(file, found, is_markup=readable is not file)
                if isinstance(found, Layout) and aside is None:
                    layout = replace(settle_layout(table, found, budget.rows), profiles=profiles)
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
    """Return why a file that was recognised is no list after all."""
    if not _may_be_list(file, is_markup=is_markup):
        return _NO_LIST
    return None if isinstance(found, Layout) else found


def _distinct(lists: list[ListFile], budget: Budget) -> tuple[list[ListFile], list[FileJournal]]:
    """Return the lists in canonical order, each once; and journals of those that are repeated."""
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
    """Return the lists without those of a zip that have nothing but a column of names.

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
    """Return the refusal of an upload of which no file is a list."""
    if len(members) == 1 or isinstance(first, ListTooCostly):
        return first
    names = [display_name(member.name) for member in members[:MOST_NAMED]]
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
    """Return whether setting aside a zip's file would lose films silently."""
    if file.numbered:
        return False
    if isinstance(error, ListRefused) and error.reason in _NOTHING_LIKE_A_LIST:
        return False
    is_long = isinstance(error, ListRefused) and error.reason is Refusal.TOO_MANY_ROWS
    return file.name.casefold().endswith(_MAY_BE_LISTS if is_long else _MUST_BE_LISTS)
