"""The guarantees that docs/reliability.md lists, as data; those that SQL decides can be asked here.

A statement returns the rows that violate its guarantee. All that are asked at one moment are one
statement, so that they see one snapshot, whatever is under way beside them.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from tests.support.guarantee import Guarantee, Measures, Moment, Violation

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg


class Reader(Protocol):
    """A connection, or a database."""

    async def fetch(self, query: str, *args: object) -> Sequence[asyncpg.Record]:
        """Run one statement; all its rows."""


DRIFTED = """
    select id, completed_at, c.n, c.total, c.enriched, c.not_found, c.failed, counted.*
    from sessions s
    left join session_counts c on c.session_id = id
    left join lateral (
      select
        count(*) as total_now,
        count(*) filter (where outcome = 'found') as enriched_now,
        count(*) filter (where outcome = 'not_found') as not_found_now,
        count(*) filter (where outcome = 'failed') as failed_now
      from movies
      join lookups on lookups.id = lookup_id
      where session_id = s.id
    ) as counted on true
    where (select count(*) from session_counts where session_id = id) <> 1
      or (c.total, c.enriched, c.not_found, c.failed)
        <> (total_now, enriched_now, not_found_now, failed_now)
      or (completed_at is not null) <> (c.enriched + c.not_found + c.failed = c.total)
    order by id
"""
"""Sessions that have not one row of counts, or one that is not what a join counts, or a time of
completion that contradicts it."""

LEFT_BEHIND = """
    select id, key, outcome, due_at, claimed_by
    from lookups
    where outcome is null or due_at is not null or claimed_by is not null
    order by id
"""
"""Lookups that still want something, though nothing is going on any more."""


TORTURE, RACES = "torture/test_torture.py", "faults/test_races.py"
CHAOS = "faults/test_random_faults.py"
INTERLEAVED = "interleaved statements, connections and answers lost"
ALL_FAULTS = f"{INTERLEAVED}, races, random faults"

GUARANTEES: tuple[Guarantee, ...] = (
    Guarantee(
        "G1",
        "A session's counts are what its films come to, and it is complete exactly while each of "
        "them has an outcome.",
        ALL_FAULTS,
        (TORTURE, RACES, CHAOS),
        DRIFTED,
        Moment.ALWAYS,
    ),
    Guarantee(
        "G2",
        "A film that a list waits for is in the queue.",
        ALL_FAULTS,
        (TORTURE, CHAOS),
        """
        select session_id, position, lookup_id
        from movies
        join lookups on lookups.id = lookup_id
        where outcome is null and due_at is null
        """,
        Moment.ALWAYS,
    ),
    Guarantee(
        "G3",
        "What has an answer is in the queue only to have its record refreshed, when nobody waits "
        "for it.",
        ALL_FAULTS,
        (TORTURE, CHAOS),
        """
        select id, key, outcome, turn
        from lookups
        where outcome is not null
          and due_at is not null
          and (outcome <> 'found' or turn <> 9223372036854775807)
        """,
        Moment.ALWAYS,
    ),
    Guarantee(
        "G4",
        "What is claimed is in the queue, at a turn that had come or in the background.",
        ALL_FAULTS,
        (TORTURE, CHAOS),
        """
        select id, key, turn, claimed_by
        from lookups
        where claimed_by is not null
          and (
            due_at is null
            or turn > (select max(turn) from virtual_times) and turn <> 9223372036854775807
          )
        """,
        Moment.ALWAYS,
    ),
    Guarantee(
        "G5",
        "An upload is stored whole or not at all: with its report, its positions and its counts.",
        f"{ALL_FAULTS}; the API killed",
        (TORTURE, CHAOS, "faults/test_api_killed.py"),
        """
        select id, edition, positions, reports, last_position
        from sessions
        cross join lateral (
          select count(*) as reports from upload_reports where session_id = sessions.id
        ) as reported
        cross join lateral (
          select coalesce(max(position), 0) as last_position
          from movies
          where session_id = sessions.id
        ) as listed
        where reports <> edition + 1 or last_position > positions
        """,
        Moment.ALWAYS,
    ),
    Guarantee(
        "G6",
        "An `Idempotency-Key` makes one session, and its upload is in that session.",
        ALL_FAULTS,
        (TORTURE, CHAOS, "integration/api_service/test_idempotency.py"),
        """
        select key, session_id, upload_id
        from idempotency_keys
        where upload_id is not null
          and not exists (
            select
            from upload_reports
            where upload_reports.session_id = idempotency_keys.session_id
              and upload_reports.upload_id = idempotency_keys.upload_id
          )
        """,
        Moment.ALWAYS,
        ("idempotency_keys.idempotency_keys_pkey",),
    ),
    Guarantee(
        "G7",
        "No more than four grants of turns of one client meet at any turn.",
        ALL_FAULTS,
        (TORTURE, CHAOS, "integration/api_service/test_client_turns.py"),
        """
        select g.client, g.id, g.first_turn, count(*) as meeting
        from queue_grants g
        join queue_grants o
          on o.client = g.client and g.first_turn between o.first_turn and o.last_turn
        where g.first_turn <= g.last_turn
        group by g.id
        having count(*) > $5::integer
        """,
        Moment.ALWAYS,
    ),
    Guarantee(
        "G8",
        "No more slots than the limit are given in any period of the budget.",
        ALL_FAULTS,
        (TORTURE, CHAOS, "integration/enrich_service/test_window_races.py"),
        """
        select n, sent_at, earlier
        from (
          select n, sent_at, lag(sent_at, $1::integer) over (order by sent_at, n) as earlier
          from request_slots
        ) as slots
        where sent_at < earlier + $2::interval
        """,
        Moment.ALWAYS,
    ),
    Guarantee(
        "G9",
        "No slot is reserved ahead of its time.",
        ALL_FAULTS,
        (TORTURE, CHAOS, "integration/enrich_service/test_window_clock.py"),
        "select n, sent_at from request_slots where sent_at > clock_timestamp()",
        Moment.ALWAYS,
    ),
    Guarantee(
        "G10",
        "The rows of living daemons never say more than twenty connections together.",
        ALL_FAULTS,
        (TORTURE, CHAOS, "integration/enrich_service/test_connections.py"),
        """
        select sum(connections) as connections, array_agg(connections) as each
        from workers
        where heartbeat_at > clock_timestamp() - $4::interval
        having sum(connections) > $3::integer
        """,
        Moment.ALWAYS,
    ),
    Guarantee(
        "G11",
        "The queue has its clocks, and the fleet, the window and the sweep have their one row.",
        ALL_FAULTS,
        (TORTURE, CHAOS),
        """
        select one.*
        from (
          values
            ('virtual_times', (select least(count(*), 1) from virtual_times)),
            ('retry_turns', (select least(count(*), 1) from retry_turns)),
            ('background_shares', (select least(count(*), 1) from background_shares)),
            ('fleet', (select count(*) from fleet)),
            ('request_window', (select count(*) from request_window)),
            ('orphan_sweep', (select count(*) from orphan_sweep))
        ) as one (name, there)
        where there <> 1
        """,
        Moment.ALWAYS,
    ),
    Guarantee(
        "G12",
        "At rest every session is complete.",
        ALL_FAULTS,
        (TORTURE, RACES, CHAOS),
        "select id, completed_at from sessions where completed_at is null order by id",
        Moment.AT_REST,
    ),
    Guarantee(
        "G13",
        "At rest nothing is left behind: no question unanswered, none in the queue, no claim.",
        ALL_FAULTS,
        (TORTURE, RACES, CHAOS),
        LEFT_BEHIND,
        Moment.AT_REST,
    ),
    Guarantee(
        "G14",
        "A question is asked for everybody at once: there is one lookup of each key.",
        "kept by the database",
        (TORTURE, "integration/api_service/test_queueing.py"),
        constraints=("lookups.lookups_key_key",),
    ),
    Guarantee(
        "G15",
        "No lookup goes that a list has, no record that an answer needs; and nothing outlives its "
        "session.",
        "kept by the database",
        (TORTURE, "integration/api_service/test_deleting.py"),
        constraints=(
            "movies.movies_lookup_id_fkey",
            "movies.movies_session_id_fkey",
            "lookups.lookups_tmdb_id_fkey",
            "session_counts.session_counts_session_id_fkey",
            "upload_reports.upload_reports_session_id_fkey",
            "idempotency_keys.idempotency_keys_session_id_fkey",
        ),
    ),
    Guarantee(
        "G16",
        "An answer is stored by the token of its claim: one that comes after the claim went to "
        "another changes nothing.",
        INTERLEAVED,
        (TORTURE, "faults/test_daemon_ends.py"),
    ),
    Guarantee(
        "G17",
        "A film in the hands of a daemon that is alive is taken from it by nobody, as long as a "
        "list has it.",
        INTERLEAVED,
        (TORTURE,),
    ),
    Guarantee(
        "G18",
        "Nothing is refused by a constraint, and no transaction gives up, because of what others "
        "do at the same moment.",
        f"{INTERLEAVED}, races",
        (TORTURE, RACES),
    ),
    Guarantee(
        "G19",
        "The tick never finds a session that has to be mended.",
        ALL_FAULTS,
        (TORTURE, RACES, CHAOS),
    ),
    Guarantee(
        "G20",
        "Each slot that is used was given, and is a row of the window.",
        INTERLEAVED,
        (TORTURE, "integration/enrich_service/test_window_races.py"),
    ),
    Guarantee(
        "G21",
        "What becomes due below a daemon's floor is told to it.",
        INTERLEAVED,
        (TORTURE, "integration/enrich_service/test_queue_floor.py", "faults/test_wake_ups.py"),
    ),
    Guarantee(
        "G22",
        "TMDB gets no more requests than the limit in any period, from all daemons together.",
        "random faults; daemons come and go; 429s; failovers",
        (CHAOS, "faults/test_fleet.py", "faults/test_failover.py"),
    ),
    Guarantee(
        "G23",
        "The daemons that run never have more than twenty connections to TMDB open together.",
        "random faults; PostgreSQL and TMDB out together",
        (CHAOS, "integration/enrich_service/test_connections.py"),
    ),
    Guarantee(
        "G24",
        "No film is lost, and none is counted twice.",
        "random faults; SIGKILL, SIGTERM, freezing, cuts, restarts, crashes",
        (CHAOS, "faults/test_daemons_killed.py", "faults/test_long_outages.py"),
    ),
    Guarantee(
        "G25",
        "No film is charged with an attempt for TMDB's trouble or the database's.",
        "outages, cuts, crashes",
        ("faults/test_long_outages.py", "faults/test_cut_off.py", "faults/test_tmdb_trouble.py"),
    ),
    Guarantee(
        "G26",
        "What is found has its film, an answer its time, a place in the queue its turn, a claim "
        "its token; and no session counts more films than it has.",
        "kept by the database",
        (TORTURE, "integration/test_guarantees.py"),
        constraints=(
            "lookups.lookups_check",
            "lookups.lookups_check1",
            "lookups.lookups_check2",
            "lookups.lookups_check3",
            "session_counts.session_counts_check",
        ),
    ),
    Guarantee(
        "G27",
        "No slot of the window, no turn of a retry and no share of the background is given twice.",
        "kept by the database",
        (TORTURE, "integration/test_guarantees.py"),
        constraints=(
            "request_slots.request_slots_pkey",
            "retry_turns.retry_turns_pkey",
            "background_shares.background_shares_pkey",
        ),
    ),
    Guarantee(
        "G28",
        "No wake-up is lost: what is queued is begun at once, whatever comes in the same moment.",
        "two uploads 0 to 6 ms apart, 600 times; lost notifications are made up for by the tick",
        ("faults/test_wake_ups.py", "torture/test_wake_up_teeth.py"),
    ),
)


def violations_of(moment: Moment) -> str:
    """Return one statement for all guarantees that may be asked at a moment."""
    return "\nunion all\n".join(
        f"select '{guarantee.id}' as guarantee, to_jsonb(violating)::text as evidence "  # noqa: S608  # all of it is written in this module
        f"from ({guarantee.sql}) as violating"
        for guarantee in GUARANTEES
        if guarantee.sql and (guarantee.moment is Moment.ALWAYS or moment is Moment.AT_REST)
    )


async def violations(
    reader: Reader, moment: Moment, measures: Measures | None = None
) -> list[Violation]:
    """Ask which guarantees are not kept, by one snapshot.

    Args:
        reader: a connection or a database that reads all tables.
        moment: at rest, those that hold always are asked, too.
        measures: what the fleet was told; by default the project's defaults.
    """
    told = measures or Measures()
    rows = await reader.fetch(
        violations_of(moment),
        told.limit,
        timedelta(seconds=told.period),
        told.connections,
        timedelta(seconds=told.lease),
        told.shares,
    )
    return [Violation(row["guarantee"], row["evidence"]) for row in rows]
