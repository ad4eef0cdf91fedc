"""A service whose event loop SIGUSR1 blocks: `python -m tests.support.blockable api_service`."""

from __future__ import annotations

import runpy
import signal
import sys
import time

STANDSTILL_SECONDS = 1.0


def main() -> None:
    """Run the service that is named, from the thread of its loop."""
    signal.signal(signal.SIGUSR1, lambda *_: time.sleep(STANDSTILL_SECONDS))
    runpy.run_module(sys.argv[1], run_name="__main__", alter_sys=False)


if __name__ == "__main__":
    main()
