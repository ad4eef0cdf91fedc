"""Servers from Debian's packages; a test that misses its server is skipped, saying what to do."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

OLDEST_SUPPORTED = 15


def postgresql() -> Path:
    """The folder of the oldest PostgreSQL's binaries that is installed and supported."""
    versions = {
        int(path.parts[-3]): path.parent
        for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")
        if path.parts[-3].isdigit()
    }
    supported = [number for number in versions if number >= OLDEST_SUPPORTED]
    if not supported:
        pytest.skip("PostgreSQL's server binaries are missing: apt-get install postgresql")
    return versions[min(supported)]


def pgbouncer() -> Path:
    """The program PgBouncer."""
    found = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        pytest.skip("PgBouncer is missing: apt-get install pgbouncer")
    return Path(found)
