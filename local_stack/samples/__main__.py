"""`python -m local_stack.samples FOLDER`: write a sample Letterboxd export of bundled films."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from local_stack.samples.default_sample import write_default_sample


def main() -> int:
    """Write the sample and print its true numbers as JSON; exit 2 for a wrong argument."""
    parser = argparse.ArgumentParser(prog="python -m local_stack.samples", description=__doc__)
    parser.add_argument("folder", type=Path, help="folder for the export, created if missing")
    parser.add_argument("--films", type=int, default=60, help="number of films seen")
    parser.add_argument("--seed", type=int, default=1, help="another seed, another film lover")
    told = parser.parse_args()
    try:
        summary = write_default_sample(told.folder, films=told.films, seed=told.seed)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    sys.stdout.write(json.dumps(asdict(summary)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
