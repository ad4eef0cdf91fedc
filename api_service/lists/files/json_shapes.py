"""JSON values to rows: what is an item, what holds items, and which of an item's members are cells.

What stands in a member such as `movie` or `ids` is taken as if it stood beside it: that is how
Trakt and many others write a film. Members of other members are named by their path, such as
`state.lastWatched`, where they look as if they told something. What is on several lines of a cell
stood in a list.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from api_service.lists.files.json_stream import Number
from api_service.lists.values.headers import fold_header, is_telling, is_watchlist
from api_service.lists.values.states import State, read_state

if TYPE_CHECKING:
    from collections.abc import Iterator

TITLE: Final = "title"
LIST_NAME: Final = "listname"
"""What the list that an item stands in is called, if it has a name of its own."""
_TYPE: Final = "type"
_FILM_OBJECTS: Final = frozenset({"movie", "film", "item", "content", "node", "media"})
_SEEN_THROUGH: Final = _FILM_OBJECTS | {"id", "ids", "externalids", "providerids"}
# An object may hold its lists by name; these names say that there are no films in a list.
_OTHER_THINGS: Final = frozenset({"episode", "season", "show", "person", "game", "book"})
_OTHER_LISTS: Final = {
    **{f"{name}s": name for name in (*_OTHER_THINGS, "comic", "podcast")},
    "tvshows": "show",
    "series": "show",
    "tv": "show",
    "people": "person",
    "anime": "anime",
    "manga": "manga",
    "videogames": "game",
    "audiobooks": "audiobook",
}
_HOLDERS: Final = frozenset(
    {"movies", "films", "items", "entries", "results", "titles", "listitems"}
)
"""Names of lists that stand in what is no item itself."""
_MARKS_OF_ITEMS: Final = frozenset(
    {
        *("title", "moviename", "filmname", "movietitle", "originaltitle", "tmdb", "tmdbid"),
        *("imdb", "imdbid", "identifier", "mediaid", "sourceid", "lot", "mediatype", "year"),
        *("releaseyear", "productionyear", "userdata.played", "state.lastwatched"),
    }
)
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
        "title",
        "name",
        "text",
        "review",
        "comment",
        "comments",
        "notes",
        "year",
        "type",
        "progress",
        "value",
        "collectionname",
        "playcount",
        "playbackpositionticks",
    }
)
_OF_EVERYBODY: Final = re.compile(
    r"rating|rated|score|status|state|vote|average|created|updated|watched|seen", re.IGNORECASE
)
_TITLES: Final = ("english", "userPreferred", "romaji", "native", "en", "original")
_COMPOUND: Final = frozenset({dict, list})
_TEXTS: Final = frozenset({str, Number})
_IMDB_ID = re.compile(r"tt[0-9]{5,10}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}")
_DEEPEST: Final = 4
_DEEPEST_LIST: Final = 6
_LONGEST_NAME: Final = 200
"""Characters of a member's name that could mean something."""
_MOST_PARTS: Final = 1_000
"""Objects of a list within an item, such as the viewings of a film."""


class Place(NamedTuple):
    """Where an item stands: in a list of other things, in one with a name."""

    other: str | None = None
    name: str = ""

    def within(self, key: str) -> Place:
        """The place of the items of a member."""
        folded = fold(key)
        state = read_state(key)
        says = isinstance(state, State)
        return Place(_OTHER_LISTS.get(folded) or self.other, key if says else self.name)

    def mark(self, item: Any) -> Any:  # noqa: ANN401  # whatever JSON may be
        """An item with what its place says of it."""
        if not isinstance(item, dict) or not (self.other or self.name):
            return item
        marked: dict[str, Any] = {LIST_NAME: self.name} if self.name else {}
        if self.other and not _is_film_by_type(item):
            marked[_TYPE] = self.other
        return marked | item


_TOP: Final = Place()


def is_plain(value: Any) -> bool:  # noqa: ANN401  # whatever JSON may be
    """Whether a value is at first sight an item, and holds no others; most are told so."""
    return value.__class__ is dict and (
        "movie" in value or not any(inner.__class__ in _COMPOUND for inner in value.values())
    )


def unpack_value(value: Any, place: Place = _TOP, depth: int = 0) -> Iterator[Any]:  # noqa: ANN401
    """The item that a value is; or those that it holds, in lists or objects by name."""
    if not isinstance(value, dict) or depth > _DEEPEST_LIST:
        yield place.mark(value)
    elif _is_map_of_items(value):
        for member in value.values():
            yield from unpack_value(member, place, depth + 1)
    else:
        yield from _unpack_object(value, place, depth)


def _unpack_object(value: dict[str, Any], place: Place, depth: int) -> Iterator[Any]:
    held: list[tuple[str, Any]] = []
    objects: list[tuple[str, Any]] = []
    for key, inner in value.items():
        if isinstance(inner, dict):
            objects.append((key, inner))
        elif inner.__class__ is list and is_list_of_things(inner):
            held.append((key, inner))
    if not held and any(fold(key) in _FILM_OBJECTS for key, _ in objects):
        objects = []
    if held or objects:
        if is_item(value):
            objects = []
            if not any(_holds_items(key, inner) for key, inner in held):
                held = []
        if held or any(may_hold(inner) for _, inner in objects):
            yield from _held(value, held, objects, place, depth)
            return
    yield place.mark(value)


def _held(
    value: dict[str, Any],
    held: list[tuple[str, Any]],
    objects: list[tuple[str, Any]],
    place: Place,
    depth: int,
) -> Iterator[Any]:
    inside = named_place(value, place)
    for key, members in held:
        own = inside.within(key)
        for member in members:
            yield from unpack_value(member, own, depth + 1)
    for key, inner in objects:
        if not may_hold(inner):
            continue
        own = inside.within(key)
        if _is_map_of_items(inner):
            for member in inner.values():
                yield own.mark(member)
        else:
            yield from unpack_value(inner, own, depth + 1)


def named_place(value: dict[str, Any], place: Place) -> Place:
    """The place of what an object holds, which may be a list with a name."""
    name = next((value[key] for key in ("name", "title", "list_name", "Name") if key in value), "")
    if isinstance(name, str) and is_watchlist(name):
        name = "watchlist"
    return place._replace(name=name) if isinstance(name, str) and name.strip() else place


def place_of(key: str) -> Place:
    """The place of the items of a member of the outermost object."""
    return _TOP.within(key)


def is_list_of_things(value: Any) -> bool:  # noqa: ANN401  # whatever JSON may be
    """Whether a value is a list that has an object in it."""
    return isinstance(value, list) and any(isinstance(member, dict) for member in value)


def is_item(value: dict[str, Any]) -> bool:
    """Whether an object is a film, or whatever else a list may have."""
    row: dict[str, str] = {}
    _flatten(value, row, 0)
    return any(row.get(mark) for mark in _MARKS_OF_ITEMS) or bool(
        row.get("name") and row.get(_TYPE)
    )


def _holds_items(key: str, members: list[Any]) -> bool:
    first = next(member for member in members if isinstance(member, dict))
    return fold(key) in _HOLDERS and ("name" in map(fold, first) or is_item(first))


def may_hold(inner: Any) -> bool:  # noqa: ANN401  # whatever JSON may be
    """Whether a value is an object that has items somewhere within."""
    if not isinstance(inner, dict):
        return False
    return _is_map_of_items(inner) or any(
        isinstance(member, dict) or is_list_of_things(member) for member in inner.values()
    )


def _is_map_of_items(inner: dict[str, Any]) -> bool:
    """Whether an object has an item under each name, such as its id."""
    if not inner or not all(isinstance(member, dict) for member in inner.values()):
        return False
    first = next(iter(inner.values()))
    return not _SEEN_THROUGH & set(map(fold, inner)) and is_item(first)


def _is_film_by_type(item: dict[str, Any]) -> bool:
    return any(
        value == "movie" and fold(key).endswith(_TYPE)
        for key, value in item.items()
        if isinstance(value, str)
    )


def to_row(item: Any) -> dict[str, str] | None:  # noqa: ANN401
    """The cells of an item by folded name; None for what is neither an object nor a title."""
    if isinstance(item, str) and not isinstance(item, Number):
        return {"imdbid": item} if _IMDB_ID.fullmatch(item) else {TITLE: item}
    if not isinstance(item, dict):
        return None
    row: dict[str, str] = {}
    _flatten(item, row, 0)
    # Three of them first: for most items that is the end of it.
    if ("itemcount" in row or "ispublic" in row or "privacy" in row) and (
        len(_MARKS_OF_LISTS & row.keys()) >= _FEWEST_MARKS
    ):
        row[_TYPE] = "list"
    return row


def _flatten(
    item: dict[str, Any], row: dict[str, str], depth: int, *, inner_film: bool = False
) -> None:
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
        elif folded in _SEEN_THROUGH and depth < _DEEPEST:
            is_film = inner_film or (has_own and folded in _FILM_OBJECTS)
            _flatten(value, row, depth + 1, inner_film=is_film)
        elif folded == TITLE:
            row.setdefault(TITLE, _title(value))
        elif told := _day(value) if value.keys() == _OF_A_DAY else _wrapped(value):
            row.setdefault(folded, told)
        elif folded not in _OTHER_THINGS:
            _gather(value, row, folded, depth + 1)
        elif depth < _DEEPEST and not any(fold(other) in _FILM_OBJECTS for other, _ in inner):
            if not _is_film_by_type(item):
                row.setdefault(_TYPE, folded)
            _flatten(value, row, depth + 1, inner_film=has_own)


_NAMES: Final = frozenset({TITLE, "name", "movie", "film"})


def _flatten_list(folded: str, name: str, value: list[Any], row: dict[str, str]) -> None:
    if not value:
        row.setdefault(name, "")
        return
    if isinstance(value[0], dict):
        if folded in _OF_PARTS:
            row.setdefault(_TYPE, "show")
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
    """Add the members of a member that look as if they told something; several become lines."""
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
    """A moment or number as databases wrap it: `{"_seconds": …}`, `{"$date": …}`."""
    if not isinstance(value, dict):
        return _cell(value)
    return next((_wrapped(value[name]) for name in _WRAPPING if name in value), "")


def _day(value: dict[str, Any]) -> str:
    """A day that is written in three parts; "" for one that lacks any."""
    parts = [str(value[name] or "") for name in ("year", "month", "day")]
    return "-".join(parts) if all(parts) else ""


def _title(value: dict[str, Any]) -> str:
    """A title that is written in several languages."""
    found = next((value[name] for name in _TITLES if isinstance(value.get(name), str)), None)
    found = found or next((text for text in value.values() if isinstance(text, str)), "")
    return str(found)


def spell(item: Any, spellings: dict[str, str], depth: int = 0) -> None:  # noqa: ANN401
    """Remember how the names of an item's members are written."""
    if isinstance(item, dict):
        for name, value in item.items():
            if len(name) <= _LONGEST_NAME:
                spellings.setdefault(fold(name), name)
                if depth < _DEEPEST_LIST and isinstance(value, dict | list):
                    spell(value, spellings, depth + 1)
    elif isinstance(item, list):
        for member in item[:_MOST_PARTS]:
            if isinstance(member, dict):
                spell(member, spellings, depth)


@lru_cache(maxsize=1_024)
def _is_kept(name: str) -> bool:
    return is_telling(name) or fold(name) in _KEPT


@lru_cache(maxsize=1_024)
def fold(name: str) -> str:
    """A member's name as a column's is folded."""
    return fold_header([name])[0]


@lru_cache(maxsize=1_024)
def _name_within_film(name: str) -> str:
    """The name of a member of a film's own: what it says of everybody is not the user's."""
    return f"film.{fold(name)}" if _OF_EVERYBODY.search(name) else fold(name)


def _cell(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, str):
        return str(value)  # a number too is text from here on
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(member for member in value if isinstance(member, str))
    return ""
