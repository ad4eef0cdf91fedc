"""A list fills before one's eyes, through whatever happens to the browser and to the services."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.browser.visiting import killed_api, session_shown, visit
from tests.browser.watching import GIVEN_UP
from tests.support.driving import ADMIN_TOKEN, made_up_films, title_list, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Locator, Page, Request

    from tests.browser.watching import Watch
    from tests.support.driving import Driver

SLOW = 0.8
"""Seconds that TMDB takes to answer, so that some twenty films are found in a second or two."""
PERCENT = re.compile(r"^(\d+) % · Projectionist$")
AWAY = """
let away = false;
Object.defineProperty(document, "hidden", { get: () => away });
Object.defineProperty(document, "visibilityState", { get: () => (away ? "hidden" : "visible") });
window.goAway = (yes) => { away = yes; document.dispatchEvent(new Event("visibilitychange")); };
"""
"""As if another tab were in front, which a browser without a window never takes to be so."""
_taken = 0


def new_films(count: int) -> bytes:
    """A list of films that no test before has listed, so that none is known."""
    global _taken  # noqa: PLW0603  # the services know what was asked for before
    _taken += count
    return title_list(made_up_films()[_taken - count : _taken])


@pytest.fixture(autouse=True)
async def _as_before(driver: Driver) -> AsyncIterator[None]:
    """Each test finds TMDB slow and well, and the fleet at work."""
    await driver.set_latency(SLOW)
    yield
    await driver.speed_up()
    await driver.call("POST", "/worker/resume", headers={"Authorization": f"Bearer {ADMIN_TOKEN}"})
    await driver.tmdb_is("up")


async def begun(driver: Driver, count: int) -> str:
    """Upload a list of new films; the id of its session."""
    return str((await driver.post_list(new_films(count))).body["session_id"])


def bar(page: Page) -> Locator:
    return page.get_by_role("progressbar", name="Enriched films")


async def percent(page: Page) -> int:
    """How far the bar says that it is."""
    return int(await bar(page).get_attribute("aria-valuenow") or "-1")


async def until_percent(page: Page, least: int) -> None:
    """Wait until the bar is so far."""

    async def is_so() -> bool:
        return await percent(page) >= least

    await until(is_so)


async def test_progress_is_shown_to_the_end_and_turns_into_the_dashboard(
    page: Page, driver: Driver
) -> None:
    session_id = await begun(driver, 40)
    await visit(page, session_id)
    await expect(page).to_have_title(PERCENT)
    assert 0 <= await percent(page) < 100
    await until_percent(page, 25)
    title = PERCENT.match(await page.title())
    assert title
    assert 25 <= int(title[1]) < 100
    found = page.get_by_role("heading", name="Just found")
    await expect(found).to_be_visible()
    posters = page.locator("img[src*='/t/p/']")
    await expect(posters.first).to_be_visible()
    assert (await driver.status(session_id))["status"] == "enriching"
    await expect(page.get_by_role("heading", name="Genres")).to_be_visible()
    await expect(page).to_have_title("Overview · Your films · Projectionist")
    assert (await driver.status(session_id))["status"] == "completed"
    await expect(page.get_by_text("40 of 40 done")).to_be_visible()


async def test_the_numbers_are_those_of_the_status(page: Page, driver: Driver) -> None:
    session_id = await begun(driver, 20)
    await visit(page, session_id)
    status = await driver.completed(session_id)
    await expect(page.get_by_text(f"{status['enriched_count']} enriched")).to_be_visible()
    await expect(page.get_by_text(f"{status['not_found_count']} not found")).to_be_visible()
    await expect(page.get_by_text(f"{status['failed_count']} failed")).to_be_visible()


async def test_posters_that_appear_are_of_films_that_were_found(page: Page, driver: Driver) -> None:
    session_id = await begun(driver, 30)
    await visit(page, session_id)
    shown = page.get_by_role("list").filter(has=page.locator("img")).get_by_role("link")
    await expect(shown.nth(5)).to_be_visible()
    names = [name.strip() for name in await shown.all_inner_texts()]
    found = {
        f"{row['title']} ({row['year']})"
        for row in await driver.fetch(
            """
            select movies.title, year
            from movies
            join lookups on lookups.id = lookup_id
            where session_id = $1::text::uuid and outcome = 'found'
            """,
            session_id,
        )
    }
    assert len(names) >= 5
    assert {name.splitlines()[-1] for name in names} <= found


async def test_leaving_and_coming_back_goes_on_where_the_list_is(
    page: Page, driver: Driver
) -> None:
    session_id = await begun(driver, 60)
    await visit(page, session_id)
    await until_percent(page, 20)
    await page.reload()
    await session_shown(page)
    assert await percent(page) >= 20
    assert (await driver.status(session_id))["status"] == "enriching"
    await page.goto("/")
    await page.go_back()
    await session_shown(page)
    await driver.speed_up()
    await expect(page.get_by_role("heading", name="Genres")).to_be_visible()
    await expect(page.get_by_text("60 of 60 done")).to_be_visible()


async def test_a_server_that_is_restarted_is_found_again_without_a_reload(
    page: Page, driver: Driver, watch: Watch
) -> None:
    watch.allow_outage()
    session_id = await begun(driver, 60)
    await visit(page, session_id)
    await until_percent(page, 10)
    await page.evaluate("window.neverReloaded = true")
    async with killed_api(driver):
        await expect(page.get_by_text("The connection is lost")).to_be_visible()
    await expect(page.get_by_text("The connection is lost")).to_be_hidden()
    await driver.speed_up()
    await expect(page.get_by_role("heading", name="Genres")).to_be_visible()
    await expect(page.get_by_text("60 of 60 done")).to_be_visible()
    assert await page.evaluate("window.neverReloaded")


async def test_where_no_events_come_the_page_asks(page: Page, driver: Driver, watch: Watch) -> None:
    watch.allow("/events", "ERR_BLOCKED")
    await page.route("**/events", lambda route: route.abort("blockedbyclient"))
    session_id = await begun(driver, 40)
    await visit(page, session_id)
    await until_percent(page, 20)
    await driver.speed_up()
    await expect(page.get_by_role("heading", name="Genres")).to_be_visible()
    assert sum(url.endswith(f"{session_id}/status") for url in watch.requests) >= 3


async def test_while_events_come_the_page_does_not_ask(
    page: Page, driver: Driver, watch: Watch
) -> None:
    session_id = await begun(driver, 60)
    await visit(page, session_id)
    await expect(page.get_by_role("heading", name="Genres")).to_be_visible()
    assert sum(url.endswith(f"{session_id}/status") for url in watch.requests) == 1


async def test_a_page_that_nobody_sees_gives_its_stream_up_and_takes_it_up_again(
    page: Page, driver: Driver
) -> None:
    await page.add_init_script(AWAY)
    session_id = await begun(driver, 60)

    def is_stream(request: Request) -> bool:
        return request.url.endswith(f"{session_id}/events")

    def is_look(request: Request) -> bool:
        return request.url.endswith(f"{session_id}/status")

    async with page.expect_request(is_stream):
        await visit(page, session_id)
    await until_percent(page, 5)
    async with (
        page.expect_event("requestfailed", is_stream) as given_up,
        page.expect_request(is_look),
    ):
        await page.evaluate("goAway(true)")
    assert (await given_up.value).failure == GIVEN_UP
    async with page.expect_request(is_stream):
        await page.evaluate("goAway(false)")
    await driver.speed_up()
    await expect(page.get_by_role("heading", name="Genres")).to_be_visible()
    await expect(page.get_by_text("60 of 60 done")).to_be_visible()


async def test_a_paused_fleet_is_said_and_its_going_on_too(page: Page, driver: Driver) -> None:
    session_id = await begun(driver, 40)
    await visit(page, session_id)
    token = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    await driver.call("POST", "/worker/pause", headers=token)
    said = page.get_by_text("Paused by the operator")
    await expect(said).to_be_visible()
    await driver.call("POST", "/worker/resume", headers=token)
    await expect(said).to_be_hidden()


async def test_tmdb_that_is_out_is_said_and_its_coming_back_too(page: Page, driver: Driver) -> None:
    session_id = await begun(driver, 40)
    await visit(page, session_id)
    await driver.go_wrong({"match": "/3/", "kind": "status", "status": 503})
    said = page.get_by_text("TMDB does not answer")
    await expect(said).to_be_visible()
    await driver.speed_up()
    await expect(said).to_be_hidden()
    await expect(page.get_by_role("heading", name="Genres")).to_be_visible()


async def test_a_list_that_is_deleted_elsewhere_is_said_to_be_gone(
    page: Page, driver: Driver
) -> None:
    session_id = await begun(driver, 20)
    await visit(page, session_id)
    assert (await driver.call("DELETE", f"/api/session/{session_id}")).status == 204
    await expect(page.get_by_role("heading", name="This list is not here")).to_be_visible()


async def test_an_address_of_no_list_says_so(page: Page, watch: Watch) -> None:
    watch.allow_status(404)
    await page.goto("/session/00000000-0000-4000-8000-000000000000")
    await expect(page.get_by_role("heading", name="This list is not here")).to_be_visible()
    await page.get_by_role("link", name="Bring a list").click()
    await expect(page.get_by_text("Drop your list here")).to_be_visible()


async def test_a_minutes_films_and_the_time_left_are_told(page: Page, driver: Driver) -> None:
    session_id = await begun(driver, 150)
    await visit(page, session_id)
    await expect(page.get_by_text(re.compile(r"about \d+ \w+ left"))).to_be_visible()
    await expect(page.get_by_text(re.compile(r"[1-9]\d* films a minute"))).to_be_visible()


async def test_nothing_jumps_while_a_list_fills_and_turns_into_the_dashboard(
    page: Page, driver: Driver
) -> None:
    await page.add_init_script(
        """
        window.shift = 0;
        new PerformanceObserver((list) => {
          for (const { value } of list.getEntries()) window.shift += value;
        }).observe({ type: "layout-shift", buffered: true });
        """
    )
    session_id = await begun(driver, 40)
    await visit(page, session_id)
    await expect(page.get_by_role("heading", name="Genres")).to_be_visible()
    assert await page.evaluate("shift") <= 0.02
