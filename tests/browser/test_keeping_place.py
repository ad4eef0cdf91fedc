"""One's place on the page is kept: the focus, what was opened, and how far one had scrolled."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.browser.gallery import titles
from tests.browser.visiting import visit
from tests.support.driving import made_up_films, until

if TYPE_CHECKING:
    from playwright.async_api import ElementHandle, Locator, Page, Route

    from tests.browser.gallery import Gallery

QUIET_MS = 5000
"""A list that fills is not read again more often than this."""
NOTED = "scrollY > 0 && history.state?.scroll === scrollY"
MIDDLE = "scrollTo(0, (document.documentElement.scrollHeight - innerHeight) / 2)"
# Not in the very middle, where there may be a gap between two.
IN_SIGHT = (
    "document.elementFromPoint(innerWidth / 2 - 50, innerHeight / 2)?.closest('.film-card a')"
)
TWO_FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
IS_FOCUSED = "(address) => document.activeElement.getAttribute('href') === address"
LEFT_DOCUMENT = "element => !element.isConnected"
TOP = "element => element.getBoundingClientRect().top"
LINE = 60
_taken = 0


@pytest.fixture
async def list_id(gallery: Gallery) -> str:
    """A list of the test's own, all found, to which films can be added."""
    session_id = str((await gallery.driver.post_folder(gallery.export)).body["session_id"])
    await gallery.driver.completed(session_id)
    return session_id


async def fill_further(page: Page, gallery: Gallery, list_id: str, old: ElementHandle) -> None:
    """Let one more film be found, and wait until the view was made anew in place of `old`."""
    global _taken  # noqa: PLW0603  # the services know what was asked for before
    _taken += 1
    film = made_up_films()[-_taken]
    answer = await gallery.driver.call(
        "POST",
        f"/api/session/{list_id}/upload",
        data=titles([(film.title, str(film.year))]),
        headers={"Content-Type": "text/csv"},
    )
    assert answer.body["report"]["added"] == 1, answer
    total = (await gallery.driver.completed(list_id))["total_movies"]
    await expect(page.get_by_text(f"{total} of {total} done")).to_be_visible()
    await page.clock.fast_forward(QUIET_MS)
    await until(lambda: old.evaluate(LEFT_DOCUMENT))


def section(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name, exact=True)


def said(page: Page) -> Locator:
    """How many films there are."""
    return page.get_by_role("status").filter(has_text=re.compile(r"^[\d,]+ films?$"))


async def test_the_focus_stays_on_the_column_that_is_sorted_by(
    page: Page, gallery: Gallery
) -> None:
    await visit(page, gallery.done, "films")
    await page.get_by_role("button", name="Table").click()
    head = page.get_by_role("columnheader", name=re.compile("^Year"))
    await head.get_by_role("button").focus()
    for order in ("ascending", "descending"):
        await page.keyboard.press("Enter")
        await expect(head).to_have_attribute("aria-sort", order)
        await expect(head.get_by_role("button")).to_be_focused()


async def test_the_focus_goes_on_to_the_number_of_films_when_a_filter_is_removed(
    page: Page, gallery: Gallery
) -> None:
    await visit(page, gallery.done, "films", genre="Drama", decade=1990)
    chips = page.get_by_role("list", name="Filters")
    await chips.get_by_role("button", name="Remove the filter: 1990s").focus()
    await page.keyboard.press("Enter")
    await expect(chips.get_by_role("button")).to_have_count(1)
    await expect(said(page)).to_be_focused()


async def test_the_focus_stays_in_the_overview_when_a_filter_is_removed(
    page: Page, gallery: Gallery
) -> None:
    await visit(page, gallery.done, "overview", genre="Drama")
    chip = page.get_by_role("button", name="Remove the filter: Drama")
    await chip.focus()
    await page.keyboard.press("Enter")
    await expect(chip).to_have_count(0)
    await expect(page.locator(".overview")).to_be_focused()


async def test_the_focus_goes_on_to_the_films_that_a_bar_leads_to(
    page: Page, gallery: Gallery
) -> None:
    await visit(page, gallery.done)
    await section(page, "Genres").get_by_role("link").first.focus()
    await page.keyboard.press("Enter")
    await expect(said(page)).to_be_visible()
    await expect(page.locator(".view")).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("searchbox", name="Search films")).to_be_focused()


async def test_an_overview_that_is_added_up_again_keeps_what_was_opened_and_the_focus(
    page: Page, gallery: Gallery, list_id: str
) -> None:
    await page.clock.install()
    await visit(page, list_id, "overview")
    directors = section(page, "Directors")
    await directors.get_by_role("button", name="Show all 20").click()
    await expect(directors.get_by_role("link").nth(10)).to_be_focused()
    calendar = section(page, "Calendar")
    latest = await calendar.locator("strong").inner_text()
    back = calendar.get_by_role("button").first
    await back.focus()
    await page.keyboard.press("Enter")
    year = str(int(latest) - 1)
    await expect(calendar.locator("strong")).to_have_text(year)
    await expect(back).to_be_focused()
    await fill_further(page, gallery, list_id, await directors.element_handle())
    await expect(back).to_be_focused()
    await expect(calendar.locator("strong")).to_have_text(year)
    await expect(directors.get_by_role("link")).to_have_count(20)


async def test_films_that_are_read_again_keep_the_focus_and_stay_where_they_were_scrolled(
    page: Page, gallery: Gallery, list_id: str
) -> None:
    await page.clock.install()
    await visit(page, list_id, "films")
    await expect(said(page)).to_be_visible()
    await page.evaluate(MIDDLE)
    card = await card_in_sight(page)
    await card.focus()
    name, top = await card.get_attribute("href"), await card.evaluate(TOP)
    old = await page.get_by_role("list", name="Films").element_handle()
    await fill_further(page, gallery, list_id, old)
    await until(lambda: page.evaluate(IS_FOCUSED, name))
    again = await page.evaluate_handle("document.activeElement")
    # It is full by then, and a line about it may have come in above.
    assert await again.evaluate(TOP) == pytest.approx(top, abs=LINE)


async def card_in_sight(page: Page) -> ElementHandle:
    """The film in the middle of the window, once it is known."""
    await until(lambda: page.evaluate(f"Boolean({IN_SIGHT})"))
    element = (await page.evaluate_handle(IN_SIGHT)).as_element()
    assert element
    return element


async def test_films_are_come_back_to_where_they_were_scrolled(
    page: Page, gallery: Gallery
) -> None:
    await visit(page, gallery.done)
    await page.get_by_role("link", name="Films", exact=True).click()
    await expect(said(page)).to_be_visible()
    await page.evaluate(MIDDLE)
    await until(lambda: page.evaluate(NOTED))
    left = await page.evaluate("scrollY")
    assert left > await page.evaluate("innerHeight")
    back = f"Math.abs(scrollY - {left}) <= 1"

    await (await card_in_sight(page)).click()
    film = page.get_by_role("dialog")
    await expect(film.get_by_role("heading", level=2)).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page).not_to_have_url(re.compile("film="))
    await until(lambda: page.evaluate(back))

    await page.go_back()
    await expect(section(page, "Genres")).to_be_visible()
    await until(lambda: page.evaluate("scrollY === 0"))
    await page.go_forward()
    await card_in_sight(page)
    await until(lambda: page.evaluate(back))

    await page.reload()
    await card_in_sight(page)
    await until(lambda: page.evaluate(back))


async def test_place_is_restored_when_the_view_is_made_frames_later(
    page: Page, gallery: Gallery
) -> None:
    """Until then the overview is still there, below a line that films do not have."""
    await visit(page, gallery.done)
    await page.get_by_role("link", name="Films", exact=True).click()
    await expect(said(page)).to_be_visible()
    await page.evaluate(MIDDLE)
    await until(lambda: page.evaluate(NOTED))
    left = await page.evaluate("scrollY")
    await page.go_back()
    await page.reload()  # so that the code of the films' view is yet to come
    await expect(section(page, "Genres")).to_be_visible()

    async def come_after_frames(route: Route) -> None:
        await page.wait_for_function(f"scrollY === {left}")
        await page.evaluate(TWO_FRAMES)
        await route.continue_()

    await page.route("**/films.js", come_after_frames)
    await page.go_forward()
    await card_in_sight(page)
    assert await page.evaluate("scrollY") == left


async def test_films_that_come_late_are_come_back_to_as_well(page: Page, gallery: Gallery) -> None:
    """As over a slow connection: the room for them is kept until they are there."""
    await visit(page, gallery.done, "films")
    await expect(said(page)).to_be_visible()
    await page.evaluate(MIDDLE)
    await until(lambda: page.evaluate(NOTED))
    left = await page.evaluate("scrollY")
    await page.clock.install()

    async def come_late(route: Route) -> None:
        await page.clock.fast_forward(QUIET_MS)
        await route.continue_()

    await page.route("**/movies/positions?*", come_late)
    await page.reload()
    await card_in_sight(page)
    assert await page.evaluate("scrollY") == pytest.approx(left, abs=1)
