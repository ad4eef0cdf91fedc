"""What the browser tests share: one Chromium, services at work, and pages that are listened to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from local_stack.browser import MISSING, find_chromium, open_chromium
from local_stack.samples.default_sample import write_default_sample
from local_stack.stack import StandIn
from tests.browser.gallery import furnish
from tests.browser.looks import USUAL
from tests.browser.watching import Watch
from tests.support.driving import LIMIT, MADE_UP, create_database, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator
    from pathlib import Path

    from playwright.async_api import Browser, BrowserContext, Page

    from local_stack.postgres import EmbeddedPostgres
    from tests.browser.gallery import Gallery
    from tests.browser.looks import Look
    from tests.support.driving import Driver

PATIENCE_MS = 60_000
"""How long a page may take until it shows what is waited for: others are at work beside it."""
FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note of each test whether it failed, for its page to be pictured."""
    report = yield
    if call.when == "call":
        item.stash[FAILED] = report.failed
    return report


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One browser for the whole run."""
    if find_chromium() is None:
        pytest.skip(MISSING)
    expect.set_options(timeout=PATIENCE_MS)
    async with open_chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
async def driver(
    browser: Browser,
    postgres: EmbeddedPostgres,
    template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Driver]:
    """The API, one daemon and the stand-in, each a process, for all tests of a module."""
    assert browser.is_connected()  # asked for, so that no services are started where there is none
    dsn = await create_database(postgres, template=template)
    folder, sample = tmp_path_factory.mktemp("services"), tmp_path_factory.mktemp("sample")
    write_default_sample(sample)
    stand_in = StandIn(films=MADE_UP, limit=LIMIT, period=1.0)
    async with running(dsn, folder, stand_in=stand_in, SAMPLE_LIST=str(sample)) as driving:
        yield driving


@pytest.fixture(scope="module")
async def gallery(driver: Driver, tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    """Lists that between them show everything that the page can show."""
    return await furnish(driver, tmp_path_factory.mktemp("export"))


@pytest.fixture
def look(request: pytest.FixtureRequest) -> Look:
    """How the page is looked at; `parametrize(..., indirect=True)` with others."""
    chosen: Look = getattr(request, "param", USUAL)
    return chosen


@pytest.fixture
def watch(driver: Driver) -> Watch:
    """Hears what the test's pages complain of."""
    return Watch(driver.stack.api_url, f"{driver.stack.tmdb_url}/t/p")


@pytest.fixture
async def context(
    browser: Browser, driver: Driver, look: Look, watch: Watch
) -> AsyncIterator[BrowserContext]:
    """Somebody's own browser, in which whatever goes wrong unseen fails the test."""
    opened = await look.context(browser, driver.stack.api_url)
    opened.set_default_timeout(PATIENCE_MS)
    watch.attach(opened)
    yield opened
    await opened.close()
    assert not watch.complaints, "\n".join(watch.complaints)


@pytest.fixture
async def page(
    context: BrowserContext, request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[Page]:
    """A page that shows nothing yet; of a failed test there is a picture of it."""
    opened = await context.new_page()
    yield opened
    if request.node.stash.get(FAILED, False):
        picture = tmp_path / "page.png"
        await opened.screenshot(path=picture, full_page=True)
        print(f"{opened.url} looked like {picture}")  # noqa: T201  # pytest shows it below the failure
