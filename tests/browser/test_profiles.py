"""Several people's viewings in one upload: named with their counts, and read for some alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.async_api import expect

from tests.browser.visiting import choose, session_shown, visit

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.async_api import Page

    from tests.support.driving import Driver

SHARED = """\
Profile Name,Start Time,Duration,Attributes,Title,Supplemental Video Type,Device Type,Bookmark,\
Latest Bookmark,Country
Ash,2024-03-09 21:10:00,02:40:00,,Heat,,TV,02:40:00,02:40:00,DE (Germany)
Ash,2024-03-10 21:10:00,02:40:00,,Alien,,TV,02:40:00,02:40:00,DE (Germany)
Bo <b>,2024-03-11 15:00:00,01:20:00,,Ran,,Tablet,01:20:00,01:20:00,DE (Germany)
"""


async def test_list_is_made_anew_of_the_profiles_chosen(
    page: Page, driver: Driver, tmp_path: Path
) -> None:
    file = tmp_path / "ViewingActivity.csv"
    file.write_text(SHARED, encoding="utf-8")
    await choose(page, file)
    before = await session_shown(page)
    await expect(page.get_by_label("Ash: 2 rows, 2 films")).to_be_checked()
    other = page.get_by_label("Bo <b>: 1 row, 1 film")
    await expect(other).to_be_checked()

    await page.get_by_label("Ash: 2 rows, 2 films").uncheck()
    await other.uncheck()
    await page.get_by_role("button", name="Read only these").click()
    await expect(page.get_by_text("Choose at least one profile.")).to_be_visible()
    await other.check()
    async with page.expect_response(
        lambda response: response.request.method == "DELETE"
    ) as deletion:
        await page.get_by_role("button", name="Read only these").click()
    assert (await deletion.value).status == 204
    await expect(page.get_by_label("Ash: 2 rows, not read")).not_to_be_checked()
    after = await session_shown(page)
    assert after != before
    assert (await driver.call("GET", f"/api/session/{before}")).status == 404
    assert [movie["title"] for movie in await driver.movies(after)] == ["Ran"]


async def test_whoever_opens_a_list_sees_its_profiles_and_how_to_choose(
    page: Page, tmp_path: Path
) -> None:
    file = tmp_path / "ViewingActivity.csv"
    file.write_text(SHARED, encoding="utf-8")
    await choose(page, file)
    session_id = await session_shown(page)
    await visit(page, session_id)
    await page.get_by_text("How your files were read").click()
    await expect(page.get_by_label("Ash: 2 rows, 2 films")).to_be_disabled()
    await expect(page.get_by_text("upload the file again")).to_be_visible()
