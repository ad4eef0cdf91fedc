"""Addresses at TMDB: a film's page, its poster and people's pictures, each in the size shown."""

from __future__ import annotations


def tmdb_url(tmdb_id: int | None) -> str | None:
    """Return where a film is at TMDB: it credits the source of what is said of the film."""
    return None if tmdb_id is None else f"https://www.themoviedb.org/movie/{tmdb_id}"


def poster_url(path: str | None, image_base_url: str) -> str | None:
    """Return where a poster is, in the size of a card."""
    return f"{image_base_url}/w342{path}" if path else None


def profile_url(path: str | None, image_base_url: str) -> str | None:
    """Return where a person's picture is."""
    return f"{image_base_url}/w185{path}" if path else None
