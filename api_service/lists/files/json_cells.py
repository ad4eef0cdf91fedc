"""Cells of a JSON item: which of its members count, and under which names.

What stands in a member such as `movie` or `ids` is taken as if it stood beside it: that is how
Trakt and many others write a film. Members of other members are named by their path, such as
`state.lastWatched`, where they look meaningful. What is on several lines of a cell
stood in a list.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

from api_service.lists.files.json_stream import Number
from api_service.lists.values.headers import fold_header, is_telling

TITLE: Final = "title"
TYPE: Final = "type"
FILM_OBJECTS: Final = frozenset({"movie", "film", "item", "content", "node", "media"})
TRANSPARENT: Final = FILM_OBJECTS | {"id", "ids", "externalids", "providerids"}
# An object may hold its lists by name; these names say that there are no films in a list.
OTHER_THINGS: Final = frozenset({"episode", "season", "show", "person", "game", "book"})
_MARKS_OF_LISTS: Final = frozenset(
    {
        *("itemcount", "privacy", "sortby", "sorthow", "displaynumbers", "sharelink", "ispublic"),
        *("allowcomments", "likescount", "listcount"),
    }
)
_FEWEST_MARKS: Final = 2
_OF_PARTS: Final = frozenset({"seasons", "episodes", "watchedepisodes", "watchedseasons"})
_OF_A_DAY: Final = frozenset({"year", "month", "day"})
_WRAPPING: Final = (
    *("_seconds", "seconds", "$date", "$numberLong", "$numberInt", "$numberDouble"),
)
_KEPT: Final = frozenset(
    {
        *("title", "name", "text", "review", "comment", "comments", "notes", "year", "type"),
        *("progress", "value", "collectionname", "playcount", "playbackpositionticks"),
    }
)
_OF_EVERYBODY: Final = re.compile(
    r"rating|rated|score|status|state|vote|average|created|updated|watched|seen", re.IGNORECASE
)
_TITLES: Final = ("english", "userPreferred", "romaji", "native", "en", "original")
_TEXTS: Final = frozenset({str, Number})
_IMDB_ID = re.compile(r"tt[0-9]{5,10}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}")
_DEEPEST: Final = 4
DEEPEST_LIST: Final = 6
_LONGEST_NAME: Final = 200
"""Characters of a member's name that could mean something."""
_MOST_PARTS: Final = 1_000
"""Objects of a list within an item, such as the viewings of a film."""


def is_film_by_type(item: dict[str, Any]) -> bool:
    """Return whether an item says that it is a film."""
    return any(
        value == "movie" and fold(key).endswith(TYPE)
        for key, value in item.items()
        if isinstance(value, str)
    )


def to_row(item: Any) -> dict[str, str] | None:  # noqa: ANN401
    """Return the cells of an item by folded name; None for neither an object nor a title."""
    if isinstance(item, str) and not isinstance(item, Number):
        return {"imdbid": item} if _IMDB_ID.fullmatch(item) else {TITLE: item}
    if not isinstance(item, dict):
        return None
    row: dict[str, str] = {}
    flatten(item, row, 0)
    # Three of them first: for most items that is the end of it.
    if ("itemcount" in row or "ispublic" in row or "privacy" in row) and (
        len(_MARKS_OF_LISTS & row.keys()) >= _FEWEST_MARKS
    ):
        row[TYPE] = "list"
    return row


def flatten(
    item: dict[str, Any], row: dict[str, str], depth: int, *, inner_film: bool = False
) -> None:
    """Add the cells of an item to a row."""
    naming = _name_within_film if inner_film else fold
    inner: list[tuple[str, Any]] = []
    for name, value in item.items():
        kind = value.__class__
        if kind is dict or kind is list:
            inner.append((name, value))
        elif len(name) <= _LONGEST_NAME:
            # The outer one counts: a film's own rating is everybody's, the item's is the user's.
            row.setdefault(naming(name), str(value) if value.__class__ in _TEXTS else _cell(value))
    if inner:
        _flatten_inner(item, inner, row, depth, inner_film=inner_film)


def _flatten_inner(
    item: dict[str, Any],
    inner: list[tuple[str, Any]],
    row: dict[str, str],
    depth: int,
    *,
    inner_film: bool,
) -> None:
    has_own = any(row.values())
    for name, value in inner:
        if len(name) > _LONGEST_NAME:
            continue
        folded = fold(name)
        if value.__class__ is list:
            named = _name_within_film(name) if inner_film else folded
            _flatten_list(folded, named, value, row)
        elif folded in TRANSPARENT and depth < _DEEPEST:
            is_film = inner_film or (has_own and folded in FILM_OBJECTS)
            flatten(value, row, depth + 1, inner_film=is_film)
        elif folded == TITLE:
            row.setdefault(TITLE, _title(value))
        elif told := _day(value) if value.keys() == _OF_A_DAY else _wrapped(value):
            row.setdefault(folded, told)
        elif folded not in OTHER_THINGS:
            _gather(value, row, folded, depth + 1)
        elif depth < _DEEPEST and not any(fold(other) in FILM_OBJECTS for other, _ in inner):
            if not is_film_by_type(item):
                row.setdefault(TYPE, folded)
            flatten(value, row, depth + 1, inner_film=has_own)


_NAMES: Final = frozenset({TITLE, "name", "movie", "film"})


def _flatten_list(folded: str, name: str, value: list[Any], row: dict[str, str]) -> None:
    if not value:
        row.setdefault(name, "")
        return
    if isinstance(value[0], dict):
        if folded in _OF_PARTS:
            row.setdefault(TYPE, "show")
            return
        if folded not in _NAMES:  # elsewhere their number tells something: how often it was seen
            row.setdefault(name, str(len(value)))
        for member in value[:_MOST_PARTS]:
            if isinstance(member, dict):
                _gather(member, row, folded, 1)
        return
    texts = [str(member) for member in value if isinstance(member, str) and member]
    # A comma may stand within the name of a list, and parts tags.
    joint = "\n" if folded == "collections" or all(map(_DAY.match, texts)) else ", "
    row.setdefault(name, joint.join(texts))


def _gather(item: dict[str, Any], row: dict[str, str], path: str, depth: int) -> None:
    """Add the members of a member that look meaningful; several become lines."""
    for name, value in item.items():
        if isinstance(value, dict) and value.keys() == _OF_A_DAY:
            value = _day(value)  # noqa: PLW2901  # it is written in three parts
        if isinstance(value, dict):
            if depth < _DEEPEST and len(name) <= _LONGEST_NAME:
                _gather(value, row, f"{path}.{fold(name)}", depth + 1)
            continue
        cell = _cell(value)
        if not cell or len(name) > _LONGEST_NAME or not _is_kept(name):
            continue
        whole = f"{path}.{fold(name)}"
        row[whole] = f"{row[whole]}\n{cell}" if whole in row else cell


def _wrapped(value: Any) -> str:  # noqa: ANN401  # whatever JSON may be
    """Return a moment or number as databases wrap it: `{"_seconds": …}`, `{"$date": …}`."""
    if not isinstance(value, dict):
        return _cell(value)
    return next((_wrapped(value[name]) for name in _WRAPPING if name in value), "")


def _day(value: dict[str, Any]) -> str:
    """Return a day that is written in three parts; "" for one that lacks any."""
    parts = [str(value[name] or "") for name in ("year", "month", "day")]
    return "-".join(parts) if all(parts) else ""


def _title(value: dict[str, Any]) -> str:
    """Return a title that is written in several languages."""
    found = next((value[name] for name in _TITLES if isinstance(value.get(name), str)), None)
    found = found or next((text for text in value.values() if isinstance(text, str)), "")
    return str(found)


def learn_spellings(item: Any, spellings: dict[str, str], depth: int = 0) -> None:  # noqa: ANN401
    """Remember how the names of an item's members are written."""
    if isinstance(item, dict):
        for name, value in item.items():
            if len(name) <= _LONGEST_NAME:
                spellings.setdefault(fold(name), name)
                if depth < DEEPEST_LIST and isinstance(value, dict | list):
                    learn_spellings(value, spellings, depth + 1)
    elif isinstance(item, list):
        for member in item[:_MOST_PARTS]:
            if isinstance(member, dict):
                learn_spellings(member, spellings, depth)


@lru_cache(maxsize=1_024)
def _is_kept(name: str) -> bool:
    return is_telling(name) or fold(name) in _KEPT


@lru_cache(maxsize=1_024)
def fold(name: str) -> str:
    """Return a member's name as a column's is folded."""
    return fold_header([name])[0]


@lru_cache(maxsize=1_024)
def _name_within_film(name: str) -> str:
    """Return the name of a member of a film's own: what it says of everybody is not the user's."""
    return f"film.{fold(name)}" if _OF_EVERYBODY.search(name) else fold(name)


def _cell(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, str):
        return str(value)  # a number too is text from here on
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(member for member in value if isinstance(member, str))
    return ""
