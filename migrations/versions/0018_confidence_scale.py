"""Confidences of answers from before the scale said how many are right (decision 0038).

They were all below 93 but for one kind, so films that are nearly always right were shown as
doubtful for as long as their answers were kept. What the daemons of the release before still write
meanwhile stays on their scale until it is answered anew.
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "0018"
down_revision = "0017"

BATCH_IDS = 1_000
"""Rows of so many ids are changed in one transaction, which takes milliseconds."""
BATCH = text(
    """
    select max(id)
    from (select id from lookups where id > :after order by id limit :size) as batch
    """
)
# Rows that a daemon holds are left out, so that neither waits for the other.
RESCALE = text(
    """
    with scale (reason, below, confidence) as (
      values
        ('exact title, no year asked', 93, 98),
        ('exact title, a year apart', 93, 98),
        ('exact title, year unknown to TMDB', 93, 96),
        ('same title, same year', 99, 99),
        ('same title, no year asked', 93, 98),
        ('same title, a year apart', 93, 97),
        ('variant title, same year', 93, 98),
        ('variant title, no year asked', 93, 97),
        ('alternative title, same year', 93, 98)
    ),
    old as materialized (
      select lookups.id, scale.confidence
      from lookups join scale using (reason)
      where
        lookups.id > :after and lookups.id <= :last
        and lookups.outcome = 'found' and lookups.confidence < scale.below
      order by lookups.id
      for no key update of lookups skip locked
    )
    update lookups
    set confidence = old.confidence
    from old
    where lookups.id = old.id
    """
)


def upgrade() -> None:
    """Rescale them, batch by batch, twice: the second time finds what was held in the first."""
    with op.get_context().autocommit_block():
        for _ in range(2):
            after = 0
            while last := op.get_bind().scalar(BATCH, {"after": after, "size": BATCH_IDS}):
                op.get_bind().execute(RESCALE, {"after": after, "last": last})
                after = last


def downgrade() -> None:
    """Leave them: the release before reads either scale, and doubts fewer films so."""
