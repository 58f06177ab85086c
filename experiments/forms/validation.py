"""The form of a validation: which tests of luck, and how often each draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.forms.boundfield import BoundField

from experiments.forms.fields import number_in, text_of
from experiments.forms.sweep import JsonSpace
from quantlab.web.forms import BodyForm
from strategies.errors import ConfigError, StrategyError
from strategies.validation_config import ValidationConfig

USE = "use_"


@dataclass(frozen=True, slots=True)
class Offer:
    """A test in plain words, its settings, and whether it is ticked at first."""

    title: str
    question: str
    settings: tuple[str, ...]
    is_ticked: bool = True


OFFERS: Mapping[str, Offer] = {
    "permutation": Offer(
        "Other timings",
        "Would the same holdings, begun on other days, have earned as much?",
        ("n",),
    ),
    "permutation_rerun": Offer(
        "The whole search on shuffled bars",
        "Would the best of the search have been as good where nothing can be found? "
        "Needed for anything that was optimised.",
        ("n", "space"),
        is_ticked=False,
    ),
    "block_bootstrap": Offer(
        "Margins of error",
        "Between which bounds do growth, Sharpe ratio and worst fall lie?",
        ("n", "block_size"),
    ),
    "stationary_bootstrap": Offer(
        "Margins of error, blocks of random length",
        "The same with blocks of random length: it should not matter much.",
        ("n",),
        is_ticked=False,
    ),
    "monte_carlo": Offer(
        "Other luck with the same trades",
        "What could the account have become with these trades?",
        ("n", "bust", "goal"),
    ),
    "candle_monte_carlo": Offer(
        "Other markets",
        "What does the rule earn on other histories made of the same bars?",
        ("n", "block_size"),
        is_ticked=False,
    ),
    "random_entries": Offer(
        "Random entries",
        "Would as many trades, held as long, have earned as much begun anywhere?",
        ("n",),
    ),
    "cost_stress": Offer("Costs", "How much may a trade cost?", ("bps",)),
    "wfo": Offer(
        "Stretch by stretch", "Did it earn in each part of its history?", ("windows",)
    ),
}
LABELS = {
    "n": "Draws",
    "block_size": "Bars of a block, empty: worked out",
    "space": "Space that was searched, as JSON",
    "bust": "Bust: share of the cash that is lost",
    "goal": "Goal: gain over the cash",
    "bps": "Costs a side in bps, with commas between",
    "windows": "Stretches",
}


class ValidationForm(BodyForm):
    """Ticks and numbers; `space` is that of the sweep the run was kept from, if any."""

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        space: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(data)
        defaults = ValidationConfig(**{name: {} for name in OFFERS}).tests
        for name, offer in OFFERS.items():
            ticked = offer.is_ticked or (name == "permutation_rerun" and bool(space))
            self.fields[USE + name] = forms.BooleanField(
                label=f"Run “{offer.title.lower()}”", required=False, initial=ticked
            )
            for key in offer.settings:
                first = defaults[name][key]
                self.fields[f"{name}_{key}"] = _setting(key, first, space)
        self.fields["seed"] = forms.CharField(label="Seed", initial="0")

    def request(self) -> dict[str, Any]:
        """Return what was sent as a request: read, not judged."""
        sent = self.cleaned_data
        body: dict[str, Any] = {"seed": number_in(sent["seed"])}
        for name, offer in OFFERS.items():
            if sent[USE + name]:
                pairs = {
                    key: _read(key, sent[f"{name}_{key}"]) for key in offer.settings
                }
                body[name] = {k: v for k, v in pairs.items() if v is not None}
        return body

    def refuse(self, error: StrategyError) -> None:
        """Show each problem at its field, or above them all where it has none."""
        problems = error.problems if isinstance(error, ConfigError) else (error,)
        for problem in problems:
            test, _, rest = problem.field.partition(".")
            field = f"{test}_{rest.partition('.')[0]}"
            words = f"{problem.message} {problem.advice}".strip()
            known = next((f for f in (field, test) if f in self.fields), None)
            self.add_error(known, words)

    def offers(self) -> list[tuple[Offer, BoundField, list[BoundField]]]:
        """Return for each test its words, its tick and its settings."""
        return [
            (offer, self[USE + name], [self[f"{name}_{key}"] for key in offer.settings])
            for name, offer in OFFERS.items()
        ]


def _setting(key: str, first: Any, space: Mapping[str, Any] | None) -> forms.Field:
    if key == "space":
        return JsonSpace(
            label=LABELS[key],
            required=False,
            max_length=20_000,
            initial=forms.JSONField().prepare_value(space) if space else "",
            help_text='As {"fast": [10, 20], "slow": {"min": 50, "max": 200, "step": '
            "50}}. Left empty, it is a search of this run alone.",
            widget=forms.Textarea({"rows": 2, "spellcheck": "false", "class": "mono"}),
        )
    text = ", ".join(map(text_of, first)) if isinstance(first, list) else first
    mode = "text" if key == "bps" else "decimal"
    return forms.CharField(
        label=LABELS[key],
        required=False,
        initial="" if text is None else text_of(text),
        max_length=2_000,
        widget=forms.TextInput({"inputmode": mode, "autocomplete": "off"}),
    )


def _read(key: str, text: Any) -> Any:
    if key == "space":
        return text or None
    if not text:
        return None
    if key == "bps":
        return [number_in(one.strip()) for one in text.split(",") if one.strip()]
    return number_in(text)
