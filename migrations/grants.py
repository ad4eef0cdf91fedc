"""What each service's role may do: no more than its SQL does, which a test reads from the code.

Granted in the transaction that brings the schema to its newest revision, and again by every
`alembic upgrade head` that finds nothing to do, so that roles made later get theirs too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection

OWNER = "projectionist_owner"
API = "projectionist_api"
DAEMON = "projectionist_daemon"

TABLES: dict[str, dict[str, str]] = {
    # Never a film, never a claim: what it writes to the queue are questions, asked and asked again.
    API: {
        "alembic_version": "select",
        "client_keys": "select",
        "sessions": "select, insert, update, delete",
        "session_counts": "select, insert, update",
        "shares": "select, insert, delete",
        "upload_reports": "select, insert",
        "idempotency_keys": "select, insert, delete, update (created_at)",
        "movies": "select, insert, update, delete",
        "lookups": "select, insert (key, title, due_at, turn, traceparent), delete, update ("
        "outcome, reason, tmdb_id, confidence, candidates, answered_at, attempts, due_at, turn, "
        "traceparent)",
        "virtual_times": "select",
        "queue_grants": "select, insert, delete, update (session_id, last_turn)",
        "catalogue": "select",
        "request_window": "select",
        "request_slots": "select",
        "fleet": "select, update (paused_since)",
        "workers": "select",
    },
    # Never what users uploaded: of a movie it changes which lookup answers it, of a session the
    # counts; it deletes sessions that nobody has read for long. Of uploads it sees when they came.
    DAEMON: {
        "alembic_version": "select",
        # The trigger on the counts sets the time, by the rights of whoever changes them.
        "sessions": "select, update (completed_at, client), delete",
        "upload_reports": "select (session_id, uploaded_at)",
        "session_counts": "select, update (n, total, enriched, not_found, failed)",
        "movies": "select, update (lookup_id)",
        "lookups": "select, insert, update, delete",
        "virtual_times": "select, insert, delete",
        "queue_grants": "select, insert, delete, update (session_id, last_turn)",
        "retry_turns": "select, insert, delete",
        "background_shares": "select, insert, delete",
        "catalogue": "select, insert, update, delete",
        "titles": "select, insert, update, delete",
        "surveys": "select, insert, update",
        "change_feed": "select, insert, update (read_to)",
        "exported_films": "select, insert, update (popularity), delete",
        "export_loads": "select, update (day, films, taken_by, taken_until, next_try_at)",
        "orphan_sweep": "select, update",
        "request_window": "select, update",
        "request_slots": "select, insert, update (sent_at), delete",
        "fleet": "select, update",
        "workers": "select, insert, update, delete",
    },
}
FUNCTIONS = {"analyze_lookups()": API}
"""Those that run with their owner's rights, and who may call them."""


def grant_to_services(connection: Connection) -> None:
    """Give both roles what they need of the newest schema, and take away what they had beyond it.

    Does nothing where deploy/postgres/roles.sql has not given the database to its owner role: there
    one user does everything.
    """
    owner = connection.exec_driver_sql(
        "select pg_get_userbyid(datdba) from pg_database where datname = current_database()"
    ).scalar()
    if owner != OWNER:
        return
    for role, tables in TABLES.items():
        connection.exec_driver_sql(f"revoke all on all tables in schema public from {role}")
        for table, privileges in tables.items():
            connection.exec_driver_sql(f"grant {privileges} on {table} to {role}")
    for function, role in FUNCTIONS.items():
        connection.exec_driver_sql(f"revoke execute on function {function} from public")
        connection.exec_driver_sql(f"grant execute on function {function} to {role}")
