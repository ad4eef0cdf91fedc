"""`python -m local_stack.tmdb` as a process: it starts, serves, tells, and ends on a signal."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMAND = (sys.executable, "-m", "local_stack.tmdb")
V3 = "f" * 32


@contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """The process, once it has said that it listens, and what it said."""
    with subprocess.Popen(  # noqa: S603 - our own module
        (*COMMAND, "--port", "0", *arguments), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


def ended(process: subprocess.Popen[str]) -> tuple[int, list[dict[str, Any]]]:
    out, _ = process.communicate(timeout=60)
    return process.returncode, [json.loads(line) for line in out.splitlines()]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_and_every_line_is_structured(number: signal.Signals) -> None:
    with running("--films", "20", "--seed", "4", "--limit", "2") as (process, started):
        assert (started["event"], started["limit"]) == ("stand_in_started", 2)
        address = f"http://127.0.0.1:{started['port']}/3/movie/10000000?api_key={V3}"
        with urllib.request.urlopen(address) as answer:
            assert json.load(answer)["id"] == 10_000_000
        process.send_signal(number)
        code, lines = ended(process)
    assert code == 0
    (stopped,) = lines
    assert (stopped["event"], stopped["requests"], stopped["largest_window"]) == (
        "stand_in_stopped",
        1,
        1,
    )


def test_a_port_that_is_taken_is_told_and_fails() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        process = subprocess.run(  # noqa: S603 - our own module
            (*COMMAND, "--port", port), capture_output=True, text=True, check=False
        )
    assert process.returncode == 1
    said = json.loads(process.stdout)
    assert said["event"] == "stand_in_cannot_listen"
    assert "set --port to another port" in said["reason"]


def test_a_wrong_option_is_told_and_fails() -> None:
    process = subprocess.run(  # noqa: S603 - our own module
        (*COMMAND, "--port", "0", "--limit", "0"), capture_output=True, text=True, check=False
    )
    assert process.returncode == 1
    told = json.loads(process.stdout)
    assert told["event"] == "stand_in_refused"
    assert "limit" in told["reason"]
