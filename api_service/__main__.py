"""Starts the API: `python -m api_service`."""

from __future__ import annotations

import sys

from aiohttp import web

from api_service.app import create_app
from api_service.process_limits import HEAD_LIMITS, raise_open_files
from shared.listening import cannot_listen
from shared.log import set_up_logging
from shared.settings import SettingsError, read_settings

SHUTDOWN_SECONDS = 5.0
HEAD_SECONDS = 75.0
"""How long a connection may be open without the whole head of its next request."""


def main() -> None:
    """Read the settings, log, and serve until stopped."""
    try:
        settings = read_settings()
    except SettingsError as error:
        sys.exit(str(error))
    set_up_logging(settings, "api")
    raise_open_files()
    try:
        web.run_app(
            create_app(settings),
            host=settings.api_host,
            port=settings.api_port,
            access_log=None,
            print=None,
            shutdown_timeout=SHUTDOWN_SECONDS,
            keepalive_timeout=HEAD_SECONDS,
            # A client that has gone does not get the id of what it uploaded: nothing is stored.
            handler_cancellation=True,
            **HEAD_LIMITS,
        )
    except OSError as error:
        host, port = settings.api_host, settings.api_port
        sys.exit(cannot_listen(error, host, port, host_setting="API_HOST", port_setting="API_PORT"))


if __name__ == "__main__":
    main()
