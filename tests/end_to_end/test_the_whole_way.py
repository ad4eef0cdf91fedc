"""The whole way, with real processes: an export goes in, an enriched list comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local_stack.tmdb.film import load_films

if TYPE_CHECKING:
    from tests.driving import Driver
    from tests.end_to_end.conftest import Sample


async def test_a_sample_export_is_enriched_whole(driver: Driver, sample: Sample) -> None:
    truth = sample.summary

    answer = await driver.post_folder(sample.folder)
    assert answer.status == 201
    assert answer.body["total_movies"] == truth.films
    assert answer.headers["Location"] == f"/api/session/{answer.body['session_id']}/status"
    read = answer.body["report"]
    assert read["total_movies"] == truth.films
    assert (read["watched"], read["watchlist_only"], read["list_only"]) == (
        truth.watched,
        truth.watchlist_only,
        truth.list_only,
    )
    assert read["rejected_count"] == 0

    session_id = answer.body["session_id"]
    status = await driver.completed(session_id)
    assert status["enriched_count"] == truth.films - truth.missing
    assert (status["not_found_count"], status["failed_count"]) == (truth.missing, 0)
    assert (status["progress_percent"], status["eta_seconds"]) == (100, 0)
    assert status["completed_at"] >= status["created_at"]
    assert (await driver.call("GET", f"/api/session/{session_id}")).body == status
    await driver.audit()


async def test_every_movie_is_the_film_that_it_should_be(driver: Driver, sample: Sample) -> None:
    session_id = (await driver.post_folder(sample.folder)).body["session_id"]
    await driver.completed(session_id)
    movies = await driver.movies(session_id)

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
            assert (movie["outcome"], movie["reason"]) == ("not_found", "no_candidates")
            assert (movie["title"], movie["year"]) not in films
            assert movie["tmdb_id"] is None
    rated = [movie for movie in movies if movie["rating"] is not None]
    assert len(rated) == sample.summary.rated
    assert sum(movie["liked"] for movie in movies) == sample.summary.liked
    assert sum(len(movie["watch_dates"]) for movie in movies) == sample.summary.viewings
    assert sum(movie["review"] is not None for movie in movies) > 0


async def test_posters_are_there_to_be_seen(driver: Driver, sample: Sample) -> None:
    session_id = (await driver.post_folder(sample.folder)).body["session_id"]
    await driver.completed(session_id)

    posters = [movie["poster_url"] for movie in await driver.movies(session_id)]
    with_poster = [url for url in posters if url]
    assert len(with_poster) == sample.summary.films - sample.summary.missing
    for url in with_poster[:5]:
        async with driver.http.get(url) as response:
            assert response.status == 200
            assert response.content_type == "image/svg+xml"


async def test_a_known_list_is_completed_by_the_uploads_own_answer(
    driver: Driver, sample: Sample
) -> None:
    first = (await driver.post_folder(sample.folder)).body["session_id"]
    ended = await driver.completed(first)
    asked = await driver.report()

    again = await driver.post_folder(sample.folder)

    assert again.status == 201
    assert again.body["status"] == "completed"
    assert again.body["completed_at"] is not None
    assert again.body["session_id"] != first
    for count in ("total_movies", "enriched_count", "not_found_count", "failed_count"):
        assert again.body[count] == ended[count]
    assert (await driver.report())["requests"] == asked["requests"], "no request went to TMDB"
    await driver.audit()
