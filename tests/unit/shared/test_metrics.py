"""What a scrape reads from elsewhere: read once for many, never waited for long, or left out."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from shared import metrics
from shared.errors import DatabaseUnavailableError
from shared.metrics import Recent, ServiceMetrics


class Readable:
    """Something that is read, or cannot be."""

    def __init__(self) -> None:
        self.reads = 0
        self.error: Exception | None = None
        self.silent = False
        self.seconds = 0.0

    async def read(self) -> int:
        self.reads += 1
        if self.silent:
            await asyncio.Event().wait()
        await asyncio.sleep(self.seconds)
        if self.error:
            raise self.error
        return self.reads


@pytest.fixture
def readable() -> Readable:
    return Readable()


async def test_however_many_ask_it_is_read_once(readable: Readable) -> None:
    recent = Recent(readable.read)
    await asyncio.gather(*(recent.refresh() for _ in range(50)))
    await recent.refresh()
    assert (recent.value, readable.reads) == (1, 1)


async def test_what_is_old_is_read_again(
    readable: Readable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(metrics, "COOLDOWN_FACTOR", 0.0)
    recent = Recent(readable.read)
    await recent.refresh()
    await recent.refresh()
    assert recent.value == 2


async def test_what_takes_long_is_read_less_often(
    readable: Readable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "FRESH_SECONDS", 0.0)
    readable.seconds = 0.05
    recent = Recent(readable.read)
    await recent.refresh()
    await recent.refresh()
    assert (recent.value, readable.reads) == (1, 1)


async def test_what_cannot_be_read_is_not_there_and_said_once(
    readable: Readable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(metrics, "COOLDOWN_FACTOR", 0.0)
    recent = Recent(readable.read)
    await recent.refresh()
    readable.error = DatabaseUnavailableError("gone", retry_after=1)
    with capture_logs() as log:
        await recent.refresh()
        await recent.refresh()
    assert recent.value is None
    assert [event["event"] for event in log] == ["scrape_incomplete"]
    readable.error = None
    await recent.refresh()
    assert recent.value == 4


async def test_a_defect_takes_only_its_own_part_away(readable: Readable) -> None:
    readable.error = ValueError("a defect")
    recent = Recent(readable.read)
    with capture_logs() as log:
        await recent.refresh()
    assert recent.value is None
    assert [event["event"] for event in log] == ["scrape_crashed"]


async def test_silence_is_not_waited_for_nor_asked_again(
    readable: Readable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "READING_SECONDS", 0.05)
    readable.silent = True
    recent = Recent(readable.read)
    async with asyncio.timeout(60):
        await recent.refresh()
        await recent.refresh()
    assert (recent.value, readable.reads) == (None, 1)
    recent.close()


async def test_an_old_value_is_not_shown_while_nothing_new_comes(
    readable: Readable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(metrics, "COOLDOWN_FACTOR", 0.0)
    monkeypatch.setattr(metrics, "READING_SECONDS", 1.0)
    recent = Recent(readable.read)
    await recent.refresh()
    assert recent.value == 1
    readable.silent = True
    await recent.refresh()
    assert recent.value is None
    recent.close()


async def test_two_services_in_one_process_count_apart() -> None:
    one, other = ServiceMetrics(), ServiceMetrics()
    assert one.registry is not other.registry
    async with one, other:
        assert (await one.answer()).body
