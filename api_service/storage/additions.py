"""Storing more files of a session: one transaction, whole or not at all.

The films that the session has are read out, merged with the new ones by the parser, and stored only
if nobody has added to them meanwhile, which `edition` tells, and if those that get another lookup
have the one that they had. What the user removes or corrects besides goes on beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from api_service.full_disk import full_disk
from api_service.storage.clients import hold_within
from api_service.storage.staging import (
    WORTH_ANALYSING,
    StagedUpload,
    Stored,
    catch_up,
    hold_key,
    list_movies,
    note_upload,
    queue_lookups,
    stage,
    stored_as,
)
from shared.errors import SessionChangedError, SessionHeldError, SessionNotFoundError
from shared.models import UPLOADS_LOCK, Channel
from shared.postgres.database import CollisionError
from shared.sql.counts import recount
from shared.sql.turn_grants import client_of, granted_turns, settle_grant

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

    from api_service.storage.heavy_reads import HeavyReads
    from shared.postgres.database import Connection, Database
    from shared.sql.turn_grants import Grant


@dataclass(frozen=True, slots=True)
class Edition:
    """The state of a session's films: how often more were added, and positions given so far."""

    number: int
    positions: int


@dataclass(frozen=True, slots=True)
class StagedAddition(StagedUpload):
    """More files as the parser left them.

    Attributes:
        upload_id: chosen before, so that a repeated transaction finds what the first one did.
        edition: the session's films as they were when these were merged with them.
        changed: rows of movies that the session has; the new ones come after its last position.
    """

    upload_id: UUID
    edition: Edition
    changed: int


class AdditionStorage:
    """Reads a session's films out, and adds to them."""

    def __init__(self, database: Database, storing: HeavyReads) -> None:
        self._database = database
        self._storing = storing

    async def read_out(self, session_id: UUID, path: Path, total: int) -> Edition:
        """Write a session's films to a file, which never passes through this process's memory.

        Each line is a JSON array in COPY's text format, with the columns of `rules.lists.known`.

        Args:
            session_id: which session.
            path: of the file.
            total: about how many films it has.

        Raises:
            DatabaseBusyError: too many lists are being read out and stored.
            SessionNotFoundError: there is none.
            StorageFullError: the disk does not take them.
        """

        async def work(connection: Connection) -> Edition:
            # Before the films: a change in between makes this edition an old one.
            edition = await connection.fetchrow(
                """
                select
                  edition,
                  greatest(positions, (
                    select max(position) from movies where session_id = $1
                  )) as positions
                from sessions
                where id = $1
                """,
                session_id,
            )
            if edition is None:
                raise SessionNotFoundError("It was deleted meanwhile.")
            # COPY takes no parameters; to write them into it asyncpg would prepare a statement,
            # which a pooler could leave behind on a connection that others use.
            await connection.execute(
                "select set_config('projectionist.session', $1, true)", str(session_id)
            )
            with full_disk():
                await connection.copy_from_query(
                    """
                    select json_build_array(
                      position, key, c.tmdb_id, c.imdb_id, m.title, year, watched, rating_original,
                      watch_dates, rewatches, liked, tags, review, in_watchlist, lists, source_url,
                      origins
                    )
                    from movies m
                    join lookups l on l.id = m.lookup_id
                    left join catalogue c on c.tmdb_id = l.tmdb_id and l.outcome = 'found'
                    where session_id = current_setting('projectionist.session')::uuid
                    """,
                    output=path,
                )
            return Edition(edition["edition"], edition["positions"])

        # It reads all of the session, and so takes one of the few connections that uploads have.
        async with self._storing.turn(total):
            return await self._database.transact(work)

    async def store(self, addition: StagedAddition) -> None:
        """Store what was merged, and queue its lookups.

        Raises:
            SessionChangedError: the session's films are no longer those that were read out.
            SessionNotFoundError: it was deleted meanwhile.
            UploadInProgressError: the same idempotency key is being stored by another request.
            ClientLimitError: the session's client would have too much.
        """
        # One whose client nobody knows, or no longer, becomes that of whoever adds to it.
        client = await client_of(self._database, addition.session_id) or addition.client
        films = addition.total + addition.changed
        async with self._storing.turn(films), granted_turns(self._database, client, films) as grant:
            stored = await self._database.transact(
                lambda connection: _store(connection, addition, client, grant)
            )
        await catch_up(self._database, stored, addition)


async def _store(
    connection: Connection, addition: StagedAddition, client: str | None, grant: Grant | None
) -> Stored:
    session_id = addition.session_id
    if await connection.fetchval(
        "select true from upload_reports where session_id = $1 and upload_id = $2",
        session_id,
        addition.upload_id,
    ):
        # The first try was committed and only its answer was lost.
        return Stored(session_id, pending=1, newly_queued=0, asked_in_vain=1)
    await connection.execute("select pg_advisory_xact_lock_shared($1)", UPLOADS_LOCK)
    if addition.idempotency:
        await hold_key(connection, addition.idempotency)
    await stage(connection, addition, addition.total + addition.changed)
    queued = await queue_lookups(connection, addition.traceparent, grant)
    await _hold_lookups(connection)
    await _hold_session(connection, addition)
    await settle_grant(connection, grant, session_id, queued.last_turn)
    await _change_movies(connection, addition)
    await list_movies(connection, addition, after=addition.edition.positions)
    counts = await recount(connection, session_id)
    await connection.execute(
        """
        update sessions
        set edition = edition + 1, positions = $2, client = coalesce(client, $3)
        where id = $1
        """,
        session_id,
        addition.edition.positions + addition.total,
        client,
    )
    await note_upload(connection, addition, addition.upload_id)
    await connection.execute("select pg_notify($1, $2)", Channel.SESSION_PROGRESS, str(session_id))
    await hold_within(connection, client, addition.limits)
    return stored_as(counts, queued.count)


async def _hold_lookups(connection: Connection) -> None:
    """Hold every lookup that gains or loses a movie, so that no outcome of theirs changes.

    Before the session is held: whoever completes a lookup holds it, and then waits for the session.
    """
    await connection.execute(
        """
        select 1
        from lookups
        where id in (
          select lookups.id from staged_movies join lookups on key = lookup_key
          union all
          select lookups.id from staged_movies join lookups on key = former_key
        )
        order by id
        for key share
        """
    )
    if await connection.fetchval(
        """
        select exists (
          select
          from staged_movies
          where lookup_key is not null
            and not exists (select from lookups where key = lookup_key)
        )
        """
    ):
        raise CollisionError("a lookup was deleted between being made and being held")


async def _hold_session(connection: Connection, addition: StagedAddition) -> None:
    session = await connection.fetchrow(
        """
        select edition, held_at is not null as held
        from sessions
        where id = $1
        for no key update
        """,
        addition.session_id,
    )
    if session is None:
        raise SessionNotFoundError("It was deleted meanwhile.")
    if session["held"]:
        raise SessionHeldError("The operator has held it meanwhile. Nothing was added.")
    elsewhere = await connection.fetchval(
        """
        select exists (
          select
          from staged_movies
          join movies using (position)
          join lookups on lookups.id = lookup_id
          where session_id = $1 and former_key <> key
        )
        """,
        addition.session_id,
    )
    if elsewhere or session["edition"] != addition.edition.number:
        raise SessionChangedError("Send the files again in a moment.", retry_after=1)


async def _change_movies(connection: Connection, addition: StagedAddition) -> None:
    """Store the session's movies that have changed; those that have a key get its lookup.

    One that the user removed meanwhile stays removed, as if that had been done afterwards.
    """
    if addition.changed >= WORTH_ANALYSING:
        await connection.execute("discard plans")  # as `list_movies` does
    await connection.execute(
        """
        update movies m
        set
          lookup_id = coalesce(l.id, m.lookup_id),
          title = s.title,
          year = s.year,
          watched = s.watched,
          rating = s.rating,
          rating_original = s.rating_original,
          watch_dates = s.watch_dates,
          rewatches = s.rewatches,
          liked = s.liked,
          tags = s.tags,
          review = s.review,
          in_watchlist = s.in_watchlist,
          lists = s.lists,
          source_url = s.source_url,
          origins = s.origins
        from staged_movies s
        left join lookups l on l.key = s.lookup_key
        where m.session_id = $1 and m.position = s.position
        """,
        addition.session_id,
    )
