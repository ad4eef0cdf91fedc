"""What axe finds wrong with a page by WCAG 2.2 AA."""

from __future__ import annotations

from typing import TYPE_CHECKING

from axe_playwright_python.async_playwright import (  # type: ignore[import-untyped]  # has no types
    Axe,
)

if TYPE_CHECKING:
    from playwright.async_api import Page

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


SHOWN = 3


async def violations(page: Page) -> list[str]:
    """Each rule that is broken, how often, and the first elements that break it."""
    options = {"runOnly": {"type": "tag", "values": TAGS}, "resultTypes": ["violations"]}
    results = await Axe().run(page, options=options)
    return [
        f"{broken['id']}, {len(broken['nodes'])} times: "
        + "; ".join(f"{node['html']} {node['failureSummary']}" for node in broken["nodes"][:SHOWN])
        for broken in results.response["violations"]
    ]
