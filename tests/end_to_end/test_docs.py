"""The manual's requests are made, page by page, and answered as it says.

A page is followed as its reader does: its commands with curl run in its order, in a folder that has
the files they name; `SESSION_ID` is the first session that the page makes, `SHARE_ID` its first
share. What a page shows as an answer must be what the API's document promises, and be made as the
answer that has just come.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from multidict import CIMultiDict

from shared.http.probes import Health
from tests.browser.visiting import zipped
from tests.manual.pages import PAGES, blocks, name_of
from tests.support.described import check, check_item
from tests.support.driving import ADMIN_TOKEN, create_database, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from local_stack.postgres import EmbeddedPostgres
    from tests.end_to_end.conftest import Sample
    from tests.manual.pages import Block, Command
    from tests.support.driving import Driver

CURL = shutil.which("curl")
API, DAEMON = "http://127.0.0.1:8000", "http://127.0.0.1:8001"
REQUESTING = [
    page
    for page in PAGES
    if any(command.is_request for block in blocks(page) for command in block.commands)
]
CURLRC = """\
silent
show-error
max-time = 60
dump-header = "{folder}/.headers"
write-out = "%{{stderr}}%{{method}} %{{url_effective}} %{{filename_effective}}"
"""
TRAKT = [{"plays": 2, "movie": {"title": "Heat", "year": 1995, "ids": {"trakt": 1, "tmdb": 949}}}]
MOVIELENS = {
    "movies.csv": 'movieId,title,genres\n2571,"Matrix, The (1999)",Action\n',
    "ratings.csv": "userId,movieId,rating,timestamp\n1,2571,4.5,964982703\n",
}

pytestmark = pytest.mark.skipif(CURL is None, reason="curl is missing: apt-get install curl")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service answered to a command."""

    method: str
    url: str
    status: int
    headers: CIMultiDict[str]
    body: bytes
    of_daemon: bool

    def promises(self, body: str) -> None:
        """Fail when such a body is not what the API's document promises for this request."""
        path = urlsplit(self.url).path
        if self.of_daemon:  # of which no document speaks
            assert path == "/health"
            Health.model_validate_json(body)
        else:
            check(self.method, path, self.status, self.headers, body.encode())


@dataclass(slots=True)
class Reader:
    """Somebody who follows a page, in a folder of their own."""

    driver: Driver
    folder: Path
    session: str | None = None
    share: str | None = None
    last: Answer | None = None
    made: int = field(default=0)

    async def follow(self, page: Path) -> None:
        """Make each request, and hold what is shown against what came."""
        every = blocks(page)
        for block, following in zip(every, [*every[1:], None], strict=True):
            for command in block.commands:
                if command.is_request:
                    self.last = await self._make(command)
                    self.made += 1
            if block.language == "" and self.last and block.commands:
                self._check_status(block, following)
            elif block.language and not block.excuse:
                self._compare(block)

    def _check_status(self, block: Block, following: Block | None) -> None:
        assert self.last is not None
        refused = following is not None and '"urn:projectionist:problem:' in following.text
        assert refused == (self.last.status >= 400), (block.where, self.last)

    def _compare(self, block: Block) -> None:
        assert self.last is not None, block.where
        if block.language == "json":
            said = json.loads(block.text)
            self.last.promises(block.text)
            same_make(said, json.loads(self.last.body), block.where)
        elif block.language == "sse":
            came = dict(events(self.last.body.decode()))
            for name, data in events(block.text):
                check_item("get_events", "text/event-stream", name, json.dumps(data).encode())
                same_make(data, came[name], block.where)
        else:
            head, *rows = self.last.body.decode("utf-8-sig").splitlines()
            said_head, *said_rows = block.text.splitlines()
            assert said_head == head, block.where
            assert rows, block.where
            assert {row.count('","') for row in said_rows} == {head.count('","')}, block.where

    async def _make(self, command: Command) -> Answer:
        text = command.text.replace(API, self.driver.stack.api_url)
        text = text.replace(DAEMON, self.driver.stack.workers[0].url)
        if "SESSION_ID" in text:
            assert self.session, f"{command.where}: no session was made before"
            await self.driver.completed(self.session)
            text = text.replace("SESSION_ID", self.session)
        if "SHARE_ID" in text:
            assert self.share, f"{command.where}: no share was made before"
            text = text.replace("SHARE_ID", self.share)
        said, told = await self._run(text, endless="/events" in text)
        method, url, file = f"{told}  ".split(" ", 2)
        heads = (self.folder / ".headers").read_bytes().decode().strip().split("\r\n\r\n")
        head, *lines = heads[-1].splitlines()  # there is a 100 Continue before it, maybe
        fields = (line.partition(": ") for line in lines)
        headers = CIMultiDict((name, value) for name, _, value in fields)
        body = (self.folder / file.strip()).read_bytes() if file.strip() else said
        of_daemon = url.startswith(self.driver.stack.workers[0].url)
        answer = Answer(method, url, int(head.split()[1]), headers, body, of_daemon)
        assert answer.status < 500, (command.where, body)
        if headers.get("Content-Type", "").startswith("application/json"):
            answer.promises(body.decode())
        if answer.status == 201 and self.session is None:
            self.session = str(json.loads(body)["session_id"])
        elif answer.status == 201 and self.share is None and "/shares" in url:
            self.share = str(json.loads(body)["share_id"])
        return answer

    async def _run(self, text: str, *, endless: bool) -> tuple[bytes, str]:
        """Run a command; its output, and what curl tells of the request it made."""
        process = await asyncio.create_subprocess_exec(
            *("bash", "-c", f"set -o pipefail; {text}"),
            cwd=self.folder,
            env={**os.environ, "CURL_HOME": str(self.folder), "ADMIN_TOKEN": ADMIN_TOKEN},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stdout
        if not endless:
            said, told = await process.communicate()
            assert process.returncode == 0, f"{text}: {told.decode()}"
            return said, told.decode()
        # A stream has no end of its own: who has seen films in it stops it, as by Ctrl-C.
        said = b""
        async with asyncio.timeout(60):
            while not re.search(rb"event: films\ndata: .*\n\n", said):
                read = await process.stdout.read(4096)
                assert read, said
                said += read
        process.terminate()
        await process.communicate()
        found = re.search(r"https?://\S+", text)
        assert found
        return said, f"GET {found[0]}"


def events(text: str) -> list[tuple[str, Any]]:
    """The events of a stream: their names and what they say."""
    found = re.findall(r"^event: (\w+)\ndata: (.+)$", text, re.MULTILINE)
    assert found
    return [(name, json.loads(data)) for name, data in found]


def same_make(said: object, came: object, where: str) -> None:
    """Fail when two values of JSON differ in their members or their types."""
    if isinstance(said, dict) and isinstance(came, dict):
        assert set(said) == set(came), where
        for name, value in said.items():
            same_make(value, came[name], f"{where}: {name}")
    elif isinstance(said, list) and isinstance(came, list):
        for value in said[: len(came) and len(said)]:
            same_make(value, came[0], where)
    elif said is not None and came is not None:
        kinds = [
            "number" if type(value) in {int, float} else type(value).__name__
            for value in (said, came)
        ]
        assert kinds[0] == kinds[1], where


@pytest.fixture(scope="module")
async def services(
    postgres: EmbeddedPostgres, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Driver]:
    """Both services, for all pages one after the other."""
    dsn = await create_database(postgres, template=template)
    async with running(dsn, tmp_path_factory.mktemp("manual")) as driving:
        yield driving


@pytest.fixture
def reader(services: Driver, sample: Sample, tmp_path: Path) -> Reader:
    """A reader whose folder has all files that commands name."""
    (tmp_path / ".curlrc").write_text(CURLRC.format(folder=tmp_path), "utf-8")
    for path in sample.folder.glob("*.csv"):
        shutil.copy(path, tmp_path)
    zipped(sample.folder, tmp_path / "letterboxd-export.zip")
    (tmp_path / "films.csv").write_text("Title,Year\nHeat,1995\nFargo,1996\n", "utf-8")
    (tmp_path / "holiday.jpg").write_bytes(bytes.fromhex("ffd8ffe000104a464946000101") * 9)
    with zipfile.ZipFile(tmp_path / "trakt-export.zip", "w") as archive:
        archive.writestr("watched-movies.json", json.dumps(TRAKT))
    with zipfile.ZipFile(tmp_path / "netflix-report.zip", "w") as archive:
        archive.writestr(
            "CONTENT_INTERACTION/ViewingActivity.csv",
            "Profile Name,Start Time,Title,Supplemental Video Type\n"
            "Ash,2024-03-09 21:10:00,Heat,\nBo,2024-03-11 15:00:00,Ran,\n",
        )
    with zipfile.ZipFile(tmp_path / "ml-latest-small.zip", "w") as archive:
        for name, text in MOVIELENS.items():
            archive.writestr(f"ml-latest-small/{name}", text)
    return Reader(services, tmp_path)


@pytest.mark.parametrize("page", REQUESTING, ids=name_of)
async def test_every_request_of_a_page_is_answered_as_the_page_says(
    reader: Reader, page: Path
) -> None:
    await reader.follow(page)
    assert reader.made == sum(
        command.is_request for block in blocks(page) for command in block.commands
    )


@pytest.mark.parametrize(
    ("said", "came"),
    [
        ({"a": 1}, {"b": 1}),
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": 1}, {"a": "1"}),
        ({"a": True}, {"a": 1}),
        ({"a": [{"b": 1}]}, {"a": [{"b": 1, "c": 2}]}),
        ({"a": []}, {"a": {}}),
    ],
)
def test_an_answer_that_is_made_otherwise_is_found(said: object, came: object) -> None:
    with pytest.raises(AssertionError):
        same_make(said, came, "here")


def test_an_answer_that_is_made_alike_is_not() -> None:
    same_make({"a": 1, "b": [], "c": None}, {"a": 2.5, "b": [1], "c": "x"}, "here")
