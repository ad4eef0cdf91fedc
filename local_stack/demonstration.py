"""The demonstration of `make run`: upload a sample export, follow its progress, show the films."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import aiohttp
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table

from local_stack.processes import ProgramError

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from local_stack.samples.letterboxd import SampleSummary
    from local_stack.stack import Stack

POLL_SECONDS = 0.25
LINE_SECONDS = 5.0
"""Seconds between progress lines, where the output is not a terminal and cannot show a bar."""
SHOWN = 12
ENDED = ("enriched_count", "not_found_count", "failed_count")
WORDS = {
    "no_candidates": "TMDB has no such title",
    "other_title": "TMDB has no title that is close enough",
    "ambiguous": "several films fit",
}


async def demonstrate(stack: Stack, folder: Path, summary: SampleSummary, console: Console) -> str:
    """Take the sample from upload to `completed` over the public API, and print its progress.

    Args:
        stack: the started stack.
        folder: the folder of the sample.
        summary: its true numbers.
        console: where to print.

    Returns:
        The URL of the list's page.

    Raises:
        ProgramError: the API refused the sample.
    """
    console.print(
        f"Sample export: {summary.watched} films seen, {summary.watchlist_only} more on the "
        f"watchlist, {summary.list_only} on lists"
    )
    if stack.stand_in is not None:
        console.print(
            f"(TMDB lacks {summary.missing} of them, and allows {stack.stand_in.limit} requests "
            f"per {stack.stand_in.period:g} seconds)"
        )
    async with aiohttp.ClientSession(stack.api_url) as http:
        session_id = await _upload(http, folder)
        await _watch(http, session_id, console)
        await _show(http, session_id, console)
    return f"{stack.api_url}/session/{session_id}"


async def _upload(http: aiohttp.ClientSession, folder: Path) -> str:
    form = await asyncio.to_thread(_form, folder)
    async with http.post("/api/upload", data=form) as response:
        answer = await response.json(content_type=None)
        if response.status != 201:  # noqa: PLR2004  # HTTP's own number
            raise ProgramError(f"The sample was refused: {answer['detail']}")
    session_id: str = answer["session_id"]
    return session_id


def _form(folder: Path) -> aiohttp.FormData:
    form = aiohttp.FormData(quote_fields=False)
    for path in sorted(folder.rglob("*.csv")):
        name = path.relative_to(folder).as_posix()
        form.add_field("files", path.read_bytes(), filename=name, content_type="text/csv")
    return form


async def _watch(http: aiohttp.ClientSession, session_id: str, console: Console) -> None:
    columns = (
        SpinnerColumn(),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("films  {task.description}"),
    )
    told, next_line = "", 0.0
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("", total=None)
        while True:
            status, trouble = await _status(http, session_id)
            if trouble and trouble != told:
                console.print(trouble, soft_wrap=True)
            told = trouble
            if status:
                ended, total = sum(status[name] for name in ENDED), status["total_movies"]
                left = _left(status)
                progress.update(bar, total=total, completed=ended, description=left)
                is_completed = status["status"] == "completed"
                if not console.is_terminal and (is_completed or time.monotonic() >= next_line):
                    console.print(f"{ended}/{total} films  {left}")
                    next_line = time.monotonic() + LINE_SECONDS
                if is_completed:
                    return
            await asyncio.sleep(POLL_SECONDS)


def _left(status: dict[str, Any]) -> str:
    if status["status"] == "completed":
        return "completed"
    eta = status["eta_seconds"]
    return "waiting" if eta is None else f"about {eta} s left"


async def _status(http: aiohttp.ClientSession, session_id: str) -> tuple[dict[str, Any], str]:
    """Return the session's status, if available, and what holds it up, if anything."""
    async with http.get(f"/api/session/{session_id}/status") as response:
        status = await response.json(content_type=None)
        if not response.ok:
            return {}, str(status["detail"])
    if status["eta_seconds"] is not None:
        return status, ""
    async with http.get("/worker/status") as response:
        fleet = await response.json(content_type=None)
        if not response.ok:
            return status, str(fleet["detail"])
    return status, _hindrance(fleet)


def _hindrance(fleet: dict[str, Any]) -> str:
    reason = fleet["tmdb"]["reason"]
    match fleet["tmdb"]["state"], fleet["worker_status"]:
        case "refused", _:
            return f"TMDB refuses the key ({reason}). Correct TMDB_API_KEY and start again."
        case "down", _:
            return f"TMDB is down ({reason}). Retrying until it answers."
        case _, "paused":
            return "The fleet is paused; POST /worker/resume to continue."
    return ""


async def _show(http: aiohttp.ClientSession, session_id: str, console: Console) -> None:
    found = await _movies(http, session_id, "found")
    table = Table(
        title=f"The first {SHOWN} of {len(found)} films found", title_justify="left", expand=True
    )
    for name in ("Film", "Directed by", "Genres"):
        table.add_column(name, overflow="ellipsis", no_wrap=True, ratio=1)
    for movie in found[:SHOWN]:
        table.add_row(
            f"{movie['tmdb_title']} ({(movie['release_date'] or '')[:4]})",
            ", ".join(movie["directors"]),
            ", ".join(movie["genres"]),
        )
    console.print(table)
    for outcome in ("not_found", "failed"):
        for movie in await _movies(http, session_id, outcome):
            why = WORDS.get(movie["reason"], movie["reason"])
            console.print(f"Not found: {movie['title']} ({movie['year']}): {why}")


async def _movies(
    http: aiohttp.ClientSession, session_id: str, outcome: str
) -> list[dict[str, Any]]:
    wanted = {"outcome": outcome, "limit": "1000"}
    async with http.get(f"/api/session/{session_id}/movies", params=wanted) as response:
        movies: list[dict[str, Any]] = (await response.json())["movies"]
        return movies
