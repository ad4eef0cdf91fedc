"""Twenty thousand broken and hostile uploads, read or refused within bounds."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

CASES = 5_000


@pytest.mark.parametrize("seed", range(4))
def test_broken_lists_are_read_or_refused(seed: int) -> None:
    # In a process of its own, whose memory is limited; what it covers is covered without it.
    own = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    command = [sys.executable, "-m", "tests.fuzzing.lists"]
    done = subprocess.run(  # noqa: S603  # our own module
        [*command, "--cases", str(CASES), "--seed", str(seed)],
        env=own,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "  read\n" in done.stdout
