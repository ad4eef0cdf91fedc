"""A list is taken away whole or in part, added to, and deleted after a question."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

from tests.browser.counting import stored_films
from tests.browser.visiting import visit
from tests.support.film_lists import plain_films, title_list

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.async_api import Locator, Page, Route

    from tests.browser.gallery import Gallery
    from tests.browser.watching import Watch
    from tests.support.stack_driver import Driver

Row = dict[str, str]


async def saved(page: Page, link: Locator) -> bytes:
    """Follow a link to a file; its bytes."""
    async with page.expect_download() as coming:
        await link.click()
    download = await coming.value
    return (await download.path()).read_bytes()


def rows_of(body: bytes) -> list[Row]:
    """The rows of a CSV file as a spreadsheet reads it."""
    return list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize(
    ("part", "belongs"),
    [
        ("Everything", lambda _: True),
        ("Watched films", lambda film: film["watched"]),
        ("Watchlist", lambda film: film["in_watchlist"]),
        ("Not found", lambda film: film["outcome"] in {"not_found", "failed"}),
    ],
)
async def test_each_part_is_taken_away_whole_in_both_forms(
    page: Page, gallery: Gallery, part: str, belongs: Callable[[dict[str, Any]], bool]
) -> None:
    expected = [
        film["title"] for film in await stored_films(gallery.driver, gallery.done) if belongs(film)
    ]
    assert expected
    await visit(page, gallery.done, "export")
    rows = rows_of(await saved(page, page.get_by_role("link", name=f"CSV: {part}")))
    assert [row["Title"].lstrip("'") for row in rows] == expected
    lines = await saved(page, page.get_by_role("link", name=f"JSON lines: {part}"))
    assert [json.loads(line)["title"] for line in lines.splitlines()] == expected


async def test_the_letterboxd_form_has_what_letterboxd_reads(page: Page, gallery: Gallery) -> None:
    films = await stored_films(gallery.driver, gallery.done)
    await visit(page, gallery.done, "export")
    link = page.get_by_role("link", name="Letterboxd import: Watched films")
    rows = rows_of(await saved(page, link))
    assert {"Title", "Year", "tmdbID", "Rating", "WatchedDate"} <= set(rows[0])
    assert {row["tmdbID"] for row in rows if row["tmdbID"]} == {
        str(film["tmdb_id"]) for film in films if film["watched"] and film["tmdb_id"]
    }


async def test_what_filters_leave_is_taken_away(page: Page, gallery: Gallery) -> None:
    films = await stored_films(gallery.driver, gallery.done)
    dramas = [film["title"] for film in films if "Drama" in (film["genres"] or ())]
    await visit(page, gallery.done, "films", genre="Drama")
    await page.get_by_text("Export these films").click()
    rows = rows_of(await saved(page, page.get_by_role("link", name="CSV: these films")))
    assert [row["Title"] for row in rows] == dramas


async def test_the_unmatched_are_put_right_in_a_spreadsheet_and_brought_back(
    page: Page, driver: Driver, tmp_path: Path
) -> None:
    session_id = str(
        (await driver.post_list(b"Title,Year\nFrogo,1996\nHeat,1995\n")).body["session_id"]
    )
    await driver.completed(session_id)
    await visit(page, session_id, "fix")
    link = page.get_by_role("link", name="CSV: unmatched films")
    (row,) = rows_of(await saved(page, link))
    text = io.StringIO()
    writer = csv.DictWriter(text, row)
    writer.writeheader()
    writer.writerow({**row, "Title": "Fargo"})
    put_right = tmp_path / "unmatched.csv"
    put_right.write_text(text.getvalue())
    await page.get_by_role("link", name="Export").click()
    await page.get_by_label("Choose files").set_input_files(put_right)
    await expect(page.get_by_text("0 films added, 1 film changed.")).to_be_visible()
    await expect(page.get_by_text("2 enriched")).to_be_visible()


async def test_more_files_are_added_and_the_counts_follow(
    page: Page, driver: Driver, tmp_path: Path
) -> None:
    films = plain_films(30)
    session_id = await driver.upload(films[:20])
    await driver.completed(session_id)
    more = tmp_path / "more.csv"
    more.write_bytes(title_list(films[15:]))
    await visit(page, session_id, "export")
    await page.get_by_label("Choose files").set_input_files(more)
    await expect(page.get_by_text("10 films added")).to_be_visible()
    await expect(page.get_by_text("30 of 30 done")).to_be_visible()


async def test_a_list_is_deleted_only_after_a_question(page: Page, driver: Driver) -> None:
    session_id = await driver.upload(plain_films(8))
    await driver.completed(session_id)
    await visit(page, session_id, "export")
    question = page.get_by_role("dialog", name="Delete this list?")
    await page.get_by_role("button", name="Delete this list").click()
    await expect(question).to_contain_text("8 films")
    await question.get_by_role("button", name="Keep it").click()
    await expect(question).to_have_count(0)
    assert await driver.value("select count(*) from sessions where id = $1::text::uuid", session_id)
    await page.get_by_role("button", name="Delete this list").click()
    await question.get_by_role("button", name="Delete permanently").click()
    await expect(page.get_by_text("Drop your list here")).to_be_visible()
    await expect(page.get_by_role("heading", name="Your lists on this device")).to_have_count(0)
    left = "select count(*) from sessions where id = $1::text::uuid"
    assert await driver.value(left, session_id) == 0


@pytest.mark.parametrize("answered", [None, 503])
async def test_a_deletion_that_fails_is_said_and_the_list_is_followed_until_it_succeeds(
    page: Page, driver: Driver, watch: Watch, answered: int | None
) -> None:
    watch.allow_outage()
    films = plain_films(12)
    session_id = await driver.upload(films[:8])
    await driver.completed(session_id)

    async def refuse(route: Route) -> None:
        if route.request.method != "DELETE":
            await route.fallback()
        elif answered is None:
            await route.abort()
        else:
            await route.fulfill(status=answered, body="busy")

    address = f"**/api/session/{session_id}"
    await page.route(address, refuse)
    await visit(page, session_id, "export")
    await page.get_by_role("button", name="Delete this list").click()
    await page.get_by_role("button", name="Delete permanently").click()
    said = "cannot be reached" if answered is None else f"answered {answered}"
    await expect(page.get_by_role("alert")).to_contain_text(said)
    more = await driver.call(
        "POST",
        f"/api/session/{session_id}/upload",
        data=title_list(films[8:]),
        headers={"Content-Type": "text/csv"},
    )
    assert more.body["report"]["added"] == 4, more
    await expect(page.get_by_text("12 of 12 done")).to_be_visible()
    await page.unroute(address)
    await page.get_by_role("button", name="Delete this list").click()
    await page.get_by_role("button", name="Delete permanently").click()
    await expect(page.get_by_text("Drop your list here")).to_be_visible()
    left = "select count(*) from sessions where id = $1::text::uuid"
    assert await driver.value(left, session_id) == 0
