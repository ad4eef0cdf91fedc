"""The parameters that a route takes, and the refusal of all others.

Who misspells a filter would otherwise be answered with every film, and could not tell.
"""

from __future__ import annotations

from difflib import get_close_matches
from itertools import takewhile
from typing import TYPE_CHECKING, Final

from shared.errors import BadRequestError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping

    from aiohttp import web
    from multidict import MultiMapping
    from pydantic import BaseModel

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

LONGEST_REQUEST_ID: Final = 100
LONGEST_SHOWN: Final = 40
"""Characters of what a client sent that are repeated to it."""
_NEAREST: Final = 3
_LIKENESS: Final = 0.5


def names_of(model: type[BaseModel] | None) -> Mapping[str, bool]:
    """Return the parameters of a query's model by name, and whether each is a list."""
    if model is None:
        return {}
    return {
        field.alias or name: _is_list(field.annotation)
        for name, field in model.model_fields.items()
    }


def _is_list(annotation: object) -> bool:
    return "list[" in str(annotation)


def is_usable_request_id(text: str) -> bool:
    """Return whether a request may be called so: 1 to 100 printable ASCII characters."""
    return text.isascii() and text.isprintable() and 0 < len(text) <= LONGEST_REQUEST_ID


def checked(
    handler: Handler, model: type[BaseModel] | None, without: Collection[str] = ()
) -> Handler:
    """Return the handler of a route that refuses parameters which it does not take."""
    names = {name: is_list for name, is_list in names_of(model).items() if name not in without}

    async def check_and_handle(request: web.Request) -> web.StreamResponse:
        check_query(request.query, names)
        given = request.headers.get("X-Request-ID")
        if given and not is_usable_request_id(given):
            raise BadRequestError(
                f"X-Request-ID: at most {LONGEST_REQUEST_ID} printable ASCII characters"
            )
        return await handler(request)

    return check_and_handle


def check_query(query: MultiMapping[str], names: Mapping[str, bool]) -> None:
    """Refuse parameters that are not known, or repeated though they are no lists.

    Raises:
        BadRequestError: there is such a one; it is named, with those that may have been meant.
    """
    for name in query:
        if name not in names:
            raise BadRequestError(f"{shown(name)}: {_instead(name, names)}")
        if not names[name] and len(query.getall(name)) > 1:
            raise BadRequestError(f"{name}: it may be given once")


def shown(text: str) -> str:
    """Return what a client sent as it is repeated to it, cut short and in quotes."""
    return repr(text[:LONGEST_SHOWN])


def _instead(name: str, names: Collection[str]) -> str:
    if not names:
        return "this route takes no parameters"
    words = name.casefold()
    near = get_close_matches(words, names, n=_NEAREST, cutoff=_LIKENESS)
    near += [known for known in names if known in words and known not in near]
    near.sort(key=lambda known: _same_start(words, known), reverse=True)
    if near:
        return f"there is no such parameter; did you mean {', '.join(near[:_NEAREST])}?"
    return f"there is no such parameter; these are known: {', '.join(sorted(names))}"


def _same_start(one: str, other: str) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
