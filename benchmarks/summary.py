"""The figures of a 10,000-film session: at the server, and over HTTP, whole and filtered.

What TMDB would have answered is made up in the database: three genres, a director and a cast of
twenty for each film, some 50,000 people in all, some in hundreds of films and most in few.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import statistics
import time
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, spread
from benchmarks.films import pick_films
from benchmarks.harness import RAISED_SETTINGS, Bench, Room, execute, raised, run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from local_stack.tmdb.film import Film

REACH_MILLISECONDS = 150
OTHERS = 5
"""So many times the session's films are in another session beside it."""
FILTERS = ("", "genre=War", "decade=1990", "q=someone+number+5", "rating=4.5&watched=true")
UNSEEN = 0.1
"""Of the films, those that are listed and were not seen."""
WARM_UP = 6
"""Times before it is measured: PostgreSQL plans a statement anew for the first five."""

ANSWER_ALL = (
    """
    create function pick(film bigint, nth integer, many integer) returns integer language sql as $$
      select 1 + floor(many * power(abs(hashint8(film * 31 + nth)) / 2147483648.0, 2))::integer
    $$
    """,
    """
    create function person(id integer, part text) returns jsonb language sql as $$
      select jsonb_build_object(
        'id', id, 'name', 'Someone Number ' || id, 'character', part,
        'profile_path', '/' || md5(id::text) || '.jpg'
      )
    $$
    """,
    """
    insert into catalogue (
      tmdb_id, title, original_title, release_date, genres, directors, top_cast, runtime_minutes,
      countries, languages, overview, poster_path, vote_average, vote_count, popularity, fetched_at
    )
    select
      id, title, title, make_date(1920 + (id % 105)::integer, 1 + (id % 12)::integer, 1),
      array['Drama', 'War', (array['Comedy', 'Horror', 'Crime', 'Western'])[1 + id % 4]],
      jsonb_build_array(person(pick(id, 0, 9000), null)),
      (
        select jsonb_agg(person(pick(id, nth, 60000), 'Character ' || nth))
        from generate_series(1, 20) as nth
      ),
      60 + (id % 120)::integer,
      array[(array['US', 'FR', 'JP', 'SE', 'IN'])[1 + id % 5]],
      array[(array['en', 'fr', 'ja', 'sv', 'hi'])[1 + id % 5]],
      repeat('What happens in it. ', 12), '/' || md5(id::text) || '.jpg', (id % 100) / 10.0, 100, 1,
      clock_timestamp() - interval '1 day'
    from lookups
    """,
    """
    update lookups
    set outcome = 'found', tmdb_id = id, answered_at = clock_timestamp() - interval '1 day',
      due_at = null, turn = null, confidence = 100
    """,
    "update session_counts set n = n + 1, enriched = total",
    "vacuum analyze catalogue, lookups, movies, sessions, session_counts",
)


async def measure(room: Room, options: argparse.Namespace) -> Sequence[Figure]:
    """The summary of one session beside another one, asked for again and again."""
    films = pick_films(options.films * (OTHERS + 1)).films
    mine = room.folder / "mine.csv"
    _write_diary(mine, films[: options.films])
    settings = {**RAISED_SETTINGS, "LOG_LEVEL": "DEBUG"}
    async with room.stack(raised(), settings, daemons=0) as bench:
        session_id = (await bench.upload(mine)).session_id
        await bench.upload(room.write_list(films[options.films :]))
        await execute(bench.stack.dsn, *ANSWER_ALL)
        return [
            figure
            for query in FILTERS
            for figure in await _figures(bench, session_id, query, options.times)
        ]


async def _figures(bench: Bench, session_id: str, query: str, times: int) -> list[Figure]:
    path = f"/api/session/{session_id}/summary?{query}"
    for _ in range(WARM_UP):
        answer = await bench.get(path)
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        await bench.get(path)
        seconds.append(time.perf_counter() - start)
    at_server = [1000 * taken for taken in _logged(bench)[-times:]]
    name = f"summary of {answer['films']['total']} films{f', {query}' if query else ''}"
    whole = not query
    middle = statistics.median(at_server)
    return [
        Figure(
            f"{name}, at the server",
            spread(at_server, "ms", 0),
            f"<= {REACH_MILLISECONDS} ms" if whole else "",
            middle <= REACH_MILLISECONDS if whole else None,
        ),
        Figure(f"{name}, over HTTP", spread([1000 * taken for taken in seconds], "ms", 0)),
    ]


def _logged(bench: Bench) -> list[float]:
    """Seconds that each summary took in the API's process, as it logs them."""
    text = (bench.stack.folder / "api.log").read_text()
    events = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return [
        event["seconds"]
        for event in events
        if event.get("event") == "request" and str(event.get("route", "")).endswith("/summary")
    ]


def _write_diary(path: Path, films: Sequence[Film]) -> None:
    """A list with ratings, and dates over six years; of one film in ten nothing but that it is."""
    chance = random.Random(1)  # noqa: S311  # no secret
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("Title", "Year", "Rating", "WatchedDate", "Watched"))
        for film in films:
            year, month, day = (chance.randint(*ends) for ends in ((2019, 2024), (1, 12), (1, 28)))
            seen = (chance.randint(1, 10) / 2, f"{year}-{month:02}-{day:02}", "yes")
            rows.writerow(
                (film.title, film.year, *(("", "", "no") if chance.random() < UNSEEN else seen))
            )


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.summary", description=__doc__)
    arguments.add_argument("--films", type=int, default=10_000)
    arguments.add_argument("--times", type=int, default=21)
    run(measure, arguments.parse_args())
