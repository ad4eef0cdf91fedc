"""The control plane below `/_stand_in`: counts, faults and options."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aiohttp import web
from pydantic import ValidationError

from local_stack.tmdb.faults import FAULT_RULES
from local_stack.tmdb.options import StandInOptions
from local_stack.tmdb.state import STAND_IN

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    ReadT = TypeVar("ReadT")


def add_control_routes(app: web.Application) -> None:
    """Add the control plane to the application."""
    app.router.add_get("/_stand_in/report", _report)
    app.router.add_get("/_stand_in/truth", _truth)
    app.router.add_post("/_stand_in/reset", _reset)
    app.router.add_put("/_stand_in/faults", _put_faults)
    app.router.add_put("/_stand_in/options", _put_options)


async def _report(request: web.Request) -> web.Response:
    singly = request.query.get("arrivals") == "1"
    return web.json_response(request.app[STAND_IN].report(arrivals=singly))


async def _truth(request: web.Request) -> web.Response:
    year = request.query.get("year", "")
    if year and not (year.isascii() and year.isdigit()):
        raise web.HTTPUnprocessableEntity(text=f"year={year}: not a whole number\n")
    films = request.app[STAND_IN].catalogue.exactly_titled(
        request.query.get("title", ""), int(year) if year else None
    )
    return web.json_response({"ids": sorted(film.id for film in films)})


async def _reset(request: web.Request) -> web.Response:
    request.app[STAND_IN].reset()
    return web.Response(status=204)


async def _put_faults(request: web.Request) -> web.Response:
    rules = _read(FAULT_RULES.validate_json, await request.read())
    request.app[STAND_IN].faults.replace(rules)
    return web.json_response({"rules": len(rules)})


async def _put_options(request: web.Request) -> web.Response:
    stand_in = request.app[STAND_IN]
    change = _read(StandInOptions.model_validate_json, await request.read())
    told = change.model_dump(include=change.model_fields_set)
    stand_in.change_options(stand_in.options.model_copy(update=told))
    return web.json_response(stand_in.options.model_dump(exclude={"api_key"}))


def _read(validate: Callable[[bytes], ReadT], body: bytes) -> ReadT:
    try:
        return validate(body)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False, include_context=False)
        raise web.HTTPUnprocessableEntity(
            text=json.dumps({"errors": problems}), content_type="application/json"
        ) from None
