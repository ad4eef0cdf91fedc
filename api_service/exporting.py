"""A session's movies as lines of a file: CSV for people, JSON lines for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api_service.rules.lists.spreadsheets import TO_CORRECT, WHOLE, csv_line, session_mark
from shared.lookup_keys import LookupKind

if TYPE_CHECKING:
    from uuid import UUID

    from api_service.answers import CandidateAnswer, MovieAnswer
    from api_service.queries import ExportFormat

CONTENT_TYPES: dict[ExportFormat, str] = {"csv": "text/csv", "jsonl": "application/jsonl"}
UNMATCHED = frozenset({"not_found", "unmatched"})
"""Outcomes whose CSV is a list to be corrected: it leaves out what only found films have."""
BYTE_ORDER_MARK = "\ufeff"
"""Without it Excel reads UTF-8 as Windows-1252, and would give garbled titles back."""


class Exporter:
    """Writes the movies of one session, some at a time."""

    def __init__(self, session_id: UUID, form: ExportFormat, outcome: str | None) -> None:
        self._mark = session_mark(session_id)
        self._is_csv = form == "csv"
        self._columns = TO_CORRECT if outcome in UNMATCHED else WHOLE
        self.content_type = CONTENT_TYPES[form]
        self.file_name = f"projectionist-{(outcome or 'films').replace('_', '-')}.{form}"

    def head(self) -> str:
        """What comes before the first movie."""
        return BYTE_ORDER_MARK + csv_line(self._columns) if self._is_csv else ""

    def line(self, movie: MovieAnswer, lookup_key: str) -> str:
        """One movie; its lookup names the id that was asked for in vain, where it was an id."""
        if not self._is_csv:
            return f"{movie.model_dump_json()}\n"
        cells = _cells(movie, lookup_key) | {"Session": self._mark}
        return csv_line(cells[column] for column in self._columns)


def _cells(movie: MovieAnswer, lookup_key: str) -> dict[str, str]:
    """Every cell of a movie by its column. Names of lists may hold anything but line breaks."""
    kind, _, asked = lookup_key.partition(":")
    return {
        "Position": str(movie.position),
        "Title": movie.title or "",
        "Year": _text(movie.year),
        "TMDb ID": _text(movie.tmdb_id) or (asked if kind == LookupKind.TMDB else ""),
        "IMDb ID": movie.imdb_id or (asked if kind == LookupKind.IMDB else ""),
        "Outcome": movie.outcome,
        "Reason": movie.reason or "",
        "Candidates": "\n".join(map(_candidate, movie.candidates)),
        "Watched": _flag(movie.watched),
        "Rating": _text(movie.rating),
        "Watch Dates": ", ".join(day.isoformat() for day in movie.watch_dates),
        "Rewatches": str(movie.rewatches or ""),
        "Liked": _flag(movie.liked),
        "Tags": ", ".join(movie.tags),
        "Review": movie.review or "",
        "In Watchlist": _flag(movie.in_watchlist),
        "Lists": "\n".join(movie.lists),
        "Source URL": movie.source_url or "",
        "TMDB Title": movie.tmdb_title or "",
        "Original Title": movie.original_title or "",
        "Release Date": _text(movie.release_date),
        "Genres": "; ".join(movie.genres),
        "Directors": "; ".join(movie.directors),
        "Cast": "; ".join(movie.cast),
        "Runtime": _text(movie.runtime_minutes),
        "Countries": "; ".join(movie.countries),
        "Languages": "; ".join(movie.languages),
        "Overview": movie.overview or "",
        "Poster URL": movie.poster_url or "",
        "Vote Average": _text(movie.vote_average),
        "Vote Count": _text(movie.vote_count),
        "Confidence": _text(movie.confidence),
    }


def _candidate(candidate: CandidateAnswer) -> str:
    """`603 The Matrix (1999)`: the id comes first, to be copied into its column."""
    year = f" ({candidate.year})" if candidate.year else ""
    return f"{candidate.tmdb_id} {candidate.title}{year}"


def _flag(flag: bool) -> str:  # noqa: FBT001  # the flag is the value
    return "Yes" if flag else ""


def _text(value: object) -> str:
    return "" if value is None else str(value)
