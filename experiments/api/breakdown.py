"""Where the profit of a run came from, for scripts."""

from typing import Any

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from experiments.selectors.breakdown import run_breakdown
from experiments.selectors.runs import run_get
from quantlab.web.downloads import TABLE_FORMATS, FormatQuery, whole_list

router = Router(tags=["runs"])


class BreakdownQuery(FormatQuery):
    by: str = Field(
        "symbol",
        description="symbol, sector, side, reason, hour, weekday, month or year.",
    )


class BreakdownPartOut(Schema):
    key: str
    label: str
    pnl: float = Field(description="Cash, net of costs.")
    share: float | None = Field(
        description="Of the size of the whole profit, a fraction with the sign of pnl."
    )
    count: int = Field(description="Round trips or bars.")
    win_rate: float | None = Field(description="Share of them with a profit.")
    mean: float | None = Field(description="Profit of one of them, cash.")


class BreakdownTotalOut(Schema):
    pnl: float
    count: int


class BreakdownOut(Schema):
    by: str
    of: str = Field(description="What is counted: round_trips or bars.")
    items: list[BreakdownPartOut]
    total: BreakdownTotalOut
    next_cursor: str | None


@router.get(
    "/{run_id}/breakdown",
    response=BreakdownOut,
    summary="Profit of a run in parts",
    openapi_extra=TABLE_FORMATS,
)
def get_breakdown(
    request: HttpRequest, run_id: str, query: Query[BreakdownQuery]
) -> Any:
    """The parts add up to the profit; an open position counts at its last price."""
    run = run_get(run_id)
    found = run_breakdown(run, query.by).as_json()
    return whole_list(query, name=f"{run.pk}-{query.by}", **found)
