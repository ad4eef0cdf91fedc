"""Both services over one database, in one process: a list goes in, an enriched list comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp

if TYPE_CHECKING:
    from aiohttp import web
    from aiohttp.test_utils import TestClient

    from enrich_service.worker import EnrichmentWorker

LIST = b"Title,Year\nThe Matrix,1999\nAm\xc3\xa9lie,2001\nNo Film Of This Name,1987\n"


async def test_an_uploaded_list_comes_back_enriched(
    api: TestClient[web.Request, web.Application], worker: EnrichmentWorker
) -> None:
    uploaded = await api.post("/api/upload", data=LIST, headers={"Content-Type": "text/csv"})
    assert uploaded.status == 201
    session = await uploaded.json()
    assert (session["status"], session["total_movies"]) == ("enriching", 3)

    await worker.enrich_sessions()

    status = await (await api.get(uploaded.headers["Location"])).json()
    assert status["status"] == "completed"
    assert status["progress_percent"] == 100
    assert (status["enriched_count"], status["not_found_count"], status["failed_count"]) == (
        2,
        1,
        0,
    )
    page = await (await api.get(f"/api/session/{session['session_id']}/movies")).json()
    matrix, amelie, unknown = page["movies"]
    assert (matrix["outcome"], matrix["tmdb_id"], matrix["runtime_minutes"]) == ("found", 603, 136)
    assert "Keanu Reeves" in matrix["cast"]
    assert amelie["original_title"] == "Le Fabuleux Destin d'Amélie Poulain"
    assert (unknown["outcome"], unknown["tmdb_id"]) == ("not_found", None)
    async with aiohttp.ClientSession() as elsewhere, elsewhere.get(matrix["poster_url"]) as poster:
        assert poster.status == 200
