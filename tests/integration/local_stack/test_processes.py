"""A program of ours that ends: how it ended and what it last said, of this run alone."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from local_stack.processes import Program, ProgramError, free_port

if TYPE_CHECKING:
    from pathlib import Path

EARLIER = "what an earlier run said\n"


@pytest.fixture
def stand_in(tmp_path: Path) -> Program:
    """A program that writes into a log with an earlier run in it, on a port of its own."""
    port = free_port()
    log = tmp_path / "tmdb.log"
    log.write_text(EARLIER * 5)
    return Program(
        "local_stack.tmdb",
        *("--port", str(port)),
        ready=f"http://127.0.0.1:{port}/_stand_in/report",
        log=log,
    )


async def test_a_program_that_cannot_start_says_why_and_nothing_of_earlier_runs(
    tmp_path: Path,
) -> None:
    log = tmp_path / "tmdb.log"
    log.write_text(EARLIER * 5)
    program = Program("local_stack.tmdb", "--port", "no", ready="http://127.0.0.1:1/", log=log)
    with pytest.raises(ProgramError) as caught:
        await program.start()
    said = str(caught.value)
    assert said.startswith("local_stack.tmdb ended with exit status 2\n")
    assert "--port" in said
    assert EARLIER.strip() not in said
    assert log.read_text().startswith(EARLIER)


async def test_a_program_that_was_killed_says_by_which_signal(stand_in: Program) -> None:
    await stand_in.start()
    stand_in.send_signal(signal.SIGKILL)
    with pytest.raises(ProgramError) as caught:
        await stand_in.wait_for_failure()
    said = str(caught.value)
    assert said.startswith("local_stack.tmdb ended by itself, by SIGKILL\n")
    assert EARLIER.strip() not in said
