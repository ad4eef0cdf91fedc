"""Let a lookup carry the trace of the request that queued it to the daemon that answers it."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the column, which needs no rewriting: the trace of what waits already is not known."""
    op.get_bind().exec_driver_sql("alter table lookups add traceparent text")


def downgrade() -> None:
    """Drop it."""
    op.get_bind().exec_driver_sql("alter table lookups drop traceparent")
