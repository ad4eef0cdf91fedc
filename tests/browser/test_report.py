"""The report of an upload stays as its reader has left it, whatever becomes of the list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from local_stack.samples.default_sample import write_default_sample
from tests.browser.visiting import choose, session_shown, visit, zipped
from tests.support.driving import ADMIN_TOKEN, made_up_films, title_list

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Locator, Page

    from tests.support.driving import Driver

OPERATOR = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
ADDED = 3


@pytest.fixture(autouse=True)
async def _paused(driver: Driver) -> AsyncIterator[None]:
    """No film is looked up until the test lets the fleet go on."""
    await driver.call("POST", "/worker/pause", headers=OPERATOR)
    yield
    await let_complete(driver)


async def let_complete(driver: Driver) -> None:
    await driver.call("POST", "/worker/resume", headers=OPERATOR)


def report_of(page: Page) -> Locator:
    return page.get_by_role("group").filter(has=page.get_by_role("region", name="Files"))


async def test_open_report_stays_open_when_the_list_completes(
    page: Page, driver: Driver, tmp_path: Path
) -> None:
    folder = tmp_path / "export"
    write_default_sample(folder)
    await choose(page, zipped(folder, tmp_path / "export.zip"))
    await session_shown(page)
    await expect(page.get_by_role("heading", name="Just found")).to_be_visible()
    files = page.get_by_role("cell", name="watchlist.csv")
    await expect(files).to_be_visible()
    merged = page.get_by_text("Merged into a film named before")
    await merged.click()
    row = page.get_by_role("listitem").filter(has_text="diary.csv, line").first
    await expect(row).to_be_visible()

    await let_complete(driver)
    await expect(page.get_by_role("region", name="Genres")).to_be_visible()
    await expect(files).to_be_visible()
    await expect(row).to_be_visible()
    await expect(merged).to_be_focused()


async def test_folded_report_stays_folded_when_the_list_completes(
    page: Page, driver: Driver
) -> None:
    session_id = await driver.upload(made_up_films()[:5])
    await visit(page, session_id)
    await expect(page.get_by_role("heading", name="Just found")).to_be_visible()
    await let_complete(driver)
    await expect(page.get_by_role("region", name="Genres")).to_be_visible()
    await expect(page.get_by_text("How your files were read")).to_be_visible()
    await expect(page.get_by_role("region", name="Files")).to_have_count(0)


async def test_report_opened_by_its_reader_stays_open_over_other_views(
    page: Page, driver: Driver
) -> None:
    session_id = await driver.upload(made_up_films()[5:10])
    await visit(page, session_id)
    await page.get_by_text("How your files were read").click()
    await expect(report_of(page)).to_contain_text("5 films watched")
    await let_complete(driver)
    await expect(page.get_by_role("region", name="Genres")).to_be_visible()
    await expect(report_of(page)).to_contain_text("5 films watched")
    await page.get_by_role("link", name="Films", exact=True).click()
    await expect(report_of(page)).to_have_count(0)
    await page.get_by_role("link", name="Overview").click()
    await expect(report_of(page)).to_contain_text("5 films watched")


async def test_report_tells_of_files_that_were_added_since(
    page: Page, driver: Driver, tmp_path: Path
) -> None:
    await let_complete(driver)
    first, more = tmp_path / "first.csv", tmp_path / "more.csv"
    first.write_bytes(title_list(made_up_films()[10:12]))
    more.write_bytes(title_list(made_up_films()[12 : 12 + ADDED]))
    await choose(page, first)
    await session_shown(page)
    await expect(page.get_by_role("cell", name="first.csv")).to_be_visible()
    await page.get_by_role("link", name="Take away").click()
    await page.get_by_label("Choose files").set_input_files(more)
    await expect(page.get_by_text(f"{ADDED} films added")).to_be_visible()
    await page.get_by_role("link", name="Overview").click()
    await page.get_by_text("How your files were read").click()
    await expect(page.get_by_role("cell", name="first.csv")).to_be_visible()
    await expect(page.get_by_role("cell", name="more.csv")).to_be_visible()
