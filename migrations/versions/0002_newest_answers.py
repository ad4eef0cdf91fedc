"""The newest answers, by an index: what a page is told of while it looks on."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"


STATEMENTS = (
    # Building it waits for transactions, which are kept waiting by nothing: no lock times out.
    "set lock_timeout = 0",
    # What is left of a try that was cut short.
    "drop index concurrently if exists lookups_answered",
    """
    create index concurrently lookups_answered on lookups (answered_at)
    where answered_at is not null
    """,
    "set lock_timeout = '5s'",
)


def upgrade() -> None:
    """Index what has an answer by its time; services read and write meanwhile."""
    with op.get_context().autocommit_block():
        for statement in STATEMENTS:
            op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    """Drop it."""
    op.get_bind().exec_driver_sql("drop index lookups_answered")
