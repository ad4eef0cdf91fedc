"""Exports as the tests take them, and give them back."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from api_service.lists.files.spreadsheets import plain_cell

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiohttp import ClientResponse

    from tests.support.api_driving import Service


async def export(service: Service, session_id: str, **parameters: str) -> ClientResponse:
    response = await service.client.get(f"/api/session/{session_id}/export", params=parameters)
    assert response.status == 200, await response.text()
    return response


async def rows(service: Service, session_id: str, **parameters: str) -> list[dict[str, str]]:
    response = await export(service, session_id, format="csv", **parameters)
    text = (await response.read()).decode("utf-8-sig")
    found = list(csv.DictReader(io.StringIO(text, newline="")))
    return [{name: plain_cell(cell) for name, cell in row.items()} for row in found]


SAID = ("title", "year", "rating", "watch_dates", "rewatches", "tags", "review")


def said(movies: list[dict[str, Any]], names: Iterable[str] = SAID) -> list[dict[str, Any]]:
    """What the user said of each movie, by title."""
    chosen = list(names)
    told = [{name: movie[name] for name in chosen} for movie in movies]
    return sorted(told, key=lambda movie: movie["title"])


async def upload_again(service: Service, response: ClientResponse) -> list[dict[str, Any]]:
    """Upload an export as a list of its own, under its own name; the movies of its session."""
    disposition = response.content_disposition
    assert disposition is not None
    uploaded = await service.upload_files((str(disposition.filename), await response.read()))
    assert uploaded.status == 201, await uploaded.text()
    session = await uploaded.json()
    assert session["report"]["rejected_count"] == session["report"]["notes_count"] == 0
    return await service.movies(session["session_id"], limit=1000)
