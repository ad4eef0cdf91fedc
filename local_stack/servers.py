"""Third-party servers as child processes that end with us, under an account they accept.

PostgreSQL and PgBouncer refuse to run as root; if we are root, they run as `nobody`.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import shutil
import signal
import stat
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_UNPRIVILEGED = "nobody"


def die_with_parent() -> None:
    """Have Linux interrupt this process when its parent dies (`prctl(2)`, PR_SET_PDEATHSIG).

    For `preexec_fn`. On other systems the children of a killed parent keep running.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGINT)


def start_server(command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """Start a server that logs to a file."""
    uid, gid = _account()
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603  # our callers name the binary and its arguments
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            start_new_session=True,  # Ctrl-C at the terminal is for the launcher alone
            preexec_fn=die_with_parent,  # noqa: PLW1509  # it makes one system call
            user=uid,
            group=gid,
        )


def run_tool(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run one of a server's tools to its end, under the server's account."""
    uid, gid = _account()
    return subprocess.run(  # noqa: S603  # our callers name the binary and its arguments
        command, capture_output=True, text=True, check=False, cwd="/", user=uid, group=gid
    )


def give(*paths: Path) -> None:
    """Give files and folders to the servers' account."""
    uid, gid = _account()
    if uid is None:
        return
    for path in paths:
        shutil.chown(path, uid, gid)
    let_through(paths)


def let_through(paths: Iterable[Path]) -> None:
    """Let the servers' account traverse, but not list, the parent folders."""
    if _account() == (None, None):
        return
    for folder in {parent for path in paths for parent in path.parents}:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)


def _account() -> tuple[int | None, int | None]:
    """Return user and group for the servers, or None for both if ours will do."""
    if os.geteuid() != 0:
        return None, None
    user = pwd.getpwnam(_UNPRIVILEGED)
    return user.pw_uid, user.pw_gid
