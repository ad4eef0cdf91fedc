"""What the end-to-end tests share: both services at work, and a sample export that went through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from local_stack.samples.default_sample import write_default_sample
from tests.support.driving import create_database, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from local_stack.postgres import EmbeddedPostgres
    from local_stack.samples.letterboxd import SampleSummary
    from tests.support.driving import Answer, Driver


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


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """The default sample, written out."""
    folder = tmp_path_factory.mktemp("export")
    return Sample(folder, write_default_sample(folder))


@dataclass(frozen=True, slots=True)
class Enriched:
    """The sample after its whole way: how the upload was answered, and the status in the end."""

    driver: Driver
    upload: Answer
    status: dict[str, Any]

    @property
    def session_id(self) -> str:
        """Of the sample's session."""
        return str(self.status["session_id"])


@pytest.fixture(scope="module")
async def enriched(
    postgres: EmbeddedPostgres,
    template: str,
    sample: Sample,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Enriched]:
    """The sample, taken from upload to `completed` once for all who look at it."""
    dsn = await create_database(postgres, template=template)
    async with running(dsn, tmp_path_factory.mktemp("enriched")) as driving:
        upload = await driving.post_folder(sample.folder)
        yield Enriched(driving, upload, await driving.completed(upload.body["session_id"]))
