"""Clocks that are appended to, so that none is a row rewritten for each film; background in order.

Whoever holds a snapshot keeps each version of a row that was rewritten, and every reader of it goes
through them all. What is read at the young end of an index meets none of them.
"""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"

LOCK_TIMEOUT = "5s"
"""As every revision has it, but while an index is built."""
APPENDED = "(autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0)"

UP = (
    # So that no claim moves a clock between its copying and its end.
    "lock table queue_clock in access exclusive mode",
    # V, the virtual clock of start-time fair queueing: the largest turn claimed so far.
    f"create table virtual_times (turn bigint primary key) with {APPENDED}",
    "insert into virtual_times (turn) select virtual_time from queue_clock",
    # The turns given to retries.
    f"create table retry_turns (turn bigint primary key) with {APPENDED}",
    "insert into retry_turns (turn) select retry_turn from queue_clock",
    # From when on a slot goes to what nobody waits for, although somebody waits; one a claim.
    f"""
    create table background_shares (
      n       bigint primary key,
      next_at timestamptz not null
    ) with {APPENDED}
    """,
    "insert into background_shares (n, next_at) select 1, background_at from queue_clock",
    "drop table queue_clock",
)
DOWN = (
    "lock table virtual_times, retry_turns, background_shares in access exclusive mode",
    """
    create table queue_clock (
      only_row      boolean primary key default true check (only_row),
      virtual_time  bigint not null,
      retry_turn    bigint not null,
      background_at timestamptz not null default '-infinity'
    ) with (fillfactor = 10, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_scale_factor = 0)
    """,
    """
    insert into queue_clock (virtual_time, retry_turn, background_at)
    select
      (select max(turn) from virtual_times),
      (select max(turn) from retry_turns),
      (select next_at from background_shares order by n desc limit 1)
    """,
    "drop table background_shares",
    "drop table retry_turns",
    "drop table virtual_times",
)
INDEX = (
    "set lock_timeout = 0",
    "drop index concurrently if exists lookups_background",
    # What nobody waits for, in the order in which it is due: its turn is the largest there is.
    """
    create index concurrently lookups_background on lookups (due_at, id)
    where turn = 9223372036854775807
    """,
    f"set lock_timeout = '{LOCK_TIMEOUT}'",
)


def upgrade() -> None:
    """Carry the clocks over, and index the background; services claim nothing meanwhile."""
    with op.get_context().autocommit_block():
        for statement in INDEX:
            op.get_bind().exec_driver_sql(statement)
    for statement in UP:
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    """Put the clocks back into one row."""
    for statement in ("drop index lookups_background", *DOWN):
        op.get_bind().exec_driver_sql(statement)
