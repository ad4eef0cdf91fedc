"""What a browser itself tells of a page: bytes, paint, shifts, frames, and when a text was seen."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, CDPSession, Page

_QUIET_SECONDS = 0.7
_LOOK_SECONDS = 0.1
_OBSERVE = """
  window.measured = { paint: 0, shift: 0, longest: 0, seen: {} };
  const observe = (type, tell) => new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) tell(entry);
  }).observe({ type, buffered: true });
  observe("largest-contentful-paint", (entry) => { measured.paint = entry.startTime; });
  observe("layout-shift", (entry) => {
    if (!entry.hadRecentInput) measured.shift += entry.value;
  });
  observe("longtask", (entry) => {
    measured.longest = Math.max(measured.longest, entry.duration);
  });
"""
_NOTE_TEXTS = """
  addEventListener("DOMContentLoaded", () => new MutationObserver((changes) => {
    const now = performance.timeOrigin + performance.now();
    for (const { addedNodes } of changes) for (const node of addedNodes) {
      for (const line of (node.innerText ?? "").split("\\n")) measured.seen[line.trim()] ??= now;
    }
  }).observe(document.documentElement, { childList: true, subtree: true }));
"""
_SCROLL = """
  async (seconds) => {
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    measured.longest = 0;
    const gaps = [];
    let most = 0;
    const start = await frame();
    for (let now = start, last = start; now - start < seconds * 1000; last = now) {
      const share = (now - start) / seconds / 1000;
      scrollTo(0, share * (document.documentElement.scrollHeight - innerHeight));
      now = await frame();
      gaps.push(now - last);
      most = Math.max(most, document.getElementsByTagName("*").length);
    }
    scrollTo(0, document.documentElement.scrollHeight);
    await frame();
    return { gaps, most };
  }
"""


@dataclass(slots=True)
class Transfer:
    """Bytes on the wire, headers too, by host and for each address."""

    by_host: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    requests: int = 0
    finished: int = 0


class Looking:
    """A page that was opened with a cold cache, listening to what the browser tells of it."""

    def __init__(self, page: Page, devtools: CDPSession) -> None:
        self.page = page
        self.transfer = Transfer()
        self._devtools = devtools
        self._hosts: dict[str, str] = {}

    async def listen(self) -> None:
        """Begin to count bytes."""
        self._devtools.on("Network.requestWillBeSent", self._note_request)
        self._devtools.on("Network.loadingFinished", self._note_bytes)
        await self._devtools.send("Network.enable")

    async def open(self, address: str) -> None:
        """Open an address of the page, and let it come to rest."""
        await self.page.goto(address)
        await self.settle()

    async def settle(self) -> None:
        """Wait until nothing but a stream has been under way for a while, pictures included."""
        quiet, before = 0.0, -1
        while quiet < _QUIET_SECONDS:
            await asyncio.sleep(_LOOK_SECONDS)
            now = self.transfer.requests + self.transfer.finished
            quiet = quiet + _LOOK_SECONDS if now == before else 0.0
            before = now

    async def measured(self, name: str) -> float:
        """`paint` and `longest` task in milliseconds, or the sum of layout shifts (`shift`)."""
        return float(await self.page.evaluate(f"measured.{name}"))

    async def seen(self) -> dict[str, float]:
        """When each line of text was first there, seconds since the epoch."""
        seen: dict[str, float] = await self.page.evaluate("measured.seen")
        return {line: moment / 1000 for line, moment in seen.items()}

    async def scroll_through(self, seconds: float) -> tuple[list[float], int]:
        """Scroll to the end; milliseconds between frames, and the most elements at any time."""
        told = await self.page.evaluate(_SCROLL, seconds)
        return told["gaps"], told["most"]

    def _note_request(self, event: dict[str, Any]) -> None:
        self._hosts[event["requestId"]] = urlsplit(event["request"]["url"]).netloc
        self.transfer.requests += 1

    def _note_bytes(self, event: dict[str, Any]) -> None:
        host = self._hosts.get(event["requestId"], "")
        self.transfer.by_host[host] += int(event["encodedDataLength"])
        self.transfer.finished += 1


@asynccontextmanager
async def looking(
    browser: Browser, base_url: str, *, texts: bool = False
) -> AsyncIterator[Looking]:
    """A page in a context of its own; `texts` notes when each was first seen."""
    context = await browser.new_context(
        base_url=base_url, viewport={"width": 1440, "height": 900}, locale="en-GB"
    )
    await context.add_init_script(_OBSERVE + (_NOTE_TEXTS if texts else ""))
    page = await context.new_page()
    looks = Looking(page, await context.new_cdp_session(page))
    await looks.listen()
    yield looks
    await context.close()
