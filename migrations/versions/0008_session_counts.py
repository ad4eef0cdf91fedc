"""Give a session's counts a row of their own, so that `sessions` changes only when one completes.

Nothing is lost: the counts move to the new table, and back again with a downgrade.
"""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"

UPGRADE: tuple[str, ...] = (
    # All of it under one lock: a weaker one first would deadlock with whoever reads meanwhile.
    "lock table sessions in access exclusive mode",
    # One row a session. Each change of the counts takes the next `n`, so that under a snapshot
    # which keeps dead versions the newest one is still found, and followed, at the end of the
    # index. The checks refuse what a miscounted session would come to.
    """
    create table session_counts (
      session_id uuid not null references sessions on delete cascade,
      n          bigint not null default 0,
      total      integer not null check (total >= 0),
      enriched   integer not null default 0 check (enriched >= 0),
      not_found  integer not null default 0 check (not_found >= 0),
      failed     integer not null default 0 check (failed >= 0),
      primary key (session_id, n),
      check (enriched + not_found + failed <= total)
    ) with (
      fillfactor = 50, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0.02
    )
    """,
    """
    insert into session_counts (session_id, total, enriched, not_found, failed)
    select id, total, enriched, not_found, failed from sessions
    """,
    "drop trigger sessions_note_completion on sessions",
    "drop function note_completion",
    "drop index sessions_enriching",
    """
    alter table sessions
      drop status, drop total, drop enriched, drop not_found, drop failed
    """,
    # `completed_at` is null while a session is being enriched, and never otherwise. With the id, so
    # that the pace of all, which reads their counts, needs no row of `sessions`.
    """
    create index sessions_enriching on sessions (created_at) include (id)
    where completed_at is null
    """,
    # Whoever changes the counts need not think of the time at which they came to be complete.
    """
    create function set_completed_at() returns trigger language plpgsql as $$
    begin
      update sessions
      set completed_at = case
        when new.enriched + new.not_found + new.failed = new.total
        then coalesce(completed_at, clock_timestamp())
      end
      where id = new.session_id;
      return null;
    end
    $$
    """,
    """
    create trigger session_counts_begin_complete
    after insert on session_counts
    for each row when (new.enriched + new.not_found + new.failed = new.total)
    execute function set_completed_at()
    """,
    """
    create trigger session_counts_change_completion
    after update of total, enriched, not_found, failed on session_counts
    for each row when (
      (new.enriched + new.not_found + new.failed = new.total)
        <> (old.enriched + old.not_found + old.failed = old.total)
    )
    execute function set_completed_at()
    """,
)

DOWNGRADE: tuple[str, ...] = (
    "lock table sessions in access exclusive mode",
    """
    alter table sessions
      add total integer not null default 0 check (total >= 0),
      add enriched integer not null default 0 check (enriched >= 0),
      add not_found integer not null default 0 check (not_found >= 0),
      add failed integer not null default 0 check (failed >= 0)
    """,
    """
    update sessions
    set total = c.total, enriched = c.enriched, not_found = c.not_found, failed = c.failed
    from session_counts c
    where session_id = id
    """,
    "drop table session_counts",
    "drop function set_completed_at",
    "drop index sessions_enriching",
    """
    alter table sessions
      alter total drop default,
      add check (enriched + not_found + failed <= total),
      add status text not null generated always as (
        case when enriched + not_found + failed = total then 'completed' else 'enriching' end
      ) stored
    """,
    "create index sessions_enriching on sessions (created_at) where status = 'enriching'",
    """
    create function note_completion() returns trigger language plpgsql as $$
    begin
      new.completed_at := case
        when new.enriched + new.not_found + new.failed = new.total
        then coalesce(new.completed_at, clock_timestamp())
      end;
      return new;
    end
    $$
    """,
    """
    create trigger sessions_note_completion
    before insert or update of total, enriched, not_found, failed on sessions
    for each row execute function note_completion()
    """,
)


def upgrade() -> None:
    """Move the counts; `sessions` is locked meanwhile, and not rewritten."""
    for statement in UPGRADE:
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    """Move them back, which writes `sessions` anew."""
    for statement in DOWNGRADE:
        op.get_bind().exec_driver_sql(statement)
