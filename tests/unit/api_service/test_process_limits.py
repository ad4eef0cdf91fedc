"""Open files are raised to what is allowed; what cannot be accepted is said seldom."""

from __future__ import annotations

import asyncio
import errno
import subprocess
import sys

import structlog

from api_service.limits.process_limits import AcceptErrors, seldom_said
from shared.logging.throttle import REPEAT_SECONDS

RAISED = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (128, 300))
from api_service.limits.process_limits import raise_open_files
print(raise_open_files(), *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def test_open_files_are_raised_to_the_hard_limit() -> None:
    done = subprocess.run(  # noqa: S603  # our own code
        [sys.executable, "-c", RAISED], check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == ["300", "300", "300"]


async def test_accept_errors_are_said_once_in_a_while() -> None:
    now = 100.0
    said = AcceptErrors(lambda: now)
    loop = asyncio.get_running_loop()
    context = {"message": "socket.accept()", "exception": OSError(errno.EMFILE, "too many")}
    with structlog.testing.capture_logs() as logged:
        for _ in range(1000):
            said(loop, context)
        now += REPEAT_SECONDS
        said(loop, context)
    assert [(line["event"], line["suppressed"]) for line in logged] == [
        ("accept_failed", 0),
        ("accept_failed", 999),
    ]


async def test_tries_to_go_on_after_the_end_are_not_said() -> None:
    message = "Exception in callback BaseSelectorEventLoop._start_serving()"
    context = {"message": message, "exception": ValueError("Invalid file descriptor: -1")}
    with structlog.testing.capture_logs() as logged:
        AcceptErrors()(asyncio.get_running_loop(), context)
    assert logged == []


async def test_other_errors_are_logged_as_before() -> None:
    loop = asyncio.get_running_loop()
    seen: list[object] = []
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: seen.append(context))
    try:
        with seldom_said():
            assert isinstance(loop.get_exception_handler(), AcceptErrors)
        loop.call_exception_handler({"message": "after"})
    finally:
        loop.set_exception_handler(before)
    assert seen == [{"message": "after"}]
