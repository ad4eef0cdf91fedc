"""How far a 429 slowed the fleet, a film's other names, and how far the feed of changes was read.

The daemons of the release before know none of these: they send at the full rate after a hold, and
leave the names as they are.
"""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Add columns, none of which needs rewriting, and the feed's place."""
    for statement in (
        """
        alter table request_window
          add slowed_at timestamptz,
          add slowed_to double precision not null default 1
        """,
        "alter table catalogue add other_names text[]",
        # The last day whose changes were heeded; no row while there is no record to change.
        """
        create table change_feed (
          only_row boolean primary key default true check (only_row),
          read_to  date not null
        )
        """,
    ):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    """Drop them."""
    for statement in (
        "drop table change_feed",
        "alter table catalogue drop other_names",
        "alter table request_window drop slowed_to, drop slowed_at",
    ):
        op.get_bind().exec_driver_sql(statement)
