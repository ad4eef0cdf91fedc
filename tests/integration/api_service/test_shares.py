"""Shares: made and ended by the session's owner, read by visitors, and no key to the session."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import aiohttp
import pytest

from api_service.context import LIMITS, STORAGE
from api_service.storage.heavy_reads import MOST_READS
from api_service.storage.shares import MOST_SHARES
from api_service.storage.summaries import SummaryStorage
from tests.support.described import check_item

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    import asyncpg

    from shared.postgres.database import Database
    from tests.support.api_answering import Daemon
    from tests.support.api_driving import Notified, Service, Until

    MakeService = Callable[..., Awaitable[Service]]

HEADER = "Title,Year,Rating,Tags,Review,Watched Date,Letterboxd URI"
HEAT = "Heat,1995,5,cinema,Slow and grand,2024-03-09,https://boxd.it/heat"
FARGO = "Fargo,1996,4,home,,2024-03-10,https://boxd.it/fargo"
ALWAYS_HIDDEN = {"source_url", "lists", "reason", "confidence", "candidates"}
READ = ("", "/movies", "/movies/positions", "/movies/1", "/summary", "/export")


async def shared(service: Service, session_id: str, **options: object) -> str:
    """Share a session; the id of the share."""
    response = await service.client.post(f"/api/session/{session_id}/shares", json=options)
    answer = await response.json()
    assert response.status == 201, answer
    assert response.headers["Location"] == answer["path"] == f"/share/{answer['share_id']}"
    return str(answer["share_id"])


async def two_films(service: Service, daemon: Daemon) -> str:
    """A session of two films that are found."""
    session_id = await service.session(HEAT, FARGO, header=HEADER)
    await daemon.answer(found={"title:heat|1995": 949, "title:fargo|1996": 275})
    return session_id


async def gone(service: Service, share_id: str) -> None:
    """Check that nothing is read by a share."""
    for rest in READ:
        response = await service.client.get(f"/api/share/{share_id}{rest}")
        await service.problem(response, 404, "share_not_found")
        assert response.headers["X-Robots-Tag"] == "noindex"


# -- the owner -------------------------------------------------------------------------------------


async def test_the_owner_sees_the_shares_newest_first(service: Service) -> None:
    session_id = await service.session(HEAT, header=HEADER)
    first = await shared(service, session_id)
    second = await shared(service, session_id, reviews=True, tags=True, expires_in_days=7)
    shares = (await service.get(f"/api/session/{session_id}/shares"))["shares"]
    assert [share["share_id"] for share in shares] == [second, first]
    assert [(share["reviews"], share["tags"]) for share in shares] == [(True, True), (False, False)]
    assert [share["expires_at"] is None for share in shares] == [False, True]
    assert UUID(first).version == 4, "random, so that no id leads to another"


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "{",
        '{"reviews": "yes"}',
        '{"tags": 1}',
        '{"expires_in_days": 0}',
        '{"expires_in_days": 3651}',
        '{"expires_in_days": 1.5}',
        '{"session_id": "x"}',
    ],
)
async def test_a_body_that_makes_no_share_is_refused(service: Service, body: str) -> None:
    session_id = await service.session("Heat,1995")
    response = await service.client.post(f"/api/session/{session_id}/shares", data=body)
    problem = await service.problem(response, 422, "invalid_body")
    assert "pydantic" not in json.dumps(problem)
    assert (await service.get(f"/api/session/{session_id}/shares"))["shares"] == []


async def test_a_session_has_only_so_many_shares_though_they_are_made_at_once(
    service: Service,
) -> None:
    session_id = await service.session("Heat,1995")
    for _ in range(MOST_SHARES - 2):
        await shared(service, session_id)
    path = f"/api/session/{session_id}/shares"
    responses = await asyncio.gather(*(service.client.post(path, json={}) for _ in range(5)))
    assert sorted(response.status for response in responses) == [201, 201, 409, 409, 409]
    refused = next(response for response in responses if response.status == 409)
    await service.problem(refused, 409, "too_many_shares")
    shares = (await service.get(path))["shares"]
    assert len(shares) == MOST_SHARES
    assert (await service.client.delete(f"{path}/{shares[0]['share_id']}")).status == 204
    await shared(service, session_id)


async def test_expired_shares_make_room_for_others(service: Service, database: Database) -> None:
    session_id = await service.session("Heat,1995")
    for _ in range(MOST_SHARES):
        await shared(service, session_id, expires_in_days=1)
    await expire(database)
    assert (await service.get(f"/api/session/{session_id}/shares"))["shares"] == []
    await shared(service, session_id)
    assert await database.fetchval("select count(*) from shares") == 1


async def expire(database: Database) -> None:
    """Let the time of all shares that have one be over."""
    await database.fetchval("update shares set expires_at = clock_timestamp() where true")


async def test_a_share_is_revoked_by_its_own_session_alone(service: Service) -> None:
    session_id, other = await service.session("Heat,1995"), await service.session("Ran,1985")
    share_id = await shared(service, session_id)
    for wrong in (f"{other}/shares/{share_id}", f"{session_id}/shares/{uuid4()}"):
        response = await service.client.delete(f"/api/session/{wrong}")
        await service.problem(response, 404, "share_not_found")
    await service.get(f"/api/share/{share_id}")
    path = f"/api/session/{session_id}/shares/{share_id}"
    assert (await service.client.delete(path)).status == 204
    await gone(service, share_id)
    await service.problem(await service.client.delete(path), 404, "share_not_found")


async def test_a_share_opens_nothing_of_the_owners(service: Service) -> None:
    session_id = await service.session("Heat,1995")
    share_id = await shared(service, session_id)
    for method, path in (
        ("GET", f"/api/session/{share_id}"),
        ("DELETE", f"/api/session/{share_id}"),
        ("GET", f"/api/session/{share_id}/report"),
        ("POST", f"/api/session/{share_id}/shares"),
        ("GET", f"/api/session/{share_id}/shares"),
        ("POST", f"/api/session/{share_id}/enrich"),
    ):
        response = await service.client.request(method, path)
        await service.problem(response, 404, "session_not_found")
    for method, path, status in (
        ("DELETE", f"/api/share/{share_id}", 405),
        ("PUT", f"/api/share/{share_id}/movies/1/match", 404),
        ("GET", f"/api/share/{share_id}/report", 404),
        ("GET", f"/api/share/{share_id}/events", 404),
        ("POST", f"/api/share/{share_id}/upload", 404),
    ):
        assert (await service.client.request(method, path)).status == status
    await gone(service, session_id)


# -- the visitor -----------------------------------------------------------------------------------


async def test_an_expired_share_and_one_that_never_was_are_not_told_apart(
    service: Service, database: Database
) -> None:
    session_id = await service.session("Heat,1995")
    expired = await shared(service, session_id, expires_in_days=1)
    await expire(database)
    said = []
    for share_id in (expired, str(uuid4()), "no-uuid"):
        await gone(service, share_id)
        response = await service.client.get(f"/api/share/{share_id}")
        said.append(await response.text())
    assert len(set(said)) == 1


async def test_deleting_a_session_ends_its_shares(service: Service, daemon: Daemon) -> None:
    session_id = await two_films(service, daemon)
    share_id = await shared(service, session_id)
    for rest in READ:
        assert (await service.client.get(f"/api/share/{share_id}{rest}")).status == 200
    assert (await service.client.delete(f"/api/session/{session_id}")).status == 204
    await gone(service, share_id)


async def test_a_share_tells_how_far_the_list_is(service: Service, daemon: Daemon) -> None:
    session_id = await service.session(HEAT, FARGO, header=HEADER)
    share_id = await shared(service, session_id, tags=True)
    await daemon.answer(found={"title:heat|1995": 949})
    assert await service.get(f"/api/share/{share_id}") == {
        "reviews": False,
        "tags": True,
        "expires_at": None,
        "status": "enriching",
        "total_movies": 2,
        "enriched_count": 1,
        "not_found_count": 0,
        "failed_count": 0,
        "progress_percent": 50,
        "eta_seconds": None,
    }


@pytest.mark.parametrize("reviews", [True, False])
@pytest.mark.parametrize("tags", [True, False])
async def test_reviews_and_tags_are_shown_only_where_the_share_says_so(
    service: Service,
    daemon: Daemon,
    reviews: bool,  # noqa: FBT001  # a parameter of the test
    tags: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    session_id = await two_films(service, daemon)
    share_id = await shared(service, session_id, reviews=reviews, tags=tags)
    path = f"/api/share/{share_id}"
    shown = {"review": "Slow and grand" if reviews else None, "tags": ["cinema"] if tags else None}
    (heat, fargo) = (await service.get(f"{path}/movies"))["movies"]
    detail = await service.get(f"{path}/movies/1")
    (chosen,) = (await service.get(f"{path}/movies", positions="1"))["movies"]
    lines = await (await service.client.get(f"{path}/export?format=jsonl")).text()
    line = json.loads(lines.splitlines()[0])
    check_item("export_shared_movies", "application/jsonl", "line", json.dumps(line).encode())
    for movie in (heat, detail, chosen, line):
        assert {name: movie[name] for name in shown} == shown
        assert movie["rating"] == 5
        assert movie["watch_dates"] == ["2024-03-09"]
        assert movie.keys().isdisjoint(ALWAYS_HIDDEN)
    assert fargo["review"] is None
    for form in ("csv", "letterboxd"):
        text = await (await service.client.get(f"{path}/export?format={form}")).text()
        rows = list(csv.DictReader(io.StringIO(text.lstrip("\ufeff"), newline="")))
        assert ("Slow and grand" in text) == reviews
        assert ("cinema" in text) == tags
        assert "boxd.it" not in text
        assert {"Session", "Source URL", "Lists", "Candidates"}.isdisjoint(rows[0])
        if form == "csv":
            assert ("Tags" in rows[0], "Review" in rows[0]) == (tags, reviews)
    assert (await service.client.get(f"{path}/movies?q=Slow")).status == 200
    assert (await service.get(f"{path}/movies", q="Slow"))["movies"] == []


@pytest.mark.parametrize("rest", ["movies", "movies/positions", "summary", "export"])
async def test_what_a_share_hides_nobody_can_filter_for(
    service: Service, daemon: Daemon, rest: str
) -> None:
    session_id = await two_films(service, daemon)
    without, with_tags = (
        await shared(service, session_id),
        await shared(service, session_id, tags=True),
    )
    for query in ("tag=cinema", "tag=none-has-it", "tag="):
        response = await service.client.get(f"/api/share/{without}/{rest}?{query}")
        await service.problem(response, 403, "not_shared")
    for query in ("list=Mine", "list="):
        response = await service.client.get(f"/api/share/{without}/{rest}?{query}")
        await service.problem(response, 400, "bad_request")
    response = await service.client.get(f"/api/share/{with_tags}/{rest}?list=Mine")
    await service.problem(response, 400, "bad_request")
    assert (await service.client.get(f"/api/share/{with_tags}/{rest}?tag=cinema")).status == 200
    positions = f"/api/share/{with_tags}/movies/positions"
    assert (await service.get(positions, tag="cinema"))["total"] == 1


@pytest.mark.parametrize("rest", READ)
async def test_unknown_and_repeated_parameters_are_refused(
    service: Service, daemon: Daemon, rest: str
) -> None:
    share_id = await shared(service, await two_films(service, daemon))
    for query in ("genres=Drama", "genre=Drama&genre=Crime", "rated=false"):
        response = await service.client.get(f"/api/share/{share_id}{rest}?{query}")
        await service.problem(response, 400, "bad_request")
    page = await service.client.get(f"/share/{share_id}?view=films&whatever=1")
    assert page.status == 200


async def test_what_fits_and_its_order_are_those_of_the_session(
    service: Service, daemon: Daemon
) -> None:
    session_id = await two_films(service, daemon)
    share_id = await shared(service, session_id)
    for query in ({"sort": "rating"}, {"sort": "title", "reverse": "true"}, {"rating": "4"}):
        ours = await service.get(f"/api/session/{session_id}/movies/positions", **query)
        assert await service.get(f"/api/share/{share_id}/movies/positions", **query) == ours
    page = await service.get(f"/api/share/{share_id}/movies", sort="title", limit=1)
    rest = await service.get(
        f"/api/share/{share_id}/movies", sort="title", limit=1, cursor=page["next_cursor"]
    )
    assert [movie["title"] for movie in page["movies"] + rest["movies"]] == ["Fargo", "Heat"]


async def test_a_summary_is_kept_once_for_a_session_and_its_shares(
    service: Service, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_up = SummaryStorage.add_up
    added: list[UUID] = []

    async def note(
        self: SummaryStorage, session_id: UUID, positions: Sequence[int], *, everything: bool
    ) -> asyncpg.Record:
        added.append(session_id)
        return await add_up(self, session_id, positions, everything=everything)

    monkeypatch.setattr(SummaryStorage, "add_up", note)
    session_id = await two_films(service, daemon)
    shares = [await shared(service, session_id) for _ in range(2)]
    ours = await service.get(f"/api/session/{session_id}/summary", decade=1990)
    for share_id in shares:
        assert await service.get(f"/api/share/{share_id}/summary", decade=1990) == ours
    assert added == [UUID(session_id)]


async def test_visitors_do_not_keep_a_session_from_expiring(
    service: Service, daemon: Daemon, database: Database
) -> None:
    share_id = await shared(service, await two_films(service, daemon))
    await database.fetchval(
        "update sessions set read_at = clock_timestamp() - interval '20 days' returning 1"
    )
    before = await database.fetchval("select read_at from sessions")
    for rest in READ:
        assert (await service.client.get(f"/api/share/{share_id}{rest}")).status == 200
    assert (await service.client.get(f"/share/{share_id}")).status == 200
    assert await database.fetchval("select read_at from sessions") == before


HEAVY = ("movies?sort=rating", "movies/positions", "summary", "export")


@pytest.mark.parametrize("rest", HEAVY)
async def test_what_visitors_read_counts_as_reads_of_their_own(
    make_service: MakeService, rest: str
) -> None:
    service = await make_service(client_heavy_reads=1, client_reads_a_minute=2)
    share_id = await shared(service, await service.session("Heat,1995"))
    assert service.client.app is not None
    path = f"/api/share/{share_id}/{rest}"
    with service.client.app[LIMITS].heavy_reads.one("127.0.0.1"):
        problem = await service.problem(await service.client.get(path), 429, "client_limit")
        assert problem["limit"] == "heavy_reads"
    for _ in range(2):
        assert (await service.client.get(path)).status == 200
    problem = await service.problem(await service.client.get(path), 429, "client_limit")
    assert problem["limit"] == "reads_a_minute"
    await service.get(f"/api/share/{share_id}")


@pytest.mark.parametrize("rest", ["summary", "export"])
async def test_a_session_that_is_deleted_while_it_is_read_is_told_of_as_a_share(
    service: Service, until: Until, rest: str
) -> None:
    session_id = await service.session("Heat,1995")
    share_id = await shared(service, session_id)
    assert service.client.app is not None
    limits, turns = service.client.app[LIMITS], service.client.app[STORAGE].heavy_reads
    async with asyncio.TaskGroup() as tasks:
        async with AsyncExitStack() as taken:
            for _ in range(MOST_READS):
                await taken.enter_async_context(turns.turn(1))
            reading = tasks.create_task(service.client.get(f"/api/share/{share_id}/{rest}"))
            await until(lambda: limits.heavy_reads.all == 1)
            assert (await service.client.delete(f"/api/session/{session_id}")).status == 204
        response = await reading
    await service.problem(response, 404, "share_not_found")


async def test_an_export_breaks_off_where_its_share_is_revoked(
    service: Service, until: Until
) -> None:
    review = "x" * 20_000
    session_id = await service.session(
        *[f"Film {number},{review}" for number in range(1_000)], header="Title,Review"
    )
    share_id = await shared(service, session_id, reviews=True)
    assert service.client.app is not None
    limits = service.client.app[LIMITS]
    # The rest of the 20 MB does not fit into any buffer on the way.
    async with aiohttp.ClientSession(read_bufsize=2**12) as slow:
        response = await slow.get(
            service.client.make_url(f"/api/share/{share_id}/export?format=jsonl")
        )
        await response.content.readexactly(100)
        path = f"/api/session/{session_id}/shares/{share_id}"
        assert (await service.client.delete(path)).status == 204
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()
    await until(lambda: limits.heavy_reads.all == 0)


async def test_making_and_ending_shares_tells_nobody(service: Service, notified: Notified) -> None:
    session_id = await service.session("Heat,1995")
    await notified.settle()
    notified.clear()
    share_id = await shared(service, session_id)
    await service.client.delete(f"/api/session/{session_id}/shares/{share_id}")
    await notified.settle()
    assert notified.of("session_progress") == []


# -- the page --------------------------------------------------------------------------------------


async def test_the_page_of_a_share_is_in_no_index_and_says_nothing_of_its_own(
    service: Service,
) -> None:
    share_id = await shared(service, await service.session("Heat,1995"))
    page = await service.client.get(f"/share/{share_id}")
    text = await page.text()
    assert page.headers["X-Robots-Tag"] == "noindex"
    assert '<meta name="robots" content="noindex">' in text
    assert page.headers["Referrer-Policy"] == "no-referrer"
    other = await service.client.get(f"/share/{uuid4()}")
    assert (other.headers["ETag"], await other.text()) == (page.headers["ETag"], text)
    start = await service.client.get("/")
    assert "X-Robots-Tag" not in start.headers
    assert 'content="noindex"' not in await start.text()


async def test_every_answer_of_a_share_is_kept_by_no_cache(
    service: Service, daemon: Daemon
) -> None:
    share_id = await shared(service, await two_films(service, daemon))
    for rest in READ:
        for method in ("GET", "HEAD"):
            response = await service.client.request(method, f"/api/share/{share_id}{rest}")
            assert response.headers["Cache-Control"] == "no-store"
            assert response.headers["X-Robots-Tag"] == "noindex"
            assert "ETag" not in response.headers
