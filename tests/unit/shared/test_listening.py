"""What is said when a program cannot listen, whatever kind of error asyncio raises."""

from __future__ import annotations

import errno
import socket

import pytest

from shared.http.listening import cannot_listen

UNBOUND = "could not bind on any address out of [('192.0.2.1', 8000)]"


def said(error: OSError) -> str:
    return cannot_listen(error, "192.0.2.1", 8000, host_setting="HOST", port_setting="PORT")


def test_port_in_use_names_the_setting_of_the_port() -> None:
    assert said(OSError(errno.EADDRINUSE, "address already in use")) == (
        "Cannot listen on 192.0.2.1:8000: the port is in use. End what listens there, or set PORT "
        "to another port."
    )


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (OSError(errno.EADDRNOTAVAIL, "cannot assign requested address"), "cannot assign"),
        (OSError(UNBOUND), UNBOUND),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "Name or service"),
    ],
    ids=["errno", "no errno", "unknown host"],
)
def test_other_errors_are_told_with_both_settings(error: OSError, why: str) -> None:
    assert f"Cannot listen on 192.0.2.1:8000: {why}" in said(error)
    assert said(error).endswith(". Set HOST or PORT to what can be used.")
