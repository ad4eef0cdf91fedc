"""The main way, from the list that is brought to the film that is put right, by keyboard alone."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.browser.counting import stored_films
from tests.browser.gallery import titles
from tests.browser.visiting import session_shown, visit
from tests.support.film_lists import plain_films, title_list

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.async_api import Locator, Page

    from tests.browser.gallery import Gallery
    from tests.support.stack_driver import Driver

MOST_STEPS = 150
FOCUS = """() => {
  const style = getComputedStyle(document.activeElement);
  const label = document.activeElement.labels?.[0];
  const marked = (of) => of.outlineStyle !== "none" && parseFloat(of.outlineWidth) >= 2;
  if (document.activeElement === document.body) return "";
  const seen = marked(style) || Boolean(label && marked(getComputedStyle(label)));
  return seen ? "" : document.activeElement.outerHTML.slice(0, 200);
}"""
"""The element that has the focus, if that is not to be seen; the browser's own turn is none."""

INSIDE = """(dialog) => {
  const focused = document.activeElement;
  return dialog.contains(focused) || focused === document.body;
}"""
"""Nowhere is right too: it is the browser's own turn, between the last and the first."""


async def reach(page: Page, target: Locator) -> None:
    """Press Tab until the target has the focus, which has to be seen on the way."""
    await expect(target).to_be_visible()
    for _ in range(MOST_STEPS):
        await page.keyboard.press("Tab")
        assert await page.evaluate(FOCUS) == ""
        if await target.evaluate("element => element === document.activeElement"):
            return
    pytest.fail(f"{target} cannot be reached")


async def test_the_whole_way_by_keyboard(page: Page, driver: Driver, tmp_path: Path) -> None:
    file = tmp_path / "films.csv"
    file.write_bytes(title_list(plain_films(9)) + b"Frogo,1996\n")
    await page.goto("/")
    await reach(page, page.get_by_label("Choose files"))
    async with page.expect_file_chooser() as coming:
        await page.keyboard.press("Space")
    await (await coming.value).set_files(file)
    session_id = await session_shown(page)
    await driver.completed(session_id)

    await reach(page, page.get_by_role("link", name="Films", exact=True))
    await page.keyboard.press("Enter")
    await reach(page, page.get_by_role("searchbox", name="Search films"))
    title = plain_films(9)[4].title
    await page.keyboard.type(title)
    await expect(page.get_by_text("1 film", exact=True)).to_be_visible()
    card = page.get_by_role("list", name="Films").get_by_role("link").filter(has_text=title)
    await reach(page, card.first)
    await page.keyboard.press("Enter")
    film = page.get_by_role("dialog", name=title)
    await expect(film).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(film).to_have_count(0)
    await expect(card.first).to_be_focused()

    await reach(page, page.get_by_role("link", name=re.compile("^Fix matches")))
    await page.keyboard.press("Enter")
    await reach(page, page.get_by_role("textbox", name="TMDB or IMDb id or link"))
    await page.keyboard.type("275")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("10 enriched")).to_be_visible()


async def test_a_dialog_keeps_the_focus_and_gives_it_back(page: Page, driver: Driver) -> None:
    session_id = str((await driver.post_list(titles([("Heat", "1995")]))).body["session_id"])
    await driver.completed(session_id)
    await visit(page, session_id, "export")
    opener = page.get_by_role("button", name="Delete this list")
    await reach(page, opener)
    await page.keyboard.press("Enter")
    question = page.get_by_role("dialog", name="Delete this list?")
    await expect(question).to_be_visible()
    for _ in range(6):
        await page.keyboard.press("Tab")
        assert await question.evaluate(INSIDE)
    await page.keyboard.press("Escape")
    await expect(opener).to_be_focused()


async def test_the_content_is_one_step_away(page: Page, gallery: Gallery) -> None:
    await visit(page, gallery.done)
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("main")).to_be_focused()


async def test_another_view_is_told_to_who_does_not_see_it(page: Page, gallery: Gallery) -> None:
    await visit(page, gallery.done)
    views = page.get_by_role("navigation", name="Views of this list")
    for name in ("Films", "Export", "Overview"):
        link = views.get_by_role("link", name=name, exact=True)
        await link.focus()
        await page.keyboard.press("Enter")
        await expect(views.locator("[aria-current=page]")).to_have_text(name)
        await expect(link).to_be_focused()
        await expect(page).to_have_title(f"{name} · Your films · Projectionist")


async def test_days_of_the_calendar_are_gone_through_with_the_arrow_keys(
    page: Page, gallery: Gallery
) -> None:
    await visit(page, gallery.done)
    films = await stored_films(gallery.driver, gallery.done)
    years = Counter(day.year for film in films for day in set(film["watch_dates"]))
    calendar = page.get_by_role("region", name="Calendar")
    for year in sorted(years, reverse=True)[1:]:
        await calendar.get_by_role("button", name=str(year)).click()
        if years[year] > 3:
            break
    days = calendar.get_by_role("list").get_by_role("link")
    await days.first.focus()
    await page.keyboard.press("ArrowRight")
    await expect(days.nth(1)).to_be_focused()
    await page.keyboard.press("ArrowLeft")
    await expect(days.first).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(days.nth(1)).not_to_be_focused()
