"""The owner shares a list by a link, and visitors look at it: with no way to change it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.browser.test_taking_away import saved
from tests.browser.visiting import visit

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.browser.gallery import Gallery
    from tests.browser.watching import Watch
    from tests.support.driving import Driver

SHARED = re.compile(r"/share/[0-9a-f-]{36}$")
LIST = b"Title,Year,Rating,Tags,Review\nHeat,1995,5,zebrafinch,Slow and grand\nFargo,1996,4,,\n"


async def own_list(driver: Driver) -> str:
    """A list of its own for a test; its session."""
    session_id = str((await driver.post_list(LIST)).body["session_id"])
    await driver.completed(session_id)
    return session_id


async def test_a_link_is_made_copied_opened_by_a_visitor_and_ended(
    page: Page, driver: Driver, watch: Watch
) -> None:
    session_id = await own_list(driver)
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await visit(page, session_id)
    await page.get_by_role("link", name="Share", exact=True).click()
    await expect(page.get_by_text("There is none yet.")).to_be_visible()
    await page.get_by_label("Show my tags").check()
    await page.get_by_label("The link ends").select_option("after a week")
    await page.get_by_role("button", name="Make a link").click()
    await expect(page.get_by_text("The link is made.")).to_be_visible()
    await expect(page.get_by_text("With tags · made")).to_contain_text(" · ends ")
    await page.get_by_role("button", name="Copy").click()
    await expect(page.get_by_text("The link is copied.")).to_be_visible()
    address = await page.get_by_label("Link", exact=True).input_value()
    assert await page.evaluate("navigator.clipboard.readText()") == address
    assert SHARED.search(address)
    assert session_id not in address

    visitor = await page.context.new_page()
    await visitor.goto(address)
    await expect(visitor.get_by_role("heading", level=1, name="A shared list")).to_be_visible()
    await expect(visitor.get_by_role("region", name="Genres")).to_be_visible()

    await page.reload()
    await page.get_by_role("button", name="End this link").click()
    await expect(page.get_by_text("The link is ended")).to_be_visible()
    await expect(page.get_by_role("button", name="End this link")).to_have_count(0)
    watch.allow_status(404)
    await visitor.reload()
    await expect(
        visitor.get_by_role("heading", name="This list is not shared here")
    ).to_be_visible()


async def test_a_link_can_be_copied_by_hand_where_the_browser_forbids_it(
    page: Page, driver: Driver
) -> None:
    await page.add_init_script("delete Navigator.prototype.clipboard;")
    await visit(page, await own_list(driver), "share")
    await page.get_by_role("button", name="Make a link").click()
    await page.get_by_role("button", name="Copy").click()
    await expect(page.get_by_text("The link is selected")).to_be_visible()
    selected = await page.evaluate("getSelection().toString()")
    assert SHARED.search(selected)


async def test_more_links_than_a_list_may_have_are_refused_in_words(
    page: Page, driver: Driver, watch: Watch
) -> None:
    session_id = await own_list(driver)
    for _ in range(20):
        await driver.call("POST", f"/api/session/{session_id}/shares", json={})
    watch.allow_status(409)
    await visit(page, session_id, "share")
    await expect(page.get_by_role("button", name="End this link")).to_have_count(20)
    await page.get_by_role("button", name="Make a link").click()
    await expect(page.get_by_text("may have 20 shares")).to_be_visible()


async def test_a_visitor_finds_no_control_of_the_owners(page: Page, gallery: Gallery) -> None:
    address = await gallery.share(reviews=True, tags=True)
    movies = await gallery.driver.movies(gallery.done)
    missing = next(movie for movie in movies if movie["outcome"] == "not_found")
    for query in ("", "?view=films", f"?view=films&film={missing['position']}", "?view=away"):
        await page.goto(f"{address}{query}")
        await expect(page.get_by_role("heading", level=1, name="A shared list")).to_be_visible()
        tabs = page.get_by_role("navigation", name="Views of this list").get_by_role("link")
        await expect(tabs).to_have_text(["Overview", "Films"])
        if "film=" in query:
            await expect(page.get_by_role("dialog").get_by_role("heading")).to_be_visible()
        else:
            shown = page.get_by_role("region", name="Genres").or_(
                page.get_by_text("Take these away")
            )
            await expect(shown.first).to_be_visible()
        for name in (
            "Delete",
            "Fix",
            "Not the right film",
            "Say which film",
            "Share",
            "Choose files",
        ):
            await expect(page.get_by_text(re.compile(f"^{name}"))).to_have_count(0)
        await expect(page.get_by_text("How your files were read")).to_have_count(0)
        # "Somebody shared this list with you", and nothing else speaks to its owner.
        yours = page.get_by_text(re.compile(r"\byou(r|rs)?\b", re.IGNORECASE))
        await expect(yours).to_have_count(1)


async def test_a_visitors_page_asks_for_nothing_by_the_owners_key(
    page: Page, gallery: Gallery, watch: Watch
) -> None:
    await page.goto(await gallery.share())
    await page.get_by_role("region", name="Genres").get_by_role("link").first.click()
    films = page.get_by_role("list", name="Films").get_by_role("link")
    await films.first.click()
    await expect(page.get_by_role("dialog").get_by_role("region", name="Cast")).to_be_visible()
    asked = [address for address in watch.requests if "/api/" in address]
    assert asked
    assert [address for address in asked if "/api/share/" not in address] == []
    assert gallery.done not in await page.content()
    remembered = await page.evaluate("JSON.stringify({...localStorage})")
    assert "projectionist.lists" not in remembered


@pytest.mark.parametrize("shown", [True, False], ids=["shown", "hidden"])
async def test_a_film_says_its_review_and_tags_where_they_are_shared(
    page: Page,
    driver: Driver,
    shown: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    session_id = await own_list(driver)
    options = {"reviews": shown, "tags": shown}
    made = await driver.call("POST", f"/api/session/{session_id}/shares", json=options)
    await page.goto(f"{made.body['path']}?view=films&film=1")
    dialog = page.get_by_role("dialog", name="Heat")
    await expect(dialog.get_by_text("Their rating")).to_be_visible()
    for text in ("Slow and grand", "zebrafinch"):
        await expect(dialog.get_by_text(text)).to_have_count(int(shown))


async def test_a_visitor_saves_what_filters_leave(page: Page, gallery: Gallery) -> None:
    await page.goto(f"{await gallery.share()}?view=films&genre=Drama")
    await page.get_by_text("Take these away").click()
    link = page.get_by_role("link", name="JSON lines: these films")
    lines = [json.loads(line) for line in (await saved(page, link)).splitlines()]
    movies = await gallery.driver.movies(gallery.done)
    assert [line["position"] for line in lines] == [
        movie["position"] for movie in movies if "Drama" in movie["genres"]
    ]


async def test_a_visitor_sees_a_list_fill(page: Page, gallery: Gallery) -> None:
    session_id = await gallery.under_way()
    made = await gallery.driver.call("POST", f"/api/session/{session_id}/shares", json={})
    await page.goto(made.body["path"])
    bar = page.get_by_role("progressbar", name="Enriched films")
    await expect(bar).to_be_visible()
    before = await bar.get_attribute("aria-valuetext")
    assert before
    await gallery.driver.speed_up()
    await expect(bar).not_to_have_attribute("aria-valuetext", before)
