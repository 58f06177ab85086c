"""The form of a search for expressions: on what, how much of it, what may be kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from experiments.forms.config import Group, name_field
from experiments.forms.expression import ExpressionForm, Fold
from experiments.forms.fields import NEEDED, number_in, number_input, text_of
from strategies import RunConfig
from strategies.discovery.protocol import ANY_EXPRESSION, SearchPlan

# What a first visitor sees.
FIRST_SEARCH = RunConfig(
    provider="builtin",
    universe=["SP500", "NASDAQ"],
    expr=ANY_EXPRESSION,
    sizing={"neutralize": "market"},
    execution={"commission_bps": 5},
)
METHODS = {
    "genetic": "Genetic: the better ones are changed and crossed",
    "random": "Random: each is made anew",
}
OBJECTIVES = {
    "sharpe": "Sharpe ratio, net of cost",
    "rank_ic": "Rank IC: its t over the bars",
}
# Key of the plan -> label, hint, smallest step.
NUMBERS = {
    "n": ("Expressions to try", "Each is one trial.", "1"),
    "seed": ("Seed", "The same seed finds the same.", "1"),
    "keep": ("Keep at most", "", "1"),
    "limit_score": ("Most complexity", "Of one expression.", "any"),
    "max_depth": ("Most levels", "Functions inside functions.", "1"),
    "parsimony": ("Price of complexity", "Off the score, a point of it.", "any"),
    "max_correlation": ("Most alike", "Correlation of two that are kept.", "any"),
    "max_turnover": ("Most turnover", "Share of the account a day.", "any"),
    "min_coverage": ("Least coverage", "Share of bars with a value.", "any"),
    "q": ("False finds allowed", "Share of what is kept, on validation.", "any"),
    "train_share": ("To search on", "Share of the bars.", "any"),
    "validation_share": ("To choose on", "The rest is sealed.", "any"),
    "purge_bars": ("Purged between", "In bars; 0: as few as are needed.", "1"),
    "embargo_bars": ("Left out after", "In bars.", "1"),
    "lookback_bars": ("Most bars looked back", "", "1"),
}
OF_DATA = ("provider", "universe", "timeframe", "start", "end")
IN_PARAMS = ("limit_score",)  # of a request


class GenerateForm(ExpressionForm):
    """Data, sizing and costs as the expression editor has them, and the search."""

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        base: RunConfig = FIRST_SEARCH,
        search: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        self.search = dict(search or {})
        super().__init__(data, base=base, **options)

    # --- values

    def first_values(self) -> dict[str, Any]:
        named = SearchPlan.model_fields
        said = {key: self.search.get(key, named[key].default) for key in NUMBERS}
        words = {
            key: self.search.get(key, named[key].default)
            for key in ("method", "objective", "placebo")
        }
        texts = {key: text_of(value) for key, value in said.items()}
        return super().first_values() | texts | words

    def patch(self) -> dict[str, Any]:
        return super().patch() | {"expr": ANY_EXPRESSION}

    def request(self) -> dict[str, Any]:
        """Return what was sent as a request: read, not judged."""
        sent, config = self.cleaned_data, super().request()
        numbers = {key: number_in(sent[key]) for key in NUMBERS if sent.get(key)}
        params = {key: numbers.pop(key) for key in IN_PARAMS if key in numbers}
        data = {key: config[key] for key in OF_DATA if key in config}
        settings = {key: config.get(key, {}) for key in ("execution", "sizing")}
        words = {key: sent[key] for key in ("method", "objective", "placebo")}
        options = {"name": sent["name"], "force": sent["force"]}
        return {**data, **settings, **numbers, "params": params, **words, **options}

    # --- fields

    def _add_fields(self, values: Mapping[str, Any], *, novice: bool) -> None:
        super()._add_fields(values, novice=novice)
        for name in ("expr", "braces"):
            del self.fields[name]
        self.config_fields = {*self.fields}
        for key, (label, hint, step) in NUMBERS.items():
            self.fields[key] = forms.CharField(
                label=label,
                help_text=hint,
                error_messages=NEEDED,
                widget=number_input("0", step=step),
            )
        self.fields |= {
            "method": _choice("How they are made", METHODS),
            "objective": _choice("Best is judged by", OBJECTIVES),
            "placebo": forms.BooleanField(
                label="Search on noise too",
                required=False,
                help_text="The same search on shuffled bars. Its best is the bar that "
                "a find has to pass.",
            ),
            "name": name_field(required=False, hint="Left empty, it is named by data."),
            "force": forms.BooleanField(
                label="Compute it again",
                required=False,
                help_text="Otherwise a search that is the same is opened.",
            ),
        }

    def groups(self) -> list[Group]:
        data, sizing, costs = self.trading_groups()
        how = self.rows(["n", "seed"], ["method"], ["objective"], ["placebo"])
        spans = self.rows(
            ["train_share", "validation_share"], ["purge_bars", "embargo_bars"]
        )
        kept = self.rows(
            ["keep", "max_correlation"], ["max_turnover", "min_coverage"], ["q"]
        )
        made = self.rows(["limit_score", "max_depth"], ["parsimony", "lookback_bars"])
        return [
            data,
            Group("Search", "", how),
            _folded("Train, validation and sealed test", "", spans),
            _folded("What may be kept", "Set before anything is seen.", kept),
            _folded("How complex it may be", "", made),
            _folded(sizing.title, sizing.hint, sizing.rows),
            _folded(costs.title, costs.hint, costs.rows),
            Group("Name", "", self.rows(["name"], ["force"])),
        ]

    def _field_at(self, path: str) -> str | None:
        return super()._field_at(path.removeprefix("params."))


def _folded(title: str, hint: str, rows: list[list[Any]]) -> Fold:
    return Fold(title, hint, rows, is_folded=True)


def _choice(label: str, words: Mapping[str, str]) -> forms.CharField:
    widget = forms.Select(choices=list(words.items()))
    return forms.CharField(label=label, widget=widget, error_messages=NEEDED)
