"""The whole way, with real processes: an export goes in, an enriched list comes out."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from local_stack.tmdb.film import load_films
from tests.support.film_lists import folder_form, plain_films

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Enriched, Sample


def test_the_upload_says_what_it_has_read(enriched: Enriched, sample: Sample) -> None:
    answer, truth = enriched.upload, sample.summary
    assert answer.status == 201
    assert answer.headers["Location"] == f"/api/session/{enriched.session_id}/status"
    assert answer.body["total_movies"] == truth.films
    read = answer.body["report"]
    assert read["total_movies"] == truth.films
    assert (read["watched"], read["watchlist_only"], read["list_only"]) == (
        truth.watched,
        truth.watchlist_only,
        truth.list_only,
    )
    assert read["rejected_count"] == 0


async def test_every_film_that_there_is_was_found(enriched: Enriched, sample: Sample) -> None:
    status, truth = enriched.status, sample.summary
    assert status["enriched_count"] == truth.films - truth.missing
    assert (status["not_found_count"], status["failed_count"]) == (truth.missing, 0)
    assert (status["progress_percent"], status["eta_seconds"]) == (100, 0)
    assert status["completed_at"] >= status["created_at"]
    same = await enriched.driver.call("GET", f"/api/session/{enriched.session_id}")
    assert same.body == status
    await enriched.driver.audit()


async def test_every_movie_is_the_film_that_it_should_be(
    enriched: Enriched, sample: Sample
) -> None:
    movies = await enriched.driver.movies(enriched.session_id)
    assert [movie["position"] for movie in movies] == list(range(1, len(movies) + 1))
    seen = [movie["watched"] for movie in movies]
    assert seen == sorted(seen, reverse=True), "watched films come first"
    films = {(film.title, film.year): film for film in load_films()}
    for movie in movies:
        if movie["outcome"] == "found":
            film = films[movie["title"], movie["year"]]
            assert (movie["tmdb_id"], movie["imdb_id"]) == (film.id, film.imdb_id)
            assert movie["directors"] == list(film.directors)
            assert movie["cast"][:5] == list(film.cast)[:5]
            assert movie["genres"] == list(film.genres)
            assert movie["runtime_minutes"] == film.runtime
        else:
            assert movie["outcome"] == "not_found"
            assert movie["reason"] in {"no_candidates", "other_title"}
            assert (movie["title"], movie["year"]) not in films
            assert movie["tmdb_id"] is None
    assert sum(movie["rating"] is not None for movie in movies) == sample.summary.rated
    assert sum(movie["liked"] for movie in movies) == sample.summary.liked
    assert sum(len(movie["watch_dates"]) for movie in movies) == sample.summary.viewings
    assert any(movie["review"] for movie in movies)


async def test_posters_are_there_to_be_seen(enriched: Enriched, sample: Sample) -> None:
    movies = await enriched.driver.movies(enriched.session_id)
    posters = [movie["poster_url"] for movie in movies if movie["poster_url"]]
    assert len(posters) == sample.summary.films - sample.summary.missing
    for url in posters[:5]:
        async with enriched.driver.http.get(url) as response:
            assert response.status == 200
            assert response.content_type == "image/svg+xml"


async def test_a_known_list_is_completed_by_the_uploads_own_answer(
    enriched: Enriched, sample: Sample
) -> None:
    asked = (await enriched.driver.report())["requests"]

    again = await enriched.driver.post_folder(sample.folder)

    assert again.status == 201
    assert again.body["status"] == "completed"
    assert again.body["completed_at"] is not None
    assert again.body["session_id"] != enriched.session_id
    for count in ("total_movies", "enriched_count", "not_found_count", "failed_count"):
        assert again.body[count] == enriched.status[count]
    await enriched.driver.audit()
    assert (await enriched.driver.report())["requests"] == asked, "no request went to TMDB"


async def test_what_was_not_found_is_corrected_in_a_list_and_found(
    enriched: Enriched, sample: Sample
) -> None:
    driver = enriched.driver
    session_id = (await driver.post_folder(sample.folder)).body["session_id"]
    path = f"/api/session/{session_id}"
    async with driver.http.get(f"{driver.stack.api_url}{path}/export?outcome=unmatched") as answer:
        lost = list(csv.DictReader(io.StringIO((await answer.read()).decode("utf-8-sig"))))
    assert len(lost) == sample.summary.missing > 0
    for row, film in zip(lost, plain_films(len(lost)), strict=True):
        row["TMDb ID"] = str(film.id)
    corrected = io.StringIO()
    table = csv.DictWriter(corrected, list(lost[0]))
    table.writeheader()
    table.writerows(lost)

    headers = {"Content-Type": "text/csv"}
    added = await driver.call(
        "POST", f"{path}/upload", data=corrected.getvalue().encode(), headers=headers
    )
    assert added.status == 200, added
    assert (added.body["report"]["added"], added.body["report"]["changed"]) == (0, len(lost))
    status = await driver.completed(session_id)
    assert status["enriched_count"] == status["total_movies"] == sample.summary.films

    again = await driver.call("POST", f"{path}/upload", data=folder_form(sample.folder))
    assert again.body["status"] == "completed"
    assert (again.body["report"]["added"], again.body["report"]["changed"]) == (0, 0)
    await driver.audit()
