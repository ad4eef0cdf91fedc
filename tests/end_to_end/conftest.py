"""What the end-to-end tests share: both services at work, and a sample export on disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from local_stack.samples.default_sample import write_default_sample
from tests.driving import running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from local_stack.samples.letterboxd import SampleSummary
    from tests.driving import Driver


@pytest.fixture
async def driver(dsn: str, tmp_path: Path) -> AsyncIterator[Driver]:
    """The API, one daemon and the stand-in, each a process, telling all that they ever tell."""
    async with running(dsn, tmp_path, LOG_LEVEL="DEBUG") as driving:
        yield driving


@dataclass(frozen=True, slots=True)
class Sample:
    """The default sample: a Letterboxd export, and what it truly holds."""

    folder: Path
    summary: SampleSummary


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    """The default sample, written out."""
    folder = tmp_path / "export"
    return Sample(folder, write_default_sample(folder))
