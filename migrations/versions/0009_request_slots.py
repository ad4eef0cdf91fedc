"""One row a slot of the request window, appended, in place of a ring in a row that is rewritten.

The ring is carried over as it is, what was never sent included: slots before the first row count as
that one, as those before the ring's first did.
"""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"

UP: tuple[str, ...] = (
    # Whoever would take a slot meanwhile waits, and then finds another schema.
    "lock table request_window in access exclusive mode",
    # Vacuum comes after about a minute's slots, whatever is kept, so that the table stays small.
    """
    create table request_slots (
      n       bigint primary key,
      sent_at timestamptz not null
    ) with (autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_scale_factor = 0)
    """,
    """
    insert into request_slots (n, sent_at)
    select place, slot
    from request_window
    cross join lateral unnest(slots) with ordinality as sent (slot, place)
    """,
    "alter table request_window drop slots, drop granted",
)
DOWN: tuple[str, ...] = (
    """
    alter table request_window
      add slots timestamptz[] not null default '{-infinity}',
      add granted integer not null default 0
    """,
    # As many as most limits need. A ring that is too short for one is lengthened with its oldest
    # time, which delays requests and never allows one more.
    """
    update request_window
    set slots = array(
      select sent_at
      from (select n, sent_at from request_slots order by n desc limit 400) as newest
      order by n
    )
    where exists (select from request_slots)
    """,
    "alter table request_window alter slots drop default",
    "drop table request_slots",
)


def upgrade() -> None:
    """Carry the ring over and drop it."""
    for statement in UP:
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    """Carry the newest slots back."""
    for statement in DOWN:
        op.get_bind().exec_driver_sql(statement)
