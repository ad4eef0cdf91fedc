"""A list that waits for others of its client says so, until it begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.async_api import expect

from benchmarks.client_uploads import ClientUploads, Named
from local_stack.stack import STAND_IN_KEY
from shared.postgres.database import Database
from shared.settings import Settings
from shared.sql.turn_grants import SHARES
from tests.browser.visiting import visit
from tests.support.driving import ADMIN_TOKEN, made_up_films

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.async_api import Page

    from tests.support.driving import Driver

ADMIN = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
LARGE, SMALL = 60, 3


async def test_a_waiting_list_says_what_it_waits_for(
    page: Page, driver: Driver, tmp_path: Path
) -> None:
    films = [Named(film.title, film.year) for film in made_up_films()[: SHARES * LARGE + SMALL]]
    settings = Settings(_env_file=None, database_url=driver.stack.dsn, tmdb_api_key=STAND_IN_KEY)
    await driver.set_latency(0.8)
    await driver.call("POST", "/worker/pause", headers=ADMIN)
    async with Database(settings, application_name="tests") as database:
        uploads = ClientUploads(database, tmp_path)
        for start in range(0, SHARES * LARGE, LARGE):
            await uploads.store("somebody", films[start : start + LARGE])
        small = str(await uploads.store("somebody", films[-SMALL:]))
    await driver.call("POST", "/worker/resume", headers=ADMIN)
    said = page.get_by_text("Other lists from your address or token come first.")
    await visit(page, small)
    await expect(said).to_be_visible()
    await driver.speed_up()
    await expect(said).to_be_hidden()
    await driver.completed(small)
    await expect(page.get_by_text(f"{SMALL} of {SMALL} done")).to_be_visible()
