"""The ways of looking at the page: light and dark, on a phone and on a wide screen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext


@dataclass(frozen=True, slots=True)
class Look:
    """A screen and what its owner prefers."""

    scheme: Literal["light", "dark"]
    screen: Literal["phone", "wide"]

    def __str__(self) -> str:
        return f"{self.scheme}-{self.screen}"

    async def context(self, browser: Browser, base_url: str, **options: Any) -> BrowserContext:  # noqa: ANN401  # Playwright's own
        """A context in which the page is looked at so."""
        phone = self.screen == "phone"
        return await browser.new_context(
            base_url=base_url,
            color_scheme=self.scheme,
            viewport={"width": 390, "height": 844} if phone else {"width": 1440, "height": 900},
            has_touch=phone,
            is_mobile=phone,
            locale="en-GB",
            timezone_id="Europe/Berlin",
            **options,
        )


USUAL = Look("light", "wide")
LOOKS = [Look(scheme, screen) for scheme in ("light", "dark") for screen in ("wide", "phone")]
