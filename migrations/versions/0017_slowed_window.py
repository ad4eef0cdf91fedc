"""Let the window know by how much the fleet was slowed after TMDB refused a request for its number.

The daemons of the release before know neither column: they send at the full rate after the hold.
"""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0015"


def upgrade() -> None:
    """Add the columns, none of which needs rewriting: nobody is slowed."""
    op.get_bind().exec_driver_sql(
        """
        alter table request_window
          add slowed_at timestamptz,
          add slowed_to double precision not null default 1
        """
    )


def downgrade() -> None:
    """Drop them."""
    op.get_bind().exec_driver_sql("alter table request_window drop slowed_to, drop slowed_at")
