"""The newest answers, by an index: what a page is told of while it looks on."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Index what has an answer by its time; what waits for one is not in it."""
    op.get_bind().exec_driver_sql(
        "create index lookups_answered on lookups (answered_at) where answered_at is not null"
    )


def downgrade() -> None:
    """Drop it."""
    op.get_bind().exec_driver_sql("drop index lookups_answered")
