"""What a new clone waits for: the environments to run and to develop, made one after the other.

With caches that are empty, and so at the speed of the network. What comes before both is told
apart: the environment that pip and uv are installed in.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.figures import Figure, spread, table
from local_stack.processes import ROOT

REACH_MEGABYTES = 180
REACH_SHARE = 1 / 3
_MEGABYTE = 1 << 20


def main() -> None:
    """Make each environment, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.installation", description=__doc__)
    parser.add_argument("--repeats", type=int, default=1)
    options = parser.parse_args()
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} from elsewhere", flush=True)
    rounds = []
    for _ in range(options.repeats):
        with TemporaryDirectory(prefix="benchmark-") as name:
            rounds.append(measure(Path(name)))
    print(table(figures(rounds)), flush=True)


@dataclass(frozen=True, slots=True)
class Made:
    """An environment that was made: how long it took (seconds), and its size (MiB)."""

    seconds: float
    megabytes: float


def measure(folder: Path) -> tuple[Made, Made, Made]:
    """The installer, what running needs and what development needs, in a folder of their own."""
    installer = f"INSTALLER={folder}/uv"
    return (
        _make(folder / "uv", f"{folder}/uv/.installed", installer),
        _make(folder / "run", "setup-run", installer, f"VENV={folder}/run"),
        _make(folder / "development", "setup", installer, f"VENV={folder}/development"),
    )


def figures(rounds: list[tuple[Made, Made, Made]]) -> list[Figure]:
    """A figure for each environment, and how the two compare."""
    every = list(zip(*rounds, strict=True))
    sizes = [max(made.megabytes for made in column) for column in every]
    named = zip(("the installer", "to run", "to develop"), every, sizes, strict=True)
    rows = [
        Figure(what, f"{spread([made.seconds for made in column], 's')}, {size:.0f} MB")
        for what, column, size in named
    ]
    share = sum(made.seconds for made in every[1]) / sum(made.seconds for made in every[2])
    return [
        *rows,
        Figure(
            "size of the environment to run",
            f"{sizes[1]:.0f} MB",
            f"<= {REACH_MEGABYTES} MB",
            met=sizes[1] <= REACH_MEGABYTES,
        ),
        Figure(
            "time to run / time to develop",
            f"{share:.2f}",
            f"<= {REACH_SHARE:.2f}",
            met=share <= REACH_SHARE,
        ),
    ]


def _make(environment: Path, *words: str) -> Made:
    cache = environment.with_name(f"{environment.name}.cache")
    env = {**os.environ, "UV_CACHE_DIR": str(cache), "PIP_NO_CACHE_DIR": "1"}
    start = time.perf_counter()
    subprocess.run(["make", "--silent", *words], cwd=ROOT, env=env, check=True)  # noqa: S603, S607  # the project's own Makefile
    seconds = time.perf_counter() - start
    return Made(seconds, _size(environment) / _MEGABYTE)


def _size(folder: Path) -> int:
    """Bytes that its files take on disk."""
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*"))


if __name__ == "__main__":
    main()
