"""Loading TMDB's daily export from the stand-in, and what it saves a list."""

from __future__ import annotations

import asyncio
import datetime as dt
import gzip
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from enrich_service.metrics import ExportLoad
from enrich_service.scheduling import export_loader
from enrich_service.scheduling.export_loader import ExportLoader
from enrich_service.storage.exports import ExportPart, LoadedExport
from enrich_service.title_index.exported_films import name_hash
from local_stack.tmdb.exports import export_of
from shared.lookup_keys import title_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from enrich_service.storage import StorageService
    from enrich_service.worker import EnrichmentWorker
    from local_stack.tmdb.catalogue import Catalogue
    from local_stack.tmdb.film import Film
    from shared.postgres.database import Database
    from tests.support.session_rows import Lists
    from tests.support.stand_in import RunningStandIn

    MakeWorker = Callable[..., Awaitable[EnrichmentWorker]]

EVERY = (0, 2**40 - 1)
KEPT_FROM = 20
OLD_DAYS = 150


class Loading:
    """A loader, how its attempts ended, and the row that says who loads."""

    def __init__(self, storage: StorageService, database: Database, url: str | None) -> None:
        self.results: list[ExportLoad] = []
        self._database = database
        self.loader = ExportLoader(uuid4(), storage, url, OLD_DAYS, self.results.append)

    async def again(self, days: int = 0) -> None:
        """Let it try, as if its next try were due, and what is loaded so many days older."""
        await self._database.fetchval(
            "update export_loads set next_try_at = '-infinity', day = day - $1::integer", days
        )
        await self.loader.load_if_due()

    async def state(self) -> tuple[dt.date | None, bool, dt.timedelta, int]:
        """The day that is loaded, whether somebody loads, the pause, the rows."""
        row = await self._database.fetchrow(
            """
            select day, taken_by is not null as taken,
              greatest(next_try_at, clock_timestamp()) - clock_timestamp() as pause,
              (select count(*) from exported_films) as rows
            from export_loads
            """
        )
        assert row is not None
        return row["day"], row["taken"], row["pause"], row["rows"]


@pytest.fixture(autouse=True)
def _no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_loader, "REST", 0.0)


@pytest.fixture
def make_loading(storage: StorageService, database: Database) -> Callable[[str | None], Loading]:
    """Makes loaders over the test's database."""
    return lambda url: Loading(storage, database, url)


@pytest.fixture
def loading(make_loading: Callable[[str], Loading], tmdb: RunningStandIn) -> Loading:
    """One that loads the stand-in's export."""
    return make_loading(tmdb.url)


@pytest.fixture
async def answered() -> AsyncIterator[Callable[..., Awaitable[str]]]:
    """Makes servers that answer whatever is asked of them in one way."""
    servers: list[TestServer] = []

    async def start(**answer: Any) -> str:  # noqa: ANN401  # of a response
        async def handler(_: web.Request) -> web.Response:
            return web.Response(**answer)

        app = web.Application()
        app.router.add_get("/{path:.*}", handler)
        servers.append(TestServer(app))
        await servers[-1].start_server()
        return str(servers[-1].make_url("")).rstrip("/")

    yield start
    for server in servers:
        await server.close()


def wanted() -> dt.date:
    return (dt.datetime.now(dt.UTC) - dt.timedelta(hours=8)).date()


def part(*films: tuple[int, int, float]) -> ExportPart:
    names, ids, popularities = zip(*films, strict=True) if films else ((), (), ())
    return ExportPart(*EVERY, list(names), list(ids), list(popularities))


# -- loading -----------------------------------------------------------------------------------


async def test_export_is_loaded_once_a_day_by_one_of_all_daemons(
    make_loading: Callable[[str], Loading], tmdb: RunningStandIn, bundled_catalogue: Catalogue
) -> None:
    fleet = [make_loading(tmdb.url) for _ in range(3)]
    await asyncio.gather(*(each.loader.load_if_due() for each in fleet))
    day, taken, pause, rows = await fleet[0].state()
    await fleet[0].again()

    assert (day, taken, rows) == (wanted(), False, len(bundled_catalogue.films))
    assert [result for each in fleet for result in each.results] == [ExportLoad.LOADED]
    assert tmdb.state.exports == 1
    published = dt.datetime.combine(wanted() + dt.timedelta(days=1), dt.time(8), dt.UTC)
    after = dt.datetime.now(dt.UTC) + pause - published
    assert dt.timedelta(0) < after < dt.timedelta(minutes=61), "not all in the first minute"


async def test_yesterdays_export_does_until_todays_is_there(
    loading: Loading, tmdb: RunningStandIn
) -> None:
    late = (dt.datetime.now(dt.UTC).date() - wanted()).days + 1
    tmdb.state.change_options(tmdb.state.options.model_copy(update={"exports_late": late}))
    await loading.loader.load_if_due()
    day, _, pause, rows = await loading.state()
    assert day == wanted() - dt.timedelta(days=1)
    assert rows > 0
    assert pause > dt.timedelta(minutes=59), "it looks for today's later"

    await loading.again()
    assert loading.results == [ExportLoad.LOADED, ExportLoad.MISSING]
    assert tmdb.state.exports == 1, "what is loaded is not fetched again"

    tmdb.state.change_options(tmdb.state.options.model_copy(update={"exports_late": 0}))
    await loading.again()
    assert (await loading.state())[0] == wanted()


async def test_lease_of_a_dead_daemon_ends_and_its_load_is_done_by_another(
    loading: Loading, storage: StorageService, database: Database
) -> None:
    dead = uuid4()
    assert await storage.exports.take(dead)
    await loading.again()
    assert loading.results == [], "it may be at work"

    await database.fetchval("update export_loads set taken_until = clock_timestamp()")
    assert await storage.exports.renew(dead), "nobody has taken it"
    await database.fetchval("update export_loads set taken_until = clock_timestamp()")
    await loading.again()

    assert loading.results == [ExportLoad.LOADED]
    assert not await storage.exports.renew(dead)
    await storage.exports.give_back(dead, dt.timedelta(0), LoadedExport(dt.date(2000, 1, 1), 1))
    assert (await loading.state())[0] == wanted()


async def test_load_stops_when_the_lease_is_anothers(
    loading: Loading, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_loader, "RENEW_SECONDS", 0.0)
    other = uuid4()
    await database.fetchval(
        f"""
        create function lose() returns trigger language plpgsql as
        $$ begin new.taken_by := '{other}'; return new; end $$;
        """
    )
    await database.fetchval(
        """
        create trigger lose before update on export_loads for each row
        when (old.taken_by is not null) execute function lose()
        """
    )
    await loading.loader.load_if_due()

    day, taken, _, _ = await loading.state()
    assert (day, taken, loading.results) == (None, True, [])


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 500},
        {"status": 302, "headers": {"Location": "http://127.0.0.1:1/elsewhere"}},
        {"status": 200, "body": b"<html>Sign in</html>"},
        {"status": 200, "body": gzip.compress(b"")},
        {"status": 200, "body": gzip.compress(b'{"id":1,"original_title":"A"}\n')[:-9]},
    ],
)
async def test_what_is_no_export_is_refused_and_tried_again_much_later(
    make_loading: Callable[[str], Loading],
    answered: Callable[..., Awaitable[str]],
    answer: dict[str, Any],
) -> None:
    loading = make_loading(await answered(**answer))
    await loading.loader.load_if_due()

    day, taken, pause, rows = await loading.state()
    assert (day, taken, rows, loading.results) == (None, False, 0, [ExportLoad.FAILED])
    assert pause > dt.timedelta(minutes=14)


async def test_export_with_far_fewer_films_than_the_last_is_refused(
    loading: Loading, tmdb: RunningStandIn, bundled_catalogue: Catalogue
) -> None:
    films = bundled_catalogue.films
    await loading.loader.load_if_due()

    tmdb.state.export = export_of(films[: len(films) * 8 // 10])
    await loading.again(days=1)
    day, taken, pause, rows = await loading.state()
    assert (day, taken, rows) == (wanted() - dt.timedelta(days=1), False, len(films))
    assert pause > dt.timedelta(minutes=14)

    tmdb.state.export = export_of(films[: len(films) * 19 // 20])
    await loading.again()
    tmdb.state.export = export_of(films[:9])
    await loading.again(days=9)
    assert loading.results == [
        ExportLoad.LOADED, ExportLoad.FAILED, ExportLoad.LOADED, ExportLoad.LOADED
    ]  # fmt: skip
    assert (await loading.state())[3] == 9, "the last one is too old to tell"


async def test_refused_statement_counts_as_a_failure_and_pauses(
    loading: Loading, database: Database
) -> None:
    await database.fetchval(
        """
        create function refuse() returns trigger language plpgsql as
        $$ begin raise exception 'the disk is full'; end $$;
        """
    )
    await database.fetchval(
        """
        create trigger refuse before insert on exported_films
        for each statement execute function refuse()
        """
    )
    await loading.loader.load_if_due()

    day, taken, pause, _ = await loading.state()
    assert (day, taken, loading.results) == (None, False, [ExportLoad.FAILED])
    assert pause > dt.timedelta(minutes=14)


async def test_nothing_is_loaded_where_no_address_is_given(
    make_loading: Callable[[str | None], Loading],
) -> None:
    loading = make_loading(None)
    await loading.loader.run()
    assert (await loading.state())[0] is None


async def test_only_what_changed_is_written(storage: StorageService, database: Database) -> None:
    exports = storage.exports
    assert await exports.write(part((5, 1, 10.0), (7, 2, 10.0), (7, 3, 0.0))) == 3
    assert await exports.write(part((5, 1, 10.0), (7, 2, 10.0), (7, 3, 0.0))) == 0
    assert await exports.write(part((5, 1, 12.0), (7, 2, 13.0), (8, 4, 1.0))) == 3

    rows = await database.fetch("select name, tmdb_id, popularity from exported_films order by 2")
    assert [tuple(row) for row in rows] == [(5, 1, 10.0), (7, 2, 13.0), (8, 4, 1.0)]


async def test_records_that_the_export_lacks_are_asked_for_again(
    loading: Loading,
    lists: Lists,
    make_worker: MakeWorker,
    database: Database,
    storage: StorageService,
) -> None:
    await lists.add("tmdb:603", "tmdb:949", "title:alien|1979")
    worker = await make_worker(catalogue_days=OLD_DAYS)
    await worker.enrich_sessions()
    # TMDB has neither any more: one that was fetched long ago, one that was fetched today.
    await database.fetchval("alter table lookups drop constraint lookups_tmdb_id_fkey")
    await database.fetchval(
        """
        update catalogue
        set tmdb_id = case tmdb_id when 603 then 5 when 949 then 6 else tmdb_id end,
          fetched_at = fetched_at
            - case when tmdb_id = 949 then interval '0' else interval '8 days' end
        """
    )
    await database.fetchval(
        """
        update lookups
        set tmdb_id = case tmdb_id when 603 then 5 else 6 end,
          key = case tmdb_id when 603 then 'tmdb:5' else 'tmdb:6' end
        where key like 'tmdb:%'
        """
    )
    await loading.loader.load_if_due()
    assert await storage.records.queue_refreshes(OLD_DAYS, 10) == 1
    await worker.enrich_sessions()

    assert (await lists.lookup("tmdb:5"))["outcome"] == "not_found"
    assert (await lists.lookup("tmdb:6"))["outcome"] == "found"
    await loading.again(days=1)
    assert await storage.records.queue_refreshes(OLD_DAYS, 10) == 0, "once was enough"


# -- what it saves -----------------------------------------------------------------------------


@pytest.fixture
def films(bundled_catalogue: Catalogue) -> dict[str, Film]:
    """A film of each kind: alone with its title, translated, and one that nobody has rated."""
    alone = [
        film
        for film in bundled_catalogue.films
        if film.year and len(bundled_catalogue.exactly_titled(film.title, None)) == 1
    ]
    same = [film for film in alone if film.title == film.original_title]
    return {
        "alone": next(film for film in same if film.vote_count >= KEPT_FROM),
        "unrated": next(film for film in same if film.vote_count < KEPT_FROM),
        "translated": next(film for film in alone if film.title != film.original_title),
    }


@pytest.mark.parametrize(
    ("kind", "requests", "searches"),
    [("alone", 1, 0), ("unrated", 2, 1), ("translated", 2, 1)],
)
async def test_film_takes_one_request_where_the_export_leaves_no_doubt(
    *,
    loading: Loading,
    make_worker: MakeWorker,
    lists: Lists,
    tmdb: RunningStandIn,
    films: dict[str, Film],
    kind: str,
    requests: int,
    searches: int,
) -> None:
    film = films[kind]
    await loading.loader.load_if_due()
    await lists.add(key := title_key(film.title, film.year))
    await (await make_worker(index_votes=5, export_url=tmdb.url)).enrich_sessions()

    row = await lists.lookup(key)
    assert (row["outcome"], row["tmdb_id"], row["confidence"]) == ("found", film.id, 100)
    assert (tmdb.state.requests, tmdb.state.by_route["search_movie"]) == (requests, searches)


@pytest.mark.parametrize("why", ["off", "old"])
async def test_export_that_is_off_or_old_suggests_nothing(
    *,
    loading: Loading,
    make_worker: MakeWorker,
    lists: Lists,
    tmdb: RunningStandIn,
    database: Database,
    films: dict[str, Film],
    why: str,
) -> None:
    await loading.loader.load_if_due()
    await database.fetchval("update export_loads set day = day - 9 where $1", why == "old")
    await lists.add(title_key(films["alone"].title, films["alone"].year))
    url = None if why == "off" else tmdb.url
    await (await make_worker(index_votes=5, export_url=url)).enrich_sessions()

    assert tmdb.state.by_route["search_movie"] == 1


async def test_namesakes_are_those_of_export_and_index(
    storage: StorageService, loading: Loading, films: dict[str, Film]
) -> None:
    await loading.loader.load_if_due()
    film = films["alone"]
    found = await storage.exports.namesakes({name_hash(film.title)}, {"no such film"})
    assert found.popularities == {film.id: pytest.approx(film.popularity)}
    assert found.years == {}
