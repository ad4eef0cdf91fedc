"""A session's movies as lines of a file: for people, for programs, for Letterboxd."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from api_service.lists.files.spreadsheets import (
    LETTERBOXD,
    TO_CORRECT,
    WHOLE,
    csv_line,
    session_mark,
)
from api_service.schemas.shares import shared_movie_answer, visible
from shared.lookup_keys import LookupKind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from api_service.queries.movies import ExportFormat, ExportQuery
    from api_service.schemas.sessions import CandidateAnswer, MovieAnswer
    from api_service.storage.shares import Share

CONTENT_TYPES: dict[ExportFormat, str] = {
    "csv": "text/csv",
    "jsonl": "application/jsonl",
    "letterboxd": "text/csv",
}
UNMATCHED = frozenset({"not_found", "unmatched"})
"""Outcomes whose CSV is a list to be corrected: it leaves out what only found films have."""
_LETTERBOXD = re.compile(r"https?://(www\.)?(letterboxd\.com|boxd\.it)/", re.IGNORECASE)
HIDDEN_COLUMNS = frozenset({"Reason", "Candidates", "Lists", "Source URL", "Confidence", "Session"})
"""Columns that no share has."""
BYTE_ORDER_MARK = "\ufeff"
"""Without it Excel reads UTF-8 as Windows-1252, and would give garbled titles back."""


class Exporter:
    """Writes the movies of one session, some at a time."""

    def __init__(self, session_id: UUID, query: ExportQuery) -> None:
        self._mark = session_mark(session_id)
        self._form = query.format
        to_correct = query.format == "csv" and query.outcome in UNMATCHED
        self._columns: tuple[str, ...] = TO_CORRECT if to_correct else WHOLE
        self.content_type = CONTENT_TYPES[query.format]
        self.file_name = f"projectionist-{_name(query)}"

    def head(self) -> str:
        """What comes before the first movie."""
        if self._form == "letterboxd":  # no person opens it, and no mark is asked for
            return csv_line(LETTERBOXD)
        return BYTE_ORDER_MARK + csv_line(self._columns) if self._form == "csv" else ""

    def line(self, movie: MovieAnswer, lookup_key: str, *, is_film_address: bool = False) -> str:
        """One movie, in one line or in several.

        Args:
            movie: as the pages have it.
            lookup_key: names the id that was asked for in vain, where it was an id.
            is_film_address: whether its source address is the film's own, not a diary entry's.
        """
        if self._form == "jsonl":
            return f"{movie.model_dump_json()}\n"
        if self._form == "letterboxd":
            return "".join(map(csv_line, _watchings(movie, lookup_key, is_film_address)))
        cells = _cells(movie, lookup_key) | {"Session": self._mark}
        return csv_line(cells[column] for column in self._columns)


class SharedExporter(Exporter):
    """Writes the movies that a share shows; nothing in them names the session."""

    def __init__(self, share: Share, query: ExportQuery) -> None:
        super().__init__(share.id, query)
        self._share = share
        hidden = {
            *HIDDEN_COLUMNS,
            *(() if share.with_tags else ("Tags",)),
            *(() if share.with_reviews else ("Review",)),
        }
        self._columns = tuple(column for column in WHOLE if column not in hidden)

    def line(self, movie: MovieAnswer, lookup_key: str, *, is_film_address: bool = False) -> str:
        """One movie, without what the share does not show."""
        if self._form == "jsonl":
            return f"{shared_movie_answer(movie, self._share).model_dump_json()}\n"
        shown = visible(movie, self._share)
        return super().line(shown, lookup_key, is_film_address=is_film_address)


def _name(query: ExportQuery) -> str:
    if query.format != "letterboxd":
        return f"{(query.outcome or 'films').replace('_', '-')}.{query.format}"
    # Letterboxd takes a watchlist at another place; and by this name it is read back as one.
    unseen = query.watched is False or (query.watchlist and query.watched is None)
    return "letterboxd-watchlist.csv" if unseen else "letterboxd.csv"


def _watchings(movie: MovieAnswer, lookup_key: str, is_film_address: bool) -> Iterator[list[str]]:  # noqa: FBT001  # it is told as it is
    """A row of `LETTERBOXD` for each day it was watched on; one without a day where none is known.

    What the user thinks of it stands with the latest. The latest days are the rewatches.
    """
    tmdb_id, imdb_id = _ids(movie, lookup_key)
    known = is_film_address and movie.source_url and _LETTERBOXD.match(movie.source_url)
    film = [
        movie.source_url or "" if known else "",
        tmdb_id,
        imdb_id,
        movie.title or movie.tmdb_title or "",
        _text(movie.year),
        ", ".join(movie.directors),
    ]
    days = [day.isoformat() for day in movie.watch_dates] or [""]
    dated = len(movie.watch_dates)
    first_again = len(days) - min(movie.rewatches, dated)
    for number, day in enumerate(days):
        again = "true" if number >= first_again else ""
        if number < len(days) - 1:
            yield [*film, "", "", day, again, "", "", ""]
    yield [
        *film,
        _text(movie.rating),
        "" if movie.rating is None else str(int(2 * movie.rating)),
        days[-1],
        "true" if first_again < len(days) else "",
        ", ".join(movie.tags),
        movie.review or "",
        str(movie.rewatches + 1) if movie.rewatches > dated else "",
    ]


def _ids(movie: MovieAnswer, lookup_key: str) -> tuple[str, str]:
    """The film's TMDB and IMDb ids, or the one that was asked for in vain."""
    kind, _, asked = lookup_key.partition(":")
    return (
        _text(movie.tmdb_id) or (asked if kind == LookupKind.TMDB else ""),
        movie.imdb_id or (asked if kind == LookupKind.IMDB else ""),
    )


def _cells(movie: MovieAnswer, lookup_key: str) -> dict[str, str]:
    """Every cell of a movie by its column. Names of lists may hold anything but line breaks."""
    tmdb_id, imdb_id = _ids(movie, lookup_key)
    return {
        "Position": str(movie.position),
        "Title": movie.title or "",
        "Year": _text(movie.year),
        "TMDb ID": tmdb_id,
        "IMDb ID": imdb_id,
        "Outcome": movie.outcome,
        "Reason": movie.reason or "",
        "Candidates": "\n".join(map(_candidate, movie.candidates)),
        "Watched": _flag(movie.watched),
        "Rating": _text(movie.rating),
        "Rating Original": movie.rating_original or "",
        "Watch Dates": ", ".join(day.isoformat() for day in movie.watch_dates),
        "Rewatches": str(movie.rewatches or ""),
        "Liked": _flag(movie.liked),
        "Tags": ", ".join(movie.tags),
        "Review": movie.review or "",
        "In Watchlist": _flag(movie.in_watchlist),
        "Lists": "\n".join(movie.lists),
        "Source URL": movie.source_url or "",
        "TMDB URL": movie.tmdb_url or "",
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
