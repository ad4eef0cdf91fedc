"""Films of TMDB's daily export, and who loads it."""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"

UP = (
    # By a hash of the name: the key is all that is looked up, and TMDB has a million names.
    """
    create table exported_films (
      name       bigint not null,
      tmdb_id    integer not null,
      popularity real not null,
      primary key (name, tmdb_id)
    )
    """,
    # One row, made here. The lease tells who loads, and ends by itself with whoever had it.
    """
    create table export_loads (
      is_only     boolean primary key default true check (is_only),
      day         date,
      films       integer,
      taken_by    uuid,
      taken_until timestamptz not null default '-infinity',
      next_try_at timestamptz not null default '-infinity'
    )
    """,
    "insert into export_loads default values",
)
DOWN = ("drop table export_loads", "drop table exported_films")


def upgrade() -> None:
    """Make the tables; nothing is loaded."""
    for statement in UP:
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    """Drop what was loaded: the next upgrade loads it again."""
    for statement in DOWN:
        op.get_bind().exec_driver_sql(statement)
