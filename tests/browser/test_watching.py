"""Whatever goes wrong in a browser is heard, though nothing is to be seen of it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.browser.accessibility import violations
from tests.browser.looks import USUAL
from tests.browser.watching import Watch
from tests.support.driving import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser

SOUND = """<!doctype html><html lang="en"><head><title>Sound</title><link rel="icon" href="data:,">
</head><body><main><h1>Sound</h1>{}</main></body></html>"""


@asynccontextmanager
async def served(
    body: str, policy: str = "script-src 'self' 'unsafe-inline'"
) -> AsyncIterator[str]:
    """A page of this body; its address."""

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/broken":
            raise web.HTTPBadRequest
        return web.Response(
            text=SOUND.format(body),
            content_type="text/html",
            headers={"Content-Security-Policy": policy},
        )

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    server = TestServer(app)
    await server.start_server()
    yield str(server.make_url("")).rstrip("/")
    await server.close()


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("<script>console.error('oh no')</script>", "error: oh no"),
        ("<script>console.warn('beware')</script>", "warning: beware"),
        ("<script>throw new Error('forgotten')</script>", "uncaught: forgotten"),
        ("<script>Promise.reject(new Error('unawaited'))</script>", "uncaught: unawaited"),
        ("<script>fetch('/broken')</script>", "answered 400"),
        ("<img alt='' src='http://127.0.0.1:1/x.png'>", "foreign image: http://127.0.0.1:1/x.png"),
        ("<img alt='' src='http://127.0.0.1:1/x.png'>", "failed: GET http://127.0.0.1:1/x.png"),
        ("<script src='http://127.0.0.1:1/x.js'></script>", "violates the following Content Sec"),
        ("<script>eval('1')</script>", "Content Security Policy"),
    ],
)
async def test_what_goes_wrong_is_heard(browser: Browser, body: str, complaint: str) -> None:
    async with served(body) as url:
        watch = Watch(url)
        context = await USUAL.context(browser, url)
        watch.attach(context)
        page = await context.new_page()
        await page.goto("/")
        await until(lambda: any(complaint in said for said in watch.complaints))
        watch.allow("")
        assert watch.complaints == []
        await context.close()


async def test_only_pictures_may_come_from_where_pictures_are(browser: Browser) -> None:
    body = (
        "<img alt='' src='http://127.0.0.1:1/t/p/a.svg'><img alt='' src='http://127.0.0.1:1/b.svg'>"
        "<script>fetch('http://127.0.0.1:1/t/p/c.svg').catch(() => 0)</script>"
    )
    async with served(body) as url:
        watch = Watch(url, "http://127.0.0.1:1/t/p")
        watch.allow("failed:", "Failed to load")
        context = await USUAL.context(browser, url)
        watch.attach(context)
        page = await context.new_page()
        await page.goto("/")
        await until(lambda: len(watch.requests) == 4)
        await until(lambda: len(watch.complaints) >= 2)
        foreign = {said for said in watch.complaints if said.startswith("foreign")}
        assert foreign == {
            "foreign image: http://127.0.0.1:1/b.svg",
            "foreign fetch: http://127.0.0.1:1/t/p/c.svg",
        }
        await context.close()


async def test_a_sound_page_has_nothing_to_complain_of(browser: Browser) -> None:
    async with served("<p>All is well.</p>") as url:
        watch = Watch(url)
        context = await USUAL.context(browser, url)
        watch.attach(context)
        page = await context.new_page()
        await page.goto("/")
        assert await violations(page) == []
        assert watch.complaints == []
        await context.close()


async def test_axe_finds_what_cannot_be_read(browser: Browser) -> None:
    pale = "<p style='color: #ccc; background: #fff'>Pale</p><button></button>"
    async with served(pale) as url:
        context = await USUAL.context(browser, url)
        page = await context.new_page()
        await page.goto("/")
        found = await violations(page)
        assert {said.partition(",")[0] for said in found} == {"color-contrast", "button-name"}
        await context.close()
