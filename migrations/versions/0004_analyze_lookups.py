"""Let a service that does not own the queue have it analysed."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the function by which the API tells the planner of a large upload.

    Only a table's owner may analyse it (from PostgreSQL 17 on, others can be let), and whoever may
    not gets a warning that nobody sees.
    """
    op.get_bind().exec_driver_sql(
        """
        create function analyze_lookups() returns void
        language sql security definer set search_path = pg_catalog, pg_temp
        as 'analyze (skip_locked) public.lookups'
        """
    )


def downgrade() -> None:
    """Drop it."""
    op.get_bind().exec_driver_sql("drop function analyze_lookups")
