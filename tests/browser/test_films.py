"""All films: found by typing, put in order, filtered, and opened; ten thousand as easily as ten."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

from benchmarks.films import pick_films
from local_stack.instant import answer_at_once
from local_stack.stack import StandIn
from tests.browser.counting import stored_films
from tests.browser.looks import USUAL
from tests.browser.visiting import visit, whole_number
from tests.browser.watching import Watch
from tests.support.driving import create_database, running, title_list, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from playwright.async_api import Browser, Locator, Page

    from local_stack.postgres import EmbeddedPostgres
    from tests.browser.gallery import Gallery
    from tests.support.driving import Driver

MANY = 10_000
MOST_ELEMENTS = 4_000
"""In the document at any time, however many films there are."""
SCROLL = """async (share) => {
  scrollTo(0, share * (document.documentElement.scrollHeight - innerHeight));
  await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  return document.getElementsByTagName("*").length;
}"""


def said(page: Page) -> Locator:
    """How many films there are."""
    return page.get_by_role("status").filter(
        has_text=re.compile(r"^([\d,]+ films?|No film fits\.)$")
    )


def films(page: Page) -> Locator:
    """The films of the wall or of the table."""
    wall = page.get_by_role("list", name="Films").get_by_role("listitem")
    return wall.or_(page.get_by_role("table", name="Films").get_by_role("row"))


async def titles(page: Page, count: int) -> list[str]:
    """The titles in the table, in their order, once that many films are there."""
    cells = page.get_by_role("table", name="Films").get_by_role("row").get_by_role("link")
    await expect(cells).to_have_count(count)
    return [text.strip() for text in await cells.all_inner_texts()]


async def as_table(page: Page) -> None:
    await page.get_by_role("button", name="Table").click()
    await expect(page.get_by_role("table", name="Films")).to_be_visible()


@pytest.mark.parametrize("layout", ["Posters", "Table"])
async def test_all_films_are_there_in_the_order_of_the_list(
    page: Page, gallery: Gallery, layout: str
) -> None:
    rows = [film["shown"] for film in await stored_films(gallery.driver, gallery.done)]
    await visit(page, gallery.done, "films")
    await page.get_by_role("button", name=layout).click()
    await expect(said(page)).to_have_text(f"{len(rows)} films")
    for index in (0, 1, 2):
        await expect(films(page).filter(has_text=rows[index]).first).to_be_visible()
    await page.evaluate(SCROLL, 1)
    await expect(films(page).filter(has_text=rows[-1]).first).to_be_visible()


async def test_a_layout_is_remembered(page: Page, gallery: Gallery) -> None:
    await visit(page, gallery.done, "films")
    await expect(page.get_by_role("list", name="Films")).to_be_visible()
    await as_table(page)
    await page.reload()
    await expect(page.get_by_role("table", name="Films")).to_be_visible()


async def test_typing_finds_films_by_title_and_by_people(page: Page, gallery: Gallery) -> None:
    (film, *_) = [f for f in await stored_films(gallery.driver, gallery.done) if f["directors"]]
    await visit(page, gallery.done, "films")
    search = page.get_by_role("searchbox", name="Search films")
    for text in (film["shown"].upper(), film["directors"][0]["name"][:-1]):
        await search.fill(text)
        await expect(page).to_have_url(re.compile(r"[?&]q="))
        await expect(films(page).filter(has_text=film["shown"]).first).to_be_visible()

        async def are_few() -> bool:
            return whole_number(await said(page).inner_text()) <= 10

        await until(are_few)
    await search.fill("nobody made this")
    await expect(said(page)).to_have_text("No film fits.")
    await search.fill("")
    await expect(films(page).nth(5)).to_be_visible()


ORDERS: dict[str, tuple[Callable[[dict[str, Any]], Any], bool]] = {
    "Title": (lambda film: film["shown"].casefold(), False),
    "Year": (lambda film: film["shown_year"], True),
    "Your rating": (lambda film: film["rating"], True),
    "Runtime": (lambda film: film["runtime_minutes"], True),
    "TMDB\N{RIGHT SINGLE QUOTATION MARK}s rating": (lambda film: film["vote_average"], True),
    "Watched": (lambda film: max(film["watch_dates"], default=None), True),
}
"""What each order goes by, and whether it begins with the largest."""


@pytest.mark.parametrize("name", ORDERS)
@pytest.mark.parametrize("reverse", [False, True])
async def test_films_are_put_in_order(
    page: Page, gallery: Gallery, name: str, *, reverse: bool
) -> None:
    """What is alike may stand in any order; what lacks the key stands last either way."""
    key, falls = ORDERS[name]
    liked = [f for f in await stored_films(gallery.driver, gallery.done) if f["liked"]]
    keys = {film["shown"]: key(film) for film in liked}
    assert len(keys) == len(liked)
    known = sorted((k for k in keys.values() if k is not None), reverse=falls is not reverse)
    await visit(page, gallery.done, "films", liked="true")
    await as_table(page)
    await page.get_by_role("combobox", name="Sort by").select_option(name)
    if reverse:
        await page.get_by_role("button", name="Reverse the order").click()
    expected = [*known, *[None] * (len(liked) - len(known))]

    async def are_in_order() -> bool:
        return [keys[title] for title in await titles(page, len(liked))] == expected

    await until(are_in_order)


async def test_filters_are_named_and_taken_away_one_by_one(page: Page, gallery: Gallery) -> None:
    await visit(page, gallery.done, "films", genre="Drama", decade=1990)
    chips = page.get_by_role("list", name="Filters")
    both = whole_number(await said(page).inner_text())
    await chips.get_by_role("button", name="Remove the filter: 1990s").click()
    await expect(chips.get_by_role("button")).to_have_count(1)

    async def are_more() -> bool:
        return whole_number(await said(page).inner_text()) > both

    await until(are_more)
    await chips.get_by_role("button", name="Remove the filter: Drama").click()
    await expect(chips).to_have_count(0)
    status = await gallery.driver.status(gallery.done)
    await expect(said(page)).to_have_text(f"{status['total_movies']} films")


async def test_a_film_opens_over_the_list_with_all_that_is_known(
    page: Page, gallery: Gallery
) -> None:
    (movie, *_) = [
        movie
        for movie in await gallery.driver.movies(gallery.done)
        if movie["outcome"] == "found" and movie["rating"] and movie["tags"] and movie["imdb_id"]
    ]
    await visit(page, gallery.done, "films")
    await films(page).filter(has_text=movie["tmdb_title"]).get_by_role("link").first.click()
    film = page.get_by_role("dialog", name=movie["tmdb_title"])
    await expect(film.get_by_role("heading", level=2)).to_contain_text(movie["tmdb_title"])
    for text in (movie["overview"], *movie["tags"], *movie["directors"], *movie["genres"]):
        await expect(film.get_by_text(text).first).to_be_visible()
    cast = film.get_by_role("region", name="Cast").get_by_role("link")
    assert await cast.count() == min(12, len(movie["cast"]))
    for name, address in (
        ("TMDB", f"https://www.themoviedb.org/movie/{movie['tmdb_id']}"),
        ("IMDb", f"https://www.imdb.com/title/{movie['imdb_id']}/"),
        ("Letterboxd", f"https://letterboxd.com/tmdb/{movie['tmdb_id']}"),
    ):
        link = film.get_by_role("link", name=name, exact=True)
        await expect(link).to_have_attribute("href", address)
    await page.keyboard.press("Escape")
    await expect(film).to_have_count(0)
    await expect(page).not_to_have_url(re.compile("film="))
    await page.go_forward()
    await expect(film).to_be_visible()
    await page.go_back()
    await expect(film).to_have_count(0)


async def test_a_person_in_a_film_leads_to_their_films(page: Page, gallery: Gallery) -> None:
    (movie, *_) = [m for m in await gallery.driver.movies(gallery.done) if m["directors"]]
    await visit(page, gallery.done, "films", film=movie["position"])
    film = page.get_by_role("dialog", name=movie["tmdb_title"])
    await film.get_by_role("link", name=movie["directors"][0]).click()
    await expect(film).to_have_count(0)
    chip = page.get_by_role("button", name=f"directed by {movie['directors'][0]}")
    await expect(chip).to_be_visible()
    await expect(films(page).filter(has_text=movie["tmdb_title"]).first).to_be_visible()


@pytest.fixture(scope="module")
async def many(
    browser: Browser,
    postgres: EmbeddedPostgres,
    template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[Driver, str]]:
    """Ten thousand films, all found; there is no daemon."""
    assert browser.is_connected()
    dsn = await create_database(postgres, template=template)
    chosen = pick_films(MANY)
    folder, stand_in = tmp_path_factory.mktemp("many"), StandIn(films=chosen.generated)
    async with running(dsn, folder, stand_in=stand_in, daemons=0) as driving:
        session_id = str((await driving.post_list(title_list(chosen.films))).body["session_id"])
        await answer_at_once(dsn, chosen.films)
        yield driving, session_id


@pytest.mark.parametrize("layout", ["Posters", "Table"])
async def test_ten_thousand_films_scroll_to_the_last_with_few_of_them_in_the_document(
    browser: Browser, many: tuple[Driver, str], layout: str
) -> None:
    driver, session_id = many
    watch = Watch(driver.stack.api_url, f"{driver.stack.tmdb_url}/t/p")
    context = await USUAL.context(browser, driver.stack.api_url)
    watch.attach(context)
    page = await context.new_page()
    await visit(page, session_id, "films")
    await page.get_by_role("button", name=layout).click()
    await expect(said(page)).to_have_text("10,000 films")
    await expect(films(page).get_by_role("link").nth(5)).to_be_visible()
    most = [await page.evaluate(SCROLL, step / 100) for step in range(101)]
    last = await driver.value(
        "select title from movies where session_id = $1::text::uuid order by position desc limit 1",
        session_id,
    )
    await expect(films(page).filter(has_text=last).last).to_be_visible()
    assert max(most) <= MOST_ELEMENTS
    await page.evaluate(SCROLL, 0)
    first = await driver.value(
        "select title from movies where session_id = $1::text::uuid and position = 1", session_id
    )
    await expect(films(page).filter(has_text=first).first).to_be_visible()
    await context.close()
    assert not watch.complaints, "\n".join(watch.complaints)
