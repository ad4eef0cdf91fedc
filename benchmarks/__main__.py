"""`python -m benchmarks`: lists what can be measured, and measures what takes a few minutes."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

QUICK = {
    "parsing": "100,000 rows of each form of list read: rows a second",
    "parse_growth": "hostile lists of two sizes: how the time to read them grows",
    "upload_limits": "the costliest single uploads: peak memory, and what becomes of them",
    "matching": "which film a title is taken for, in a catalogue whose titles collide",
    "upload_size": "uploads of 10,000 and 100,000 rows: seconds, memory, who waits for them",
    "installation": "the environments to run and to develop: seconds and megabytes, caches empty",
    "again": "the same list again, all known",
    "session_files": "a session of 100,000 films taken away and added to",
    "summary": "the figures of a session of 10,000 films, whole and filtered",
    "heavy_reads": "status reads beside 40 overviews of 100,000 films",
    "transactions": "what it costs that a transaction states what it relies on",
    "status": "status reads while a large session runs",
    "streams": "1,000 open streams of events: memory, and from a film's commit to its event",
    "flood": "400 uploads of one client, another beside it, and what limits cost a status read",
    "idle": "what an idle daemon does",
    "page": "the page in a browser: bytes, paint, shifts, liveness, ten thousand films",
    "wake_up": "from an upload's commit to the first request at TMDB",
}
LONG = {
    "five_hundred": "500 new films from upload to completed (over 4 minutes)",
    "shortcuts": "whether the title index costs a wrong film (over 3 minutes)",
    "first_list": "requests and wrong films with TMDB's daily export and without (over 5 minutes)",
    "export_load": "loading the daily export beside a list: time, memory, size (over 3 minutes)",
    "requests": "requests a film and pace of a first list, over real processes (over 5 minutes)",
    "cold_start": "four daemons, a quiet window: until the first films end (over 2 minutes)",
    "connections": "to TMDB, of eight daemons that come and go (over 1 minute)",
    "growth": "a million queued lookups; dead rows after 100,000 films (over 3 minutes)",
    "held_snapshot": "what hot statements read while a snapshot stops vacuum (over 3 minutes)",
    "refreshing": "a day of 100,000 listed films, 6,000 of them changed (over 2 minutes)",
    "speed": "350 requests in 10 s, 1 and 4 daemons, and after a 429 (over 3 minutes)",
    "held_rate": "350 requests in 10 s while a snapshot stops vacuum (over 10 minutes)",
    "dump_cost": "how much the tables grow with each film while a dump runs (over 4 minutes)",
    "reliability": "how long work stands still after a fault; lost wake-ups (over 4 minutes)",
    "clients": "a client with 400 lists, and those beside it (over 3 minutes)",
    "strangers": "pollers, uploads, a flood and 100 slow bodies at once (over 7 minutes)",
    "fleet": "1, 2, 4 and 8 daemons: budget, fairness, ETA (over 7 minutes)",
    "budget": "1,000 films within the request budget (over 8 minutes)",
}


def main() -> None:
    """Run the benchmarks one after the other; a missed figure is told, and is no failure.

    Raises:
        SystemExit: with 1, in the end, when one could not measure.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--all", action="store_true", help="the long ones too")
    parser.add_argument("--list", action="store_true", help="only say which there are")
    options = parser.parse_args()
    for name, subject in (QUICK | LONG).items():
        print(f"python -m benchmarks.{name:<13} {subject}")
    broken = (
        []
        if options.list
        else [name for name in (QUICK | LONG if options.all else QUICK) if not _ran(name)]
    )
    if broken:
        sys.exit(f"Could not measure: {', '.join(broken)}")


def _ran(name: str) -> bool:
    print(f"\n== {name}", flush=True)
    start = time.perf_counter()
    command = [sys.executable, "-m", f"benchmarks.{name}"]
    status = subprocess.run(command, check=False).returncode  # noqa: S603  # our own modules
    print(f"({time.perf_counter() - start:.0f} s)", flush=True)
    return status == 0


if __name__ == "__main__":
    main()
