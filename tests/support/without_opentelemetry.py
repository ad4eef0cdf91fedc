"""A service without OpenTelemetry: `python -m tests.support.without_opentelemetry …`."""

from __future__ import annotations

import runpy
import sys


def main() -> None:
    """Run the service that is named; whoever imports OpenTelemetry is told that it is not there."""
    sys.modules["opentelemetry"] = None  # type: ignore[assignment]  # Python's own sign for that
    runpy.run_module(sys.argv[1], run_name="__main__", alter_sys=False)


if __name__ == "__main__":
    main()
