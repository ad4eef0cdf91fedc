"""Completions: what became of claimed lookups, saved with the counts of every session they move."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import asyncpg
import structlog

from enrich_service.storage.fallback import move_titled_movies
from shared.errors import SessionNotFoundError
from shared.models import Outcome
from shared.sql.counts import OutcomeChange, SessionCounts, move_counts, recount

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from enrich_service.lookups import Completion, Film, TokenAt
    from shared.postgres.database import Database
    from shared.postgres.transactions import Connection


_LOCK_PATIENCE = "set local lock_timeout = '1s'"
_PASSING_BY = "set local lock_timeout = '100ms'"

log = structlog.get_logger(__name__)


class Answer(NamedTuple):
    """What a lookup has come to: its outcome, None while it is pending, and the film found."""

    outcome: Outcome | None
    tmdb_id: int | None


@dataclass(frozen=True, slots=True)
class Listing:
    """A movie that one of the completed lookups answers, for the log."""

    lookup_id: int
    session_id: UUID
    title: str | None
    year: int | None


@dataclass(slots=True)
class Saved:
    """What a flush did.

    Attributes:
        sessions: the sessions whose counts moved, as they are now.
        held: completions whose lookups somebody holds, to be tried again.
        lost: completions whose claim was no longer ours; they changed nothing.
        listings: the movies that they answer.
    """

    sessions: list[SessionCounts] = field(default_factory=list)
    held: list[Completion] = field(default_factory=list)
    lost: list[Completion] = field(default_factory=list)
    listings: list[Listing] = field(default_factory=list)


class CompletionStorage:
    """Saves completions. Locks go lookups, catalogue, sessions, movies.

    Whoever passes by takes free sessions before the catalogue, and waits for 0.1 s at most.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(
        self, completions: Sequence[Completion], *, wait: bool = False, pass_by: bool = False
    ) -> Saved:
        """Save a batch in one transaction, without those of them whose rows others hold for long.

        Args:
            completions: of any claims, also ones that are no longer ours; one of an unknown id
                comes alone, because it takes locks on further lookups.
            wait: wait a second for lookups, too. Only for one completion at a time, so that nothing
                else is held meanwhile.
            pass_by: wait for no session either. Without this they are waited for, for a second,
                because other daemons hold the same ones for a moment at a time.

        Raises:
            LockNotAvailableError: who knows which of several needs a row that somebody holds.
        """
        try:
            return await self._save_or_mend(completions, wait=wait, pass_by=pass_by)
        except asyncpg.LockNotAvailableError:
            if len(completions) == 1:
                return Saved(held=list(completions))
            if pass_by:
                raise
        return await self.save(completions, pass_by=True)

    async def _save_or_mend(
        self, completions: Sequence[Completion], *, wait: bool, pass_by: bool
    ) -> Saved:
        async def work(connection: Connection) -> Saved:
            return await _save(connection, completions, wait=wait, pass_by=pass_by)

        try:
            return await self._database.transact(work)
        except asyncpg.CheckViolationError:
            # A count that would go below zero or beyond the total was wrong before. It must not
            # keep these films from all other sessions that wait for them.
            await self._recount_listing(completions)
            return await self._database.transact(work)

    async def _recount_listing(self, completions: Sequence[Completion]) -> None:
        rows = await self._database.fetch(
            "select distinct session_id from movies where lookup_id = any($1::bigint[])",
            [done.claim.lookup_id for done in completions],
        )
        for row in rows:
            log.error("session_miscounted", session_id=str(row["session_id"]))
            with contextlib.suppress(SessionNotFoundError):
                await self._database.transact(partial(_recount, session_id=row["session_id"]))


async def _recount(connection: Connection, session_id: UUID) -> None:
    await connection.execute(_LOCK_PATIENCE)
    await recount(connection, session_id)


async def _save(
    connection: Connection, completions: Sequence[Completion], *, wait: bool, pass_by: bool
) -> Saved:
    await connection.execute(_PASSING_BY if pass_by else _LOCK_PATIENCE)
    saved = Saved()
    before = await _hold(connection, completions, wait=wait)
    mine = [done for done in completions if done.claim.token_at in before]
    missing = [done for done in completions if done.claim.token_at not in before]
    still_claimed = await _still_claimed(connection, missing)
    for done in missing:
        kept = saved.held if done.claim.token_at in still_claimed else saved.lost
        kept.append(done)
    # A refreshed record changes no answer, and its film may stand in ten thousand sessions.
    changed = [
        done for done in mine if before[done.claim.token_at] != Answer(done.outcome, done.tmdb_id)
    ]
    if pass_by:
        blocked = await _hold_sessions(connection, changed)
        saved.held += [done for done in mine if done.claim.lookup_id in blocked]
        mine = [done for done in mine if done.claim.lookup_id not in blocked]
        changed = [done for done in changed if done.claim.lookup_id not in blocked]
    if not mine:
        return saved
    await _save_films(connection, [done.film for done in mine if done.film])
    moved: list[SessionCounts] = []
    for done in mine:
        if done.unknown_id:
            moved += await move_titled_movies(connection, done.claim.lookup_id)
    await _end_lookups(connection, mine)
    ended = await move_counts(
        connection,
        [
            OutcomeChange(done.claim.lookup_id, before[done.claim.token_at].outcome, done.outcome)
            for done in changed
        ],
    )
    saved.sessions = list({counts.session_id: counts for counts in moved + ended}.values())
    saved.listings = await _listings(connection, changed)
    return saved


async def _hold(
    connection: Connection, completions: Sequence[Completion], *, wait: bool
) -> dict[TokenAt, Answer]:
    """Lock the lookups that are still ours, in id order: their answers so far."""
    if wait:
        await connection.execute(
            "select 1 from lookups where id = any($1::bigint[]) order by id for update",
            [done.claim.lookup_id for done in completions],
        )
    rows = await connection.fetch(
        """
        select lookups.id, token, outcome, tmdb_id
        from lookups
        join unnest($1::bigint[], $2::uuid[]) as mine (id, token)
          on lookups.id = mine.id and claim_token = mine.token
        order by lookups.id
        for update of lookups skip locked
        """,
        [done.claim.lookup_id for done in completions],
        [done.claim.token for done in completions],
    )
    return {
        (row["id"], row["token"]): Answer(
            Outcome(row["outcome"]) if row["outcome"] else None, row["tmdb_id"]
        )
        for row in rows
    }


async def _hold_sessions(connection: Connection, completions: Sequence[Completion]) -> set[int]:
    """Lock the sessions whose counts move, but for those that others hold: their lookups."""
    ids = [done.claim.lookup_id for done in completions]
    held = await connection.fetch(
        """
        select id
        from sessions
        where id in (select session_id from movies where lookup_id = any($1::bigint[]))
        order by id
        for no key update skip locked
        """,
        ids,
    )
    # The lookups are held, so none of them has gained a movie meanwhile.
    rows = await connection.fetch(
        """
        select distinct lookup_id
        from movies
        where lookup_id = any($1::bigint[]) and session_id <> all($2::uuid[])
        """,
        ids,
        [row["id"] for row in held],
    )
    return {row["lookup_id"] for row in rows}


async def _still_claimed(connection: Connection, missing: Sequence[Completion]) -> set[TokenAt]:
    if not missing:
        return set()
    rows = await connection.fetch(
        """
        select lookups.id, token
        from lookups
        join unnest($1::bigint[], $2::uuid[]) as mine (id, token)
          on lookups.id = mine.id and claim_token = mine.token
        """,
        [done.claim.lookup_id for done in missing],
        [done.claim.token for done in missing],
    )
    return {(row["id"], row["token"]) for row in rows}


async def _save_films(connection: Connection, films: Sequence[Film]) -> None:
    """Insert or replace catalogue rows in tmdb_id order, each once."""
    distinct = {film.tmdb_id: film for film in films}
    await connection.executemany(
        """
        insert into catalogue (
          tmdb_id, imdb_id, title, original_title, release_date, genres, directors, top_cast,
          runtime_minutes, countries, languages, overview, poster_path, vote_average, vote_count,
          popularity, other_names
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
        on conflict (tmdb_id) do update
        set
          imdb_id = excluded.imdb_id,
          title = excluded.title,
          original_title = excluded.original_title,
          release_date = excluded.release_date,
          genres = excluded.genres,
          directors = excluded.directors,
          top_cast = excluded.top_cast,
          runtime_minutes = excluded.runtime_minutes,
          countries = excluded.countries,
          languages = excluded.languages,
          overview = excluded.overview,
          poster_path = excluded.poster_path,
          vote_average = excluded.vote_average,
          vote_count = excluded.vote_count,
          popularity = excluded.popularity,
          other_names = excluded.other_names,
          fetched_at = clock_timestamp()
        """,
        [
            (
                film.tmdb_id,
                film.imdb_id,
                film.title,
                film.original_title,
                film.release_date,
                film.genres,
                json.dumps(film.directors),
                json.dumps(film.top_cast),
                film.runtime_minutes,
                film.countries,
                film.languages,
                film.overview,
                film.poster_path,
                film.vote_average,
                film.vote_count,
                film.popularity,
                film.other_names,
            )
            for _, film in sorted(distinct.items())
        ],
    )


async def _end_lookups(connection: Connection, completions: Sequence[Completion]) -> None:
    await connection.execute(
        """
        update lookups
        set
          outcome = done.outcome,
          reason = done.reason,
          tmdb_id = done.tmdb_id,
          confidence = done.confidence,
          -- A record that was refreshed is no new answer.
          candidates = case
            when lookups.tmdb_id = done.tmdb_id then lookups.candidates
            else done.candidates::jsonb
          end,
          answered_at = case
            when lookups.tmdb_id = done.tmdb_id then answered_at else clock_timestamp()
          end,
          attempts = 0,
          due_at = null,
          turn = null,
          claimed_by = null,
          claim_token = null,
          traceparent = null
        from unnest(
          $1::bigint[], $2::text[], $3::text[], $4::integer[], $5::smallint[], $6::text[]
        ) as done (id, outcome, reason, tmdb_id, confidence, candidates)
        where lookups.id = done.id
        """,
        [done.claim.lookup_id for done in completions],
        [done.outcome for done in completions],
        [done.reason for done in completions],
        [done.tmdb_id for done in completions],
        [done.confidence for done in completions],
        [json.dumps(done.candidates) if done.candidates else None for done in completions],
    )


async def _listings(connection: Connection, completions: Sequence[Completion]) -> list[Listing]:
    if not completions:
        return []
    rows = await connection.fetch(
        """
        select lookup_id, session_id, title, year
        from movies
        where lookup_id = any($1::bigint[])
        limit 1000
        """,
        [done.claim.lookup_id for done in completions],
    )
    return [Listing(*row) for row in rows]
