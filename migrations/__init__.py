"""The schema, as Alembic revisions of plain SQL."""
