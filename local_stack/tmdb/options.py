"""Options of the stand-in: latency, request budget and key."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class StandInOptions(BaseModel):
    """Options of a stand-in; times are seconds.

    Attributes:
        latency: extra time for each response of `/3`.
        limit: requests allowed in any `period`.
        period: the length of the window.
        revealed: the share of films that ever appears among recommendations.
        changed: the share of films that the feed of changes names for each day.
        exports_late: age of the newest daily export, in days.
        api_key: the only valid v3 key or v4 token; None accepts any well-formed one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    latency: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    limit: Annotated[int, Field(gt=0)] = 40
    period: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 10.0
    revealed: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 1.0
    changed: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.005
    exports_late: Annotated[int, Field(ge=0)] = 0
    api_key: Annotated[str, Field(min_length=1)] | None = None
