"""Over a whole run no answer of a share has the owner's key, an address, a file name, a report."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from api_service.lists.files.spreadsheets import session_mark
from tests.support.driving import folder_form

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.end_to_end.conftest import Sample
    from tests.support.driving import Driver

IMDB_LIST = "Position,Const,Created,Modified,Description,Title,URL,Title Type,Year\n" + "".join(
    f"{number},{const},2024-01-01,2024-01-01,,{title},https://www.imdb.com/title/{const}/,Movie,{year}\n"
    for number, (const, title, year) in enumerate(
        [("tt0113277", "Heat", 1995), ("tt0116282", "Fargo", 1996)], 1
    )
)
OWN = "title,year,tags,review,watched date\nRan,1985,{tag},{review},2024-03-09\n,2001,,,\n"
TAG = "zebrafinch"
REVIEW = "Quixotically grandiloquent"
SECRET_LIST = "Wolpertinger evenings"
SECRET_FILE = "marginalia-of-mine"
FILTERS = (
    *("q=Heat", "genre=Drama", "country=US", "language=en", "director=1032", "actor=31"),
    *("decade=1990", "year=1995", "runtime_from=90", "runtime_to=200", "rating=4"),
    *("tmdb_rating=7", "watched=true", "watchlist=true", "liked=true", "rewatched=true"),
    *("watched_on=2024", "outcome=found", "outcome=unmatched", "outcome=doubtful"),
    *("outcome=pending", f"tag={TAG}", "list=Mine", "wrong=1", "year=x", "limit=0", "cursor=x"),
)
ORDERS = ("title", "year", "rating", "runtime", "tmdb_rating", "watched")


@dataclass(slots=True)
class Visitor:
    """Somebody with a share, who keeps all that they are ever sent."""

    driver: Driver
    share_id: str
    answers: list[str] = field(default_factory=list)

    async def get(self, rest: str, *, method: str = "GET", where: str = "/api/share/") -> str:
        """Ask, and keep the whole answer: address, head and body; the body."""
        path = f"{where}{self.share_id}{rest}"
        url = self.driver.stack.api_url + path
        async with self.driver.http.request(method, url, allow_redirects=False) as response:
            body = await response.text()
            assert response.status < 500, (path, body)
            answer = "\n".join([path, str(response.headers), body])
            # The names that exports have of themselves.
            self.answers.append(re.sub(r'="projectionist-[a-z-]+\.[a-z]+"', "", answer))
        return body

    async def look_at_all(self) -> None:
        """Ask for everything that a share has, in every order, form and filter."""
        await self.get("")
        for rest in ("/movies", "/movies/positions", "/summary", "/export"):
            await self.get(rest)
            await self.get(rest, method="HEAD")
            await self.get(rest, method="POST")
            for query in FILTERS:
                await self.get(f"{rest}?{query}")
        for form in ("csv", "jsonl", "letterboxd"):
            for query in ("", "&outcome=unmatched", "&watchlist=true", "&sort=title"):
                await self.get(f"/export?format={form}{query}")
        for order in ("position", *ORDERS):
            await self._page_through(order)
        for position in json.loads(await self.get("/movies/positions"))["positions"]:
            await self.get(f"/movies/{position}")
        for rest in ("/movies/99999", "/report", "/events", "/shares", "/upload", "/match", "/"):
            await self.get(rest)
        await self.get("", where="/share/")
        await self.get("?view=films&film=1", where="/share/")
        await self.get("", where="/api/session/")

    async def _page_through(self, order: str) -> None:
        cursor = ""
        while True:
            page: dict[str, Any] = json.loads(
                await self.get(f"/movies?sort={order}&limit=20{cursor}")
            )
            if page["next_cursor"] is None:
                return
            packed = page["next_cursor"]
            padding = "=" * (-len(packed) % 4)
            self.answers.append(base64.urlsafe_b64decode(packed + padding).decode())
            cursor = f"&cursor={packed}"


def forms_of(key: UUID) -> Iterator[str]:
    """The texts in which an id might stand."""
    yield from (str(key), key.hex, str(key.int), session_mark(key)[1:])
    yield from (base64.b64encode(key.bytes).decode().rstrip("="), str(key).replace("-", "%2D"))
    yield base64.urlsafe_b64encode(key.bytes).decode().rstrip("=")
    yield base64.urlsafe_b64encode(str(key).encode()).decode().rstrip("=")[:40]


async def test_no_answer_of_a_share_names_its_owner_sources_files_or_report(
    driver: Driver, sample: Sample
) -> None:
    await driver.set_latency(0.3)
    form = folder_form(sample.folder)
    own = OWN.format(tag=TAG, review=REVIEW)
    form.add_field("files", own.encode(), filename=f"{SECRET_FILE}.csv", content_type="text/csv")
    form.add_field(
        "files", IMDB_LIST.encode(), filename=f"{SECRET_LIST}.csv", content_type="text/csv"
    )
    uploaded = await driver.call("POST", "/api/upload", data=form)
    assert uploaded.status == 201, uploaded
    session_id = str(uploaded.body["session_id"])
    driver.sessions.add(session_id)
    visitors = {}
    for shown in ("nothing", "all"):
        options = {"reviews": shown == "all", "tags": shown == "all", "expires_in_days": 30}
        made = await driver.call("POST", f"/api/session/{session_id}/shares", json=options)
        assert made.status == 201, made
        visitors[shown] = Visitor(driver, str(made.body["share_id"]))
    await asyncio.gather(*(visitor.look_at_all() for visitor in visitors.values()))
    await driver.speed_up()
    await driver.completed(session_id)
    await asyncio.gather(*(visitor.look_at_all() for visitor in visitors.values()))
    forbidden = await secrets_of(driver, session_id, sample)
    path = f"/api/session/{session_id}"
    assert (await driver.call("DELETE", path)).status == 204
    for visitor in visitors.values():
        assert json.loads(await visitor.get(""))["code"] == "share_not_found"
        for answer in visitor.answers:
            found = [secret for secret in forbidden if secret.lower() in answer.lower()]
            assert found == [], answer[:2000]
    said = {shown: "\n".join(visitor.answers) for shown, visitor in visitors.items()}
    # What the owner let be seen is seen, so that the search above has searched something.
    for secret in (f'"{TAG}"', REVIEW):
        assert secret in said["all"]
        assert secret not in said["nothing"]
    await nothing_elsewhere(driver, [visitor.share_id for visitor in visitors.values()])


async def secrets_of(driver: Driver, session_id: str, sample: Sample) -> set[str]:
    """What no visitor may be told, in all forms; every one of them is truly there."""
    report = (await driver.call("GET", f"/api/session/{session_id}/report")).body
    assert report["rejected_count"], "the report says something"
    movies = await driver.movies(session_id)
    addresses = {movie["source_url"] for movie in movies if movie["source_url"]}
    listed = {name for movie in movies for name in movie["lists"]}
    assert len(addresses) > 50
    assert SECRET_LIST in listed, "the name of a file may be that of a list"
    rows = await driver.fetch(
        """
        select client, upload_id
        from sessions
        join upload_reports on session_id = id
        where id = $1
        """,
        UUID(session_id),
    )
    files = {path.name for path in sample.folder.rglob("*.csv")}
    return {
        *forms_of(UUID(session_id)),
        *(form for row in rows for form in forms_of(row["upload_id"])),
        *(str(row["client"]) for row in rows),
        *addresses,
        *("boxd.it", "letterboxd.com", "imdb.com/title"),
        *files,
        *(SECRET_FILE, SECRET_LIST),
        *(issue["reason"] for issue in report["rejected"] + report["set_aside"] + report["notes"]),
        *('"rows_read"', '"rejected"', '"session_id"', '"source_url"', '"report"'),
    }


async def nothing_elsewhere(driver: Driver, share_ids: list[str]) -> None:
    """Check that shares stand in no log and in no metric."""
    async with driver.http.get(f"{driver.stack.api_url}/metrics") as response:
        metrics = await response.text()
    assert 'route="/api/share/{share_id}/movies"' in metrics
    logs = "".join(path.read_text() for path in driver.stack.folder.iterdir())
    assert '"/api/share/{share_id}/movies"' in logs
    for share_id in share_ids:
        assert share_id not in metrics
        assert share_id not in logs
