"""Exports that are uploaded again, as lists of their own: what they give back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.exported import SAID, export, said, upload_again
from tests.support.varied import varied_session

if TYPE_CHECKING:
    from tests.support.api_answering import Daemon
    from tests.support.api_driving import Service


async def test_letterboxds_form_is_read_back_as_the_same_watched_films(
    service: Service, daemon: Daemon
) -> None:
    session_id = await varied_session(service, daemon, 31)
    movies = await service.movies(session_id, limit=1000)
    response = await export(service, session_id, format="letterboxd")
    assert response.content_type == "text/csv"
    again = await upload_again(service, response)
    watched = [movie for movie in movies if movie["watched"]]
    assert 0 < len(watched) < len(movies)
    assert said(again) == said(watched)
    for movie in watched:
        if movie["tmdb_id"]:
            assert await service.lookup(f"tmdb:{movie['tmdb_id']}"), "asked for by its id"


async def test_a_watchlist_in_letterboxds_form_is_read_back_as_one(
    service: Service, daemon: Daemon
) -> None:
    session_id = await varied_session(service, daemon, 32)
    listed = await service.movies(session_id, limit=1000, watchlist="true", watched="false")
    response = await export(
        service, session_id, format="letterboxd", watchlist="true", watched="false"
    )
    again = await upload_again(service, response)
    assert listed
    assert said(again) == said(listed)
    assert {(movie["watched"], movie["in_watchlist"]) for movie in again} == {(False, True)}


async def test_a_rating_as_it_was_given_survives_in_a_session_of_its_own(
    service: Service,
) -> None:
    session_id = await service.session(
        "Heat,1995,9", "Ran,1985,7.3", "Alien,1979,2", header="Title,Year,Rating"
    )
    again = await upload_again(service, await export(service, session_id))
    names = (*SAID, "rating_original")
    assert said(again, names) == said(await service.movies(session_id), names)
    assert [movie["rating_original"] for movie in again] == ["9/10", "7.3/10", "2/10"]


async def test_stars_that_were_changed_in_an_export_overrule_what_was_given(
    service: Service,
) -> None:
    session_id = await service.session("Heat,1995,9", header="Title,Year,Rating")
    text = await (await export(service, session_id)).text(encoding="utf-8-sig")
    changed = text.replace('"4.5","9/10"', '"3","9/10"')
    assert changed != text
    uploaded = await (await service.upload(changed)).json()
    (movie,) = await service.movies(uploaded["session_id"])
    assert (movie["rating"], movie["rating_original"]) == (3, "3/5")
