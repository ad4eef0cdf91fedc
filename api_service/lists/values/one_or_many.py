"""Values of which there is mostly none or one: None, the value itself, or a list.

An upload may have 200,000 films, and a list for each would take more memory than the values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")


def as_sequence(items: T | list[T] | None) -> Sequence[T]:
    """Return the values."""
    if items is None:
        return ()
    return items if isinstance(items, list) else (items,)


def appended(items: T | list[T] | None, item: T) -> T | list[T]:
    """Return the values with one more; a list is changed in place."""
    if items is None:
        return item
    if isinstance(items, list):
        items.append(item)
        return items
    return [items, item]


def extended(items: T | list[T] | None, more: Sequence[T]) -> T | list[T] | None:
    """Return the values with those of `more`; a list is changed in place."""
    if not more:
        return items
    if items is None and len(more) == 1:
        return more[0]
    # In place: a film that a million rows speak of would otherwise be copied a million times.
    together = items if isinstance(items, list) else list(as_sequence(items))
    together.extend(more)
    return together
