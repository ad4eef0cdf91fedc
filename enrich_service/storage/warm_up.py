"""Warm-up: the best known films are fetched whole, and answers made ready for who lists them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from enrich_service.storage.exports import TRUSTED_FOR
from shared.lookup_keys import LookupKind
from shared.models import BACKGROUND_TURN, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.postgres.database import Database


@dataclass(frozen=True, slots=True)
class Record:
    """What a record of the catalogue says of a film's names."""

    title: str
    original_title: str
    year: int | None
    imdb_id: str | None


@dataclass(frozen=True, slots=True, order=True)
class Answer:
    """The answer to a question that may be asked; answers sort by its key."""

    key: str
    title: str | None
    reason: str
    confidence: int


class WarmUpStorage:
    """Queues popular films before anyone lists them, and answers lookups in advance."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def queue(self, films: int, most: int, *, use_export: bool) -> int:
        """Queue the films with the most votes that were never asked for; how many that were.

        Those with the most votes are known once the surveys have ended. Until then half as many,
        the most popular of TMDB's export, are taken, if a recent one is loaded. What was asked for
        by others already is kept from now on. The queue itself tells how far this has come, so it
        goes on after a restart, and any number of daemons do it once.

        Args:
            films: of so many of the whole index.
            most: so many may be due at the same time.
            use_export: whether TMDB's export is used at all.
        """
        return len(
            await self._database.fetch(
                """
                with background as (
                  select key
                  from lookups
                  where due_at is not null and turn = $3 and due_at <= clock_timestamp()
                ),
                surveys_ended as (
                  select not exists (select from background where key like $5 || ':%') as they_have
                ),
                films as (
                  (
                    select distinct vote_count::real as renown, tmdb_id, $4 || ':' || tmdb_id as key
                    from (
                      select tmdb_id, vote_count
                      from titles
                      order by vote_count desc, tmdb_id
                      limit 2 * $1
                    ) as best
                    where (select they_have from surveys_ended)
                    order by renown desc, tmdb_id
                    limit $1
                  )
                  union all
                  (
                    select popularity, tmdb_id, $4 || ':' || tmdb_id
                    from exported_films
                    where $6
                      and not (select they_have from surveys_ended)
                      and exists (
                        select from export_loads where day > clock_timestamp() - $7::interval
                      )
                    order by popularity desc, tmdb_id
                    limit $1 / 2
                  )
                ),
                asked as (
                  select films.*, lookup.id, lookup.kept
                  from films
                  left join lateral (
                    select id, kept from lookups where lookups.key = films.key limit 1
                  ) as lookup on true
                ),
                held as (
                  select id
                  from lookups
                  where id = any(array(select id from asked where not kept)) and not kept
                  order by id
                  for no key update skip locked
                ),
                marked as (
                  update lookups set kept = true from held where lookups.id = held.id
                )
                insert into lookups (key, due_at, turn, kept)
                select key, clock_timestamp(), $3, true
                from asked
                where id is null
                order by renown desc, tmdb_id
                limit (select greatest($2 - count(*), 0) from background)
                on conflict (key) do nothing
                returning id
                """,
                films,
                most,
                BACKGROUND_TURN,
                LookupKind.TMDB,
                LookupKind.SURVEY,
                use_export,
                TRUSTED_FOR,
            )
        )

    async def record(self, tmdb_id: int) -> Record | None:
        """The names of a film of the catalogue."""
        row = await self._database.fetchrow(
            """
            select
              title, original_title, extract(year from release_date)::integer as year, imdb_id
            from catalogue
            where tmdb_id = $1
            """,
            tmdb_id,
        )
        return Record(*row) if row else None

    async def answer(self, tmdb_id: int, answers: Iterable[Answer]) -> None:
        """Answer these questions with a film, where nobody has asked them yet.

        In key order and in a transaction of its own: within a completion's it would deadlock with
        an upload that asks them at this moment.
        """
        ordered = sorted(answers)
        await self._database.fetchval(
            """
            insert into lookups (
              key, title, outcome, reason, tmdb_id, confidence, answered_at, kept
            )
            select key, title, $6, reason, $1, confidence, clock_timestamp(), true
            from unnest($2::text[], $3::text[], $4::text[], $5::smallint[]) with ordinality
              as answered (key, title, reason, confidence, place)
            order by place
            on conflict (key) do nothing
            """,
            tmdb_id,
            [answer.key for answer in ordered],
            [answer.title for answer in ordered],
            [answer.reason for answer in ordered],
            [answer.confidence for answer in ordered],
            Outcome.FOUND,
        )
