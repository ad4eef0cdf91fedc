"""Defects as one might make them, planted at run time, to see that the torture finds each.

A defect replaces text of a function, which must stand there exactly once, so that it still is the
defect that it says after the function was changed. The function keeps its identity and gets other
code: whoever has imported it runs that, too.
"""

from __future__ import annotations
import __future__

import inspect
import sys
import textwrap
from contextlib import contextmanager
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING

import api_service.storage.additions
import api_service.storage.matches
import api_service.storage.sessions
import api_service.storage.uploads
import enrich_service.scheduling.reclaimer
import enrich_service.storage.completions
import enrich_service.storage.fleet
import enrich_service.storage.queue
import enrich_service.storage.reclaim
import enrich_service.storage.window
import shared.sql.counts
import shared.sql.orphans
import shared.sql.requeue
import shared.sql.turn_grants
from tests.torture.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FunctionType, ModuleType


HANDOVERS = {"work": 3, "silence": 2, "reclaim": 2}
"""Of claims from one daemon to another."""
CORRECTIONS = {"upload": 2, "add": 1, "correct": 6, "remove": 2, "work": 5}


@dataclass(frozen=True, slots=True)
class Patch:
    """Other text in one function: each old one, which stands there once, becomes the new one."""

    module: ModuleType
    function: str
    texts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Defect:
    """What is wrong, and which guarantee it breaks.

    Attributes:
        name: what is wrong.
        guarantees: any of these is broken by it.
        patches: of functions.
        statement: run in the database beforehand.
        kinds: who acts, and how likely.
        faults: how likely a statement loses its connection; by default as each case has it.
        at_once: how many act at the same time, by default as each case has it.
    """

    name: str
    guarantees: frozenset[str]
    patches: tuple[Patch, ...] = ()
    statement: str | None = None
    kinds: dict[str, int] = field(default_factory=lambda: KINDS)
    faults: float | None = None
    at_once: int | None = None

    @contextmanager
    def planted(self) -> Iterator[None]:
        """Let the functions be wrong within."""
        functions = [_function(patch) for patch in self.patches]
        before = [function.__code__ for function in functions]
        try:
            for function, patch in zip(functions, self.patches, strict=True):
                function.__code__ = _patched(function, patch).__code__
            yield
        finally:
            for function, code in zip(functions, before, strict=True):
                function.__code__ = code


def _function(patch: Patch) -> FunctionType:
    function: FunctionType = attrgetter(patch.function)(patch.module)
    return function


def _patched(function: FunctionType, patch: Patch) -> FunctionType:
    source = textwrap.dedent(inspect.getsource(function))
    for old, new in patch.texts:
        found = source.count(old)
        if found != 1:
            raise ValueError(f"{patch.function} has {found} times: {old}")
        source = source.replace(old, new)
    code = compile(source, patch.function, "exec", __future__.annotations.compiler_flag)
    made: dict[str, FunctionType] = {}
    exec(code, vars(sys.modules[patch.module.__name__]), made)  # noqa: S102  # our own text
    return made[function.__name__]


def _defect(
    name: str,
    guarantees: str,
    module: ModuleType,
    function: str,
    *texts: tuple[str, str],
    kinds: dict[str, int] | None = None,
    faults: float | None = None,
    at_once: int | None = None,
) -> Defect:
    return Defect(
        name,
        frozenset(guarantees.split()),
        (Patch(module, function, texts),),
        kinds=kinds or KINDS,
        faults=faults,
        at_once=at_once,
    )


DEFECTS: tuple[Defect, ...] = (
    _defect(
        "counts are moved without holding the session",
        "G1",
        shared.sql.counts,
        "move_counts",
        ("order by id\n        for no key update", "order by id"),
    ),
    _defect(
        "counts are read in the statement that locks",
        "G1",
        shared.sql.counts,
        "move_counts",
        ("order by id\n        for no key update", "order by id"),
        (
            "with change as (",
            """
            with held as materialized (
              select id
              from sessions
              where id in (select session_id from movies where lookup_id = any($1::bigint[]))
              order by id
              for no key update
            ),
            change as (
            """,
        ),
        ("from moved\n        cross join", "from moved join held on id = session_id cross join"),
    ),
    _defect(
        "a completion holds its lookups so weakly that uploads list them meanwhile",
        "G1",
        enrich_service.storage.completions,
        "_hold",
        ("for update of lookups skip locked", "for no key update of lookups skip locked"),
    ),
    _defect(
        "a completion asks for no token",
        "G16",
        enrich_service.storage.completions,
        "_hold",
        ("on lookups.id = mine.id and claim_token = mine.token", "on lookups.id = mine.id"),
        kinds=HANDOVERS,
    ),
    _defect(
        "a changed answer is counted as a first one",
        "G1 G18 G19",
        enrich_service.storage.completions,
        "_save",
        (", before[done.claim.token_at].outcome, done.outcome)", ", None, done.outcome)"),
        kinds={"upload": 2, "work": 5, "refresh": 4},
    ),
    _defect(
        "what has ended stays in the queue",
        "G3",
        enrich_service.storage.completions,
        "_end_lookups",
        ("due_at = null,\n          turn = null,", ""),
    ),
    _defect(
        "a retry asks for no token",
        "G17",
        enrich_service.storage.queue,
        "QueueStorage._retry",
        (
            "where id = $1 and claim_token = $2\n          for",
            "where id = $1 and $2::uuid is not null and claimed_by is not null\n          for",
        ),
        kinds=HANDOVERS,
    ),
    _defect(
        "a claim leaves the clock where it was",
        "G4",
        enrich_service.storage.queue,
        "QueueStorage.claim",
        ("having max(turn) > (select max(turn) from virtual_times)", "having false"),
    ),
    _defect(
        "an upload counts before it inserts",
        "G1",
        api_service.storage.uploads,
        "_store",
        ("await list_movies(connection, upload)\n", "pass\n"),
        ("return stored_as(", "await list_movies(connection, upload)\n    return stored_as("),
    ),
    _defect(
        "an upload that is run again does not look whether it was stored",
        "G18",
        api_service.storage.uploads,
        "_store",
        ('"select true from sessions where id = $1"', '"select true where $1::uuid is null"'),
        kinds={"upload": 1},
        faults=1 / 10,
    ),
    Defect(
        "movies have no foreign key that holds their lookups",
        frozenset({"G1"}),
        statement="alter table movies drop constraint movies_lookup_id_fkey",
    ),
    _defect(
        "two additions may start from the same films",
        "G5 G18",
        api_service.storage.additions,
        "_hold_session",
        ('if elsewhere or session["edition"] != addition.edition.number:', "if elsewhere:"),
    ),
    _defect(
        "a correction does not look again at which lookup the movie has",
        "G1 G18",
        api_service.storage.matches,
        "_hold_movie",
        ("if held == seen:\n            return held", "if held:\n            return seen"),
        kinds=CORRECTIONS,
    ),
    _defect(
        "a correction does not hold the session",
        "G1 G18",
        api_service.storage.matches,
        "_hold_movie",
        (
            "select 1 from sessions where id = $1 for no key update",
            "select 1 from sessions where id = $1",
        ),
    ),
    _defect(
        "a deleted list takes films along that others list",
        "G18",
        api_service.storage.sessions,
        "SessionStorage.delete",
        ("and not exists (select from movies where lookup_id = lookups.id)", ""),
        kinds={"upload": 4, "delete": 5, "work": 2},
    ),
    Defect(
        "orphans are deleted without the lock that uploads share",
        frozenset({"G18"}),
        (
            Patch(
                shared.sql.orphans,
                "delete_unlisted",
                (("select pg_try_advisory_xact_lock($1)", "select $1::bigint"),),
            ),
            Patch(
                shared.sql.orphans,
                "delete_unlisted_within",
                (("select pg_advisory_xact_lock($1)", "select $1::bigint"),),
            ),
            Patch(
                api_service.storage.sessions,
                "SessionStorage.delete",
                (("select pg_try_advisory_xact_lock($1)", "select $1::bigint"),),
            ),
        ),
    ),
    _defect(
        "what is forced is read and not held",
        "G1 G18",
        shared.sql.requeue,
        "_reopen_what_is_free",
        ("for update of lookups skip locked", ""),
        kinds={"upload": 5, "force": 6, "work": 6},
    ),
    _defect(
        "reclaiming knows what is in hand before it reads",
        "G17",
        enrich_service.scheduling.reclaimer,
        "Reclaimer.reclaim",
        (
            "    found = await",
            """
    known, claiming = self._dispatcher.known_claims, self._dispatcher.claiming
    found = await""",
        ),
        ("unknown = found.own - self._dispatcher.known_claims", "unknown = found.own - known"),
        ("if claim[1] != self._dispatcher.claiming", "if claim[1] != claiming"),
        kinds={"upload": 2, "work": 6, "reclaim": 6},
    ),
    _defect(
        "reclaiming frees the claims of the living",
        "G17",
        enrich_service.storage.reclaim,
        "ReclaimStorage.reclaim_silent",
        (
            "and heartbeat_at > clock_timestamp() - $2::interval",
            "and heartbeat_at > clock_timestamp() + $2::interval",
        ),
    ),
    _defect(
        "reclaiming tells nobody",
        "G21",
        enrich_service.storage.reclaim,
        "ReclaimStorage.reclaim_silent",
        ("select count(pg_notify($4, lowest::text))", "select count(lowest) + length($4) * 0"),
        kinds=HANDOVERS,
    ),
    _defect(
        "the window gives slots after half a period",
        "G8",
        enrich_service.storage.window,
        "WindowStorage._take_once",
        ("taking.limiting + $2 + $3,\n", "taking.limiting + $2 / 2,\n"),
        kinds={"window": 1},
    ),
    _defect(
        "the window gives slots that are not due yet",
        "G9",
        enrich_service.storage.window,
        "WindowStorage._take_once",
        (
            "where taken < (select slots from allowed) and due_at <= clock",
            "where taken < (select slots from allowed)",
        ),
        kinds={"window": 1},
    ),
    _defect(
        "connections are shared out by two at once",
        "G10",
        enrich_service.storage.fleet,
        "FleetStorage.share_connections",
        ("select from fleet for no key update", "select from fleet"),
        kinds={"beat": 6, "silence": 3},
    ),
    _defect(
        "a client's grants are made side by side",
        "G7",
        shared.sql.turn_grants,
        "grant_turns",
        (
            "select pg_advisory_xact_lock(hashtextextended($1, $2))",
            "select hashtextextended($1, $2)",
        ),
        kinds={"upload": 1},
        at_once=4,
    ),
)
