"""Reading the server's log: statements of one program, whatever lies between them."""

from __future__ import annotations

import pytest

from benchmarks.server_log import seconds_by_statement, statements

DAEMON = "projectionist-enrich"

STATEMENTS = """\
projectionist-enrich|LOG:  statement: BEGIN;
projectionist-enrich|LOG:  execute __asyncpg_stmt_5__: 
\t            select
\t              paused_since is not null as paused
\t            from fleet
projectionist-enrich|DETAIL:  Parameters: $1 = '20', $2 = NULL
projectionist-enrich|LOG:  statement: SELECT pg_advisory_unlock_all();
\tCLOSE ALL;
\tUNLISTEN *;
\tRESET ALL;
projectionist-api|LOG:  execute __asyncpg_stmt_1__: select 1
|LOG:  checkpoint starting: time
projectionist-enrich|LOG:  execute <unnamed>: select pg_notify($1, '')
projectionist-enrich|ERROR:  deadlock detected
projectionist-enrich|STATEMENT:  select 2
"""  # noqa: W291  # as PostgreSQL writes it

DURATIONS = """\
projectionist-api|LOG:  duration: 142.500 ms  statement: COPY "staged_movies"("position") FROM STDIN
projectionist-api|LOG:  duration: 0.500 ms  parse __asyncpg_stmt_5__: 
\t        insert into movies (
\t          session_id, position
\t        )
projectionist-api|LOG:  duration: 1500.000 ms  execute __asyncpg_stmt_5__: 
\t        insert into movies (
\t          session_id, position
\t        )
projectionist-enrich|LOG:  duration: 9000.000 ms  execute __asyncpg_stmt_5__: select 1
"""  # noqa: W291  # as PostgreSQL writes it


def test_each_statement_of_the_program_is_counted_once() -> None:
    assert statements(STATEMENTS, DAEMON) == ["BEGIN;", "select", "select pg_notify($1, '')"]


def test_pool_resets_are_left_aside() -> None:
    assert not any("advisory" in text for text in statements(STATEMENTS, DAEMON))


def test_another_program_has_its_own() -> None:
    assert statements(STATEMENTS, "projectionist-api") == ["select 1"]


def test_seconds_are_added_up_by_statement_longest_first() -> None:
    seconds = seconds_by_statement(DURATIONS, "projectionist-api")
    assert list(seconds) == ["insert into movies", 'COPY "staged_movies"("position") FROM']
    assert seconds["insert into movies"] == pytest.approx(1.5005)


def test_an_empty_log_tells_nothing() -> None:
    assert statements("", DAEMON) == []
    assert seconds_by_statement("", DAEMON) == {}
