"""`python -m local_stack.samples FOLDER`: writes a sample Letterboxd export of bundled films."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from local_stack.samples.default_sample import write_default_sample


def main() -> int:
    """Write the sample and tell its true numbers as one line of JSON; 2 for a wrong argument."""
    parser = argparse.ArgumentParser(prog="python -m local_stack.samples", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the export goes; made if need be")
    parser.add_argument("--films", type=int, default=60, help="films seen")
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
