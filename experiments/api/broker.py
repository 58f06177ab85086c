"""The paper broker for scripts: positions and orders that go nowhere."""

from functools import partial
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema, Status
from pydantic import Field

from experiments.api.schemas import In
from experiments.selectors.broker import (
    NEWEST,
    broker_order_document,
    broker_order_get,
    broker_order_page,
)
from experiments.services.broker import (
    DECIMALS,
    MOST,
    broker_of,
    broker_order_cancel,
    broker_order_place,
)
from quantlab.access.auth import owner_of
from quantlab.web.downloads import (
    TABLE_FORMATS,
    FormatQuery,
    ListQuery,
    listing,
    whole_list,
)
from quantlab.web.times import Moment

router = Router(tags=["broker"])
ONE = "/orders/{order_id}"
AMOUNT = f"Above 0 and up to {MOST:,}, at most {DECIMALS} decimals."


class PositionOut(Schema):
    symbol: str
    qty: float = Field(description="Below 0 where more was sold than bought.")
    updated_at: Moment


class PositionListOut(Schema):
    items: list[PositionOut]
    next_cursor: str | None
    mode: str = Field(description="`dummy`: on paper; no order leaves the lab.")


class OrderIn(In):
    symbol: str
    side: str = Field(description="buy or sell.")
    qty: float = Field(description=AMOUNT)
    order_type: str = Field(
        "mkt", description="mkt is filled at once, lmt waits until it is cancelled."
    )
    limit_price: float | None = Field(None, description=f"Of lmt alone. {AMOUNT}")


class OrderLinksOut(Schema):
    self: str
    page: str


class OrderOut(Schema):
    id: str
    symbol: str
    side: str
    qty: float
    order_type: str
    limit_price: float | None
    status: str = Field(description="open, filled or cancelled.")
    created_at: Moment
    closed_at: Moment | None
    links: OrderLinksOut


class OrderListOut(Schema):
    items: list[OrderOut]
    next_cursor: str | None


class OrderQuery(ListQuery):
    status: str = Field("", description="open, filled or cancelled.")
    order: str = Field(NEWEST, description="created_at, symbol or status.")


@router.get(
    "/positions",
    response=PositionListOut,
    summary="Positions on paper",
    openapi_extra=TABLE_FORMATS,
)
def list_broker_positions(request: HttpRequest, query: Query[FormatQuery]) -> Any:
    """What the filled orders add up to, by symbol; those at 0 are left out."""
    held = broker_of(owner_of(request)).positions()
    return whole_list(query, held, name="positions", mode=settings.BROKER_MODE)


@router.get(
    "/orders",
    response=OrderListOut,
    summary="Orders on paper",
    openapi_extra=TABLE_FORMATS,
)
def list_broker_orders(request: HttpRequest, query: Query[OrderQuery]) -> Any:
    """One's own, the newest first."""
    read = partial(_page, owner_of(request), query.status, query.order)
    return listing(query, read, name="orders")


@router.post("/orders", response={201: OrderOut}, summary="Place an order on paper")
def place_broker_order(
    request: HttpRequest, response: HttpResponse, payload: OrderIn
) -> Any:
    """Nothing leaves the lab: a market order is filled at once, without a price."""
    order = broker_order_place(owner=owner_of(request), **payload.model_dump())
    document = broker_order_document(order)
    response["Location"] = document["links"]["self"]
    return Status(201, document)


@router.get(ONE, response=OrderOut, summary="One order")
def get_broker_order(request: HttpRequest, order_id: str) -> Any:
    return broker_order_document(broker_order_get(order_id, owner=owner_of(request)))


@router.delete(ONE, response=OrderOut, summary="Cancel an order")
def cancel_broker_order(request: HttpRequest, order_id: str) -> Any:
    """An open one; once more changes nothing, a filled one is a 409."""
    order = broker_order_get(order_id, owner=owner_of(request))
    return broker_order_document(broker_order_cancel(order=order))


def _page(
    owner: str, status: str, order: str, *, limit: int, cursor: str
) -> dict[str, Any]:
    page = broker_order_page(
        owner=owner, status=status, order=order, limit=limit, cursor=cursor
    )
    items = [broker_order_document(order) for order in page.items]
    return {"items": items, "next_cursor": page.next_cursor}
