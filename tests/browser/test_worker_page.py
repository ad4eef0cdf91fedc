"""The operator sees the fleet, pauses it and lets it go on; and the API's routes can be read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.async_api import expect

from tests.browser.visiting import whole_number
from tests.support.driving import ADMIN_TOKEN, made_up_films, until

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

    from tests.browser.watching import Watch
    from tests.support.driving import Driver


def figure(page: Page, section: str, name: str) -> Locator:
    """The description beside a term."""
    terms = page.get_by_role("region", name=section).get_by_role("term").filter(has_text=name)
    return terms.locator("+ dd")


async def test_the_fleet_its_queue_and_its_budget_are_shown(page: Page, driver: Driver) -> None:
    await driver.set_latency(3.0)
    await driver.upload(made_up_films()[:200])
    await page.goto("/worker")
    await expect(page.get_by_text("Running: 1 worker.")).to_be_visible()
    await expect(page).to_have_title("running · Projectionist")
    workers = page.get_by_role("table").get_by_role("row")
    await expect(workers).to_have_count(2)
    await expect(workers.nth(1)).to_contain_text("working")

    async def are_the_queues() -> bool:
        queue = (await driver.worker_status())["queue"]
        shown = whole_number(await figure(page, "Queue", "Waiting").inner_text())
        return 0 < shown <= 200 and abs(shown - queue["queued"]) <= 40

    await until(are_the_queues)
    await expect(figure(page, "TMDB", "State")).to_contain_text("answers")
    await expect(figure(page, "Budget", "Used")).to_contain_text(re.compile(r"\d+ of 400 requests"))
    await driver.speed_up()
    await expect(figure(page, "Queue", "Waiting")).to_have_text("0")


async def test_the_fleet_is_paused_and_let_go_with_the_token(page: Page, driver: Driver) -> None:
    await page.goto("/worker")
    pid = f":{driver.stack.workers[0].pid}"
    worker = page.get_by_role("table").get_by_role("row").nth(1)
    await expect(worker).to_contain_text("working")
    assert pid not in await worker.inner_text(), "whoever has no token is told of no machine"
    await page.get_by_label("Admin token").fill(ADMIN_TOKEN)
    await page.get_by_role("button", name="Pause").click()
    await expect(page.get_by_text(re.compile("^Paused since"))).to_be_visible()
    await expect(worker).to_contain_text(pid)
    await page.reload()
    await expect(worker).to_contain_text(pid)
    assert (await driver.worker_status())["worker_status"] == "paused"
    await page.get_by_role("button", name="Resume").click()
    await expect(page.get_by_text(re.compile("^Running: 1 worker"))).to_be_visible()
    assert (await driver.worker_status())["worker_status"] == "running"


async def test_a_wrong_token_changes_nothing_and_is_said(
    page: Page, driver: Driver, watch: Watch
) -> None:
    watch.allow_status(401)
    await page.goto("/worker")
    await page.get_by_label("Admin token").fill("let-me-in-or-else")
    await page.get_by_role("button", name="Pause").click()
    await expect(page.get_by_role("alert")).to_contain_text("token", ignore_case=True)
    assert (await driver.worker_status())["worker_status"] == "running"


async def test_tmdb_that_is_out_is_told_with_its_reason(page: Page, driver: Driver) -> None:
    await page.goto("/worker")
    await driver.go_wrong({"match": "/3/", "kind": "status", "status": 503})
    await driver.upload(made_up_films()[300:330])
    await expect(figure(page, "TMDB", "State")).to_contain_text("does not answer")
    await expect(figure(page, "TMDB", "Reason")).to_contain_text("503")
    await driver.go_wrong()
    await expect(figure(page, "TMDB", "State")).to_contain_text("answers")


async def test_what_the_token_is_stays_out_of_the_address_and_of_the_disk(
    page: Page, driver: Driver
) -> None:
    await page.goto("/worker")
    await page.get_by_label("Admin token").fill(ADMIN_TOKEN)
    await page.get_by_role("button", name="Resume").click()
    await expect(page.get_by_text(re.compile("^Running"))).to_be_visible()
    assert (await driver.worker_status())["worker_status"] == "running"
    assert ADMIN_TOKEN not in page.url
    assert ADMIN_TOKEN not in await page.evaluate("JSON.stringify(localStorage)")
    assert await page.context.cookies() == []


async def test_the_routes_are_read_in_the_browser(page: Page) -> None:
    await page.goto("/docs")
    for route in ("/api/upload", "/api/session/{session_id}/movies", "/worker/pause"):
        await expect(page.get_by_text(route, exact=True).first).to_be_visible()
