"""The logs that compose.yaml keeps hold the warnings of two of the longest lists, not one found."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from shared.settings import Settings
from tests.support.composing import raw_compose

if TYPE_CHECKING:
    from tests.support.driving import Driver

TITLE = "The Assassination of Nobody by the Coward Who Was Not There, Part {}"
"""Longer than most titles are: half of TMDB's have 17 letters or fewer."""
MADE_UP_FILMS = 40
MEGABYTE = 1_000_000  # as Docker has it: 20m are 20,000,000 bytes
STAMP = "2026-11-30T09:26:00.123456789Z"


async def test_warnings_for_films_not_found_fit_into_the_logs_that_are_kept(
    driver: Driver,
) -> None:
    rows = "".join(f'"{TITLE.format(number)}",1987\r\n' for number in range(MADE_UP_FILMS))
    uploaded = await driver.post_list(b"Title,Year\r\n" + rows.encode())
    await driver.completed(str(uploaded.body["session_id"]))
    assert await driver.stack.workers[0].stop() == 0
    lines = [
        line
        for line in (driver.stack.folder / "enrich.log").read_text("utf-8").splitlines()
        if json.loads(line)["event"] == "movie_not_found"
    ]
    assert len(lines) == MADE_UP_FILMS
    of_one = max(len(as_docker_keeps_it(line)) for line in lines)
    print(f"{of_one} bytes a line, {max(map(len, lines))} of them ours")  # noqa: T201  # the figure of the runbook
    most = int(Settings.model_fields["upload_max_movies"].default)
    assert kept_bytes("enrich") >= 2 * most * of_one


def as_docker_keeps_it(line: str) -> bytes:
    """Return a line as the driver json-file writes it."""
    kept = json.dumps({"log": f"{line}\n", "stream": "stdout", "time": STAMP})
    return f"{kept}\n".encode()


def kept_bytes(service: str) -> int:
    """Return how much of a service's log compose.yaml keeps."""
    logging = raw_compose()["services"][service]["logging"]
    assert logging["driver"] == "json-file"
    options = logging["options"]
    return int(options["max-size"].removesuffix("m")) * MEGABYTE * int(options["max-file"])
