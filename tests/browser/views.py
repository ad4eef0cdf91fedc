"""Every view of the page, and how it is come to: to be looked at, by axe and by people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.async_api import expect

from tests.browser.visiting import choose, session_shown, visit, zipped

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from playwright.async_api import Locator, Page

    from tests.browser.gallery import Gallery


async def _start(page: Page, gallery: Gallery) -> None:
    await visit(page, gallery.done, "export")  # so that the start has a list to remember
    await page.goto("/")
    await expect(page.get_by_role("heading", name="Your lists on this device")).to_be_visible()


async def _report(page: Page, gallery: Gallery) -> None:
    await choose(page, zipped(gallery.export, gallery.export.with_suffix(".zip")))
    await session_shown(page)
    await expect(page.get_by_role("region", name="Genres")).to_be_visible()


async def _profiles(page: Page, gallery: Gallery) -> None:
    shared = gallery.export.with_name("ViewingActivity.csv")
    shared.write_text(
        "Profile Name,Start Time,Title,Supplemental Video Type\n"
        "Ash,2024-03-09 21:10:00,Heat,\nAsh,2024-03-10 21:10:00,Alien,\n"
        "Bo,2024-03-11 15:00:00,Ran,\n",
        encoding="utf-8",
    )
    await choose(page, shared)
    await session_shown(page)
    await expect(page.get_by_role("group", name="Profiles")).to_be_visible()


async def _progress(page: Page, gallery: Gallery) -> None:
    await visit(page, await gallery.under_way())
    await expect(page.locator("main img").nth(7)).to_be_visible()


async def _overview(page: Page, gallery: Gallery) -> None:
    await visit(page, gallery.done, "overview")
    await expect(page.get_by_role("region", name="Genres")).to_be_visible()


def _shown(page: Page) -> Locator:
    films = page.get_by_role("list", name="Films").or_(page.get_by_role("table", name="Films"))
    return films.get_by_role("link")


async def _films(page: Page, gallery: Gallery, layout: str) -> None:
    await visit(page, gallery.done, "films")
    await page.get_by_role("button", name=layout).click()
    await expect(_shown(page).nth(3)).to_be_visible()


async def _wall(page: Page, gallery: Gallery) -> None:
    await _films(page, gallery, "Posters")


async def _table(page: Page, gallery: Gallery) -> None:
    await _films(page, gallery, "Table")


async def _filtered(page: Page, gallery: Gallery) -> None:
    await visit(page, gallery.done, "films", genre="Drama", watched="true")
    await expect(_shown(page).first).to_be_visible()


async def _film(page: Page, gallery: Gallery) -> None:
    movies = await gallery.driver.movies(gallery.done)
    film = max(movies, key=lambda movie: (len(movie["tags"]), len(movie["cast"])))
    await visit(page, gallery.done, "films", film=film["position"])
    dialog = page.get_by_role("dialog", name=film["tmdb_title"])
    await expect(dialog.get_by_role("region", name="Cast")).to_be_visible()


async def _fix(page: Page, gallery: Gallery) -> None:
    await visit(page, gallery.done, "fix")
    await expect(page.get_by_role("heading", name="Dune")).to_be_visible()
    await expect(page.get_by_text("Pulp Fictiom")).to_be_visible()


async def _export(page: Page, gallery: Gallery) -> None:
    await visit(page, gallery.done, "export")
    await expect(page.get_by_role("button", name="Delete this list")).to_be_visible()


async def _share(page: Page, gallery: Gallery) -> None:
    await gallery.share(reviews=True, expires_in_days=7)
    await visit(page, gallery.done, "share")
    await expect(page.get_by_role("button", name="Revoke link").first).to_be_visible()


async def _shared(page: Page, gallery: Gallery) -> None:
    await page.goto(await gallery.share(expires_in_days=7))
    await expect(page.get_by_role("region", name="Genres")).to_be_visible()


async def _shared_film(page: Page, gallery: Gallery) -> None:
    movies = await gallery.driver.movies(gallery.done)
    film = max(movies, key=lambda movie: (len(movie["tags"]), len(movie["cast"])))
    address = await gallery.share(reviews=True, tags=True)
    await page.goto(f"{address}?view=films&film={film['position']}")
    dialog = page.get_by_role("dialog", name=film["tmdb_title"])
    await expect(dialog.get_by_role("region", name="Cast")).to_be_visible()


async def _shared_nowhere(page: Page, _: Gallery) -> None:
    await page.goto("/share/00000000-0000-4000-8000-000000000000")
    await expect(page.get_by_role("heading", name="This list is not shared here")).to_be_visible()


async def _question(page: Page, gallery: Gallery) -> None:
    await _export(page, gallery)
    await page.get_by_role("button", name="Delete this list").click()
    await expect(page.get_by_role("dialog", name="Delete this list?")).to_be_visible()


async def _worker(page: Page, gallery: Gallery) -> None:
    await gallery.under_way()
    await page.goto("/worker")
    await expect(page.get_by_role("region", name="Queue")).to_be_visible()


async def _nowhere(page: Page, _: Gallery) -> None:
    await page.goto("/session/00000000-0000-4000-8000-000000000000")
    await expect(page.get_by_role("heading", name="This list is not here")).to_be_visible()


VIEWS: dict[str, Callable[[Page, Gallery], Awaitable[None]]] = {
    "start": _start,
    "report": _report,
    "profiles": _profiles,
    "progress": _progress,
    "overview": _overview,
    "wall": _wall,
    "table": _table,
    "filtered": _filtered,
    "film": _film,
    "fix": _fix,
    "export": _export,
    "share": _share,
    "shared": _shared,
    "shared film": _shared_film,
    "shared nowhere": _shared_nowhere,
    "question": _question,
    "worker": _worker,
    "nowhere": _nowhere,
}
