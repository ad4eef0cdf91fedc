"""Not found, or is in doubt, is put right on the page, and the counts follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.browser.gallery import titles
from tests.browser.visiting import killed_api, visit

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

    from tests.browser.watching import Watch
    from tests.support.stack_driver import Driver

FARGO = 275
FARGO_IMDB = "tt0116282"


@pytest.fixture
async def wrong(driver: Driver) -> str:
    """A list with one film that was found, one with candidates, one without, and one in doubt."""
    rows = [("Heat", "1995"), ("Dune", ""), ("Frogo", "1996"), ("Pulp Fictiom", "1994")]
    session_id = str((await driver.post_list(titles(rows))).body["session_id"])
    status = await driver.completed(session_id)
    assert (status["enriched_count"], status["not_found_count"]) == (2, 2)
    return session_id


def unmatched(page: Page, title: str) -> Locator:
    return (
        page.get_by_role("region", name="Not found")
        .get_by_role("listitem")
        .filter(has=page.get_by_role("heading", name=title))
    )


async def match_of(driver: Driver, session_id: str, title: str) -> int | None:
    """The film that a movie is taken for, in the database."""
    found: int | None = await driver.value(
        """
        select tmdb_id
        from movies
        join lookups on lookups.id = lookup_id
        where session_id = $1::text::uuid and movies.title = $2
        """,
        session_id,
        title,
    )
    return found


async def test_a_candidate_is_chosen_and_the_counts_follow(
    page: Page, driver: Driver, wrong: str
) -> None:
    await visit(page, wrong, "fix")
    views = page.get_by_role("navigation", name="Views of this list")
    await expect(views.get_by_role("link", name="Fix matches 2")).to_be_visible()
    await unmatched(page, "Dune").get_by_role("button", name="This one: Dune (1984)").click()
    await expect(
        page.get_by_text("Now it is Dune (1984)").or_(page.get_by_text("Searching for it"))
    ).to_be_visible()
    await expect(views.get_by_role("link", name="Fix matches 1")).to_be_visible()
    await expect(page.get_by_text("3 enriched")).to_be_visible()
    await expect(page.get_by_text("1 not found")).to_be_visible()
    assert await match_of(driver, wrong, "Dune") == 841


@pytest.mark.parametrize(
    "pasted",
    [
        str(FARGO),
        FARGO_IMDB,
        f"https://www.themoviedb.org/movie/{FARGO}-fargo?language=de",
        f" https://www.imdb.com/title/{FARGO_IMDB}/?ref_=fn_al_tt_1 ",
        f"https://letterboxd.com/tmdb/{FARGO}/",
    ],
)
async def test_an_id_or_an_address_is_pasted(
    page: Page, driver: Driver, wrong: str, pasted: str
) -> None:
    await visit(page, wrong, "fix")
    film = unmatched(page, "Frogo")
    await film.get_by_role("textbox", name="TMDB or IMDb id or link").fill(pasted)
    await film.get_by_role("button", name="Use it").click()
    await expect(page.get_by_text("3 enriched")).to_be_visible()
    assert await match_of(driver, wrong, "Frogo") == FARGO


@pytest.mark.parametrize(
    ("pasted", "said"),
    [
        ("Fargo", "paste its TMDB or IMDb id"),
        ("https://letterboxd.com/film/fargo/", "does not contain the film"),
        ("https://example.org/275", "paste its TMDB or IMDb id"),
        ("0", "paste its TMDB or IMDb id"),
    ],
)
async def test_what_names_no_film_is_refused_in_words(
    page: Page, driver: Driver, wrong: str, pasted: str, said: str
) -> None:
    await visit(page, wrong, "fix")
    film = unmatched(page, "Frogo")
    await film.get_by_role("textbox").fill(pasted)
    await page.keyboard.press("Enter")
    await expect(film.get_by_role("alert")).to_contain_text(said)
    assert await match_of(driver, wrong, "Frogo") is None


async def test_an_id_that_tmdb_does_not_know_is_not_found_again(
    page: Page, driver: Driver, wrong: str
) -> None:
    await visit(page, wrong, "fix")
    film = unmatched(page, "Frogo")
    await film.get_by_role("textbox").fill("299999999")
    await film.get_by_role("button", name="Use it").click()
    await driver.completed(wrong)
    await expect(page.get_by_text("2 not found")).to_be_visible()


async def test_a_doubtful_match_is_put_right(page: Page, driver: Driver, wrong: str) -> None:
    await visit(page, wrong, "fix")
    film = (
        page.get_by_role("region", name="Doubtful")
        .get_by_role("listitem")
        .filter(has_text="Pulp Fictiom")
    )
    await expect(film).to_contain_text("matched to Pulp Fiction (1994)")
    await film.get_by_role("textbox").fill(str(FARGO))
    await film.get_by_role("button", name="Use it").click()
    doubtful = page.get_by_role("region", name="Doubtful")
    await expect(
        doubtful.get_by_text("Fargo").or_(doubtful.get_by_text("Searching for it"))
    ).to_be_visible()
    await driver.completed(wrong)
    assert await match_of(driver, wrong, "Pulp Fictiom") == FARGO


async def test_doubtful_match_is_confirmed(page: Page, driver: Driver, wrong: str) -> None:
    await visit(page, wrong, "fix")
    doubtful = page.get_by_role("region", name="Doubtful")
    await doubtful.get_by_role("button", name="It is right").click()
    await expect(doubtful.get_by_role("status")).to_be_visible()
    await driver.completed(wrong)
    assert await match_of(driver, wrong, "Pulp Fictiom") == 680
    await page.reload()
    await expect(page.get_by_role("region", name="Not found")).to_be_visible()
    await expect(doubtful.get_by_role("listitem")).to_have_count(0)


async def test_what_is_no_film_leaves_the_list_after_a_question(
    page: Page, driver: Driver, wrong: str
) -> None:
    await visit(page, wrong, "fix")
    film = unmatched(page, "Frogo")
    question = page.get_by_role("dialog", name="Not a film")
    await film.get_by_role("button", name="Not a film").click()
    await question.get_by_role("button", name="Keep it").click()
    await expect(question).to_have_count(0)
    assert (await driver.status(wrong))["total_movies"] == 4
    await film.get_by_role("button", name="Not a film").click()
    await question.get_by_role("button", name="Remove it").click()
    await expect(page.get_by_text("“Frogo” was removed from the list.")).to_be_visible()
    await expect(page.get_by_text("3 of 3 done")).to_be_visible()
    assert (await driver.status(wrong))["total_movies"] == 3


async def test_a_wrong_match_is_put_right_from_the_film_itself(
    page: Page, driver: Driver, wrong: str
) -> None:
    await visit(page, wrong, "films")
    await page.get_by_role("link", name="Heat").first.click()
    film = page.get_by_role("dialog", name="Heat")
    await film.get_by_text("Not the right film?").click()
    await film.get_by_role("textbox").fill(f"https://www.themoviedb.org/movie/{FARGO}")
    await film.get_by_role("button", name="Use it").click()
    await expect(page.get_by_role("dialog", name="Fargo")).to_be_visible()
    assert await match_of(driver, wrong, "Heat") == FARGO


async def test_all_of_them_are_asked_for_again(page: Page, driver: Driver, wrong: str) -> None:
    await visit(page, wrong, "fix")
    await page.get_by_role("button", name="Search TMDB again for films not found").click()
    await expect(page.get_by_text("2 films queued again.")).to_be_visible()
    await driver.completed(wrong)


async def test_a_correction_that_does_not_arrive_can_be_sent_again(
    page: Page, driver: Driver, wrong: str, watch: Watch
) -> None:
    watch.allow_outage()
    await visit(page, wrong, "fix")
    film = unmatched(page, "Frogo")
    await film.get_by_role("textbox").fill(str(FARGO))
    async with killed_api(driver):
        await film.get_by_role("button", name="Use it").click()
        await expect(film.get_by_role("alert")).to_be_visible()
    await film.get_by_role("button", name="Use it").click()
    await expect(page.get_by_text("3 enriched")).to_be_visible()
    assert await match_of(driver, wrong, "Frogo") == FARGO
