"""Files are chosen or dropped, and what was read of them, or why nothing was, is said at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from local_stack.samples.default_sample import write_default_sample
from tests.browser.gallery import titles
from tests.browser.visiting import choose, drop, killed_api, session_shown, zipped
from tests.support.driving import plain_films, title_list

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.async_api import Page, Route

    from local_stack.samples.letterboxd import SampleSummary
    from tests.browser.watching import Watch
    from tests.support.driving import Driver


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SampleSummary]:
    folder = tmp_path_factory.mktemp("export")
    return folder, write_default_sample(folder)


async def test_a_zip_is_chosen_and_what_was_read_of_it_is_shown(
    page: Page, driver: Driver, sample: tuple[Path, SampleSummary], tmp_path: Path
) -> None:
    folder, summary = sample
    await choose(page, zipped(folder, tmp_path / "export.zip"))
    session_id = await session_shown(page)
    answer = await driver.call("GET", f"/api/session/{session_id}/report")
    assert answer.body["total_movies"] == summary.films
    report = page.get_by_role("group").filter(has_text="from").first
    await expect(report).to_contain_text(
        f"{summary.films} films from {answer.body['rows_read']} rows"
    )
    await expect(report).to_contain_text(f"{answer.body['rows_merged']} merged")
    files = report.get_by_role("table")
    for file in answer.body["files"]:
        row = files.get_by_role("row").filter(has=page.get_by_role("cell", name=file["name"]))
        said = file["set_aside"] or file["format"].replace("_", " ")
        await expect(row.filter(has_text=said)).to_have_count(1)
    await expect(page.get_by_text(f"{summary.watched} films watched")).to_be_visible()


async def test_several_files_that_are_chosen_together_are_one_list(
    page: Page, driver: Driver, sample: tuple[Path, SampleSummary]
) -> None:
    folder, summary = sample
    names = ("watched.csv", "diary.csv", "ratings.csv")
    await choose(page, *(folder / name for name in names))
    session_id = await session_shown(page)
    assert (await driver.status(session_id))["total_movies"] == summary.watched
    for name in names:
        await expect(page.get_by_role("cell", name=name, exact=True)).to_be_visible()


async def test_files_that_are_dropped_are_one_list(page: Page, driver: Driver) -> None:
    films = plain_films(30)
    await page.goto("/")
    await drop(
        page,
        {
            "old.csv": title_list(films[:20]).decode(),
            "new.csv": title_list(films[10:]).decode(),
        },
    )
    session_id = await session_shown(page)
    assert (await driver.status(session_id))["total_movies"] == 30


async def test_lists_are_remembered_on_the_device_and_led_back_to(page: Page) -> None:
    await page.goto("/")
    await expect(page.get_by_role("heading", name="Your lists on this device")).to_have_count(0)
    await drop(page, {"films.csv": title_list(plain_films(12)).decode()})
    session_id = await session_shown(page)
    await page.get_by_role("link", name="Projectionist").click()
    await page.get_by_role("link", name="12 films").click()
    assert await session_shown(page) == session_id


REFUSED = {
    "holiday.jpg": (b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(200), 422, "JPEG picture"),
    "notes.csv": (b"Mood,Weather\ngood,fair\n", 422, "notes.csv"),
    "empty.csv": (b"", 400, "nothing was uploaded"),
    "broken.zip": (b"PK\x03\x04" + bytes(100), 422, "broken.zip"),
}


SIGN_IN = "<!doctype html><title>Sign in</title><p>Welcome to the train."


@pytest.mark.parametrize("name", REFUSED)
async def test_a_refusal_is_said_in_words_and_another_file_is_taken(
    page: Page, watch: Watch, tmp_path: Path, name: str
) -> None:
    body, status, said = REFUSED[name]
    watch.allow_status(status)
    path = tmp_path / name
    path.write_bytes(body)
    await choose(page, path)
    await expect(page.get_by_role("alert")).to_contain_text(said, ignore_case=True)
    good = tmp_path / "films.csv"
    good.write_bytes(title_list(plain_films(5)))
    await page.get_by_label("Choose files").set_input_files(good)
    await session_shown(page)


@pytest.mark.parametrize(("status", "body"), [(200, ""), (200, SIGN_IN), (502, SIGN_IN)])
async def test_an_answer_that_is_not_the_services_own_is_a_refusal(
    page: Page, watch: Watch, tmp_path: Path, status: int, body: str
) -> None:
    """As of a network that asks to be signed in to, or a proxy before a service that is down."""
    watch.allow_status(status)
    path = tmp_path / "films.csv"
    path.write_bytes(title_list(plain_films(6)))
    address = "**/api/upload"
    await page.route(
        address, lambda route: route.fulfill(status=status, content_type="text/html", body=body)
    )
    await choose(page, path)
    await expect(page.get_by_role("alert")).to_contain_text(f"The service answered {status}.")
    await expect(page.get_by_label("Choose files")).to_be_enabled()
    await page.unroute(address)
    await page.get_by_role("button", name="Try again").click()
    await session_shown(page)


async def test_an_upload_that_could_not_be_sent_is_sent_again_and_stored_once(
    page: Page, watch: Watch, driver: Driver, tmp_path: Path
) -> None:
    watch.allow_outage()
    path = tmp_path / "films.csv"
    path.write_bytes(titles([("Fargo", "1996"), ("Heat", "1995")]))
    sessions = await driver.value("select count(*) from sessions")
    await page.goto("/")
    chooser = page.get_by_label("Choose files")
    await expect(chooser).to_be_enabled()
    async with killed_api(driver):
        await chooser.set_input_files(path)
        await expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
    await page.get_by_role("button", name="Try again").click()
    await session_shown(page)
    assert await driver.value("select count(*) from sessions") == sessions + 1


async def test_an_answer_that_was_lost_is_asked_for_again_and_nothing_is_stored_twice(
    page: Page, watch: Watch, driver: Driver, tmp_path: Path
) -> None:
    watch.allow_outage()
    path = tmp_path / "films.csv"
    path.write_bytes(title_list(plain_films(7)))
    sessions = await driver.value("select count(*) from sessions")
    lost = 0

    async def lose(route: Route) -> None:
        nonlocal lost
        lost += 1
        if lost == 1:
            await route.fetch()
            await route.abort("connectionreset")
        else:
            await route.continue_()

    await page.route("**/api/upload", lose)
    await choose(page, path)
    await page.get_by_role("button", name="Try again").click()
    await session_shown(page)
    assert lost == 2
    assert await driver.value("select count(*) from sessions") == sessions + 1


async def test_an_upload_that_is_called_off_leaves_nothing(
    page: Page, driver: Driver, tmp_path: Path
) -> None:
    path = tmp_path / "films.csv"
    path.write_bytes(title_list(plain_films(300)) * 3000)
    sessions = await driver.value("select count(*) from sessions")
    devtools = await page.context.new_cdp_session(page)
    await page.goto("/")
    await devtools.send("Network.enable")
    await devtools.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 500_000},
    )
    await page.get_by_label("Choose files").set_input_files(path)
    bar = page.get_by_role("progressbar", name="Upload")
    await expect(bar).to_be_visible()
    await page.get_by_role("button", name="Cancel").click()
    await expect(bar).to_have_count(0)
    await expect(page.get_by_text("Drop your list here")).to_be_visible()
    assert await driver.value("select count(*) from sessions") == sessions
