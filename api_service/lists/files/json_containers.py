"""Containers of JSON items: lists, and objects that hold items by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from api_service.lists.files.json_cells import (
    DEEPEST_LIST,
    FILM_OBJECTS,
    OTHER_THINGS,
    TRANSPARENT,
    TYPE,
    flatten,
    fold,
    is_film_by_type,
)
from api_service.lists.values.headers import is_watchlist
from api_service.lists.values.states import State, read_state

if TYPE_CHECKING:
    from collections.abc import Iterator

LIST_NAME: Final = "listname"
"""What the list that an item stands in is called, if it has a name of its own."""
_OTHER_LISTS: Final = {
    **{f"{name}s": name for name in (*OTHER_THINGS, "comic", "podcast")},
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
_COMPOUND: Final = frozenset({dict, list})


class Place(NamedTuple):
    """Where an item stands: in a list of other things, in one with a name."""

    other: str | None = None
    name: str = ""

    def within(self, key: str) -> Place:
        """Return the place of the items of a member."""
        folded = fold(key)
        state = read_state(key)
        says = isinstance(state, State)
        return Place(_OTHER_LISTS.get(folded) or self.other, key if says else self.name)

    def mark(self, item: Any) -> Any:  # noqa: ANN401  # whatever JSON may be
        """Return an item with what its place says of it."""
        if not isinstance(item, dict) or not (self.other or self.name):
            return item
        marked: dict[str, Any] = {LIST_NAME: self.name} if self.name else {}
        if self.other and not is_film_by_type(item):
            marked[TYPE] = self.other
        return marked | item


_TOP: Final = Place()


def is_plain(value: Any) -> bool:  # noqa: ANN401  # whatever JSON may be
    """Return whether a value is at first sight an item, and holds no others; most are told so."""
    return value.__class__ is dict and (
        "movie" in value or not any(inner.__class__ in _COMPOUND for inner in value.values())
    )


def unpack_value(value: Any, place: Place = _TOP, depth: int = 0) -> Iterator[Any]:  # noqa: ANN401
    """Yield the item that a value is; or those that it holds, in lists or objects by name."""
    if not isinstance(value, dict) or depth > DEEPEST_LIST:
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
    if not held and any(fold(key) in FILM_OBJECTS for key, _ in objects):
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
    """Return the place of what an object holds, which may be a list with a name."""
    name = next((value[key] for key in ("name", "title", "list_name", "Name") if key in value), "")
    if isinstance(name, str) and is_watchlist(name):
        name = "watchlist"
    return place._replace(name=name) if isinstance(name, str) and name.strip() else place


def place_of(key: str) -> Place:
    """Return the place of the items of a member of the outermost object."""
    return _TOP.within(key)


def is_list_of_things(value: Any) -> bool:  # noqa: ANN401  # whatever JSON may be
    """Return whether a value is a list that has an object in it."""
    return isinstance(value, list) and any(isinstance(member, dict) for member in value)


def is_item(value: dict[str, Any]) -> bool:
    """Return whether an object is a film, or whatever else a list may have."""
    row: dict[str, str] = {}
    flatten(value, row, 0)
    return any(row.get(mark) for mark in _MARKS_OF_ITEMS) or bool(row.get("name") and row.get(TYPE))


def _holds_items(key: str, members: list[Any]) -> bool:
    first = next(member for member in members if isinstance(member, dict))
    return fold(key) in _HOLDERS and ("name" in map(fold, first) or is_item(first))


def may_hold(inner: Any) -> bool:  # noqa: ANN401  # whatever JSON may be
    """Return whether a value is an object that has items somewhere within."""
    if not isinstance(inner, dict):
        return False
    return _is_map_of_items(inner) or any(
        isinstance(member, dict) or is_list_of_things(member) for member in inner.values()
    )


def _is_map_of_items(inner: dict[str, Any]) -> bool:
    """Return whether an object has an item under each name, such as its id."""
    if not inner or not all(isinstance(member, dict) for member in inner.values()):
        return False
    first = next(iter(inner.values()))
    return not TRANSPARENT & set(map(fold, inner)) and is_item(first)
