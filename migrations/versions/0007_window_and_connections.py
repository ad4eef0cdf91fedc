"""Let the window know its server and when a hold began, and workers share the connections.

The daemons of the release before know none of these columns: they hold without a beginning, notice
no other timeline, and say of no connection that it is theirs.
"""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the columns, none of which needs rewriting; what is not known is null or none."""
    for statement in (
        "alter table request_window add held_at timestamptz, add timeline integer",
        "alter table workers add connections integer not null default 0",
    ):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    """Drop them."""
    for statement in (
        "alter table workers drop connections",
        "alter table request_window drop timeline, drop held_at",
    ):
        op.get_bind().exec_driver_sql(statement)
