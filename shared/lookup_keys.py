"""Lookup keys: one name for each distinct question to TMDB, so that sessions share its answer.

Folding here is light and for good: a key is stored, so it can never be folded more strongly
without a migration. Stronger folding belongs to matching, which may improve at any time.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class LookupKind(StrEnum):
    """What a lookup asks TMDB."""

    TMDB = "tmdb"
    """Which film has this TMDB id?"""
    IMDB = "imdb"
    """Which film has this IMDb id?"""
    TITLE = "title"
    """Which film has this title, from this year if one is given?"""
    TWINS = "twins"
    """Which films could it be? One list holds two films of this title and year, so it only gathers
    candidates and never chooses."""
    SURVEY = "survey"
    """Which are a year's films? Background work that fills the title index, page by page."""
    CHANGES = "changes"
    """Which films changed on a day? Background work, one page each: it says what to refresh."""


@dataclass(frozen=True, slots=True)
class LookupKey:
    """A key taken apart: its kind, and the id, folded title (with its year), year or page."""

    kind: LookupKind
    subject: str
    year: int | None = None


def fold(text: str) -> str:
    """Case-fold, NFKC-normalise and collapse white space, so that spellings of one title meet."""
    if text.isascii():  # what the rest would come to, in a fifth of the time
        return " ".join(text.lower().split())
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def tmdb_key(tmdb_id: int) -> str:
    """`603` becomes `tmdb:603`."""
    return f"{LookupKind.TMDB}:{tmdb_id}"


def imdb_key(imdb_id: str) -> str:
    """`tt0133093` becomes `imdb:tt0133093`."""
    return f"{LookupKind.IMDB}:{imdb_id.lower()}"


def title_key(title: str, year: int | None) -> str:
    """`The Matrix`, 1999 becomes `title:the matrix|1999`; without a year, nothing after |."""
    return f"title:{fold(title)}|{year or ''}"


def twins_key(title: str, year: int | None) -> str:
    """The key of two films in one list that share this title and year: `twins:the thing|1982`."""
    return f"twins:{fold(title)}|{year or ''}"


def parse_key(key: str) -> LookupKey:
    """Take a stored key apart.

    Raises:
        ValueError: the text is no lookup key.
    """
    name, _, subject = key.partition(":")
    kind = LookupKind(name)
    if kind in {LookupKind.TMDB, LookupKind.IMDB, LookupKind.SURVEY, LookupKind.CHANGES}:
        return LookupKey(kind, subject)
    title, _, year = subject.rpartition("|")
    return LookupKey(kind, title, int(year) if year else None)


def year_of_survey(key: str) -> int | None:
    """The year whose films a lookup goes through; None for a question after one film."""
    kind, _, subject = key.partition(":")
    return int(subject) if kind == LookupKind.SURVEY else None


def changes_key(day: date, page: int) -> str:
    """The key of a page of what changed on a day: `changes:2026-11-29/1`."""
    return f"{LookupKind.CHANGES}:{day.isoformat()}/{page}"


def changes_asked(key: str) -> tuple[date, int] | None:
    """The day and page of changes that a lookup asks for; None for any other."""
    kind, _, subject = key.partition(":")
    if kind != LookupKind.CHANGES:
        return None
    day, _, page = subject.partition("/")
    return date.fromisoformat(day), int(page)
