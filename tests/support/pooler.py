"""PgBouncer in front of PostgreSQL, in transaction mode, as a process that comes and goes."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from local_stack.processes import free_port
from local_stack.servers import give, start_server
from tests.support.driving import until

if TYPE_CHECKING:
    import subprocess
    from types import TracebackType
    from typing import Self

SERVER_CONNECTIONS = 5
"""Fewer than the services open to it, so that they do share."""
CONFIGURATION = """
[databases]
* = host={host} port={port} user=postgres

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen_port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {server_connections}
max_client_conn = 200
{more}
"""


class PgBouncer:
    """One PgBouncer before one server.

    Args:
        program: its binary.
        dsn: a database of the server, over a Unix socket.
        more: further lines of its configuration.
    """

    def __init__(self, program: Path, dsn: str, *, more: str = "") -> None:
        self._program = program
        # Not in pytest's folder, which each run of pytest closes to other accounts.
        self._folder = Path(tempfile.mkdtemp(prefix="projectionist-pgbouncer-"))
        self._log = self._folder / "pgbouncer.log"
        self._configuration = self._folder / "pgbouncer.ini"
        self._port = free_port()
        name, _, host = dsn.partition("@/")[2].partition("?host=")
        self.dsn = f"postgresql://postgres@127.0.0.1:{self._port}/{name}"
        self._configuration.write_text(
            CONFIGURATION.format(
                host=host,
                port=5432,
                listen_port=self._port,
                server_connections=SERVER_CONNECTIONS,
                more=more,
            )
        )
        give(self._folder, self._configuration)
        self._process: subprocess.Popen[bytes] | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop(signal.SIGKILL)
        shutil.rmtree(self._folder, ignore_errors=True)

    async def start(self) -> None:
        """Start it and wait until it lets somebody through."""
        command = [str(self._program), str(self._configuration)]
        process = self._process = start_server(command, self._log)

        async def answers() -> bool:
            assert process.poll() is None, self._log.read_text()
            with contextlib.suppress(OSError, asyncpg.PostgresError):
                await (await asyncpg.connect(self.dsn)).close()
                return True
            return False

        await until(answers)

    async def stop(self, how: signal.Signals) -> None:
        """End it: SIGINT lets transactions finish first, SIGKILL cuts everybody off."""
        if self._process is None:
            return
        self._process.send_signal(how)
        await asyncio.to_thread(self._process.wait)
        self._process = None
