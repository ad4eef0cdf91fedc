"""Background work's share of the budget, and how far the sweep for orphaned lookups has come."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"

STATEMENTS: tuple[str, ...] = (
    # From when on a slot goes to what nobody waits for, although somebody waits.
    """
    alter table queue_clock
      add background_at timestamptz not null default '-infinity'
    """,
    # The last lookup that the sweep has looked at; held by the daemon that sweeps.
    """
    create table orphan_sweep (
      only_row boolean primary key default true check (only_row),
      swept_to bigint not null
    ) with (fillfactor = 10, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_scale_factor = 0)
    """,
    "insert into orphan_sweep (swept_to) values (0)",
)


def upgrade() -> None:
    """Add both; nothing is rewritten, because the column's default is a constant."""
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    """Drop both."""
    op.get_bind().exec_driver_sql("drop table orphan_sweep")
    op.get_bind().exec_driver_sql("alter table queue_clock drop background_at")
