"""Text as the log and a collector may have it: no secret, no whole session id, no forged line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from uuid import UUID

from shared.database_address import passwords_in

if TYPE_CHECKING:
    from shared.settings import Settings

MASK: Final = "**********"
# The first eight digits stay: enough to follow a session, too few to read it. An address may have
# an id without its hyphens, or behind an encoded slash, whose F is no digit of it.
_ID = re.compile(
    r"([0-9a-f]{8})-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
    r"|(?:(?<![0-9a-f])|(?<=%2f))([0-9a-f]{8})(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}(?![0-9a-f])",
    re.IGNORECASE | re.ASCII,
)


def shorten_ids(text: str) -> str:
    """Return the text with the first digits alone of each id in it."""
    return _ID.sub(lambda found: found[1] or found[2], text)


def one_line(text: str) -> str:
    """Return the text with line breaks, escape sequences and what else is invisible written out."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


class Redactor:
    """Removes the secrets of the settings, and whole session ids, from whatever is told."""

    def __init__(self, settings: Settings) -> None:
        secrets = [settings.tmdb_api_key, settings.admin_token]
        values = {secret.get_secret_value() for secret in secrets if secret}
        for address in (settings.database_url, settings.listen_database_url):
            values |= passwords_in(address.get_secret_value()) if address else set()
        # The longest first: one may be a part of another.
        self._secrets = sorted(values, key=len, reverse=True)

    def mask(self, text: str) -> str:
        """Return the text without secrets."""
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text

    def text(self, text: str) -> str:
        """Return the text without secrets and whole ids."""
        return shorten_ids(self.mask(text))

    def value(self, value: object) -> object:
        """Return any value of an event, or what stands for it, without secrets and whole ids."""
        match value:
            case None | bool() | int() | float():
                return value
            case str() | UUID():
                return self.text(str(value))
            case dict():
                return {self.text(str(name)): self.value(one) for name, one in value.items()}
            case list() | tuple() | set() | frozenset():
                return [self.value(one) for one in value]
            case _:
                return self.text(repr(value))
