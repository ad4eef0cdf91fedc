"""What a request may ask of shares: the body that makes one, and the queries that it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from api_service.queries.movies import read_query
from api_service.queries.validation import whole
from shared.errors import NotSharedError

if TYPE_CHECKING:
    from multidict import MultiMapping

    from api_service.storage.shares import Share

LONGEST_DAYS: Final = 3650
HIDDEN_PARAMETERS: Final = frozenset({"list"})
"""Of the session's routes, those that no share takes: what it does not show, nobody may ask for."""

Q = TypeVar("Q", bound=BaseModel)


class ShareOptions(BaseModel):
    """What a new share shows beside the films, their ratings and dates, and for how long."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [{"reviews": True}]}
    )

    reviews: bool = Field(default=False, description="Whether reviews are shown")
    tags: bool = Field(default=False, description="Whether tags are shown")
    expires_in_days: Annotated[int, Field(ge=1, le=LONGEST_DAYS), BeforeValidator(whole)] | None = (
        Field(None, description="Days after which it ends by itself; null is never")
    )


def read_share_query(model: type[Q], query: MultiMapping[str], share: Share) -> Q:
    """Return the query of a visitor's request as one of these models.

    Raises:
        BadRequestError: a parameter is not what it may be.
        NotSharedError: it asks by what the share does not show.
    """
    if "tag" in query and not share.with_tags:
        raise NotSharedError("tag: this share does not show tags")
    return read_query(model, query)
