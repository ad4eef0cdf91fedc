"""Starts the daemon: `python -m enrich_service`."""

from __future__ import annotations

import asyncio
import sys

from enrich_service.daemon import run_daemon
from shared.logging.configuration import set_up_logging
from shared.settings import SettingsError, read_settings


def main() -> None:
    """Read the settings, log, and run until stopped."""
    try:
        settings = read_settings()
        set_up_logging(settings, "enrich")
        asyncio.run(run_daemon(settings))
    except SettingsError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
