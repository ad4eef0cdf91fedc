"""The project's programs as child processes, with real signals."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp

from local_stack.servers import die_with_parent

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 90.0
STOP_SECONDS = 60.0
_POLL_SECONDS = 0.02
WATCH_SECONDS = 0.5


class ProgramError(RuntimeError):
    """A program exited or did not answer in time; the message ends with its log."""


class Program:
    """One of the project's `python -m …` programs, started, watched and stopped.

    Args:
        arguments: after `python -m`.
        env: additions to this process's environment.
        ready: a URL that answers 200 once the program is ready.
        log: the file for its output.
    """

    def __init__(
        self, *arguments: str, env: Mapping[str, str] | None = None, ready: str, log: Path
    ) -> None:
        self._arguments = arguments
        self._env = dict(env or {})
        self._ready = ready
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.running:
            await self.stop()

    @property
    def running(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def url(self) -> str:
        """Where it listens."""
        return self._ready.partition("://")[0] + "://" + self._ready.split("/")[2]

    @property
    def pid(self) -> int:
        """Its process id."""
        if self._process is None:
            raise ProgramError(f"{self._arguments[0]} was not started")
        return self._process.pid

    async def start(self, *, wait: bool = True) -> None:
        """Start it and wait until it is ready.

        Raises:
            ProgramError: it exited, or was not ready within 90 s.
        """
        self._spawn()
        if wait:
            await self.wait_until_ready()

    def _spawn(self) -> None:
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            self._process = subprocess.Popen(  # noqa: S603  # our own program
                [sys.executable, "-m", *self._arguments],
                cwd=ROOT,
                env={**os.environ, **self._env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C at the terminal is for the launcher alone
                preexec_fn=die_with_parent,  # noqa: PLW1509  # it makes one system call
            )

    async def wait_until_ready(self) -> None:
        """Wait until its `ready` URL answers 200; raise as `start` does."""
        try:
            async with asyncio.timeout(START_SECONDS), aiohttp.ClientSession() as session:
                while not await self._answers(session):
                    if not self.running:
                        raise ProgramError(f"{self._arguments[0]} ended{self._how()}")
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            raise ProgramError(f"{self._arguments[0]} is not ready\n{self._tail()}") from None

    async def wait_for_failure(self) -> None:
        """Wait until it exits by itself.

        Raises:
            ProgramError: always, once it has.
        """
        while self.running:  # noqa: ASYNC110  # the kernel sets no Event when a process ends
            await asyncio.sleep(WATCH_SECONDS)
        raise ProgramError(f"{self._arguments[0]} ended by itself,{self._how()}")

    async def stop(self) -> int:
        """Send SIGTERM, wait for the end, and return the exit status."""
        return await self.end(signal.SIGTERM)

    async def kill(self) -> int:
        """Send SIGKILL, wait for the end, and return the exit status."""
        return await self.end(signal.SIGKILL)

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, such as SIGSTOP and SIGCONT."""
        os.kill(self.pid, number)

    async def end(self, number: signal.Signals) -> int:
        """Send a terminating signal, wait, and return the exit status, negative for a signal.

        Raises:
            ProgramError: it did not exit within 60 s.
        """
        process = self._process
        if process is None:
            raise ProgramError(f"{self._arguments[0]} was not started")
        process.send_signal(number)
        try:
            return await asyncio.to_thread(process.wait, STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)
            raise ProgramError(f"{self._arguments[0]} did not end\n{self._tail()}") from None

    async def _answers(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(self._ready) as response:
                return response.status == 200  # noqa: PLR2004  # HTTP's own number
        except (aiohttp.ClientError, OSError):
            return False

    def _how(self) -> str:
        status = self._process.poll() if self._process else None
        if status is None:
            how = ""
        elif status < 0:
            how = f" by {signal.Signals(-status).name}"
        else:
            how = f" with exit status {status}"
        return f"{how}\n{self._tail()}"

    def _tail(self) -> str:
        """Return the end of its log since its start, without earlier runs."""
        text = self.log.read_bytes()[self._log_start :].decode(errors="replace")
        return "\n".join(text.splitlines()[-30:])


def free_port() -> int:
    """Return a TCP port of the loopback address that is free at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def migrate(dsn: str, **settings: str) -> None:
    """Upgrade a database to the newest schema.

    Args:
        dsn: the database.
        settings: additional environment settings.

    Raises:
        ProgramError: with Alembic's output.
    """
    result = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "alembic", "upgrade", "head"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": dsn, **settings},
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,  # Ctrl-C at the terminal is for the launcher alone
    )
    if result.returncode != 0:
        raise ProgramError(f"alembic upgrade head failed\n{result.stderr}")
