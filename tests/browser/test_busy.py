"""A busy service: the page says so, keeps what it has, and asks again by itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.browser.visiting import visit

if TYPE_CHECKING:
    from playwright.async_api import Page, Route

    from tests.browser.gallery import Gallery
    from tests.browser.watching import Watch

BUSY = {"title": "The database is busy", "detail": "Too many large lists.", "code": "database_busy"}


class Refusing:
    """Answers as a busy service does, so many times; then the service itself does."""

    def __init__(self, times: int, **headers: str) -> None:
        self.left = times
        self.headers = headers

    async def __call__(self, route: Route) -> None:
        if not self.left:
            await route.continue_()
            return
        self.left -= 1
        await route.fulfill(
            status=503,
            body=json.dumps({"status": 503, **BUSY}),
            content_type="application/problem+json",
            headers=self.headers,
        )


@pytest.fixture(autouse=True)
def _refusals(watch: Watch) -> None:
    watch.allow_status(503)


async def test_busy_overview_comes_by_itself(page: Page, gallery: Gallery) -> None:
    await page.route("**/summary*", Refusing(2, **{"Retry-After": "2"}))
    await visit(page, gallery.done, "overview")
    said = page.get_by_role("alert")
    await expect(said).to_contain_text("Too many large lists. Trying again in 2 seconds.")
    await expect(page.get_by_role("region", name="Genres")).to_be_visible()
    await expect(said).to_have_count(0)


async def test_busy_films_come_by_themselves(page: Page, gallery: Gallery) -> None:
    await page.route("**/movies/positions*", Refusing(2, **{"Retry-After": "2"}))
    await visit(page, gallery.done, "films")
    await expect(page.get_by_text("Trying again in 2 seconds.")).to_be_visible()
    await expect(page.get_by_role("list", name="Films").get_by_role("listitem")).not_to_have_count(
        0
    )
    await expect(page.get_by_text("Trying again")).to_have_count(0)


@pytest.mark.parametrize(
    ("view", "asked", "shown"),
    [("overview", "**/summary*", "Genres"), ("films", "**/movies/positions*", "Films")],
)
async def test_refused_view_is_tried_again_on_request(
    page: Page, gallery: Gallery, view: str, asked: str, shown: str
) -> None:
    await page.route(asked, Refusing(1))
    await visit(page, gallery.done, view)
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_label(shown, exact=True).first).to_be_visible()
    await expect(page.get_by_role("button", name="Try again")).to_have_count(0)


async def test_overview_keeps_its_numbers_while_busy(page: Page, gallery: Gallery) -> None:
    """The numbers are read again as the list fills, and then the service is busy."""
    await visit(page, await gallery.under_way(), "overview")
    await expect(page.get_by_role("region", name="Genres")).to_be_visible()
    await page.route("**/summary*", Refusing(1000, **{"Retry-After": "1"}))
    await expect(page.get_by_role("alert")).to_contain_text("Too many large lists.")
    await expect(page.get_by_role("region", name="Genres")).to_be_visible()
