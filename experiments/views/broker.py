"""The page of the paper broker: what is held, the orders, a form for one more."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from experiments.forms.broker import OrderForm
from experiments.models.broker import OrderStatus
from experiments.selectors.broker import (
    NEWEST,
    broker_order_document,
    broker_order_get,
    broker_order_page,
)
from experiments.services.broker import (
    broker_of,
    broker_order_cancel,
    broker_order_place,
)
from quantlab.access.auth import owner_of
from quantlab.web.htmx import HtmxHttpRequest, asks_for_body, body_answer, render_page
from quantlab.web.lists import Column, asked_of
from quantlab.web.problem import Problem
from strategies.errors import StrategyError

PAGE = "experiments/broker.html"
REGIONS = ("experiments/_broker_positions.html", "experiments/_broker_orders.html")
ROWS_PER_PAGE = 50
COLUMNS = (
    Column("Symbol", "symbol"),
    Column("Side"),
    Column("Quantity", is_number=True),
    Column("Limit", is_number=True),
    Column("Status", "status"),
    Column("Placed", NEWEST, is_number=True),
)
FIRST = {"side": "buy", "order_type": "mkt"}


@require_http_methods(["GET", "POST"])
def broker(request: HtmxHttpRequest) -> HttpResponse:
    """Show what the paper broker holds; sent an order, place it."""
    form = OrderForm(request.POST or None, initial=FIRST)
    if asks_for_body(request):
        return body_answer(request, form)
    if form.is_valid():
        try:
            order = broker_order_place(owner=owner_of(request), **form.request())
        except (Problem, StrategyError) as exc:
            form.refuse(exc)
        else:
            ending = "filled on paper" if order.closed_at else "is open"
            messages.success(request, f"Order to {order} {ending}.")
            return redirect("experiments:broker")
    return _page(request, form)


@require_POST
def broker_order_cancelled(request: HtmxHttpRequest, order_id: UUID) -> HttpResponse:
    order = broker_order_get(order_id, owner=owner_of(request))
    broker_order_cancel(order=order)
    messages.success(request, f"Order to {order} cancelled.")
    return redirect("experiments:broker")


def _page(request: HtmxHttpRequest, form: OrderForm) -> HttpResponse:
    owner, asked = owner_of(request), asked_of(request, ("status",), NEWEST)
    page = broker_order_page(
        owner=owner,
        status=asked["status"],
        order=asked.order,
        limit=ROWS_PER_PAGE,
        cursor=asked["cursor"],
    )
    context = {
        "form": form,
        "mode": settings.BROKER_MODE,
        "positions": broker_of(owner).positions(),
        "orders": [broker_order_document(one) for one in page.items],
        "asked": asked,
        "words": OrderStatus.values,
        "headings": asked.headings(COLUMNS),
        "first_query": asked.query(cursor=""),
        "next_query": asked.query(cursor=page.next_cursor) if page.next_cursor else "",
        "positions_api": f"{reverse('api:list_broker_positions')}?format=",
        "download": asked.download(reverse("api:list_broker_orders")),
    }
    status = 422 if form.errors else 200
    return render_page(request, PAGE, *REGIONS, context=context, status=status)
