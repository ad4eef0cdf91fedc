"""MovieLens's files, which name films by a number of their own, and are joined by it.

From the data sets' README (https://files.grouplens.org/datasets/movielens/ml-latest-README.html)
and copies in public repositories: `movies.csv` has `movieId,title,genres` with titles such as
`Matrix, The (1999)` and `Seven (a.k.a. Se7en) (1995)`; `links.csv` has `movieId,imdbId,tmdbId`, the
IMDb id without its `tt`; `ratings.csv` has `userId,movieId,rating,timestamp`, in halves up to 5;
`tags.csv` has `userId,movieId,tag,timestamp`. What MovieLens lets its users download has all in one
file: `movie_id,imdb_id,tmdb_id,rating,average_rating,title`.
"""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from api_service.lists.model import (
    Column,
    Kind,
    Layout,
    ListRefused,
    Problem,
    Refusal,
    SetAside,
    display_name,
)
from api_service.lists.report import Budget, FileJournal
from api_service.lists.values.cells import split_title
from api_service.lists.values.headers import find_columns, fold_header

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from api_service.lists.files.tables import ListFile, Table
    from api_service.lists.files.text import Records, Text

ID_NAME: Final = "movieid"
_GENOME: Final = frozenset({"tagid"})
_USER: Final = "userid"
_COLUMNS: Final = {
    Column.TITLE: ("title",),
    Column.TMDB_ID: ("tmdbid",),
    Column.IMDB_ID: ("imdbid",),
    Column.RATING: ("rating",),
    Column.TAGS: ("tag",),
    Column.OWN_ID: (ID_NAME,),
}
_MOVIES: Final = "movielens_movies"
_LINKS: Final = "movielens_links"
_RATINGS: Final = "movielens_ratings"
_TAGS: Final = "movielens_tags"
_KNOWN: Final = (Column.TITLE, Column.IMDB_ID, Column.TMDB_ID)
"""What other files know of a film, in the order of the cells that a join adds."""

_MOST_NAMED: Final = 3
_SEVERAL: Final = "Rows of other users begin here; all are taken for those of one"

_ARTICLES = "The|An?|Les?|La|L'|Il|Lo|Gli|I|El|Los|Las|Das|Der|Die|Den|Det|De|Une?|Uno|Una|Os?|As"
_MOVED_ARTICLE = re.compile(rf"(.+?), ({_ARTICLES})((?: \(.*)?)")


def recognise(opening: Sequence[list[str]], name: str) -> Layout | SetAside | None:  # noqa: ARG001  # no name tells
    """Recognise a file by its `movieId` and what stands beside it."""
    header = fold_header(opening[0])
    columns = find_columns(header, _COLUMNS)
    if not _GENOME.isdisjoint(header):
        return SetAside("the tag genome says nothing of the user's films")
    if ID_NAME not in header or len(columns) < 2:  # noqa: PLR2004  # the id and something of it
        return None
    layout = Layout(
        format=_format(columns),
        kind=Kind.RATINGS if Column.RATING in columns else Kind.GENERIC,
        columns=columns,
        may_be_empty=True,
        split_title=split_moved_title,
        imdb_numbers=True,
        source="movielens",
    )
    # A file that names its films itself needs no other.
    is_whole = Column.RATING in columns and not columns.keys().isdisjoint(_KNOWN)
    return layout if is_whole else replace(layout, joined_by=header.index(ID_NAME))


def _format(columns: Mapping[Column, int]) -> str:
    if Column.RATING in columns:
        return _RATINGS
    if Column.TAGS in columns:
        return _TAGS
    return _MOVIES if Column.TITLE in columns else _LINKS


def split_moved_title(title: str) -> tuple[str, str]:
    """`Matrix, The (1999)` becomes `The Matrix` and `1999`.

    So it meets the same film in other lists; other names in brackets are left to matching.
    """
    title, year = split_title(title)
    found = _MOVED_ARTICLE.fullmatch(title) if ", " in title else None
    if found:
        space = "" if found[2].endswith("'") else " "
        title = f"{found[2]}{space}{found[1]}{found[3]}"
    return title, year


@dataclass(frozen=True, slots=True)
class JoinedTable:
    """A table whose rows get what other files know of their films."""

    table: Table
    key: int
    user: int | None
    width: int
    known: Mapping[str, tuple[str, ...]]

    @property
    def text(self) -> Text:
        """The file itself."""
        return self.table.text

    def records(self, journal: FileJournal) -> Records:
        """See `Table`."""
        records = self.table.records(journal)
        for line, header in islice(records, 1):
            yield line, [*header, *_KNOWN]
        nothing = ("",) * len(_KNOWN)
        users: set[str] = set()
        for line, row in records:
            row[len(row) :] = [""] * (self.width - len(row))
            if self.user is not None and row[self.user] not in users:
                users.add(row[self.user])
                if len(users) == 2:  # noqa: PLR2004  # the second is one too many
                    journal.note(line, Problem.SEVERAL_USERS, _SEVERAL)
            row.extend(self.known.get(row[self.key].strip(), nothing))
            yield line, row


def join(files: Sequence[ListFile], budget: Budget) -> tuple[list[ListFile], list[FileJournal]]:
    """The files whose rows are films, with what the others know of them; and the others' journals.

    Ratings and tags are the user's; without them each movie is one, and without these each link.

    Raises:
        ListRefused: nothing says which films are rated.
    """
    parts = [file for file in files if file.layout.joined_by is not None]
    rows = _of(parts, _RATINGS, _TAGS) or _of(parts, _MOVIES) or parts
    # By identity: an upload has up to 2,000 files, and comparing two compares all that they are.
    row_ids = {id(file) for file in rows}
    others = [file for file in parts if id(file) not in row_ids]
    if not others:
        for file in _of(parts, _RATINGS, _TAGS):
            raise ListRefused(
                file.name,
                Refusal.NO_TITLE_COLUMN,
                "it names films only by MovieLens's numbers; upload the movies.csv or links.csv of "
                "the same data together with it",
                1,
            )
        return list(files), []
    journals = [FileJournal(file.name, budget, file.layout.format) for file in others]
    known: dict[str, tuple[str, ...]] = {}
    for file, journal in zip(others, journals, strict=True):
        _learn(file, journal, known)
        journal.set_aside = f"joined by movieId to {_named(rows)}"
    other_ids = {id(file) for file in others}
    kept = [file for file in files if id(file) not in other_ids]
    return [_joined(file, known) if id(file) in row_ids else file for file in kept], journals


def _named(files: Sequence[ListFile]) -> str:
    """The first few names, because this is said of each of up to 2,000 files."""
    names = ", ".join(display_name(file.name) for file in files[:_MOST_NAMED])
    more = len(files) - _MOST_NAMED
    return f"{names} and {more:,} more" if more > 0 else names


def _of(files: Sequence[ListFile], *formats: str) -> list[ListFile]:
    return [file for file in files if file.layout.format in formats]


def _learn(file: ListFile, journal: FileJournal, known: dict[str, tuple[str, ...]]) -> None:
    places = [(at, file.layout.columns.get(column)) for at, column in enumerate(_KNOWN)]
    key = file.layout.joined_by or 0
    with closing(file.table.records(journal)) as records:
        for line, row in islice(records, 1, None):
            journal.count_row(line)
            if len(row) <= key:
                continue
            cells = list(known.get(row[key].strip(), ("",) * len(_KNOWN)))
            for at, place in places:
                if place is not None and place < len(row):
                    cells[at] = row[place]
            known[row[key].strip()] = tuple(cells)


def _joined(file: ListFile, known: Mapping[str, tuple[str, ...]]) -> ListFile:
    scratch = FileJournal(file.name, Budget(rows=1))
    header = next(iter(file.table.records(scratch)))[1]
    added = {column: len(header) + at for at, column in enumerate(_KNOWN)}
    folded = fold_header(header)
    table = JoinedTable(
        file.table,
        key=file.layout.joined_by or 0,
        user=folded.index(_USER) if _USER in folded else None,
        width=len(header),
        known=known,
    )
    layout = replace(file.layout, columns=added | dict(file.layout.columns))
    return replace(file, table=table, layout=layout)
