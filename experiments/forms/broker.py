"""The form of an order: fields hold text, the service judges it."""

from __future__ import annotations

from typing import Any

from django import forms

from experiments.forms.fields import NEEDED, number_in, number_input
from experiments.models.broker import OrderSide, OrderType
from quantlab.web.forms import BodyForm
from quantlab.web.problem import Problem
from strategies.errors import StrategyError


class OrderForm(BodyForm):
    symbol = forms.CharField(
        error_messages=NEEDED,
        help_text="Any name: the stub asks no market whether it is traded.",
        widget=forms.TextInput(
            {"maxlength": 40, "autocomplete": "off", "spellcheck": "false"}
        ),
    )
    side = forms.CharField(
        error_messages=NEEDED, widget=forms.Select(choices=OrderSide.choices)
    )
    qty = forms.CharField(
        label="Quantity", error_messages=NEEDED, widget=number_input("0")
    )
    order_type = forms.CharField(
        label="Type",
        error_messages=NEEDED,
        help_text="Market is filled at once; limit waits until it is cancelled.",
        widget=forms.Select(choices=OrderType.choices),
    )
    limit_price = forms.CharField(
        required=False,
        help_text="Of a limit order; nothing here reaches it.",
        widget=number_input("0"),
    )

    def request(self) -> dict[str, Any]:
        """Return what was sent as an order: read, not judged."""
        sent = self.cleaned_data
        price = number_in(sent["limit_price"]) if sent["limit_price"] else None
        words = {name: sent[name] for name in ("symbol", "side", "order_type")}
        return words | {"qty": number_in(sent["qty"]), "limit_price": price}

    def refuse(self, error: Problem | StrategyError) -> None:
        """Show what the service says, at its field."""
        if isinstance(error, StrategyError):
            error = Problem.of_strategy(error)
        field = error.errors[0]["field"] if error.errors else None
        self.add_error(field, f"{error.message} {error.advice}".strip())
