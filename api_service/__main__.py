"""Starts the API: `python -m api_service`."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from aiohttp import web

from api_service.app import create_app
from api_service.context import CONNECTIONS
from api_service.limits.connections import BoundedSite
from api_service.limits.process_limits import HEAD_LIMITS, raise_open_files
from shared.http.listening import cannot_listen
from shared.logging.configuration import set_up_logging
from shared.settings import SettingsError, read_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.settings import Settings

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
        with suppress(asyncio.CancelledError):
            asyncio.run(serve(settings))
    except OSError as error:
        host, port = settings.api_host, settings.api_port
        sys.exit(cannot_listen(error, host, port, host_setting="API_HOST", port_setting="API_PORT"))


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then let what is being answered end.

    Raises:
        CancelledError: it was stopped.
        OSError: the address cannot be listened on.
    """
    serving = asyncio.current_task()
    if serving is None:
        raise RuntimeError("`serve` runs in a task")
    # SIGINT too: asyncio.run leaves it alone where the parent process ignores it.
    _upon_signals(serving.cancel)
    app = create_app(settings)
    runner = web.AppRunner(
        app,
        access_log=None,
        shutdown_timeout=SHUTDOWN_SECONDS,
        keepalive_timeout=HEAD_SECONDS,
        # A client that has gone does not get the id of what it uploaded: nothing is stored.
        handler_cancellation=True,
        **HEAD_LIMITS,
    )
    try:
        await runner.setup()
        await BoundedSite(runner, settings.api_host, settings.api_port, app[CONNECTIONS]).start()
        await asyncio.Event().wait()
    finally:
        # What is being answered has `SHUTDOWN_SECONDS`; asking twice makes it no faster.
        _upon_signals(lambda: None)
        await runner.cleanup()


def _upon_signals(do: Callable[[], object]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, do)


if __name__ == "__main__":
    main()
