"""What to say when a program cannot listen where it is told to."""

from __future__ import annotations

import errno


def cannot_listen(
    error: OSError, host: str, port: int, *, host_setting: str, port_setting: str
) -> str:
    """Return one line: where it cannot listen, why, and which setting changes that."""
    where = f"Cannot listen on {host}:{port}"
    if error.errno == errno.EADDRINUSE:
        return (
            f"{where}: the port is in use. End what listens there, or set {port_setting} to "
            "another port."
        )
    # From Python 3.13 on, asyncio names no error number where no address could be bound.
    why = error.strerror or error
    return f"{where}: {why}. Set {host_setting} or {port_setting} to what can be used."
