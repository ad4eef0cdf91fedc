"""`make screenshots`: pictures of each view in each look, in .local/screenshots, for people."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from local_stack.browser import MISSING, find_chromium, open_chromium
from local_stack.postgres import EmbeddedPostgres
from local_stack.processes import ROOT, migrate
from local_stack.stack import StandIn
from tests.browser.gallery import furnish
from tests.browser.looks import LOOKS
from tests.browser.views import VIEWS
from tests.driving import LIMIT, MADE_UP, create_database, running

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.browser.gallery import Gallery

FOLDER = ROOT / ".local" / "screenshots"
TALLEST = 2400
"""Pixels of a picture: what is below looks like what is above."""


async def main() -> None:
    """Run everything on this machine, and go through the views once for each look."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="screenshots-") as name:
        folder = Path(name)
        async with EmbeddedPostgres(folder / "postgres", durable=False) as server:
            dsn = await create_database(server)
            await migrate(dsn)
            stand_in = StandIn(films=MADE_UP, limit=LIMIT, period=1.0)
            async with running(dsn, folder, stand_in=stand_in) as driver:
                gallery = await furnish(driver, folder / "export")
                await _take_all(gallery)


async def _take_all(gallery: Gallery) -> None:
    async with open_chromium() as browser:
        for look in LOOKS:
            context = await look.context(browser, gallery.driver.stack.api_url)
            for name, come in VIEWS.items():
                page = await context.new_page()
                await come(page, gallery)
                await page.evaluate("document.fonts.ready")
                await page.wait_for_timeout(300)  # for pictures that come and what fades in
                await _take(page, FOLDER / f"{name}-{look}.png")
                await page.close()
            await context.close()
            print(f"{look}: {len(VIEWS)} views in {FOLDER.relative_to(ROOT)}")  # noqa: T201  # it tells its user


async def _take(page: Page, path: Path) -> None:
    height = await page.evaluate("document.documentElement.scrollHeight")
    whole = height <= TALLEST and not await page.get_by_role("dialog").count()
    await page.screenshot(path=path, full_page=whole)


if __name__ == "__main__":
    if find_chromium() is None:
        sys.exit(MISSING)
    asyncio.run(main())
