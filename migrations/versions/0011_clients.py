"""The client of a session, and the grants of turns that bound it.

A grant is a range of turns within which a client's films stand, one film a turn.
"""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"

UP = (
    # Who uploaded it; null where nobody knows.
    "alter table sessions add column client text",
    # Of its films that others had queued before, as it was when that was last looked at.
    "alter table sessions add column first_turn bigint, add column last_turn bigint",
    # So that the pace of all still needs no row of `sessions`.
    "drop index sessions_enriching",
    """
    create index sessions_enriching on sessions (created_at) include (id, client)
    where completed_at is null
    """,
    """
    create table queue_grants (
      id         bigint generated always as identity primary key,
      client     text not null,
      -- Null until what it was made for is stored, and again where its session was deleted.
      session_id uuid references sessions on delete set null,
      first_turn bigint not null,
      last_turn  bigint not null
    ) with (autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0)
    """,
    "create index queue_grants_client on queue_grants (client, last_turn)",
    # Those to come, and those that have passed, without the others.
    "create index queue_grants_last_turn on queue_grants (last_turn) include (first_turn)",
    "create index queue_grants_session on queue_grants (session_id)",
)
DOWN = (
    "drop table queue_grants",
    "drop index sessions_enriching",
    "alter table sessions drop column client, drop column first_turn, drop column last_turn",
    """
    create index sessions_enriching on sessions (created_at) include (id)
    where completed_at is null
    """,
)


def upgrade() -> None:
    """Know of no client; sessions that are there stay unbounded."""
    for statement in UP:
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    """Forget the clients; their films keep their turns."""
    for statement in DOWN:
        op.get_bind().exec_driver_sql(statement)
