"""What a run bought and sold, for scripts."""

from functools import partial
from typing import Any, Literal

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from experiments.selectors.runs import run_get
from experiments.selectors.trades import fill_page, round_trip_page
from quantlab.web.downloads import TABLE_FORMATS, ListQuery, listing

router = Router(tags=["trades"])

WHOLE_FILE = 1_000_000_000  # rows: each page would read it again


class TradeQuery(ListQuery):
    order: str = Field("", description="A column, `-` is descending; else by time.")


class FillOut(Schema):
    ts_utc: int = Field(description="Epoch ms.")
    symbol: str
    side: Literal["buy", "sell"]
    qty: float
    price: float = Field(description="Slippage included.")
    fee: float = Field(description="Cash.")
    slippage: float = Field(description="Cash.")
    pnl_realized: float = Field(description="Cash, net of both sides' costs.")
    borrow_cost: float
    reason: str
    order_id: int


class FillListOut(Schema):
    items: list[FillOut]
    next_cursor: str | None
    total: int


class RoundTripOut(Schema):
    symbol: str
    side: Literal["long", "short"]
    entry_ts: int = Field(description="Epoch ms.")
    exit_ts: int = Field(description="Epoch ms; the last bar while it is open.")
    entry_price: float
    exit_price: float
    qty: float
    pnl: float
    return_: float = Field(alias="return", description="Fraction.")
    fees: float
    bars_held: int
    mae: float | None = Field(description="Worst excursion, fraction of the entry.")
    mfe: float | None = Field(description="Best excursion, fraction of the entry.")
    entry_reason: str
    exit_reason: str
    open: bool


class RoundTripListOut(Schema):
    items: list[RoundTripOut]
    next_cursor: str | None
    total: int


@router.get(
    "/{run_id}/trades",
    response=FillListOut,
    summary="Fills of a run",
    openapi_extra=TABLE_FORMATS,
)
def list_trades(request: HttpRequest, run_id: str, query: Query[TradeQuery]) -> Any:
    """Every purchase and sale, with its costs."""
    run = run_get(run_id)
    read = partial(fill_page, run, order=query.order)
    return listing(query, read, name=f"{run.pk}-trades", batch=WHOLE_FILE)


@router.get(
    "/{run_id}/round-trips",
    response=RoundTripListOut,
    by_alias=True,
    summary="Round trips of a run",
    openapi_extra=TABLE_FORMATS,
)
def list_round_trips(
    request: HttpRequest, run_id: str, query: Query[TradeQuery]
) -> Any:
    """From flat to flat; an open one stands last."""
    run = run_get(run_id)
    read = partial(round_trip_page, run, order=query.order)
    return listing(query, read, name=f"{run.pk}-round-trips", batch=WHOLE_FILE)
