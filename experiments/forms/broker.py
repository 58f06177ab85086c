"""The form of an order: fields hold text, the service judges it."""

from __future__ import annotations

from django import forms

from experiments.forms.fields import NEEDED, number_input
from experiments.models.broker import OrderSide, OrderType
from quantlab.web.problem import Problem
from strategies.errors import StrategyError


class OrderForm(forms.Form):
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

    def refuse(self, error: Problem | StrategyError) -> None:
        """Show what the service says, at its field."""
        if isinstance(error, StrategyError):
            error = Problem.of_strategy(error)
        field = error.errors[0]["field"] if error.errors else None
        self.add_error(field, f"{error.message} {error.advice}".strip())
