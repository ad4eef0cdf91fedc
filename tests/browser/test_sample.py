"""Whoever has no list at hand tries the sample, and finds it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.async_api import expect

from tests.browser.visiting import session_shown, visit

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

    from tests.browser.watching import Watch
    from tests.support.driving import Driver

SESSIONS = "select count(*) from sessions"


def offer(page: Page) -> Locator:
    return page.get_by_role("button", name="Try a sample list")


async def try_sample(page: Page) -> str:
    """Press the button on the start page; the id of the session that it leads to."""
    await page.goto("/")
    await offer(page).click()
    return await session_shown(page)


async def test_sample_list_is_uploaded_and_enriched(page: Page, driver: Driver) -> None:
    session_id = await try_sample(page)
    await expect(page.get_by_role("cell", name="watchlist.csv")).to_be_visible()
    await expect(page.get_by_role("region", name="Genres")).to_be_visible()
    status = await driver.status(session_id)
    assert (status["total_movies"], status["not_found_count"]) == (74, 3)


async def test_sample_pressed_twice_at_once_makes_one_list(page: Page, driver: Driver) -> None:
    sessions = await driver.value(SESSIONS)
    await page.goto("/")
    await offer(page).dblclick()
    await session_shown(page)
    assert await driver.value(SESSIONS) == sessions + 1


async def test_sample_pressed_again_leads_to_the_same_list(page: Page, driver: Driver) -> None:
    session_id = await try_sample(page)
    sessions = await driver.value(SESSIONS)
    assert await try_sample(page) == session_id
    assert await driver.value(SESSIONS) == sessions


async def test_sample_pressed_after_deleting_it_makes_a_new_list(
    page: Page, driver: Driver
) -> None:
    session_id = await try_sample(page)
    await visit(page, session_id, "away")
    await page.get_by_role("button", name="Delete this list").click()
    await page.get_by_role("button", name="Delete for good").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(
        "Every film you have seen, as a living record"
    )
    again = await try_sample(page)
    assert again != session_id
    assert (await driver.status(again))["total_movies"] == 74


async def test_sample_that_cannot_be_fetched_is_said_and_tried_again(
    page: Page, watch: Watch
) -> None:
    watch.allow("sample.zip", "ERR_FAILED")
    await page.route("**/assets/sample.zip", lambda route: route.abort())
    await page.goto("/")
    await offer(page).click()
    await expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
    await page.unroute("**/assets/sample.zip")
    await page.get_by_role("button", name="Try again").click()
    await session_shown(page)
