"""Posters, backdrops and portraits, drawn as SVG, so that no picture is anyone else's."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from local_stack.tmdb.credits import stable_number

if TYPE_CHECKING:
    from local_stack.tmdb.film import Film

_LINE_LENGTH = 16
_MOST_LINES = 5


def poster(film: Film) -> str:
    """Return a 2:3 poster in the film's own colours, with its title and year."""
    lines = textwrap.wrap(film.title, _LINE_LENGTH, max_lines=_MOST_LINES, placeholder="…")
    size = 56 if len(lines) <= 3 else 46  # noqa: PLR2004 - three lines fit in the large type
    text = "".join(
        f'<text x="40" y="{size * 1.15 * number + 520 - size * len(lines) / 2:.0f}" '
        f'font-size="{size}" font-weight="700">{escape(line)}</text>'
        for number, line in enumerate(lines)
    )
    year = f'<text x="40" y="110" font-size="34">{film.year or ""}</text>'
    return _drawing(500, 750, film.id, text + year)


def backdrop(film: Film) -> str:
    """Return a wide picture in the poster's colours, without text."""
    return _drawing(1280, 720, film.id, "")


def portrait(person_id: int, name: str) -> str:
    """Return a 2:3 portrait with a person's initials."""
    initials = "".join(word[0] for word in name.split()[:2]).upper()
    text = (
        f'<text x="150" y="260" font-size="120" font-weight="700" text-anchor="middle">'
        f"{escape(initials)}</text>"
    )
    return _drawing(300, 450, person_id, text)


def _drawing(width: int, height: int, seed: int, text: str) -> str:
    number = stable_number(str(seed))
    hue = number % 360
    turned = (hue + 40 + number // 360 % 80) % 360
    shapes = "".join(
        f'<circle cx="{(number >> shift) % 97 / 97 * width:.0f}" '
        f'cy="{(number >> (shift + 3)) % 89 / 89 * height * 0.6:.0f}" '
        f'r="{width * (0.12 + (number >> shift) % 7 / 20):.0f}" fill="#fff" opacity=".09"/>'
        for shift in (2, 9, 15)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}"><defs><linearGradient id="g" x2=".6" y2="1">'
        f'<stop stop-color="hsl({hue} 55% 38%)"/>'
        f'<stop offset="1" stop-color="hsl({turned} 60% 16%)"/></linearGradient></defs>'
        f'<rect width="{width}" height="{height}" fill="url(#g)"/>{shapes}'
        f'<g fill="#fff" font-family="Helvetica, Arial, sans-serif">{text}</g></svg>'
    )
