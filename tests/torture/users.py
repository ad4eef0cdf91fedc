"""Users on the stage: each does what one request does, by the API's real storage.

An actor chooses with a generator of its own, so that it does the same whoever else there is.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from api_service.errors import (
    ClientLimitError,
    MovieNotFoundError,
    SessionChangedError,
    UploadInProgressError,
)
from api_service.storage.additions import StagedAddition
from api_service.storage.clients import StoredLimits
from api_service.storage.idempotency import IdempotencyKey, UploadRepeatedError
from api_service.storage.staging import StagedUpload
from shared.errors import SessionNotFoundError
from shared.lookup_keys import imdb_key, title_key, tmdb_key
from tests.torture.world import Expected

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from random import Random
    from uuid import UUID

    from tests.torture.world import World

FILMS = 4
"""So few that everybody meets everybody."""
YEAR = 2000
CLIENTS = (None, "first", "second")
LIMITS = StoredLimits(films_queued=4 * FILMS, movies_stored=6 * FILMS)
"""Of a client, so low that some are refused."""
KEYS = 3
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
COLUMNS = (
    *("position", "lookup_key", "title", "year", "watched", "watch_dates", "rewatches", "liked"),
    *("tags", "in_watchlist", "lists", "former_key"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """A movie of a file that is uploaded."""

    position: int
    key: str
    title: str
    former_key: str = ""


def titled(number: int) -> str:
    """Return the title of a film."""
    return f"film {number}"


def key_of(number: int, chance: Random) -> str:
    """Return one of the questions after a film."""
    return chance.choice(
        [
            title_key(titled(number), YEAR),
            tmdb_key(number),
            imdb_key(f"tt{number:07}"),
        ]
    )


def write(path: Path, rows: Sequence[Row]) -> Path:
    """Write rows as the parser does, for COPY."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    for row in rows:
        table.writerow(
            (
                *(row.position, row.key, row.title, YEAR, "t", "{}", 0, "f", "{}", "f", "{}"),
                row.former_key,
            )
        )
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


def some_rows(chance: Random, after: int = 0) -> list[Row]:
    """Choose a few questions, no question twice; two may be after one film."""
    numbers = [chance.randint(1, FILMS) for _ in range(chance.randint(1, FILMS))]
    films = {key_of(number, chance): number for number in numbers}
    return [
        Row(after + place, key, titled(number))
        for place, (key, number) in enumerate(films.items(), 1)
    ]


def write_report(folder: Path) -> Path:
    """A report that says nothing."""
    path = folder / "report.json"
    path.write_text("{}", "utf-8")
    return path


async def upload(world: World, chance: Random) -> None:
    """Store a list."""
    session_id = world.new_id()
    rows = some_rows(chance)
    idempotency = None
    if chance.random() < 1 / 4:
        idempotency = IdempotencyKey(str(chance.randrange(KEYS)), b"body")
    staged = StagedUpload(
        session_id,
        write(world.folder / f"{session_id}.csv", rows),
        COLUMNS,
        len(rows),
        write_report(world.folder),
        idempotency,
        TRACE,
        client=chance.choice(CLIENTS),
        limits=LIMITS,
    )
    try:
        stored = await world.api().uploads.store(staged)
    except UploadRepeatedError as repeated:
        if repeated.upload.session_id == session_id:
            raise
        return
    except (UploadInProgressError, ClientLimitError):
        return
    assert stored.id == session_id
    world.sessions.append(session_id)
    world.expected[session_id] = Expected(len(rows))


async def add(world: World, chance: Random) -> None:
    """Add films to a list, and correct one of those that it has."""
    if (session_id := some_session(world, chance)) is None:
        return
    api, upload_id = world.api(), world.new_id()
    known = world.folder / f"{upload_id}.known"
    try:
        edition = await api.additions.read_out(session_id, known, FILMS)
        listed = [json.loads(line) for line in known.read_text("utf-8").splitlines()]
        keys = {movie[1] for movie in listed}
        new = [row for row in some_rows(chance) if row.key not in keys][: chance.randint(0, 2)]
        rows = [
            Row(edition.positions + place, row.key, row.title) for place, row in enumerate(new, 1)
        ]
        changed = []
        if listed and chance.random() < 1 / 2:
            position, key, *_ = chance.choice(sorted(listed))
            wanted = key_of(chance.randint(1, FILMS), chance)
            if wanted != key:
                changed.append(Row(position, wanted, titled(1), key))
        addition = StagedAddition(
            session_id,
            write(world.folder / f"{upload_id}.csv", [*changed, *rows]),
            COLUMNS,
            len(rows),
            write_report(world.folder),
            None,
            TRACE,
            upload_id,
            edition,
            len(changed),
            client=chance.choice(CLIENTS),
            limits=LIMITS,
        )
        await api.additions.store(addition)
    except (SessionChangedError, SessionNotFoundError, ClientLimitError):
        return
    if session_id in world.expected:
        world.expected[session_id].films += len(rows)


async def force(world: World, chance: Random) -> None:
    """Have asked again what was not found or failed."""
    if session_id := some_session(world, chance):
        await world.api().sessions.force(session_id, TRACE)


async def correct(world: World, chance: Random) -> None:
    """Say which film a movie is."""
    if session_id := some_session(world, chance):
        position, key = chance.randint(1, 3), key_of(chance.randint(1, FILMS), chance)
        with contextlib.suppress(MovieNotFoundError):
            await world.api().matches.repoint(session_id, position, key, TRACE)


async def remove(world: World, chance: Random) -> None:
    """Take a movie out of a list."""
    if session_id := some_session(world, chance):
        with contextlib.suppress(MovieNotFoundError):
            await world.api().matches.remove(session_id, chance.randint(1, 3))
            if session_id in world.expected:
                world.expected[session_id].films -= 1


async def delete(world: World, chance: Random) -> None:
    """Delete a list."""
    if session_id := some_session(world, chance):
        if session_id in world.expected:
            world.expected[session_id].is_gone = True
        await world.api().sessions.delete(session_id)


def some_session(world: World, chance: Random) -> UUID | None:
    """Choose one of the lists that were stored."""
    return chance.choice(world.sessions) if world.sessions else None
