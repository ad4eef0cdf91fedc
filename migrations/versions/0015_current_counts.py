"""One way to a session's newest counts, whatever the planner thinks of their table."""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"

UP = """
    create function current_counts(of_session uuid)
    returns table (
      version     tid,
      transaction xid,
      n           bigint,
      total       integer,
      enriched    integer,
      not_found   integer,
      failed      integer
    )
    language plpgsql stable rows 1
    set enable_seqscan = off
    set enable_bitmapscan = off
    as $$
    begin
      return query
        select c.ctid, c.xmin, c.n, c.total, c.enriched, c.not_found, c.failed
        from session_counts c
        where c.session_id = of_session
        order by c.n desc
        limit 1;
    end
    $$
    """


def upgrade() -> None:
    """Create the function.

    Under a held snapshot the table has few live rows on many pages. From that the planner concludes
    that an index entry costs pages to find, and reads all versions of a session's counts.
    """
    op.get_bind().exec_driver_sql(UP)


def downgrade() -> None:
    """Drop it."""
    op.get_bind().exec_driver_sql("drop function current_counts(uuid)")
