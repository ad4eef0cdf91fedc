"""`make screenshots`: pictures of each view in each look, for people, and the README's own.

The former are in .local/screenshots, the latter is docs/overview.webp.
"""

from __future__ import annotations

import asyncio
import base64
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.async_api import expect

from local_stack.browser import MISSING, find_chromium, open_chromium
from local_stack.postgres import EmbeddedPostgres
from local_stack.processes import ROOT, migrate
from local_stack.samples.default_sample import write_default_sample
from local_stack.stack import StandIn
from tests.browser.gallery import furnish
from tests.browser.looks import LOOKS, USUAL
from tests.browser.views import VIEWS
from tests.browser.visiting import visit
from tests.support.driving import LIMIT, MADE_UP, create_database, running

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page, ViewportSize

    from tests.browser.gallery import Gallery

FOLDER = ROOT / ".local" / "screenshots"
FONTS = ROOT / "tests" / "browser" / "dejavu.conf"
TALLEST = 2400
"""Pixels of a picture: what is below looks like what is above."""
README_PICTURE = ROOT / "docs" / "overview.webp"
README_SIZE: ViewportSize = {"width": 1200, "height": 1500}
README_QUALITY = 75


async def main() -> None:
    """Run everything on this machine, and go through the views once for each look."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="screenshots-") as name:
        folder = Path(name)
        async with EmbeddedPostgres(folder / "postgres", durable=False) as server:
            dsn = await create_database(server)
            await migrate(dsn)
            stand_in = StandIn(films=MADE_UP, limit=LIMIT, period=1.0)
            sample = folder / "sample"
            write_default_sample(sample)
            async with running(dsn, folder, stand_in=stand_in, SAMPLE_LIST=str(sample)) as driver:
                gallery = await furnish(driver, folder / "export")
                async with open_chromium(fonts=FONTS) as browser:
                    await _take_for_readme(browser, gallery)
                    await _take_all(browser, gallery)


async def _take_all(browser: Browser, gallery: Gallery) -> None:
    for look in LOOKS:
        context = await look.context(browser, gallery.driver.stack.api_url)
        for name, come in VIEWS.items():
            page = await context.new_page()
            await come(page, gallery)
            await _settle(page)
            await _take(page, FOLDER / f"{name}-{look}.png")
            await page.close()
        await context.close()
        print(f"{look}: {len(VIEWS)} views in {FOLDER.relative_to(ROOT)}")  # noqa: T201  # it tells its user


async def _take_for_readme(browser: Browser, gallery: Gallery) -> None:
    """The overview of the sample alone, as WebP, which Playwright itself does not write."""
    driver = gallery.driver
    sample = str((await driver.post_folder(gallery.export)).body["session_id"])
    await driver.completed(sample)
    context = await USUAL.context(browser, driver.stack.api_url)
    page = await context.new_page()
    await page.set_viewport_size(README_SIZE)
    await visit(page, sample, "overview")
    await expect(page.get_by_role("region", name="Genres")).to_be_visible()
    # The year before the sample's last one has more days to show.
    await page.get_by_role("region", name="Calendar").get_by_role("button").first.click()
    await page.evaluate("document.activeElement.blur()")
    await _settle(page)
    chromium = await context.new_cdp_session(page)
    said = await chromium.send(
        "Page.captureScreenshot", {"format": "webp", "quality": README_QUALITY}
    )
    README_PICTURE.write_bytes(base64.b64decode(said["data"]))
    await context.close()


async def _settle(page: Page) -> None:
    await page.evaluate("document.fonts.ready")
    await page.wait_for_timeout(300)  # for pictures that come and what fades in


async def _take(page: Page, path: Path) -> None:
    height = await page.evaluate("document.documentElement.scrollHeight")
    whole = height <= TALLEST and not await page.get_by_role("dialog").count()
    await page.screenshot(path=path, full_page=whole)


if __name__ == "__main__":
    if find_chromium() is None:
        sys.exit(MISSING)
    asyncio.run(main())
