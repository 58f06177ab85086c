"""What the paper broker holds: orders, and the positions they add up to."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from experiments.models.broker import BrokerOrder, OrderSide, OrderStatus
from quantlab.web.paging import Page, keyset_page, unknown_word
from quantlab.web.problem import Problem

NEWEST = "-created_at"
ORDERS = {name: name for name in ("created_at", "symbol", "status")}

Document = dict[str, Any]


def broker_orders(owner: str) -> QuerySet[BrokerOrder]:
    return BrokerOrder.objects.filter(owner=owner)


def broker_order_get(order_id: UUID | str, *, owner: str) -> BrokerOrder:
    """Return an order of its owner; 404 for others as for none."""
    try:
        found = broker_orders(owner).filter(pk=UUID(str(order_id))).first()
    except ValueError:
        found = None
    if found is None:
        raise Problem(
            status=404,
            message="There is no order with this id.",
            next_steps=["GET /api/broker/orders"],
        )
    return found


def broker_order_page(
    *,
    owner: str,
    status: str = "",
    order: str = NEWEST,
    limit: int = 50,
    cursor: str = "",
) -> Page[BrokerOrder]:
    """Return one page of orders; 422 for an order or a status that is none."""
    rows = broker_orders(owner)
    if status:
        if status not in OrderStatus.values:
            raise unknown_word("status", status, OrderStatus.values)
        rows = rows.filter(status=status)
    return keyset_page(rows, order=order, fields=ORDERS, limit=limit, cursor=cursor)


def broker_positions(owner: str) -> list[Document]:
    """Return what the filled orders of each symbol add up to; without those at 0."""
    held: dict[str, Decimal] = defaultdict(Decimal)
    last: dict[str, datetime | None] = {}
    filled = broker_orders(owner).filter(status=OrderStatus.FILLED)
    rows = filled.order_by("closed_at").values_list(
        "symbol", "side", "qty", "closed_at"
    )
    for symbol, side, qty, at in rows.iterator():
        held[symbol] += qty if side == OrderSide.BUY else -qty
        last[symbol] = at
    return [
        {"symbol": symbol, "qty": float(held[symbol]), "updated_at": last[symbol]}
        for symbol in sorted(held)
        if held[symbol]
    ]


def broker_order_document(order: BrokerOrder) -> Document:
    price = order.limit_price
    return {
        "id": str(order.pk),
        "symbol": order.symbol,
        "side": order.side,
        "qty": float(order.qty),
        "order_type": order.order_type,
        "limit_price": None if price is None else float(price),
        "status": order.status,
        "created_at": order.created_at,
        "closed_at": order.closed_at,
        "links": {"self": f"/api/broker/orders/{order.pk}", "page": "/broker"},
    }
