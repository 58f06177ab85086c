"""The form of a watchlist: a name, and symbols as one writes them."""

from __future__ import annotations

from typing import Any

from django import forms

from experiments.forms.fields import NEEDED
from experiments.models import Watchlist
from experiments.selectors.universes import BETWEEN
from experiments.services.watchlists import MAX_NAME
from quantlab.web.forms import BodyForm
from quantlab.web.problem import Problem
from strategies.errors import ConfigError


class WatchlistForm(BodyForm):
    name = forms.CharField(
        max_length=MAX_NAME, error_messages=NEEDED, help_text="Forms take it by name."
    )
    symbols = forms.CharField(
        max_length=20_000,
        error_messages=NEEDED,
        help_text="AAPL, MSFT, IBM: with commas or on lines of their own.",
        widget=forms.Textarea({"rows": 5, "spellcheck": "false", "class": "mono"}),
    )

    def __init__(self, data: Any = None, *, of: Watchlist | None = None) -> None:
        self.listed = list(of.symbols) if of else []
        first = {"name": of.name} if of else {}
        symbols = ", ".join(one["symbol"] for one in self.listed)
        super().__init__(data, initial=first | {"symbols": symbols})

    def request(self) -> dict[str, Any]:
        """Return what the services take; what was said of a symbol stays with it."""
        said = {one["symbol"]: one for one in self.listed}
        words = [word for word in BETWEEN.split(self.cleaned_data["symbols"]) if word]
        listed = [said.get(word, word) for word in words]
        return self.cleaned_data | {"symbols": listed}

    def refuse(self, error: Problem | ConfigError) -> None:
        """Show what only the lab could know, at its field."""
        if isinstance(error, ConfigError):
            name = error.field.partition(".")[0]
            self.add_error(name or None, f"{error.message} {error.advice}".strip())
        else:
            self.add_error("name", f"{error.message} {error.advice}")
