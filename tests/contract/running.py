"""Schemathesis against the services at work, over the document that they serve: `make contract`.

It makes requests of all kinds from `/openapi.json`, right and wrong ones, and holds each answer
against that. Most ask for sessions that there are; of a stream a few events are read.
https://schemathesis.readthedocs.io/
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from local_stack.postgres import EmbeddedPostgres
from local_stack.processes import migrate
from tests.support.driving import ADMIN_TOKEN, create_database, plain_films, running

if TYPE_CHECKING:
    from tests.support.driving import Driver

CASES: Final = 5_000
"""That are made at least."""
EXAMPLES: Final = 200
"""At most that each operation is given in each phase."""
SESSIONS: Final = 20
DOOMED: Final = 40
"""Sessions to be asked for, and others that may be deleted."""
FILMS: Final = 30
CONFIGURATION: Final = """\
workers = 1
request-timeout = 30
max-stream-events = 3
continue-on-failure = true

[auth.openapi.admin_token]
bearer = {token}

[dictionaries]
sessions.values = {sessions}
doomed.values = {doomed}
shares.values = {shares}
positions.values = {positions}
cursors.values = [""]

# A cursor comes of an answer, and belongs to the order of the page before.
[parameters]
"path.session_id" = {{ dictionary = "sessions", probability = 0.9 }}
"path.share_id" = {{ dictionary = "shares", probability = 0.9 }}
"path.position" = {{ dictionary = "positions", probability = 0.7 }}
"query.cursor" = {{ dictionary = "cursors", probability = 1.0 }}

[[operations]]
include-name = "DELETE /api/session/{{session_id}}"
parameters = {{ "path.session_id" = {{ dictionary = "doomed", probability = 0.9 }} }}

# A body that is any bytes is seldom a list of films: it is refused, rightly. A form has no types
# that could be wrong: null in a field is the text of a list.
[[operations]]
include-path-regex = "/upload$"
checks.positive_data_acceptance.enabled = false
checks.negative_data_rejection.enabled = false
"""


async def run(program: Path, examples: int, seed: int | None, folder: Path) -> int:
    """Run Schemathesis; how it ended, or 1 where it made too few cases or the API crashed."""
    async with (
        EmbeddedPostgres(folder / "postgres", durable=False) as server,
        running(await _database(server), folder, LOG_LEVEL="DEBUG") as driver,
    ):
        sessions = await _sessions(driver, SESSIONS, FILMS)
        configuration = folder / "schemathesis.toml"
        configuration.write_text(
            CONFIGURATION.format(
                token=json.dumps(ADMIN_TOKEN),
                sessions=json.dumps(sessions),
                doomed=json.dumps(await _sessions(driver, DOOMED, 1)),
                shares=json.dumps(await _shares(driver, sessions)),
                positions=json.dumps([*range(1, FILMS + 1), 999]),
            )
        )
        process = await asyncio.create_subprocess_exec(
            *(str(program), "--config-file", str(configuration), "run"),
            f"{driver.stack.api_url}/openapi.json",
            *("--max-examples", str(examples)),
            *(() if seed is None else ("--seed", str(seed))),
            cwd=folder,
        )
        status = await process.wait()
        crashes = driver.events("request_crashed", "api.log")
        cases = len(driver.events("request", "api.log"))
    print(f"{cases} requests, {len(crashes)} of them crashed")  # noqa: T201
    return status or int(cases < CASES or bool(crashes))


async def _database(server: EmbeddedPostgres) -> str:
    dsn = await create_database(server)
    await migrate(dsn)
    return dsn


async def _sessions(driver: Driver, count: int, films: int) -> list[str]:
    """Sessions of so many films each, looked up."""
    sessions = [await driver.upload(plain_films(films)) for _ in range(count)]
    for session in sessions:
        await driver.completed(session)
    return sessions


async def _shares(driver: Driver, sessions: list[str]) -> list[str]:
    """A share of each of these sessions, with tags, for which only then may be filtered."""
    shares = []
    for number, session in enumerate(sessions):
        shown = {"reviews": number % 2 == 0, "tags": True}
        made = await driver.call("POST", f"/api/session/{session}/shares", json=shown)
        shares.append(str(made.body["share_id"]))
    return shares


def main() -> None:
    """Read what is wanted, and run."""
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("program", type=Path, help="schemathesis")
    wanted.add_argument("--examples", type=int, default=EXAMPLES)
    wanted.add_argument("--seed", type=int, help="of an earlier run, to repeat it")
    told = wanted.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="projectionist-contract-"))
    try:
        sys.exit(asyncio.run(run(told.program.absolute(), told.examples, told.seed, folder)))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
