"""More files for a session: merged, corrected, stored once or not at all, and counted exactly."""

from __future__ import annotations

import asyncio
import csv
import io
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from api_service.lists.files.spreadsheets import csv_line
from tests.support.api_driving import CSV, opened

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from aiohttp import ClientResponse

    from tests.support.api_answering import Daemon
    from tests.support.api_driving import Notified, Service, Until

HEAT, FARGO, RAN = "title:heat|1995", "title:fargo|1996", "title:ran|1985"
KEY = {"Idempotency-Key": "add-once"}


async def add(
    service: Service,
    session_id: str,
    body: bytes | str,
    headers: Mapping[str, str] | None = None,
) -> ClientResponse:
    return await service.client.post(
        f"/api/session/{session_id}/upload", data=opened(body), headers={**CSV, **(headers or {})}
    )


async def added(
    service: Service,
    session_id: str,
    body: bytes | str,
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    response = await add(service, session_id, body, headers)
    answer: dict[str, Any] = await response.json()
    assert response.status == 200, answer
    assert answer["session_id"] == session_id
    assert await service.drifted() == []
    return answer


async def exported(service: Service, session_id: str, **parameters: str) -> list[list[str]]:
    response = await service.client.get(f"/api/session/{session_id}/export", params=parameters)
    text = (await response.read()).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))


# -- the corrected list of what was not found ------------------------------------------------------


async def test_what_was_not_found_is_exported_corrected_uploaded_and_found(
    service: Service, daemon: Daemon
) -> None:
    session_id = await service.session("Heat,1995", "Frago,1996", "Rna,1985", "Xyzzy,1931")
    lost = ["title:frago|1996", "title:rna|1985", "title:xyzzy|1931"]
    await daemon.answer(found={HEAT: 949}, not_found=lost)
    assert await service.counts(session_id) == ("completed", 4, 1, 3, 0)

    header, frago, rna, xyzzy = await exported(service, session_id, outcome="not_found")
    assert [row[0] for row in (frago, rna, xyzzy)] == ["2", "3", "4"]
    frago[header.index("TMDb ID")] = "275"
    rna[header.index("Title")] = "Ran"
    answer = await added(service, session_id, "".join(map(csv_line, (header, frago, rna, xyzzy))))
    assert (answer["report"]["added"], answer["report"]["changed"]) == (0, 2)
    assert await service.counts(session_id) == ("enriching", 4, 1, 1, 0)
    assert await service.queue() == ["tmdb:275", RAN]

    await daemon.answer(found={"tmdb:275": 275, RAN: 11645})
    assert await service.counts(session_id) == ("completed", 4, 3, 1, 0)
    found = [(m["title"], m["outcome"], m["tmdb_id"]) for m in await service.movies(session_id)]
    assert found == [
        ("Heat", "found", 949),
        ("Frago", "found", 275),
        ("Ran", "found", 11645),
        ("Xyzzy", "not_found", None),
    ]


async def test_a_whole_export_uploaded_again_changes_nothing(
    service: Service, daemon: Daemon
) -> None:
    session_id = await service.session(
        'Heat,1995,4.5,2024-02-10,Yes,"noir, on-dvd","=1+1, ""very""\nindeed"',
        "'71,2014,,,,,",
        header="Title,Year,Rating,WatchedDate,Rewatch,Tags,Review",
    )
    await daemon.answer(found={HEAT: 949, "title:'71|2014": 252178})
    before = await service.movies(session_id)
    rows = await exported(service, session_id)
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(rows)
    answer = await added(service, session_id, text.getvalue())
    assert (answer["report"]["added"], answer["report"]["changed"]) == (0, 0)
    assert await service.movies(session_id) == before
    assert await service.counts(session_id) == ("completed", 2, 2, 0, 0)


async def test_a_rating_stays_as_it_was_given_until_it_is_another(service: Service) -> None:
    session_id = await service.session("Heat,9", "Ran,7", header="Title,Rating10")
    header, heat, ran = await exported(service, session_id)
    assert (heat[header.index("Rating")], ran[header.index("Rating")]) == ("4.5", "3.5")
    ran[header.index("Rating")] = "4"
    answer = await added(service, session_id, "".join(map(csv_line, (header, heat, ran))))
    assert (answer["report"]["added"], answer["report"]["changed"]) == (0, 1)
    assert [
        (movie["rating"], movie["rating_original"]) for movie in await service.movies(session_id)
    ] == [(4.5, "9/10"), (4.0, "4/5")]


async def test_an_export_makes_the_same_list_elsewhere(service: Service, daemon: Daemon) -> None:
    whole = (
        "Title,Year,Rating,WatchedDate,Rewatch,Tags,Review\n"
        'Heat,1995,4.5,2024-02-10,Yes,"noir, on-dvd","=1+1, ""very""\nindeed"\n'
        "Heat,1995,,2023-01-09,Yes,,\n"
        "'71,2014,,,,,\n"
    )
    answer = await (
        await service.upload_files(
            ("mine.csv", whole),
            ("watchlist.csv", "Title,Year\nRan,1985\n"),
            ("likes/films.csv", "Date,Name,Year,Letterboxd URI\n2020-01-01,Heat,1995,\n"),
            ("lists/a.csv", "Position,Name,Year,URL\n1,Heat,1995,\n2,@home,2001,\n"),
        )
    ).json()
    await daemon.answer(found={HEAT: 949})
    text = await (await service.client.get(f"/api/session/{answer['session_id']}/export")).read()
    elsewhere = await (await service.upload(text)).json()
    user = (
        *("title", "year", "watched", "rating", "watch_dates", "rewatches", "liked", "tags"),
        *("review", "in_watchlist", "lists", "source_url"),
    )
    one, other = [
        [{name: movie[name] for name in user} for movie in await service.movies(session_id)]
        for session_id in (answer["session_id"], elsewhere["session_id"])
    ]
    assert one == other
    assert one[0]["rewatches"] == 2


# -- additions -------------------------------------------------------------------------------------


async def test_new_films_are_added_and_known_ones_get_the_new_data(
    service: Service, daemon: Daemon
) -> None:
    session_id = await service.session("Heat,1995", "Fargo,1996")
    await daemon.answer(found={HEAT: 949}, failed=[FARGO])
    assert await service.counts(session_id) == ("completed", 2, 1, 0, 1)
    answer = await added(
        service, session_id, "Title,Year,Rating,Tags\nRan,1985,4,\nHEAT,1995,4.5,noir\n"
    )
    # What had failed is asked again, as by any upload.
    assert await service.counts(session_id) == ("enriching", 3, 1, 0, 0)
    assert set(await service.queue()) == {RAN, FARGO}
    assert answer["total_movies"] == 3
    assert answer["report"]["total_movies"] == 2, "films that the files speak of"
    assert (answer["report"]["added"], answer["report"]["changed"]) == (1, 1)
    movies = await service.movies(session_id)
    assert [(m["position"], m["title"], m["rating"], m["tags"]) for m in movies] == [
        (1, "Heat", 4.5, ["noir"]),
        (2, "Fargo", None, []),
        (3, "Ran", 4.0, []),
    ]
    await daemon.answer(found={RAN: 11645, FARGO: 275})
    assert await service.counts(session_id) == ("completed", 3, 3, 0, 0)


async def test_films_that_others_found_count_at_once(service: Service, daemon: Daemon) -> None:
    await service.session("Ran,1985", "Fargo,1996")
    session_id = await service.session("Heat,1995")
    await daemon.answer(found={HEAT: 949, RAN: 11645}, not_found=[FARGO])
    answer = await added(service, session_id, "Title,Year\nRan,1985\nFargo,1996\n")
    assert answer["status"] == "completed"
    assert await service.counts(session_id) == ("completed", 3, 2, 1, 0)


async def test_a_film_that_came_to_have_a_twin_is_asked_for_again(
    service: Service, daemon: Daemon
) -> None:
    watched = "Date,Name,Year,Letterboxd URI\n2023-01-05,Emma,1996,https://boxd.it/{}\n"
    answer = await (await service.upload_files(("watched.csv", watched.format(1)))).json()
    session_id = answer["session_id"]
    await daemon.answer(found={"title:emma|1996": 3573})
    await added(service, session_id, watched.format(2))
    assert await service.counts(session_id) == ("enriching", 2, 0, 0, 0)
    assert await service.queue() == ["twins:emma|1996"]


async def test_no_position_is_given_twice(service: Service) -> None:
    session_id = await service.session("Heat,1995", "Fargo,1996")
    _, _, fargo = await exported(service, session_id)
    await service.client.delete(f"/api/session/{session_id}/movies/2/match")
    await added(service, session_id, "Title,Year\nRan,1985\n")
    assert [movie["position"] for movie in await service.movies(session_id)] == [1, 3]
    header, *_ = await exported(service, session_id)
    refused = await add(service, session_id, csv_line(header) + csv_line(fargo))
    problem = await service.problem(refused, 422, "unreadable_list")
    assert "Position" in problem["detail"]


async def test_films_of_a_removed_movie_come_back_at_the_end(service: Service) -> None:
    session_id = await service.session("Heat,1995")
    await service.client.delete(f"/api/session/{session_id}/movies/1/match")
    await added(service, session_id, "Title,Year\nHeat,1995\n")
    assert [m["position"] for m in await service.movies(session_id)] == [2]


async def test_the_report_tells_of_every_upload(service: Service) -> None:
    session_id = await service.session("Heat,1995", ",1999")
    await added(service, session_id, "Title,Year\nRan,1985\n,2000\n,2001\n")
    await added(service, session_id, "Title,Year\nM,1931\n")
    report = await service.get(f"/api/session/{session_id}/report")
    assert (report["total_movies"], report["rejected_count"]) == (1, 1)
    assert [
        (more["added"], more["rejected_count"], more["rows_read"], more["uploaded_at"][:2])
        for more in report["further_uploads"]
    ] == [(1, 2, 3, "20"), (1, 0, 1, "20")]
    assert report["further_uploads_count"] == 2


async def test_long_reports_of_further_uploads_are_counted_only(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = await service.session("Heat,1995")
    await added(service, session_id, "Title,Year\nRan,1985\n")
    await added(service, session_id, "Title,Year\nM,1931\n")
    size = await service.database.fetchval("select max(length(report::text)) from upload_reports")
    for most, told in ((2 * size, 1), (1, 0)):
        monkeypatch.setattr("api_service.handlers.sessions.REPORT_BYTES", most)
        report = await service.get(f"/api/session/{session_id}/report")
        assert (len(report["further_uploads"]), report["further_uploads_count"]) == (told, 2)


async def test_an_addition_wakes_the_daemons_and_tells_who_watches(
    service: Service, notified: Notified
) -> None:
    session_id = await service.session("Heat,1995")
    await notified.settle()
    notified.clear()
    await added(service, session_id, "Title,Year\nRan,1985\n")
    await notified.settle()
    assert notified.of("new_work") == ["1"], "the lowest of their turns"
    assert notified.of("session_progress") == [session_id]


# -- refusals, and at once -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("", 400, "empty_upload"),
        ("Title,Year\n,1995\n", 422, "unreadable_list"),
        ("Rank,Score\n1,9\n", 422, "unreadable_list"),
        (b"\x89PNG\r\n", 422, "unreadable_list"),
    ],
)
async def test_a_refused_file_stores_nothing(
    service: Service, *, body: bytes | str, status: int, code: str
) -> None:
    session_id = await service.session("Heat,1995")
    before, movies = await service.stored(), await service.movies(session_id)
    await service.problem(await add(service, session_id, body), status, code)
    assert (await service.stored(), await service.movies(session_id)) == (before, movies)


async def test_the_sessions_films_count_among_the_most(
    make_service: Callable[..., Awaitable[Service]],
) -> None:
    service = await make_service(upload_max_movies=3)
    session_id = await service.session("Heat,1995", "Fargo,1996")
    await added(service, session_id, "Title,Year\nHeat,1995\nRan,1985\n")
    refused = await add(service, session_id, "Title,Year\nHeat,1995\nM,1931\n")
    problem = await service.problem(refused, 422, "unreadable_list")
    assert (problem["reason"], (await service.counts(session_id))[1]) == ("too_many_movies", 3)


async def test_an_unknown_session_takes_nothing(service: Service) -> None:
    for unknown in ("00000000-0000-4000-8000-000000000000", "x"):
        response = await add(service, unknown, "Title\nHeat\n")
        await service.problem(response, 404, "session_not_found")
    assert await service.stored() == {}


async def test_the_same_body_with_the_same_key_is_added_once(service: Service) -> None:
    session_id = await service.session("Heat,1995")
    body = "Title,Year,Rewatch\nRan,1985,\nHeat,1995,Yes\n"
    first = await added(service, session_id, body, KEY)
    again = await added(service, session_id, body, KEY)
    assert again == first
    assert (await service.movies(session_id))[0]["rewatches"] == 1
    report = await service.get(f"/api/session/{session_id}/report")
    assert len(report["further_uploads"]) == 1
    other = await add(service, session_id, "Title\nM\n", KEY)
    await service.problem(other, 422, "idempotency_key_reused")


async def test_a_key_of_one_session_is_none_of_another(service: Service) -> None:
    one, other = await service.session("Heat,1995"), await service.session("Ran,1985")
    await added(service, one, "Title\nM\n", KEY)
    elsewhere = await add(service, other, "Title\nM\n", KEY)
    await service.problem(elsewhere, 422, "idempotency_key_reused")
    anew = await service.upload("Title\nM\n", KEY)
    await service.problem(anew, 422, "idempotency_key_reused")


async def test_the_same_key_many_times_at_once_adds_once(service: Service) -> None:
    session_id = await service.session("Heat,1995")
    responses = await asyncio.gather(
        *[add(service, session_id, "Title\nM\n", KEY) for _ in range(6)]
    )
    assert {response.status for response in responses} == {200}
    assert (await service.counts(session_id))[1] == 2
    assert (await service.stored())["upload_reports"] == 2


async def test_uploads_of_one_session_at_once_by_two_apis_are_all_there(
    service: Service, make_service: Callable[..., Awaitable[Service]]
) -> None:
    session_id = await service.session("Heat,1995")
    second = await make_service()
    bodies = [f"Title,Tags\nHeat 2,t{n}\nFilm {n},\nFilm {n + 1},\n" for n in range(4)]
    responses = await asyncio.gather(
        *[add((service, second)[n % 2], session_id, body) for n, body in enumerate(bodies)]
    )
    assert [response.status for response in responses] == [200] * 4
    assert await service.drifted() == []
    movies = {movie["title"]: movie for movie in await service.movies(session_id)}
    assert set(movies) == {"Heat", "Heat 2", *(f"Film {n}" for n in range(5))}
    assert sorted(movies["Heat 2"]["tags"]) == ["t0", "t1", "t2", "t3"]


@pytest.fixture
async def bystander(dsn: str) -> asyncpg.Connection[asyncpg.Record]:
    return await asyncpg.connect(dsn)


async def blocked(service: Service) -> int | None:
    """The API's backend that waits for a table."""
    pid: int | None = await service.database.fetchval(
        """
        select pid from pg_stat_activity
        where application_name = 'projectionist-api' and datname = current_database()
          and wait_event_type = 'Lock'
        """
    )
    return pid


async def test_a_session_deleted_meanwhile_takes_nothing(
    service: Service, bystander: asyncpg.Connection[asyncpg.Record], until: Until
) -> None:
    session_id = await service.session("Heat,1995")
    async with bystander.transaction():
        await bystander.execute("delete from sessions where id = $1", session_id)
        adding = asyncio.create_task(add(service, session_id, "Title\nM\n", KEY))
        await until(lambda: blocked(service))
    await service.problem(await adding, 404, "session_not_found")
    assert set(await service.stored()) == {"lookups"}
    await bystander.close()


async def test_what_the_user_does_meanwhile_is_not_undone(
    service: Service,
    daemon: Daemon,
    bystander: asyncpg.Connection[asyncpg.Record],
    until: Until,
) -> None:
    await service.session("603", header="TMDB ID")
    session_id = await service.session("Heat,1995", "Fargo,1996", "Ran,1985")
    await daemon.answer(found={HEAT: 949, RAN: 11645, "tmdb:603": 603}, not_found=[FARGO])
    body = "Title,Year,IMDb ID,Tags\nHeat,1995,tt0113277,a\nFargo,1996,,b\nRan,1985,,c\n"
    async with bystander.transaction():
        await bystander.execute("lock table lookups in share row exclusive mode")
        # It is merged with the films as they are now, and stored only after these are corrected.
        adding = asyncio.create_task(add(service, session_id, body))
        await until(lambda: blocked(service))
        await bystander.execute(
            """
            update movies set lookup_id = (select id from lookups where key = 'tmdb:603')
            where session_id = $1 and position = 1
            """,
            session_id,
        )
        await bystander.execute(
            "delete from movies where session_id = $1 and position = 2", session_id
        )
        await bystander.execute(
            "update session_counts set total = 2, not_found = 0 where session_id = $1", session_id
        )
    assert (await adding).status == 200
    assert await service.drifted() == []
    assert [
        (movie["position"], movie["tmdb_id"], movie["tags"])
        for movie in await service.movies(session_id)
    ] == [(1, 603, ["a"]), (3, 11645, ["c"]), (4, None, ["b"])]
    await bystander.close()


async def test_a_session_that_never_stays_the_same_is_refused_in_the_end(
    service: Service,
) -> None:
    for statement in (
        """
        create function change() returns trigger language plpgsql as
        $$ begin new.edition := old.edition + 1; return new; end $$
        """,
        "create trigger change before update on sessions for each row execute function change()",
    ):
        await service.database.fetchval(statement)
    session_id = await service.session("Heat,1995")
    before = await service.stored()
    stop = asyncio.Event()

    async def keep_changing() -> None:
        while not stop.is_set():
            await service.database.fetchval("update sessions set read_at = clock_timestamp()")

    changing = asyncio.create_task(keep_changing())
    response = await add(service, session_id, "Title\nM\n")
    stop.set()
    await changing
    await service.problem(response, 409, "session_changed")
    assert response.headers["Retry-After"] == "1"
    assert await service.stored() == before
    assert await service.drifted() == []


async def test_an_addition_whose_connection_is_cut_is_stored_once(
    service: Service,
    bystander: asyncpg.Connection[asyncpg.Record],
    until: Until,
) -> None:
    session_id = await service.session("Heat,1995")
    async with bystander.transaction():
        await bystander.execute("lock table upload_reports in share mode")
        adding = asyncio.create_task(add(service, session_id, "Title\nM\n", KEY))
        await until(lambda: blocked(service))
        first = await blocked(service)
        await bystander.execute("select pg_terminate_backend($1)", first)

        async def blocked_again() -> bool:
            return await blocked(service) not in {None, first}

        await until(blocked_again)
    assert (await adding).status == 200
    assert await service.drifted() == []
    assert await service.stored() == {
        "sessions": 1,
        "movies": 2,
        "lookups": 2,
        "upload_reports": 2,
        "idempotency_keys": 1,
    }
    await bystander.close()
