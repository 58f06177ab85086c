"""The form of the expression editor: a text, the bars it is tried on, its sizing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any
from uuid import UUID

from django import forms

from experiments.forms.config import ConfigForm, Group
from experiments.forms.fields import (
    COSTS,
    NEEDED,
    UnitField,
    number_in,
    number_input,
    symbols_listed,
    text_of,
)
from experiments.selectors.expressions import refused, validated
from experiments.selectors.universes import universe_in
from strategies import RunConfig
from strategies.documents import merge_patch
from strategies.errors import DslError, StrategyError

# What a first visitor sees: two indices, and costs.
FIRST_EXPRESSION = RunConfig(
    provider="builtin",
    universe=["SP500", "NASDAQ"],
    expr="close",
    execution={"commission_bps": 5},
)
FEW = 5  # symbols of a source that are named when it is chosen
# Key of `sizing` -> label, hint.
NUMBERS = {
    "cap": ("Weight cap", "Most of one symbol, as a share of the equity."),
    "max_lev": ("Most leverage", "Most of all together; more is scaled down."),
    "smooth_ema": ("Smoothing", "Span in bars of an exponential mean of the weights."),
    "no_trade_band": ("No-trade band", "Smaller changes of a weight are not made."),
}
CHOICES = {
    "neutralize": (
        "Neutral to",
        "What is taken off before sizing.",
        {"none": "Nothing", "market": "The market’s mean", "group": "The group’s mean"},
    ),
    "nan_policy": (
        "Without a value",
        "What is held where the expression has none.",
        {"zero": "Nothing", "hold": "What was held"},
    ),
}


class Fold(Group):
    """Settings that most leave as they are."""

    @property
    def is_open(self) -> bool:
        return any(field.errors for row in self.rows for field in row)


class ExpressionForm(ConfigForm):
    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        base: RunConfig = FIRST_EXPRESSION,
        experiment_id: UUID | None = None,
        **options: Any,
    ) -> None:
        self.refusal: dict[str, Any] | None = None  # of the text, beyond its grammar
        self.home = {"experiment_id": str(experiment_id)} if experiment_id else {}
        super().__init__(data, base=base, **options)

    # --- values

    def first_values(self) -> dict[str, Any]:
        own, sizing = self.base.document(), self.base.sizing.model_dump()
        values = super().first_values() | {
            name: "" if sizing[name] is None else text_of(sizing[name])
            for name in (*NUMBERS, *CHOICES)
        }
        is_first = self.base is FIRST_EXPRESSION
        return values | {
            "expr": "" if is_first else own["expr"],
            "braces": _constants_text(own.get("braces", {})),
            "long_only": sizing["long_only"],
            "execution_lag": text_of(own["execution"]["execution_lag"]),
            "universe": ", ".join(self.base.symbols),
        }

    def patch(self) -> dict[str, Any]:
        sent = self.cleaned_data
        patch = super().patch()
        sizing: dict[str, Any] = {
            name: number_in(sent[name]) if sent.get(name) else None for name in NUMBERS
        }
        sizing |= {name: sent[name] for name in CHOICES if name in sent}
        patch["sizing"] = sizing | {"long_only": sent.get("long_only", False)}
        if sent.get("execution_lag"):
            patch["execution"]["execution_lag"] = number_in(sent["execution_lag"])
        constants = _constants_in(sent.get("braces", ""))
        return patch | {"expr": sent.get("expr"), "braces": constants or None}

    def request(self) -> dict[str, Any]:
        """Return what was sent as a config: read, not judged."""
        own, patch = self.base.document(), self.patch()
        own.pop("braces", None)  # the form says all of them
        if patch["universe"] != self.base.universe:
            own.pop("members", None)
        return merge_patch(own, patch) | self.home

    def _many(self) -> dict[str, Any]:
        named = self.cleaned_data.get("universe")
        return {"universe": universe_in(named) if named else None, "symbol": None}

    def _weights(self) -> str:
        return ""

    def _followed(self, values: dict[str, Any]) -> dict[str, Any]:
        """Name symbols of a source just chosen; the first one tells the dates."""
        if values["provider"] != values.get("shown_provider", values["provider"]):
            listed = dict.fromkeys(
                one.symbol for one in symbols_listed(values["provider"])
            )
            values["universe"] = ", ".join(list(listed)[:FEW])
        values = super()._followed(values)
        first, _, _ = str(values.get("universe", "")).partition(",")
        return values | {"symbol": first.strip()}

    # --- fields

    def _add_fields(self, values: Mapping[str, Any], *, novice: bool) -> None:
        super()._add_fields(values, novice=novice)
        for name in ("strategy", "shown_strategy", "weights", "symbol"):
            del self.fields[name]
        universe = self.fields["universe"]
        universe.label, universe.required = "Symbols", True
        universe.help_text = "SP500, NASDAQ, or a universe or watchlist by its name."
        added = {
            "expr": forms.CharField(
                label="Expression",
                strip=False,
                max_length=10_000,
                error_messages=NEEDED,
                widget=forms.Textarea(
                    {
                        "rows": 4,
                        "spellcheck": "false",
                        "autocomplete": "off",
                        "autocapitalize": "off",
                        "data-expression": "",
                        "aria-autocomplete": "list",
                        "aria-controls": "expression-complete",
                        "aria-describedby": "expression-verdict",
                    }
                ),
            ),
            "braces": forms.CharField(
                label="Their values",
                required=False,
                help_text="d = 5, k = 0.1 for {d} and {k}.",
                widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
            ),
            "long_only": forms.BooleanField(
                label="Long only",
                required=False,
                help_text="Weights below 0 are not held.",
            ),
            "execution_lag": UnitField(
                label="Lag",
                unit="bars",
                help_text="From the close that decides to the bar that fills.",
                widget=number_input("1", "1000", "1"),
            ),
        }
        for name, (label, hint) in NUMBERS.items():
            added[name] = forms.CharField(
                label=label,
                required=False,
                help_text=hint,
                widget=number_input("0", step="1" if name == "smooth_ema" else "any"),
            )
        for name, (label, hint, words) in CHOICES.items():
            widget = forms.Select(choices=list(words.items()))
            added[name] = forms.CharField(
                label=label, help_text=hint, widget=widget, error_messages=NEEDED
            )
        self.fields |= added
        self.config_fields = {*self.fields}

    def groups(self) -> list[Group]:
        constants = Fold("Constants in braces", "", self.rows(["braces"]))
        return [*self.trading_groups(), constants]

    def trading_groups(self) -> list[Group]:
        """Return what is the same for every expression: data, weights, costs."""
        commission, slippage, borrow = COSTS
        return [
            Group(
                "Data",
                "",
                self.rows(
                    ["universe"],
                    ["provider", "timeframe"],
                    ["start", "end"],
                ),
            ),
            Fold(
                "From values to weights",
                "In this order; nothing else is done to them.",
                self.rows(
                    ["nan_policy", "neutralize"],
                    ["smooth_ema", "cap", "max_lev"],
                    ["no_trade_band", "long_only"],
                ),
            ),
            Fold(
                "Costs and lag",
                "",
                self.rows([commission, slippage], [borrow, "execution_lag"]),
            ),
        ]

    # --- answers

    def refuse(self, error: StrategyError) -> None:
        if isinstance(error, DslError):
            self.refusal = refused(error)
        super().refuse(error)

    def _field_at(self, path: str) -> str | None:
        return "braces" if path.startswith("braces") else super()._field_at(path)

    @cached_property
    def text(self) -> str:
        """What stands in the editor."""
        return str(self["expr"].value() or "")

    def verdict(self) -> dict[str, Any] | None:
        """Return what is known of the text; None while there is none."""
        if not self.text.strip():
            return None
        found = validated(self.text)
        if found["ok"] and self.refusal:
            return {"ok": False, "error": self.refusal}
        return found


def _constants_text(constants: Mapping[str, float]) -> str:
    return ", ".join(f"{name} = {text_of(value)}" for name, value in constants.items())


def _constants_in(text: str) -> dict[str, Any]:
    """d = 5, k = 0.1 -> {"d": 5, "k": 0.1}; what is no number stays a text."""
    pairs = (part.partition("=") for part in text.split(",") if part.strip())
    return {name.strip(): number_in(value.strip()) for name, _, value in pairs}
