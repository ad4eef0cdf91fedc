"""The dashboard's numbers are those of the database, and each bar leads to the films behind it.

The numbers are counted here, from the stored films; the API's summary is not asked.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

from tests.browser.counting import stored_films
from tests.browser.visiting import visit, whole_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from playwright.async_api import Locator, Page

    from tests.browser.gallery import Gallery

BAR = re.compile(r"(?P<name>[^\n]+)\n+(?P<films>[\d,]+)\s+films?\b")
"""A bar that lies: `Drama`, then `12 films`."""
COLUMN = re.compile(r"(?P<name>[^\n]+): (?P<films>[\d,]+) films?\b")
"""A bar that stands: `1990s: 12 films`."""
Films = list[dict[str, Any]]
COUNTED: dict[str, Callable[[Films], Iterable[str]]] = {
    "Genres": lambda films: (genre for film in films for genre in film["genres"] or ()),
    "Decades": lambda films: (
        f"{film['shown_year'] // 10 * 10}s" for film in films if film["shown_year"]
    ),
    "Ratings": lambda films: (
        f"{film['rating']:g} of 5".replace(".0 ", " ") for film in films if film["rating"]
    ),
    "Runtimes": lambda films: (
        f"{minutes // 30 * 30} to {minutes // 30 * 30 + 29} minutes"
        for film in films
        if (minutes := film["runtime_minutes"])
    ),
    "Countries": lambda films: (code for film in films for code in film["countries"] or ()),
    "Languages": lambda films: (code for film in films for code in film["languages"] or ()),
}
"""What each bar of a section stands for, once for each of its films."""
NAMES = """([type, codes]) => {
  const names = new Intl.DisplayNames("en", { type });
  const own = { cn: "Cantonese", xx: "No language" };
  return codes.map((code) => own[code] ?? names.of(code));
}"""
"""As the browser names them, but for two codes that are TMDB's own."""


async def watched_films(gallery: Gallery) -> Films:
    """The films of which the dashboard speaks."""
    return [f for f in await stored_films(gallery.driver, gallery.done) if f["watched"]]


def section(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name, exact=True)


async def bars(part: Locator) -> dict[str, int]:
    """The bars of a section that have films, as they are read aloud."""
    more = part.get_by_role("button", name="Show all")
    if await more.count():
        await more.click()
    read: dict[str, int] = {}
    for text in await part.locator("ol").first.get_by_role("link").all_inner_texts():
        match = BAR.search(text) or COLUMN.search(text)
        assert match, f"a bar without a number: {text!r}"
        if films := whole_number(match["films"]):
            read[match["name"].strip()] = films
    return read


@pytest.mark.parametrize("name", COUNTED)
async def test_a_sections_bars_are_what_the_database_counts(
    page: Page, gallery: Gallery, name: str
) -> None:
    await visit(page, gallery.done)
    await expect(section(page, name)).to_be_visible()
    counted = dict(Counter(COUNTED[name](await watched_films(gallery))))
    if name in {"Countries", "Languages"}:
        kind = "region" if name == "Countries" else "language"
        words = await page.evaluate(NAMES, [kind, list(counted)])
        counted = dict(zip(words, counted.values(), strict=True))
    assert counted
    assert await bars(section(page, name)) == counted


@pytest.mark.parametrize(("name", "column"), [("Directors", "directors"), ("Actors", "top_cast")])
async def test_the_people_are_those_of_most_films(
    page: Page, gallery: Gallery, name: str, column: str
) -> None:
    counted = Counter(
        person["name"] for film in await watched_films(gallery) for person in film[column]
    )
    await visit(page, gallery.done)
    await expect(section(page, name)).to_be_visible()
    shown = await bars(section(page, name))
    assert len(shown) == 20
    assert {person: counted[person] for person in shown} == shown
    others = [films for person, films in counted.items() if person not in shown]
    assert min(shown.values()) >= max(others)


async def test_the_totals_are_what_the_database_counts(page: Page, gallery: Gallery) -> None:
    films = await watched_films(gallery)
    expected = {
        "films": len(films),
        "hours": round(sum(film["runtime_minutes"] or 0 for film in films) / 60),
        "countries": len({code for film in films for code in film["countries"] or ()}),
        "directors": len({person["id"] for film in films for person in film["directors"]}),
        "liked": sum(film["liked"] for film in films),
        "rated": sum(film["rating"] is not None for film in films),
    }
    await visit(page, gallery.done)
    totals = page.get_by_role("list").filter(has_text="hours")
    await expect(totals).to_be_visible()
    shown = {
        re.sub(r"[\d,\s]+", " ", text).strip(): whole_number(text)
        for text in await totals.get_by_role("listitem").all_inner_texts()
    }
    assert {name: shown[name] for name in expected} == expected


async def test_the_calendar_has_a_square_for_each_day_with_a_film(
    page: Page, gallery: Gallery
) -> None:
    films = await stored_films(gallery.driver, gallery.done)
    watches = Counter(day for film in films for day in film["watch_dates"])
    years = sorted({day.year for day in watches}, reverse=True)
    await visit(page, gallery.done)
    part = section(page, "Calendar")
    for year in years:
        if year != years[0]:
            await part.get_by_role("button", name=str(year)).click()
        days = part.get_by_role("list", name=f"Days of {year} with a film").get_by_role("link")
        of_year = {day: films for day, films in watches.items() if day.year == year}
        await expect(days).to_have_count(len(of_year))
        texts = await days.all_inner_texts()
        films_of_days = [whole_number(text.partition(":")[2]) for text in texts]
        assert films_of_days == [of_year[day] for day in sorted(of_year)]


@pytest.mark.parametrize(
    "name", ["Genres", "Decades", "Years", "Ratings", "Runtimes", "Directors", "Actors"]
)
async def test_a_bar_leads_to_as_many_films_as_it_says(
    page: Page, gallery: Gallery, name: str
) -> None:
    await visit(page, gallery.done)
    links = section(page, name).locator("ol").first.get_by_role("link")
    await expect(links.first).to_be_visible()
    texts = await links.all_inner_texts()
    with_films = [
        (index, films)
        for index, text in enumerate(texts)
        if (match := BAR.search(text) or COLUMN.search(text))
        and (films := whole_number(match["films"]))
    ]
    for index, films in {with_films[0], with_films[len(with_films) // 2], with_films[-1]}:
        await links.nth(index).click()
        said = page.get_by_role("status").filter(has_text=re.compile(r"^[\d,]+ films?$"))
        await expect(said).to_have_text("1 film" if films == 1 else f"{films} films")
        await expect(page.get_by_role("list", name="Filters")).to_be_visible()
        await page.go_back()
        await expect(links.first).to_be_visible()


async def test_a_day_of_the_calendar_leads_to_its_films(page: Page, gallery: Gallery) -> None:
    await visit(page, gallery.done)
    day = section(page, "Calendar").get_by_role("list").get_by_role("link").last
    films = whole_number((await day.inner_text()).partition(":")[2])
    await day.click()
    cards = page.get_by_role("list", name="Films").get_by_role("link")
    await expect(cards).to_have_count(films)


async def test_the_watchlist_is_told_apart(page: Page, gallery: Gallery) -> None:
    films = await stored_films(gallery.driver, gallery.done)
    wanted = sum(film["in_watchlist"] for film in films)
    await visit(page, gallery.done)
    await section(page, "Watchlist").get_by_role("link", name=f"{wanted} films").click()
    await expect(page.get_by_role("list", name="Films").get_by_role("link")).to_have_count(wanted)


async def test_films_that_were_seen_again_are_shown_with_their_number(
    page: Page, gallery: Gallery
) -> None:
    films = await stored_films(gallery.driver, gallery.done)
    again = [film["shown"] for film in films if film["rewatches"]]
    assert again
    await visit(page, gallery.done)
    part = section(page, "Rewatches")
    await expect(part.get_by_role("link")).to_have_count(min(len(again), 10))
    shown = "\n".join(await part.get_by_role("link").all_inner_texts())
    assert all(title in shown for title in again)
