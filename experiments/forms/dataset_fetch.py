"""The form of a fetch: whose bars of what, from when to when."""

from __future__ import annotations

from typing import Any

from django import forms

from experiments.forms.dataset import ADJUSTMENT_WORDS
from experiments.forms.fields import NEEDED
from quantlab.web.forms import BodyForm
from strategies.errors import StrategyError
from strategies.market.intake import ADJUSTMENTS
from strategies.market.providers import REMOTES
from strategies.market.providers.order import MOST_SYMBOLS, TIMEFRAMES
from strategies.market.timeframe import timeframe_named

USUAL = ("", "as usual")


class FetchForm(BodyForm):
    provider = forms.ChoiceField(
        choices=[(name, remote.label) for name, remote in REMOTES.items()],
        error_messages=NEEDED,
    )
    symbols = forms.CharField(
        max_length=2_000,
        error_messages=NEEDED,
        help_text=f"1 to {MOST_SYMBOLS}, with spaces or commas between them. "
        "Yahoo: AAPL, ^GSPC, EURUSD=X. Exchanges: binance:BTC/USDT.",
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
    )
    timeframe = forms.ChoiceField(
        label="Bar length",
        initial="1d",
        choices=[(key, timeframe_named(key).words) for key in TIMEFRAMES],
        help_text="Runs make longer bars of these.",
    )
    adjustment = forms.ChoiceField(
        label="Prices",
        required=False,
        choices=[USUAL, *((word, ADJUSTMENT_WORDS[word]) for word in ADJUSTMENTS)],
        help_text="Usual: of Yahoo with dividends, of exchanges as traded.",
    )
    start = forms.CharField(
        label="From",
        required=False,
        help_text="Left empty: all there is.",
        widget=forms.TextInput({"type": "date"}),
    )
    end = forms.CharField(
        label="To",
        required=False,
        help_text="Left empty: the last bar that is over.",
        widget=forms.TextInput({"type": "date"}),
    )

    @property
    def pairs(self) -> list[list[forms.BoundField]]:
        """Return the fields that stand two in a row."""
        rows = (("timeframe", "adjustment"), ("start", "end"))
        return [[self[name] for name in row] for row in rows]

    def request(self) -> dict[str, Any]:
        """Return what the service is asked for."""
        listed = self.cleaned_data["symbols"].replace(",", " ").split()
        return self.cleaned_data | {"symbols": listed}

    def refuse(self, error: StrategyError) -> None:
        """Show what cannot be fetched at its field."""
        name = error.field if error.field in self.fields else None
        self.add_error(name, f"{error.message} {error.advice}".strip())
