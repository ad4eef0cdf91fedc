"""The image's health check: requests `/livez` of the container's service.

The one image holds both services and a container runs one of them, so the port of either will do.
It runs every few seconds, hence only the standard library.

`python -m shared.alive [ADDRESS]`: 0 when all is well, 1 when not; with an address, asks that one.
"""

from __future__ import annotations

import http.client
import os
import sys
from urllib.parse import urlsplit

PORTS = {"API": "8000", "WORKER": "8001"}
"""Of each service the first part of its settings' names, and its port where none is set."""
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # compared, not listened on
_TIMEOUT_SECONDS = 4.0


def main() -> str | None:
    """Return what is wrong, or None."""
    addresses = sys.argv[1:] or [f"http://{_listens_on(service)}/livez" for service in PORTS]
    for address in addresses:
        try:
            return _trouble(address)
        except ConnectionRefusedError:
            continue
    return f"nobody listens: {' '.join(addresses)}"


def reachable(host: str, port: int | str) -> str:
    """Return host and port, as in an address, by which this machine reaches that listener."""
    host = _EVERYWHERE.get(host, host)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _listens_on(service: str) -> str:
    host = os.environ.get(f"{service}_HOST") or "127.0.0.1"
    return reachable(host, os.environ.get(f"{service}_PORT") or PORTS[service])


def _trouble(address: str) -> str | None:
    """Return what is wrong with the response from there, or None.

    Raises:
        ConnectionRefusedError: nobody listens.
    """
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.netloc, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request("GET", parts.path)
        response = connection.getresponse()
        said = response.read(500).decode(errors="replace")
    except ConnectionRefusedError:
        raise
    except (OSError, http.client.HTTPException) as error:
        return f"{address}: {error!r}"
    finally:
        connection.close()
    return None if response.status == http.client.OK else f"{address}: {response.status} {said}"


if __name__ == "__main__":
    sys.exit(main())
