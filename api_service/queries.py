"""What the query of a route may hold, for the document of the API."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from api_service.exporting import ExportFormat
from api_service.handlers.movies import LARGEST_PAGE, PAGE, OutcomeFilter
from api_service.storage.movies import SortName


class Query(BaseModel):
    """The parameters of a query, all optional."""

    model_config = ConfigDict(frozen=True)


class Filters(Query):
    """Which movies of a session are meant: those that all of these hold for."""

    outcome: Annotated[
        OutcomeFilter | None, Field(description="`unmatched` is `not_found` and `failed`.")
    ] = None


class MoviesQuery(Filters):
    """Which movies, in which order, and which page of them."""

    limit: Annotated[int, Field(ge=1, le=LARGEST_PAGE, description="Movies of a page.")] = PAGE
    cursor: Annotated[
        str | None,
        Field(description="`next_cursor` of the page before; with the same `sort` and filters."),
    ] = None
    sort: Annotated[SortName, Field(description="What lacks the key comes last.")] = "position"


class ExportQuery(Filters):
    """Which movies, and as what."""

    format: Annotated[
        ExportFormat, Field(description="`csv` for people, `jsonl` for programs.")
    ] = "csv"
