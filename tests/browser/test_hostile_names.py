"""Whatever a list calls things, it is shown as text and never run."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.browser.gallery import HOSTILE
from tests.browser.visiting import choose, session_shown, visit

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.async_api import Page

    from tests.browser.watching import Watch
    from tests.support.driving import Driver

EVIL = HOSTILE
ALSO_EVIL = '"><svg onload="document.title=\'owned\'"><script>document.title="owned"</script>'
ADDRESS = "javascript:document.title='owned'"


@pytest.fixture(scope="module")
def evil_files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A diary whose every cell means harm, and a list with a harmful name."""
    folder = tmp_path_factory.mktemp("evil")
    diary, of_list = folder / f"{EVIL[:5]}.csv", folder / "list.csv"
    entry = {"Year": "1999", "Letterboxd URI": ADDRESS, "Rating": "4", "Watched Date": "2024-01-01"}
    diary.write_text(
        _csv(
            ("Name", "Review", "Tags", *entry),
            (EVIL, EVIL, f"{EVIL}, {ALSO_EVIL}", *entry.values()),
            ("Fargo", ALSO_EVIL, EVIL, "1996", *list(entry.values())[1:]),
            ("", ALSO_EVIL, EVIL, *entry.values()),
        )
    )
    of_list.write_text(
        _csv(
            ("Date", "Name", "Tags", "URL", "Description"),
            ("2024-01-01", EVIL, EVIL, ADDRESS, ALSO_EVIL),
            (),
            ("Position", "Name", "Year", "URL", "Description"),
            ("1", "Fargo", "1996", ADDRESS, EVIL),
            ("2", ALSO_EVIL, "2001", ADDRESS, EVIL),
        )
    )
    return [diary, of_list]


def _csv(*rows: tuple[str, ...]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


async def harmless(page: Page) -> None:
    """Nothing of it has become a part of the page, or was run."""
    assert "owned" not in await page.title()
    assert await page.locator("main img[onerror], svg[onload], main script").count() == 0
    assert await page.locator("a[href^='javascript:']").count() == 0
    dialogs = page.locator("dialog img[onerror], dialog svg, dialog script")
    assert await dialogs.count() == 0


async def test_a_hostile_list_is_text_in_every_view(
    page: Page, driver: Driver, evil_files: list[Path]
) -> None:
    await choose(page, *evil_files)
    session_id = await session_shown(page)
    await driver.completed(session_id)
    (evil, *_) = [m for m in await driver.movies(session_id) if m["title"] == EVIL]
    (fargo, *_) = [m for m in await driver.movies(session_id) if m["title"] == "Fargo"]
    assert fargo["lists"] == [EVIL]

    await visit(page, session_id, "films")
    await expect(page.get_by_text(EVIL).first).to_be_visible()
    await harmless(page)
    await page.get_by_role("button", name="Table").click()
    await expect(page.get_by_role("row").filter(has_text=EVIL)).to_have_count(1)
    await harmless(page)

    await visit(page, session_id, "films", film=evil["position"])
    film = page.get_by_role("dialog", name=EVIL)
    await expect(film.get_by_role("heading", level=2)).to_contain_text(EVIL)
    await expect(film.locator(".review")).to_have_text(EVIL)
    await expect(film.get_by_text(ALSO_EVIL)).to_be_visible()
    await harmless(page)

    await visit(page, session_id, "films", film=fargo["position"])
    film = page.get_by_role("dialog", name="Fargo")
    await expect(film.get_by_text(EVIL).first).to_be_visible()
    await harmless(page)

    await visit(page, session_id, "fix")
    await expect(page.get_by_role("heading", name=EVIL)).to_be_visible()
    await harmless(page)

    for filtered in ({"tag": EVIL}, {"list": EVIL}, {"q": EVIL}, {"director": f"1~{EVIL}"}):
        await visit(page, session_id, "films", **filtered)
        if "q" not in filtered:
            await expect(page.get_by_role("button", name=EVIL)).to_be_visible()
        await harmless(page)


async def test_the_report_of_a_hostile_list_is_text(page: Page, evil_files: list[Path]) -> None:
    await choose(page, *evil_files)
    await session_shown(page)
    for part in await page.get_by_role("group").get_by_role("group").all():
        await part.locator("summary").click()
    await expect(page.get_by_role("cell", name=evil_files[0].name)).to_be_visible()
    await harmless(page)


@pytest.mark.parametrize("address", [f"/session/{EVIL}", f"/session/x?view={EVIL}"])
async def test_a_hostile_address_shows_nothing_but_that_there_is_no_list(
    page: Page, watch: Watch, address: str
) -> None:
    watch.allow_status(404)
    watch.allow_status(400)
    await page.goto(address.replace("<", "%3C").replace('"', "%22"))
    await expect(page.get_by_role("heading", level=1)).to_contain_text("not")
    await harmless(page)


async def test_a_refusal_of_a_hostile_file_is_text(
    page: Page, watch: Watch, tmp_path: Path
) -> None:
    watch.allow_status(422)
    file = tmp_path / f"{EVIL.replace('/', '')}.csv"
    file.write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(100))
    await choose(page, file)
    await expect(page.get_by_role("alert")).to_contain_text("<img src=x onerror=")
    await harmless(page)
