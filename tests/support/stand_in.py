"""TMDB's stand-in on a port of this process, over real HTTP."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp.test_utils import TestServer

from local_stack.tmdb.app import create_app
from local_stack.tmdb.options import StandInOptions
from local_stack.tmdb.state import STAND_IN, StandIn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from local_stack.tmdb.catalogue import Catalogue


@dataclass(frozen=True, slots=True)
class RunningStandIn:
    """The stand-in's address, and what it remembers."""

    url: str
    state: StandIn


@asynccontextmanager
async def running_stand_in(catalogue: Catalogue) -> AsyncIterator[RunningStandIn]:
    """Run a stand-in that admits 1,000 requests a second, so that no test waits for budget."""
    app = create_app(catalogue, StandInOptions(limit=1000, period=1.0))
    async with TestServer(app) as server:
        yield RunningStandIn(str(server.make_url("")).rstrip("/"), app[STAND_IN])
