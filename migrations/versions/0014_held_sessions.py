"""Sessions that the operator holds: their films get no turn until they are released."""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"

UP = ("alter table sessions add column held_at timestamptz",)
DOWN = (
    # Nobody would release them any more. The turn is HELD_TURN of shared/models.py.
    """
    update lookups
    set due_at = clock_timestamp(), turn = (select max(turn) from virtual_times) + 1
    where turn = 9223372036854775806
    """,
    "alter table sessions drop column held_at",
)


def upgrade() -> None:
    """Hold none."""
    for statement in UP:
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    """Release all that are held."""
    for statement in DOWN:
        op.get_bind().exec_driver_sql(statement)
