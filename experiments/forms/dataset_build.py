"""The form of a dataset: whose bars, which features, what came after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.forms.boundfield import BoundWidget

from experiments.forms.config import name_field
from experiments.forms.fields import (
    NEEDED,
    date_field,
    date_of,
    number_in,
    provider_field,
    text_of,
)
from experiments.selectors.universes import universe_in, universe_names
from quantlab.web.forms import BodyForm
from strategies.errors import ConfigError, StrategyError
from strategies.features.catalog import FEATURES
from strategies.features.dataset import choose
from strategies.features.starter import STARTERS
from strategies.market import sources
from strategies.market.timeframe import TIMEFRAMES

LABEL_WORDS = {
    "sign": "its sign: 1, 0 or −1",
    "return": "as it is, a fraction",
}
INDICATORS = "indicators"
MOST_LISTED = 20  # symbols that a new form begins with
FIRST = {"timeframe": "1d", "label_kind": "sign", "horizon": "1", "features": ["rsi"]}
# What a request calls the fields of this form.
FIELDS = {
    "start_date": "start",
    "end_date": "end",
    "label.kind": "label_kind",
    "label.horizon_bars": "horizon",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """One feature that can be ticked."""

    box: BoundWidget
    name: str
    meaning: str


class DatasetForm(BodyForm):
    """What is asked for; judged by the services, as a request of the API is."""

    def __init__(
        self, data: Any = None, *, asked: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(data, initial=_first_values(asked or {}))
        self.fields |= {
            "provider": provider_field(),
            "universe": forms.CharField(
                label="Symbols",
                error_messages=NEEDED,
                max_length=20_000,
                help_text="AAPL, MSFT, IBM, or a universe or watchlist by its name; "
                "sp500:20 takes at most 20 of it.",
                widget=forms.TextInput(
                    {"list": "universes", "autocomplete": "off", "spellcheck": "false"}
                ),
            ),
            "timeframe": forms.CharField(
                label="Bar length",
                error_messages=NEEDED,
                widget=forms.Select(
                    choices=[(key, bar.words) for key, bar in TIMEFRAMES.items()]
                ),
            ),
            "start": date_field("start", None),
            "end": date_field("end", None),
            "features": forms.MultipleChoiceField(
                required=False,
                choices=[(name, name) for name in (*FEATURES, *STARTERS)],
                widget=forms.CheckboxSelectMultiple,
            ),
            "expressions": forms.CharField(
                required=False,
                max_length=100_000,
                help_text="One on each line: rank(-delta(close, 5)). A parameter other "
                "than the usual one is said here too: rsi(close, 7).",
                widget=forms.Textarea(
                    {"rows": 4, "spellcheck": "false", "class": "mono"}
                ),
            ),
            "label_kind": forms.CharField(
                label="The return that follows",
                widget=forms.Select(choices=list(LABEL_WORDS.items())),
                error_messages=NEEDED,
            ),
            "horizon": forms.CharField(
                label="Over how many bars",
                error_messages=NEEDED,
                help_text="From close to close. So many rows at the end have no label.",
                widget=forms.NumberInput({"min": "1", "inputmode": "numeric"}),
            ),
            "name": name_field(
                required=False, hint="Left empty, it is named after what is in it."
            ),
            "force": forms.BooleanField(
                label="Build it again",
                required=False,
                help_text="Otherwise the same dataset is opened where there is one.",
            ),
        }

    @property
    def universes(self) -> list[str]:
        return universe_names()

    def groups(self) -> list[tuple[str, list[Choice], int]]:
        """Return the features by theme: its name, its features, how many are ticked."""
        found: dict[str, list[Choice]] = {}
        for box in self["features"]:
            name = str(box.data["value"])
            theme = STARTERS[name].theme if name in STARTERS else INDICATORS
            meaning = (STARTERS.get(name) or FEATURES[name]).meaning
            found.setdefault(theme, []).append(Choice(box, name, meaning))
        return [
            (theme, listed, sum(one.box.data["selected"] for one in listed))
            for theme, listed in found.items()
        ]

    def request(self) -> dict[str, Any]:
        """Return what was sent as a request: read, not judged."""
        sent = self.cleaned_data
        return {
            "provider": sent["provider"],
            "universe": universe_in(sent["universe"]),
            "timeframe": sent["timeframe"],
            "start_date": sent["start"] or None,
            "end_date": sent["end"] or None,
            "features": [*sent["features"], *_lines(sent["expressions"])],
            "label": {
                "kind": sent["label_kind"],
                "horizon_bars": number_in(sent["horizon"]),
            },
            "name": sent["name"],
            "force": sent["force"],
        }

    def refuse(self, error: StrategyError) -> None:
        """Show each problem at its field, or above them all where it has none."""
        problems = error.problems if isinstance(error, ConfigError) else (error,)
        for problem in problems:
            text = f"{problem.message} {problem.advice}".strip()
            self.add_error(self._field_at(problem.field), text)

    def _field_at(self, path: str) -> str | None:
        first, _, rest = path.partition(".")
        if first == "features":
            place = rest.partition(".")[0]
            n_ticked = len(self.cleaned_data.get("features", ()))
            is_typed = place.isdigit() and int(place) >= n_ticked
            return "expressions" if is_typed else "features"
        name = FIELDS.get(path, first)
        return name if name in self.fields else None


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _first_values(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a new form says: that of a dataset, or the first bars there are."""
    first = FIRST | {"provider": "builtin", "universe": _listed("builtin")}
    if not asked:
        return first
    features = [one.document() for one in choose(asked["features"])]
    named = [one["name"] for one in features if _is_usual(one)]
    typed = [_typed(one) for one in features if not _is_usual(one)]
    first |= {
        "features": named,
        "expressions": "\n".join(typed),
        "label_kind": asked["label"]["kind"],
        "horizon": text_of(asked["label"]["horizon_bars"]),
    }
    if "universe" not in asked:  # what a model learns from, of whatever bars
        return first
    return first | {
        "provider": asked["provider"],
        "universe": ", ".join(asked["universe"]),
        "timeframe": asked["timeframe"],
        "start": date_of(asked["start_date"]),
        "end": date_of(asked["end_date"]),
    }


def _listed(provider: str) -> str:
    names = sources.PROVIDERS[provider].names()
    return ", ".join(sorted(names)[:MOST_LISTED])


def _is_usual(feature: Mapping[str, Any]) -> bool:
    if "expr" in feature:
        return False
    usual = {one.name: one.default for one in FEATURES[feature["name"]].params}
    return feature["params"] == usual


def _typed(feature: Mapping[str, Any]) -> str:
    if "expr" in feature:
        return str(feature["expr"])
    return FEATURES[feature["name"]].expr(0, feature["params"])
