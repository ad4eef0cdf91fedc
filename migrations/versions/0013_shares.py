"""Shares: ids by which others may read a session, and which are no keys to it."""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"

UP = (
    # `number` is which of the shares that a session may have: no two requests get the same one.
    """
    create table shares (
      id           uuid primary key,
      session_id   uuid not null references sessions on delete cascade,
      number       smallint not null check (number > 0),
      with_reviews boolean not null,
      with_tags    boolean not null,
      created_at   timestamptz not null default clock_timestamp(),
      expires_at   timestamptz,
      unique (session_id, number)
    )
    """,
)
DOWN = ("drop table shares",)


def upgrade() -> None:
    """Make the table; nothing is shared."""
    for statement in UP:
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    """End all shares."""
    for statement in DOWN:
        op.get_bind().exec_driver_sql(statement)
