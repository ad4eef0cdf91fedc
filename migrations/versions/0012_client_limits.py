"""What limits per client need: the key of their hashes, and what each of them has stored."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"

UP = (
    # One row, made here: without it nobody can tell whose hash a client's is.
    """
    create table client_keys (
      is_only boolean primary key default true check (is_only),
      secret  bytea not null
    )
    """,
    """
    insert into client_keys (secret)
    values (decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'))
    """,
    # The movies of one client's sessions are added up from this alone.
    """
    create index sessions_client on sessions (client) include (positions)
    where client is not null
    """,
    # Those whose client is to be forgotten, the oldest first.
    "create index sessions_known_client on sessions (created_at) where client is not null",
)
DOWN = (
    "drop index sessions_known_client",
    "drop index sessions_client",
    "drop table client_keys",
)


def upgrade() -> None:
    """Make the key, and the indexes by which limits are decided."""
    for statement in UP:
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    """Forget the key: hashes that were stored before mean nobody from then on."""
    for statement in DOWN:
        op.get_bind().exec_driver_sql(statement)
