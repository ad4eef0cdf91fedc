"""Debian's headless Chromium, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from playwright.async_api import async_playwright

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Browser

MISSING = "Chromium is missing: apt-get install chromium fonts-dejavu-core"


def find_chromium() -> str | None:
    """Return the path of the program, if it is installed."""
    return shutil.which("chromium")


@asynccontextmanager
async def open_chromium(*, fonts: Path | None = None) -> AsyncIterator[Browser]:
    """Run a browser; closing it closes the contexts that callers left open.

    Args:
        fonts: a Fontconfig configuration, for other fonts than this machine's.

    Raises:
        FileNotFoundError: Chromium is not installed.
    """
    program = find_chromium()
    if program is None:
        raise FileNotFoundError(MISSING)
    env: dict[str, str | float | bool] = {**os.environ}
    if fonts is not None:
        env["FONTCONFIG_FILE"] = str(fonts)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=program,
            env=env,
            # Chromium's sandbox refuses to start as root, which tests in containers run as.
            chromium_sandbox=os.geteuid() != 0,
        )
        yield browser
        await browser.close()
