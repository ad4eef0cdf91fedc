"""Any CSV or JSON with a column of titles or of film ids: hand-kept sheets, and what others write.

The names are those that people and programs use. A member of a member of JSON goes by its own name
where no other has it: `review.score` is a score.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from api_service.lists.model import Column, Kind, Layout
from api_service.lists.values.cells import split_title
from api_service.lists.values.dates import looks_like_date
from api_service.lists.values.headers import fold_header, is_watchlist
from api_service.lists.values.states import State, Test, read_flag, read_state

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# The names of Letterboxd's import form are those of https://letterboxd.com/about/importing-data/.
_COLUMNS: Final = {
    Column.TITLE: (
        *("title", "name", "film", "movie", "filmtitle", "movietitle", "filmname", "moviename"),
        *("titlename", "primarytitle", "originaltitle", "seriestitle", "タイトル", "제목"),
        *("titel", "filmtitel", "titre", "título", "titulo", "titolo", "tytuł", "название", "片名"),
        *("tytul", "název", "nazev", "cím", "elokuva", "filme", "película", "pelicula", "标题"),
    ),
    Column.YEAR: (
        *("year", "releaseyear", "filmyear", "movieyear", "yearofrelease", "yearreleased"),
        *("productionyear", "releasedate", "released", "datereleased", "yearreleasedate"),
        *(
            "jahr",
            "launchyear",
            "launchingyear",
            "erscheinungsjahr",
            "filmjahr",
            "année",
            "annee",
            "año",
            "ano",
            "anno",
            "jaar",
            "rok",
            "år",
            "год",
            "年份",
            "vuosi",
        ),
    ),
    Column.TMDB_ID: ("tmdbid", "tmdb", "tmdbmovieid", "themoviedbid", "moviedbid"),
    Column.IMDB_ID: ("imdbid", "imdb", "const", "tconst", "imdbmovieid", "imdburl", "imdblink"),
    Column.ADDRESS: ("letterboxduri", "letterboxdurl", "url", "uri", "link"),
    Column.RATING: (
        *("rating", "yourrating", "myrating", "userrating", "personalrating", "ownrating"),
        *("score", "myscore", "yourscore", "userscore", "stars", "mystars", "rate", "grade"),
        *("mygrade", "filmrating", "movierating", "ratingoutof10", "ratingoutof5", "bewertung"),
        *("wertung", "meinewertung", "manote", "puntuación", "puntuacion", "calificación"),
        *("voto", "miovoto", "minhanota", "cijfer", "beoordeling", "ocena", "mojaocena"),
        *("hodnocení", "betyg", "оценка", "мояоценка", "评分", "個人評分"),
    ),
    Column.RATING10: ("rating10",),
    Column.WATCH_DATE: (
        *("watcheddate", "watchdate", "datewatched", "watchedon", "watchedat", "lastwatchedat"),
        *("lastwatched", "lastwatcheddate", "dateseen", "seenon", "seenat", "seendate", "lastseen"),
        *("lastseenat", "dateviewed", "viewedon", "viewedat", "viewdate", "vieweddate"),
        *("datefinished", "finisheddate", "finishdate", "finishedon", "finishedat", "finished"),
        *("datecompleted", "completedon", "completedat", "completeddate", "completiondate"),
        *("enddate", "dateended", "watcheddates", "watchdates", "playedat", "lastplayed"),
        *("lastplayedat", "lastplayeddate", "viewingdate", "whenwatched", "datewatchedon"),
        *("gesehenam", "datedevisionnage", "vule", "fechavista", "fechadevisionado", "vistoel"),
        *("datavisione", "vistoil", "datadeexibição", "gezienop", "dataobejrzenia"),
        *("датапросмотра", "观看日期"),
    ),
    Column.REWATCH: ("rewatch", "isrewatch", "rewatched"),
    Column.REWATCHES: ("rewatchcount", "rewatches", "timesrewatched", "repeats"),
    Column.TAGS: ("tags",),
    Column.PLAYS: (
        *("plays", "timeswatched", "watchcount", "playcount", "timesseen", "views", "viewcount"),
    ),
    Column.REVIEW: (
        *(
            "review",
            "myreview",
            "notes",
            "note",
            "nota",
            "mynotes",
            "comment",
            "comments",
            "thoughts",
            "memo",
        ),
    ),
    Column.SEEN: (
        *("watched", "seen", "iswatched", "isseen", "viewed", "isviewed", "played", "isplayed"),
        *("flaggedwatched", "haswatched", "haveseen", "seenit", "watchedit", "completed"),
        *("iscompleted", "done", "gesehen", "vu", "visto", "vista", "assistido", "gezien"),
        *("obejrzane", "viděno", "sedd", "nähty", "просмотрено", "看过"),
    ),
    Column.STATE: (
        *("status", "state", "watchstatus", "watchedstatus", "watchingstatus", "mystatus"),
        *("viewingstatus", "userstatus", "liststatus", "watchstate", "seenstatus", "statut"),
        *("estado", "stato", "stav", "állapot", "статус", "状态", "situação", "situacao", "durum"),
        *("zustand", "état", "etat", "tila", "stan", "상태", "状態", "ステータス"),
    ),
    Column.PLANNED: (
        *("watchlist", "onwatchlist", "inwatchlist", "iswatchlist", "iswatchlisted", "watchlisted"),
        *("planned", "isplanned", "towatch", "wanttowatch", "wanttosee", "plantowatch", "wishlist"),
        *("inwishlist", "wishlisted"),
    ),
    Column.LIKED: (
        *("liked", "isliked", "like", "favorite", "favourite", "isfavorite", "isfavourite"),
        *("loved", "isfavorited", "favorited", "heart"),
    ),
    Column.LISTS: ("listname", "lists", "list", "collections", "collection", "shelf", "shelves"),
    Column.TYPE: (
        *("type", "titletype", "mediatype", "entitytype", "contenttype", "itemtype", "animetype"),
        *("lot", "kind", "typ", "tipo", "тип", "media", "medium", "format", "category"),
    ),
}
_OUT_OF: Final = re.compile(
    r"[(\[]?(?:(?:/|out of|von|sur|su|de|of|max\.?|\b[01] ?(?:-|\u2013|to|bis|à)) ?|(?<=[(\[]))"
    r"(4|5|6|10|20|100)(?![0-9])[)\]]?",
    re.IGNORECASE,
)
_NOTES: Final = frozenset({"note", "nota"})
_MARK: Final = re.compile(r"[0-9]{1,3}(?:[.,][0-9]+)?(?: ?/ ?[0-9]+)?")
_LONGEST: Final = 200
_MOST_BEFORE: Final = 4
_SURE: Final = 2
"""Columns that must be known where a header is not the first line."""
_IDS: Final = (Column.TMDB_ID, Column.IMDB_ID)
_IMPORTED_DAY: Final = "WatchedDate"
"""As Letterboxd's import form has it, where a film without a day was seen all the same.

https://letterboxd.com/about/importing-data/
"""
_SAYING: Final = {Column.STATE, Column.SEEN, Column.WATCH_DATE}
_DAY: Final = "date"
_DAYS: Final = frozenset({_DAY, "datum", "fecha", "data", "dato", "дата"})
FILM_NAMES: Final = frozenset(
    {*_COLUMNS[Column.TITLE], *_COLUMNS[Column.TMDB_ID], *_COLUMNS[Column.IMDB_ID]}
)
"""Columns of which one must be there."""
_OF_EVERYBODY: Final = ("film.", "community", "critic", "average", "imdb", "tmdb", "audience")


def recognise(opening: Sequence[list[str]], name: str) -> Layout | None:
    """Recognise a list by its header, above which a sheet may have a line or two of its own.

    A file that is called a watchlist is one: its films have not been seen.
    """
    for at, header in enumerate(opening[:_MOST_BEFORE]):
        columns, further = _find(header)
        if columns.keys().isdisjoint({Column.TITLE, *_IDS}) or (at and len(columns) < _SURE):
            continue
        width = sum(map(bool, header))
        if any(sum(map(bool, above)) >= width for above in opening[:at]):
            continue  # a heading is narrower: this is a row that reads like a header
        rated = columns.get(Column.RATING)
        is_planned = is_watchlist(name)
        layout = Layout(
            format="csv",
            kind=Kind.WATCHLIST if is_planned else Kind.GENERIC,
            rating_means_seen=not is_planned,
            columns=columns,
            header=at,
            further=further,
            split_title=None if Column.YEAR in columns else split_title,
            rating_out_of=None if rated is None else _scale(header[rated]),
            blanks_may_tell=_IMPORTED_DAY not in header,
            rules=[
                (place, Test.YES, State.UNSEEN)
                for place, written in enumerate(header)
                if place not in columns.values() and read_state(written) is State.UNSEEN
            ]
            + (
                [(columns[Column.PLAYS], Test.NO, State.UNSEEN)]
                if Column.PLAYS in columns and columns.keys().isdisjoint(_SAYING)
                else []
            ),
        )
        return _with_meaning(layout, opening)
    return None


def _scale(name: str) -> int | None:
    """Out of how much the ratings of a column are, where its name says so: `Score (out of 10)`."""
    found = _OUT_OF.search(name[:_LONGEST])
    return int(found[1]) if found else None


def with_states(layout: Layout, header: Sequence[str]) -> Layout:
    """A layout of a service, with what the file says of each row's state beside that one's columns.

    Another program may write the columns of a service and some of its own.
    """
    if layout.rules or not {Column.STATE, Column.SEEN}.isdisjoint(layout.columns):
        return layout
    found, _ = _find(header)
    used = set(layout.columns.values())
    states: dict[Column, int] = {
        column: found[column]
        for column in (Column.STATE, Column.SEEN, Column.PLANNED)
        if column in found and column not in layout.columns and found[column] not in used
    }
    return replace(layout, columns={**layout.columns, **states}) if states else layout


def is_weak(layout: Layout) -> bool:
    """Whether nothing but a column of names makes a file look like a list of films."""
    return layout.format == "csv" and layout.columns.keys() <= {Column.TITLE, Column.REVIEW}


def _find(header: Sequence[str]) -> tuple[dict[Column, int], dict[Column, list[int]]]:
    places: dict[str, int] = {}
    for at, written in enumerate(header):
        places.setdefault(fold_header([written])[0], at)
    for at, written in enumerate(header):
        for other in _other_names(written[:_LONGEST]):
            places.setdefault(fold_header([other])[0], at)
    columns: dict[Column, int] = {}
    further: dict[Column, list[int]] = {}
    taken: set[int] = set()
    for column, names in _COLUMNS.items():
        found = [places[name] for name in names if name in places and places[name] not in taken]
        if not found:
            continue
        columns[column] = found[0]
        taken.add(found[0])
        if column in {Column.WATCH_DATE, Column.YEAR, Column.RATING}:
            taken.update(found)
            if len(found) > 1:
                further[column] = found[1:]
    for at, written in enumerate(header):
        state = read_state(written[:_LONGEST])
        named = _BY_STATE.get(state) if isinstance(state, State) else None
        if named and named not in columns and at not in taken and written != "history":
            columns[named] = at
    return columns, further


_BY_STATE: Final = {
    State.SEEN: Column.SEEN,
    State.PLANNED: Column.PLANNED,
    State.LIKED: Column.LIKED,
}
"""What a column is of which the name itself is a known word, in whatever language."""


def _other_names(written: str) -> Iterator[str]:
    """What a column may be called, too: without what is in brackets, or outside of its member."""
    if "." in written and not written.casefold().startswith(_OF_EVERYBODY):
        outer, _, inner = written.rpartition(".")
        yield outer.rpartition(".")[2] if inner == "value" else inner
    if _OUT_OF.search(written) or "(" in written:
        yield _OUT_OF.sub("", written.partition("(")[0])


def _with_meaning(layout: Layout, opening: Sequence[list[str]]) -> Layout:
    """A layout in which columns whose cells say more than their names are what their cells say."""
    columns = dict(layout.columns)
    opening = opening[layout.header :]
    review = columns.get(Column.REVIEW)
    if review is not None and Column.RATING not in columns and _has_ratings(opening, review):
        columns[Column.RATING] = columns.pop(Column.REVIEW)
        layout = replace(layout, rating_out_of=_scale(opening[0][review]))
    kind = columns.get(Column.TYPE)
    if kind is not None and Column.STATE not in columns and _has_states(opening, kind):
        columns[Column.STATE] = kind
    if columns.keys().isdisjoint({Column.STATE, Column.SEEN}):
        used = {*columns.values(), *(at for places in layout.further.values() for at in places)}
        free = (at for at in range(len(opening[0])) if at not in used)
        stated = next((at for at in free if _has_only_states(opening, at)), None)
        if stated is not None:
            columns[Column.STATE] = stated
    return _with_day(replace(layout, columns=columns), opening)


def _has_ratings(opening: Sequence[list[str]], at: int) -> bool:
    """Whether a column is called a note, and is what that means in French: a mark."""
    if fold_header([_OUT_OF.sub("", opening[0][at])])[0] not in _NOTES:
        return False
    cells = [cell for row in opening[1:] if (cell := "".join(row[at : at + 1]).strip())]
    return bool(cells) and all(map(_MARK.fullmatch, cells))


def _has_states(opening: Sequence[list[str]], at: int) -> bool:
    """Whether a column of types has actions in it: `watch`, `towatch`."""
    cells = ["".join(row[at : at + 1]) for row in opening[1:]]
    return any(isinstance(read_state(cell), State) for cell in cells)


def _has_only_states(opening: Sequence[list[str]], at: int) -> bool:
    """Whether a column of another name has nothing but words of states in it."""
    cells = [cell for row in opening[1:] if (cell := "".join(row[at : at + 1]).strip())]
    return bool(cells) and all(
        fold_header([cell])[0] and isinstance(read_state(cell), State) for cell in cells
    )


def _with_day(layout: Layout, opening: Sequence[list[str]]) -> Layout:
    """Take for the day of watching what is a day, though its column has another name."""
    columns = dict(layout.columns)
    if Column.WATCH_DATE in columns:
        return layout
    seen = columns.get(Column.SEEN)
    if seen is not None and _is_day(opening, seen):
        columns[Column.WATCH_DATE] = seen
        return replace(layout, columns=columns)
    folded = fold_header(opening[0])
    day = next((at for at, name in enumerate(folded) if name in _DAYS), None)
    # Without a year of its own, it may be the film's.
    if day is not None and Column.YEAR in columns and _is_day(opening, day):
        columns[Column.WATCH_DATE] = day
        return replace(layout, columns=columns)
    return layout


def _is_day(opening: Sequence[list[str]], at: int) -> bool:
    cells = ["".join(row[at : at + 1]) for row in opening[1:]]
    cells = [cell.partition("\n")[0] for cell in cells]
    filled = [cell for cell in cells if cell.strip() and read_flag(cell) is not False]
    return bool(filled) and all(map(looks_like_date, filled))
