"""The broker: an interface, and a paper one behind it that sends nothing anywhere.

Nothing else of the lab knows this room: no result, no count and no page of research
depends on an order. A real broker would be another `BrokerClient`.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from experiments.models.broker import BrokerOrder, OrderSide, OrderStatus, OrderType
from experiments.selectors.broker import broker_orders, broker_positions
from quantlab.web.paging import unknown_word
from quantlab.web.problem import Problem
from strategies.errors import ConfigError
from strategies.market.symbol import checked_symbol

MOST = 1_000_000  # of a symbol in one order, and as a price
DECIMALS = 8
MOST_OPEN = 200


class BrokerClient(Protocol):
    """What a broker has to be able to do; what it is handed was checked before."""

    def positions(self) -> list[dict[str, Any]]: ...

    def place_order(
        self,
        symbol: str,
        side: str,
        qty: Decimal,
        order_type: str = OrderType.MARKET.value,
        limit_price: Decimal | None = None,
    ) -> BrokerOrder: ...

    def cancel_order(self, order_id: str) -> bool:
        """Return False for an order that is closed already."""
        ...


class DummyBroker:
    """Fills a market order whole and at once; a limit order waits to be cancelled.

    It knows no prices, so it never says what an order would have cost or earned.
    """

    def __init__(self, owner: str) -> None:
        self.owner = owner

    def positions(self) -> list[dict[str, Any]]:
        return broker_positions(self.owner)

    def place_order(
        self,
        symbol: str,
        side: str,
        qty: Decimal,
        order_type: str = OrderType.MARKET.value,
        limit_price: Decimal | None = None,
    ) -> BrokerOrder:
        waits, now = order_type == OrderType.LIMIT, timezone.now()
        return BrokerOrder.objects.create(
            owner=self.owner,
            symbol=symbol,
            side=side,
            qty=qty,
            order_type=order_type,
            limit_price=limit_price,
            status=OrderStatus.OPEN if waits else OrderStatus.FILLED,
            created_at=now,
            closed_at=None if waits else now,
        )

    def cancel_order(self, order_id: str) -> bool:
        waiting = broker_orders(self.owner).filter(pk=order_id, status=OrderStatus.OPEN)
        cancelled = {"status": OrderStatus.CANCELLED, "closed_at": timezone.now()}
        return bool(waiting.update(**cancelled))


CLIENTS: dict[str, Callable[[str], BrokerClient]] = {"dummy": DummyBroker}


def broker_of(owner: str) -> BrokerClient:
    """Return the client that `BROKER_MODE` names, for the account of an owner."""
    return CLIENTS[settings.BROKER_MODE](owner)


@transaction.atomic
def broker_order_place(
    *,
    owner: str,
    symbol: str,
    side: str,
    qty: Any,
    order_type: str = OrderType.MARKET.value,
    limit_price: Any = None,
) -> BrokerOrder:
    """Check an order and hand it to the broker; 422 for one that makes no sense."""
    for field, word, known in (
        ("side", side, OrderSide.values),
        ("order_type", order_type, OrderType.values),
    ):
        if word not in known:
            raise unknown_word(field, word, known)
    price = _limit_price(order_type, limit_price)
    amount, name = _amount("qty", qty), checked_symbol(symbol)
    _refuse_when_many_wait(owner)
    return broker_of(owner).place_order(name, side, amount, order_type, price)


def broker_order_cancel(*, order: BrokerOrder) -> BrokerOrder:
    """Call an order off; asking again changes nothing, 409 for one that was filled."""
    cancelled = broker_of(order.owner).cancel_order(str(order.pk))
    order.refresh_from_db()
    if not cancelled and order.status != OrderStatus.CANCELLED:
        raise Problem(
            status=409,
            code="order_closed",
            message=f"The order is {order.status}; only an open one can be cancelled.",
            advice="Place the opposite order to undo it.",
        )
    return order


def _limit_price(order_type: str, price: Any) -> Decimal | None:
    if order_type == OrderType.LIMIT:
        return _amount("limit_price", price)
    if price not in (None, ""):
        raise ConfigError(
            "A market order has no limit price.",
            code="invalid_value",
            field="limit_price",
            advice="Leave it out, or send order_type lmt.",
        )
    return None


def _amount(field: str, value: Any) -> Decimal:
    """Return a positive decimal of at most eight places, exactly as it was written."""
    try:
        amount = Decimal(str(value))
        fits = 0 < amount <= MOST and amount == round(amount, DECIMALS)
    except InvalidOperation:
        fits = False
    if not fits:
        shown = "missing" if value in (None, "") else repr(str(value)[:40])
        raise ConfigError(
            f"{field} is {shown}.",
            code="invalid_value",
            field=field,
            advice=f"A number above 0 and up to {MOST:,}, at most {DECIMALS} decimals.",
        )
    return amount


def _refuse_when_many_wait(owner: str) -> None:
    waiting = broker_orders(owner).filter(status=OrderStatus.OPEN).count()
    if waiting >= MOST_OPEN:
        raise Problem(
            status=409,
            code="too_many_open_orders",
            message=f"{waiting} orders are open already; no more are taken.",
            advice="Cancel those that are not needed.",
        )
