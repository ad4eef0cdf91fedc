"""${message}."""

from __future__ import annotations

from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}

STATEMENTS: tuple[str, ...] = ()


def upgrade() -> None:
    """Run each statement as it stands."""
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
