"""What the API answers about who fills the queue: pydantic models, and how rows become them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from api_service.schemas.sessions import Answer
from api_service.storage.holds import handle_of

if TYPE_CHECKING:
    import asyncpg


class QueuedSessionAnswer(Answer):
    """A list that waits. `session` names it in orders, and lets nobody read it."""

    session: str
    client: str | None
    films_waiting: int
    total_movies: int
    created_at: datetime
    uploaded_at: datetime | None
    held_at: datetime | None


class QueuedClientAnswer(Answer):
    """A client whose lists wait, by the hash that is stored of it; null where nobody knows it."""

    client: str | None
    films_waiting: int
    sessions: int
    sessions_held: int
    first_created_at: datetime


class QueueSharesAnswer(Answer):
    """Who fills the queue: the sessions and the clients with the most films without an outcome."""

    sessions: list[QueuedSessionAnswer]
    clients: list[QueuedClientAnswer]


class QueueOrderAnswer(Answer):
    """How many lists an order was for."""

    sessions: int


class QueueOrder(BaseModel):
    """The body of an order: a list that waits, or all of a client, by their names in the queue."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "oneOf": [
                {
                    "required": ["session"],
                    "properties": {"session": {"type": "string"}, "client": {"type": "null"}},
                },
                {
                    "required": ["client"],
                    "properties": {"client": {"type": "string"}, "session": {"type": "null"}},
                },
            ],
            "examples": [
                {"session": "3f2a9c1d-0123456789abcdef"},
                {"client": "00112233445566778899aabbccddeeff"},
            ],
        },
    )

    session: Annotated[str, Field(pattern=r"^[0-9a-f]{8}-[0-9a-f]{16}$")] | None = None
    client: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")] | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.session is None) == (self.client is None):
            raise ValueError("give either session or client")
        return self


def queue_shares_answer(
    sessions: list[asyncpg.Record], clients: list[asyncpg.Record]
) -> QueueSharesAnswer:
    """Who fills the queue, from its rows."""
    return QueueSharesAnswer(
        sessions=[
            QueuedSessionAnswer(
                session=handle_of(row["id"]),
                client=row["client"],
                films_waiting=row["waiting"],
                total_movies=row["total"],
                created_at=row["created_at"],
                uploaded_at=row["uploaded_at"],
                held_at=row["held_at"],
            )
            for row in sessions
        ],
        clients=[
            QueuedClientAnswer(
                client=row["client"],
                films_waiting=row["waiting"],
                sessions=row["sessions"],
                sessions_held=row["held"],
                first_created_at=row["first_created_at"],
            )
            for row in clients
        ],
    )
