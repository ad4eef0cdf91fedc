"""The program in the manual does what its page says, over a list that waits for a worker."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from typing import TYPE_CHECKING

import pytest

from local_stack.processes import ROOT
from local_stack.stack import STAND_IN_KEY
from tests.manual.pages import PAGES, SCRIPTS, blocks
from tests.support.driving import running

if TYPE_CHECKING:
    from pathlib import Path

    from tests.end_to_end.conftest import Sample
    from tests.manual.pages import Block

PROGRAMS = [block for page in PAGES for block in blocks(page) if block.language in SCRIPTS]
METHODS = {
    "start_scheduler",
    "stop_scheduler",
    "enrich_sessions",
    "enrich_session",
    "force_enrich_session",
    "pause_enrichment",
    "resume_enrichment",
    "get_status",
}


def test_program_of_the_manual_uses_every_method_of_the_worker() -> None:
    (program,) = PROGRAMS
    assert set(re.findall(r"worker\.(\w+)\(", program.text)) == METHODS


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda block: block.where)
async def test_program_of_the_manual_enriches_a_waiting_list(
    program: Block, sample: Sample, dsn: str, tmp_path: Path
) -> None:
    async with running(dsn, tmp_path, daemons=0) as driver:
        session_id = str((await driver.post_folder(sample.folder)).body["session_id"])
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", program.text, session_id),
            cwd=ROOT,
            env={
                **os.environ,
                "DATABASE_URL": dsn,
                "TMDB_API_KEY": STAND_IN_KEY,
                "TMDB_BASE_URL": driver.stack.tmdb_url,
                "TMDB_RATE_LIMIT": "400",
                "TMDB_RATE_PERIOD": "1",
                "INDEX_VOTES": "0",
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        said, told = await process.communicate()
        assert process.returncode == 0, told.decode()
        missing = sample.summary.missing
        assert f"{missing} lookups are queued again" in said.decode()
        assert "running: True" in said.decode()
        status = await driver.status(session_id)
        assert status["enriched_count"] == sample.summary.films - missing
        assert not await driver.fetch("select from workers")
        assert not (await driver.worker_status())["paused_since"]
