"""Let the window know how far the fleet was slowed after a 429, and records a film's other names.

The daemons of the release before know none of these columns: they send at the full rate after a
hold, and leave the names as they are.
"""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0015"


def upgrade() -> None:
    """Add the columns, none of which needs rewriting: nobody is slowed, and no names are known."""
    for statement in (
        """
        alter table request_window
          add slowed_at timestamptz,
          add slowed_to double precision not null default 1
        """,
        "alter table catalogue add other_names text[]",
    ):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    """Drop them."""
    for statement in (
        "alter table catalogue drop other_names",
        "alter table request_window drop slowed_to, drop slowed_at",
    ):
        op.get_bind().exec_driver_sql(statement)
