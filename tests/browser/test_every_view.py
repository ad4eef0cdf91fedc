"""Each view, light and dark, on a phone and on a wide screen, can be read and used by everybody."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.browser.accessibility import violations
from tests.browser.looks import LOOKS
from tests.browser.views import VIEWS
from tests.browser.visiting import visit

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.browser.gallery import Gallery
    from tests.browser.watching import Watch

WIDER = """() => [...document.querySelectorAll("body *")].filter((element) => {
  const scroller = element.closest(".scroller, dialog, .spoken, .skip");
  return !scroller && element.getBoundingClientRect().right > innerWidth + 1;
}).map((element) => element.outerHTML.slice(0, 120))"""
OVERFLOW = "document.scrollingElement.scrollWidth - innerWidth"
SMALL = """() => [...document.querySelectorAll("button, input, select, a.button, summary")]
  .filter((element) => element.checkVisibility())
  .map((element) => [element.getBoundingClientRect(), element.outerHTML.slice(0, 120)])
  .filter(([{ width, height }]) => width > 1 && (width < 24 || height < 24))
  .map(([, html]) => html)"""
RESTYLE = """(style) => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(style);
  document.adoptedStyleSheets = [sheet];
}"""
LETTERS = {
    "narrow": "* { letter-spacing: -.15em !important; }",
    "wide": "* { letter-spacing: .12em !important; word-spacing: .16em !important; }",
    "other": "* { font-family: serif !important; }",
}
"""As of other fonts, whichever this machine has; the wide ones are what WCAG 1.4.12 asks for."""

TINY = "body * { font-size: 1px !important; line-height: 1 !important; }"
"""A font of which nothing is left: what is still large enough is so in every font. A day of the
calendar is smaller in any: arrow keys reach it, and the films can be filtered by it."""
SMALL_IN_ANY_FONT = """() => [...document.querySelectorAll("button, input, select, summary, a")]
  .filter((element) => element.checkVisibility() && getComputedStyle(element).display !== "inline")
  .filter((element) => element.tabIndex >= 0 && !element.matches(".skip, .spoken, .days a"))
  .map((element) => [element.getBoundingClientRect(), element.outerHTML.slice(0, 120)])
  .filter(([{ width, height }]) => width < 24 || height < 24)
  .map(([{ width, height }, html]) => `${width} x ${height}: ${html}`)"""

NOWHERE = ("nowhere", "shared nowhere")
OF_THEIR_OWN = (
    *("start", "progress", "overview", "wall", "fix", "export", "share", "shared", "shared film"),
    *("worker", "nowhere"),
)


@pytest.mark.parametrize("look", LOOKS, indirect=True, ids=str)
@pytest.mark.parametrize("name", VIEWS)
async def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(
    page: Page, gallery: Gallery, watch: Watch, name: str
) -> None:
    if name in NOWHERE:
        watch.allow_status(404)
    # What is fading in is pale for a moment, and axe looks at moments.
    await page.emulate_media(reduced_motion="reduce")
    await VIEWS[name](page, gallery)
    found = await violations(page)
    assert not found, "\n".join(found)
    assert await page.evaluate(OVERFLOW) <= 0, await page.evaluate(WIDER)
    assert await page.evaluate(SMALL) == []
    for letters, style in LETTERS.items():
        await page.evaluate(RESTYLE, style)
        assert await page.evaluate(OVERFLOW) <= 0, (letters, await page.evaluate(WIDER))
        assert await page.evaluate(SMALL) == [], letters


@pytest.mark.parametrize("name", VIEWS)
async def test_what_is_pressed_is_large_enough_in_any_font(
    page: Page, gallery: Gallery, watch: Watch, name: str
) -> None:
    if name in NOWHERE:
        watch.allow_status(404)
    await VIEWS[name](page, gallery)
    await page.evaluate(RESTYLE, TINY)
    assert await page.evaluate(SMALL_IN_ANY_FONT) == []


@pytest.mark.parametrize("name", ["overview", "wall", "fix", "film", "share", "shared"])
async def test_nothing_is_lost_where_letters_are_twice_as_large(
    page: Page, gallery: Gallery, name: str
) -> None:
    """As on a screen of 640 pixels at 200 %, which has half of them."""
    await page.set_viewport_size({"width": 320, "height": 800})
    await VIEWS[name](page, gallery)
    assert await page.evaluate(OVERFLOW) <= 0, await page.evaluate(WIDER)


async def test_nothing_moves_for_who_wants_it_so(page: Page, gallery: Gallery) -> None:
    moving = "document.getAnimations().length"
    await page.emulate_media(reduced_motion="no-preference")
    await page.add_init_script(
        "document.addEventListener('animationstart', () => { window.moved = true; }, true);"
        "document.addEventListener('transitionrun', () => { window.moved = true; }, true);"
    )
    begun = await gallery.under_way()
    await visit(page, begun)
    await expect(page.locator("main img").nth(3)).to_be_visible()
    await page.wait_for_function("window.moved")
    await page.emulate_media(reduced_motion="reduce")
    await visit(page, begun)
    await expect(page.locator("main img").nth(3)).to_be_visible()
    assert await page.evaluate(moving) == 0
    assert not await page.evaluate("window.moved")


async def test_each_view_has_one_first_heading_and_a_title_of_its_own(
    page: Page, gallery: Gallery, watch: Watch
) -> None:
    watch.allow_status(404)
    named: dict[str, str] = {}
    for name, come in VIEWS.items():
        await come(page, gallery)
        assert await page.get_by_role("heading", level=1).count() == 1, name
        named[name] = await page.title()
        assert "Projectionist" in named[name], name
    # The others are looks of these: the same films in another form, or with a dialog over them.
    own = [named[name] for name in OF_THEIR_OWN]
    assert len(set(own)) == len(own), own


@pytest.mark.parametrize(("name", "module"), [("fix", "fix.js"), ("worker", "worker.js")])
async def test_a_view_whose_code_does_not_come_says_so_and_can_be_tried_again(
    page: Page, gallery: Gallery, watch: Watch, name: str, module: str
) -> None:
    watch.allow(rf"{module}\b", "ERR_FAILED")
    await page.route(f"**/assets/{module}", lambda route: route.abort())
    if name == "worker":
        await page.goto("/worker")
    else:
        await visit(page, gallery.done)
        await page.get_by_role("link", name=re.compile("^Fix matches")).click()
    await expect(page.get_by_role("alert")).to_contain_text("could not be loaded")
    await page.unroute(f"**/assets/{module}")
    await page.get_by_role("button", name="Try again").click()
    shown = "Queue" if name == "worker" else "Not found"
    await expect(page.get_by_role("region", name=shown)).to_be_visible()
    await expect(page.get_by_role("alert")).to_have_count(0)
