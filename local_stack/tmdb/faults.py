"""Fault injection: rules that make chosen requests fail as TMDB and networks do."""

from __future__ import annotations

import asyncio
import json
import random
import re
import socket
import struct
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Self
from urllib.parse import unquote_plus

from aiohttp import web
from multidict import CIMultiDict
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, field_validator, model_validator

from local_stack.tmdb.refusals import BODY_OF_STATUS, JSON_TYPE, as_json, json_answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_LOOKS_AFTER = 0.02
"""Seconds between checks whether the client of a hanging request has disconnected."""

_NOT_JSON = "<!DOCTYPE html><html><body><h1>Something is not right</h1></body></html>"
_WRONG_SHAPE = as_json(
    {"id": "six hundred", "title": None, "page": None, "results": {"film": 603}, "credits": []}
)


class FaultKind(StrEnum):
    """How a request fails."""

    STATUS = "status"
    """A different HTTP status, with the rule's headers and body."""
    GARBAGE = "garbage"
    """200, but HTML."""
    TRUNCATED = "truncated"
    """The real response, cut off in the middle by closing the connection."""
    HANG = "hang"
    """No response until the client disconnects."""
    RESET = "reset"
    """The connection is reset without a response."""
    WRONG_SHAPE = "wrong_shape"
    """200 and JSON, but with the wrong content."""
    DELAY = "delay"
    """The real response, `seconds` later."""
    HOLD = "hold"
    """The real response, once the rules are replaced."""


class FaultRule(BaseModel):
    """Which requests fail, and how.

    Attributes:
        match: a regular expression searched for in the decoded path and query:
            `/3/search/movie?query=heat&year=1995`.
        kind: how they fail.
        status: the HTTP status of `status`.
        headers: further headers of `status`.
        body: body of `status`: text as is, anything else as JSON; TMDB's own by default.
        seconds: the length of `delay`.
        times: how often the rule still applies; None is for ever.
        probability: that it applies to a matching request.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    match: re.Pattern[str]
    kind: FaultKind
    status: Annotated[int, Field(ge=200, le=599)] | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    body: Any = None
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    times: Annotated[int, Field(ge=0)] | None = None
    probability: Annotated[float, Field(ge=0, le=1)] = 1.0

    @field_validator("headers")
    @classmethod
    def _one_line_each(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if re.search(r"[\r\n\0]", name + value):
                raise ValueError(f"header {name!r} holds a line break or NUL")
        return headers

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind is FaultKind.STATUS and self.status is None:
            raise ValueError("the kind 'status' needs a 'status'")
        if self.kind is FaultKind.DELAY and self.seconds is None:
            raise ValueError("the kind 'delay' needs 'seconds'")
        return self


FAULT_RULES = TypeAdapter(list[FaultRule])
"""Parser of the JSON body of `PUT /_stand_in/faults`."""


@dataclass(slots=True)
class Faults:
    """The active rules; the first that applies decides.

    Attributes:
        struck: how many requests each kind has affected.
        replaced: set when other rules have replaced these.
    """

    struck: Counter[str] = field(default_factory=Counter)
    replaced: asyncio.Event = field(default_factory=asyncio.Event)
    _rules: list[FaultRule] = field(default_factory=list)
    _left: list[int | None] = field(default_factory=list)
    _chance: random.Random = field(default_factory=lambda: random.Random(0))

    def replace(self, rules: list[FaultRule]) -> None:
        """Replace the rules; the same rules draw the same random sequence."""
        self._rules = rules
        self._left = [rule.times for rule in rules]
        self._chance = random.Random(0)
        self.replaced.set()
        self.replaced = asyncio.Event()

    def striking(self, request: web.Request) -> FaultRule | None:
        """Return the rule that applies to this request, if any, and count it."""
        if not self._rules:
            return None
        address = f"{request.path}?{unquote_plus(request.query_string)}"
        for number, rule in enumerate(self._rules):
            left = self._left[number]
            if left == 0 or not rule.match.search(address):
                continue
            if rule.probability < 1 and self._chance.random() >= rule.probability:
                continue
            if left is not None:
                self._left[number] = left - 1
            self.struck[rule.kind] += 1
            return rule
        return None


async def carry_out(
    rule: FaultRule,
    request: web.Request,
    true_answer: Callable[[web.Request], Awaitable[web.StreamResponse]],
    *,
    replaced: asyncio.Event,
    stopping: asyncio.Event,
) -> web.StreamResponse:
    """Respond, or fail to, as the rule says.

    Args:
        rule: the rule that applies.
        request: the request.
        true_answer: returns the response without the rule.
        replaced: set when the rules change, which ends a hold.
        stopping: set when the server stops, which ends hanging requests.
    """
    match rule.kind:
        case FaultKind.STATUS:
            return _other_status(rule)
        case FaultKind.GARBAGE:
            return web.Response(text=_NOT_JSON, content_type="text/html")
        case FaultKind.WRONG_SHAPE:
            return json_answer(_WRONG_SHAPE)
        case FaultKind.DELAY | FaultKind.HOLD:
            if rule.kind is FaultKind.DELAY:
                await asyncio.sleep(rule.seconds or 0)
            else:
                await replaced.wait()
            return await true_answer(request)
        case FaultKind.TRUNCATED:
            return await _broken_off(request, await true_answer(request))
        case FaultKind.HANG:
            await _until_it_leaves(request, stopping)
            _close(request, reset=False)
        case FaultKind.RESET:
            _close(request, reset=True)
    return web.Response()


def _other_status(rule: FaultRule) -> web.Response:
    status = rule.status or 500
    if rule.body is None:
        body = BODY_OF_STATUS.get(status, b"")
    elif isinstance(rule.body, str):
        body = rule.body.encode()
    else:
        body = json.dumps(rule.body).encode()
    headers = CIMultiDict({"Content-Type": JSON_TYPE})
    headers.update(rule.headers)
    return web.Response(status=status, body=body, headers=headers)


async def _broken_off(request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
    body = answer.body if isinstance(answer, web.Response) else None
    whole = bytes(body) if isinstance(body, bytes | bytearray) else b"{}"
    broken = web.StreamResponse(headers={"Content-Type": JSON_TYPE})
    broken.content_length = len(whole)
    await broken.prepare(request)
    await broken.write(whole[: len(whole) // 2])
    _close(request, reset=False)
    return broken


async def _until_it_leaves(request: web.Request, stopping: asyncio.Event) -> None:
    # By default aiohttp does not cancel a handler when its client disconnects.
    while not (stopping.is_set() or request.transport is None or request.transport.is_closing()):
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), _LOOKS_AFTER)


def _close(request: web.Request, *, reset: bool) -> None:
    transport = request.transport
    if transport is None:
        return
    if not reset:
        transport.close()
        return
    wire = transport.get_extra_info("socket")
    # A linger time of zero makes the kernel send RST instead of FIN.
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
