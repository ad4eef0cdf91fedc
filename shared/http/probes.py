"""Probes for an orchestrator: is the process alive, and may it be sent work."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal

import asyncpg
import structlog
from aiohttp import web
from pydantic import BaseModel

from shared.errors import ProjectionistError
from shared.postgres.read_only import is_read_only

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.postgres.database import Database

READY_SECONDS = 2.0
"""How long the database may take before the service calls itself not ready."""
_SCHEMA_PAUSE_SECONDS = 1.0
_READ_ONLY = "the database is read-only"

log = structlog.get_logger(__name__)


class Passed(BaseModel):
    """A probe's answer when all is well."""

    status: Literal["ok"] = "ok"


class Unavailable(BaseModel):
    """A probe's answer when it is not, and why."""

    status: Literal["unavailable"] = "unavailable"
    reason: str


class Health(BaseModel):
    """Both probes in one; `reason` is null when all is well."""

    status: Literal["ok", "unavailable"]
    live: bool
    ready: bool
    reason: str | None


class Probes:
    """The handlers of `/livez`, `/readyz` and `/health`.

    Args:
        database: must answer, with the right schema, and take writes for the service to be ready.
        stalled: says what does not turn any more, or None while everything does.
        starting: says what the service still waits for before it is at work, or None once it is.
    """

    def __init__(
        self,
        database: Database,
        stalled: Callable[[], str | None],
        starting: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._database = database
        self._stalled = stalled
        self._starting = starting
        self.draining = False
        self._said: str | None = None
        self._checks: set[asyncio.Task[bool]] = set()

    @property
    def held_back(self) -> str | None:
        """Why no work may be sent however well the database is, or None."""
        return "draining" if self.draining else self._starting()

    def add_routes(self, app: web.Application) -> None:
        """Serve the probes from an application."""
        app.router.add_get("/livez", self.livez)
        app.router.add_get("/readyz", self.readyz)
        app.router.add_get("/health", self.health)

    async def livez(self, _: web.Request) -> web.Response:
        """200 while the loop turns, else 503: restart me. Asks nobody else."""
        return _answer(self._stalled())

    async def readyz(self, _: web.Request) -> web.Response:
        """200 while work is done: started, over a writable database of the right schema."""
        return _answer(await self._unready())

    async def health(self, _: web.Request) -> web.Response:
        """Both in one, for people."""
        stalled, unready = self._stalled(), await self._unready()
        healthy = stalled is None and unready is None
        answer = Health(
            status="ok" if healthy else "unavailable",
            live=stalled is None,
            ready=unready is None,
            reason=stalled or unready,
        )
        return _json(answer, 200 if healthy else 503)

    async def _unready(self) -> str | None:
        if self.draining:
            return "draining"
        # Over a silent connection cancelling is waited for too, so the check is left to itself.
        check = asyncio.create_task(self._check())
        self._checks.add(check)
        check.add_done_callback(self._ended)
        try:
            await asyncio.wait({check}, timeout=READY_SECONDS)
        finally:
            in_time = check.done()
            check.cancel()
        if not in_time:
            return "the database does not answer"
        try:
            check.result()
        except ProjectionistError as error:
            if error.detail != self._said:
                log.warning("not_ready", code=error.code, error=error.detail)
                self._said = error.detail
            return error.told
        except asyncpg.PostgresError as error:
            log.warning("not_ready", code=error.sqlstate, error=str(error))
            return "the database refuses a statement"
        if check.result():
            if self._said != _READ_ONLY:
                log.warning("not_ready", error=_READ_ONLY)
                self._said = _READ_ONLY
            return _READ_ONLY
        self._said = None
        return self.held_back

    async def _check(self) -> bool:
        """Ask for the schema, and return whether nothing can be written."""
        await self._database.check_schema()
        if not await is_read_only(self._database):
            return False
        # A connection that is kept may lead to a server that is a standby since, or have a default
        # that has been changed: new ones are asked too.
        await self._database.expire_connections()
        return await is_read_only(self._database)

    def _ended(self, check: asyncio.Task[bool]) -> None:
        self._checks.discard(check)
        if not check.cancelled():
            check.exception()  # or it would be said that nobody asked for it


async def wait_for_schema(database: Database) -> None:
    """Return once the database answers with the right schema; says meanwhile what it waits for."""
    said = None
    while True:
        try:
            await database.check_schema()
        except ProjectionistError as error:
            if error.detail != said:
                log.warning("waiting_for_database", code=error.code, reason=error.detail)
                said = error.detail
            await asyncio.sleep(_SCHEMA_PAUSE_SECONDS)
        except asyncpg.PostgresError as error:  # a lock that was not to be had, say
            log.warning("waiting_for_database", code=error.sqlstate, reason=str(error))
            await asyncio.sleep(_SCHEMA_PAUSE_SECONDS)
        else:
            return


def _answer(reason: str | None) -> web.Response:
    return _json(Passed(), 200) if reason is None else _json(Unavailable(reason=reason), 503)


def _json(answer: BaseModel, status: int) -> web.Response:
    return web.Response(
        status=status, text=answer.model_dump_json(), content_type="application/json"
    )
