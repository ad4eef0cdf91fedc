"""What a stand-in may be told: how slow it is, how much it admits, which key it takes."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class StandInOptions(BaseModel):
    """Options of a stand-in; times are seconds.

    Attributes:
        latency: how long each answer of `/3` takes longer.
        limit: how many requests are admitted in any `period`.
        period: the length of the window.
        revealed: how large a part of all films ever stands beside another.
        exports_late: how many days old the newest daily export is.
        api_key: the one v3 key or v4 token that is good; None takes anything of either shape.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    latency: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    limit: Annotated[int, Field(gt=0)] = 40
    period: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 10.0
    revealed: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 1.0
    exports_late: Annotated[int, Field(ge=0)] = 0
    api_key: Annotated[str, Field(min_length=1)] | None = None
