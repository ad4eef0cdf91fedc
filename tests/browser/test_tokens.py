"""A service that takes lists only with a token asks for it once, and the browser keeps it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.browser.visiting import choose, session_shown
from tests.support.driving import create_database, plain_films, running, title_list

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Browser, Page

    from local_stack.postgres import EmbeddedPostgres
    from tests.browser.watching import Watch
    from tests.support.driving import Driver

TOKEN = "let-this-list-in"


@pytest.fixture(scope="module")
async def driver(
    browser: Browser,
    postgres: EmbeddedPostgres,
    template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Driver]:
    """Services that take uploads with `TOKEN` alone."""
    assert browser.is_connected()
    dsn = await create_database(postgres, template=template)
    digest = hashlib.sha256(TOKEN.encode()).hexdigest()
    async with running(dsn, tmp_path_factory.mktemp("services"), UPLOAD_TOKENS=digest) as driving:
        yield driving


async def test_a_token_is_asked_for_and_remembered(
    page: Page, watch: Watch, tmp_path: Path
) -> None:
    watch.allow_status(401)
    path = tmp_path / "films.csv"
    path.write_bytes(title_list(plain_films(5)))
    await choose(page, path)
    asked = page.get_by_label("only with a token")
    await expect(asked).to_be_focused()
    await asked.fill("something else")
    await asked.press("Enter")
    await expect(asked).to_have_value("something else")
    assert await asked.evaluate("input => input.validity.patternMismatch"), "the browser says so"
    await asked.fill("something-else")
    await page.get_by_role("button", name="Send with this token").click()
    await expect(asked).to_have_value("")
    await asked.fill(TOKEN)
    await asked.press("Enter")
    first = await session_shown(page)
    await choose(page, path)
    assert await session_shown(page) != first
