"""What a visitor does on the page, by the roles and names that a screen reader says too."""

from __future__ import annotations

import re
import zipfile
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from playwright.async_api import expect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Page

    from tests.support.driving import Driver

SESSION = re.compile(r"/session/([0-9a-f-]{36})")


async def choose(page: Page, *files: Path) -> None:
    """Choose files on the start page, as in the system's dialog."""
    await page.goto("/")
    await page.get_by_label("Choose files").set_input_files(list(files))


async def drop(page: Page, files: dict[str, str]) -> None:
    """Let go of files, by name and text, over the place for them."""
    transfer = await page.evaluate_handle(
        """(files) => {
          const transfer = new DataTransfer();
          for (const [name, text] of Object.entries(files)) {
            transfer.items.add(new File([text], name, { type: "text/csv" }));
          }
          return transfer;
        }""",
        files,
    )
    place = page.get_by_text("Drop your list here")
    for event in ("dragenter", "dragover", "drop"):
        await place.dispatch_event(event, {"dataTransfer": transfer})


async def session_shown(page: Page) -> str:
    """Wait until the page shows a list; the id of its session."""
    await expect(page).to_have_url(SESSION)
    await expect(page.get_by_role("heading", level=1, name="Your films")).to_be_visible()
    match = SESSION.search(page.url)
    assert match
    return match[1]


async def visit(page: Page, session_id: str, view: str | None = None, **filters: object) -> None:
    """Open a view of a list by its address."""
    query = urlencode({**({"view": view} if view else {}), **filters})
    await page.goto(f"/session/{session_id}{'?' if query else ''}{query}")
    await session_shown(page)


@asynccontextmanager
async def killed_api(driver: Driver) -> AsyncIterator[None]:
    """Within, the API is not there: it was killed, and is started anew afterwards."""
    await driver.stack.api.kill()
    try:
        yield
    finally:
        await driver.stack.api.start()


def zipped(folder: Path, target: Path) -> Path:
    """A folder's CSV files in a zip, each under its path there."""
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(folder.rglob("*.csv")):
            archive.write(path, path.relative_to(folder).as_posix())
    return target


def whole_number(text: str) -> int:
    """`1,204 films` is 1204."""
    match = re.search(r"\d[\d,]*", text)
    assert match, f"no number in {text!r}"
    return int(match[0].replace(",", ""))
