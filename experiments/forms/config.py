"""What every form that ends in a config has in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django import forms
from django.forms.boundfield import BoundField

from experiments.forms.fields import (
    COSTS,
    NEEDED,
    OWN_WEIGHTS,
    PARAM,
    cost_field,
    date_field,
    date_of,
    default_params,
    described,
    first_bars,
    left_to_the_lab,
    number_in,
    parameter_field,
    parameters_of,
    provider_field,
    strategies_known,
    strategy_field,
    symbol_field,
    symbols_listed,
    text_of,
    timeframe_field,
    universe_field,
    weights_field,
)
from experiments.selectors.universes import (
    config_settled,
    left_out,
    universe_in,
    universe_names,
)
from experiments.services.runs import config_changed
from quantlab.web.forms import BodyForm
from strategies import RunConfig
from strategies.errors import CandleError, ConfigError, StrategyError
from strategies.market.universes import WORDS

# What a first visitor sees: the example of the API.
FIRST_CONFIG = RunConfig(
    provider="builtin",
    symbol="SP500",
    strategy={"name": "sma_cross", "params": {"fast": 20, "slow": 50}},
    execution={"commission_bps": 5, "slippage_bps": 5},
)
# What a refused path begins with -> what its field begins with.
PATH_STARTS = {
    "strategy.params.": PARAM,
    "params.": PARAM,
    "risk.params.": "",
    "execution.": "",
    "sizing.": "",
    "cost_model.": "",
    "hypothesis.": "",
}
PATH_WORDS = {
    "strategy.name": "strategy",
    "model_key": "strategy",
    "sizing.weights": "weights",
}
UNSEEN = "The fields changed with this choice. Look at them, then send the form again."


@dataclass(frozen=True)
class Group:
    """Fields under one heading; those of a row stand side by side."""

    title: str
    hint: str
    rows: list[list[BoundField]]
    is_folded: bool = False

    @property
    def is_open(self) -> bool:
        """Whether a folded one has something to show."""
        return any(field.errors or field.value() for row in self.rows for field in row)


class ConfigForm(BodyForm):
    """Rule, data and costs; what else a form asks for is added by its children.

    `base` is the config that the form starts from, and whose other parts it leaves
    alone; `asked` holds first values, from an address or from fields that were sent
    to be looked at only. Fields follow the chosen strategy and source.
    """

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        base: RunConfig = FIRST_CONFIG,
        asked: Mapping[str, Any] | None = None,
        novice: bool = False,
    ) -> None:
        self.base = base
        self.config: RunConfig | None = None  # once it was found that it can be run
        self.missing: tuple[str, ...] = ()  # of the list it names, for want of bars
        sent = self.first_values() | _seen(asked or {}) if data is None else dict(data)
        self.unseen: list[str] = []
        values = self._followed({"provider": "", "symbol": "", "strategy": ""} | sent)
        super().__init__(None if data is None else values, initial=values)
        self._add_fields(values, novice=novice)

    # --- values

    def first_values(self) -> dict[str, Any]:
        """Return what the fields say of the config that the form starts from."""
        own = self.base.document()
        rule = own.get("strategy", {"name": "", "params": {}})
        values = default_params(rule["name"])
        values |= {PARAM + key: text_of(value) for key, value in rule["params"].items()}
        values |= {name: text_of(own["execution"][name]) for name in COSTS}
        return values | {
            "strategy": rule["name"],
            "shown_strategy": rule["name"],
            "provider": own["provider"],
            "shown_provider": own["provider"],
            "symbol": next(iter(self.base.symbols), ""),
            "universe": ", ".join(self.base.symbols) if self.base.universe else "",
            "weights": self._weights(),
            "timeframe": own["timeframe"],
            "start": date_of(own.get("start")),
            "end": date_of(own.get("end")),
        }

    def _followed(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the values with those that a choice just made brings along."""
        if values["strategy"] != values.get("shown_strategy", values["strategy"]):
            self.unseen.append("strategy")
            values = {k: v for k, v in values.items() if not k.startswith(PARAM)}
            values |= default_params(values["strategy"])
        if values["provider"] != values.get("shown_provider", values["provider"]):
            self.unseen.append("provider")
            values |= {"start": "", "end": ""} | first_bars(values["provider"])
        shown = {f"shown_{name}": values[name] for name in ("strategy", "provider")}
        return values | shown

    def patch(self) -> dict[str, Any]:
        """Return what was sent as a merge patch of the config: read, not judged."""
        sent = self.cleaned_data
        patch: dict[str, Any] = {
            name: sent[name] or None
            for name in ("provider", "symbol", "timeframe", "start", "end")
            if name in sent
        }
        if "strategy" in sent:
            patch["strategy"] = {"name": sent["strategy"], "params": self.params()}
        patch["execution"] = self.costs()
        return patch | self._many()

    def _many(self) -> dict[str, Any]:
        """Return what is patched for many symbols, or to have only one again."""
        sent = self.cleaned_data
        if not sent.get("universe"):
            return {"universe": None, "sizing": {"weights": None}}
        patch: dict[str, Any] = {"universe": universe_in(sent["universe"])}
        if sent["weights"] != OWN_WEIGHTS:
            patch["sizing"] = {"weights": sent["weights"] or None}
        return patch | {"symbol": None}

    def _weights(self) -> str:
        weights = self.base.sizing.weights
        return OWN_WEIGHTS if isinstance(weights, dict) else weights or "equal"

    def params(self) -> dict[str, Any]:
        """Return every parameter sent, also one that the strategy does not have."""
        strategy = self.cleaned_data.get("strategy", "")
        words = {
            PARAM + one["name"] for one in parameters_of(strategy) if one["choices"]
        }
        return dict.fromkeys(left_to_the_lab(strategy), "") | {
            key.removeprefix(PARAM): value if key in words else number_in(value)
            for key, value in self.data.items()
            if key.startswith(PARAM) and value.strip()
        }

    def costs(self) -> dict[str, Any]:
        sent = self.cleaned_data
        return {name: number_in(sent[name]) for name in COSTS if name in sent}

    @cached_property
    def universes(self) -> list[str]:
        """What the field of several symbols suggests.

        A fresh page has no query to spare; watchlists come with the first change.
        """
        return universe_names() if self.is_bound else [*WORDS]

    # --- fields

    def _add_fields(self, values: Mapping[str, Any], *, novice: bool) -> None:
        info = described(values)
        is_alone = values.get("universe", "").strip() in ("", values["symbol"])
        reach = info if is_alone else None  # of several nobody knows it yet
        listed = symbols_listed(values["provider"])
        self.suggestions = list(dict.fromkeys(one.symbol for one in listed))
        spec = strategies_known().get(values["strategy"], {})
        self.constraints = ", ".join(spec.get("constraints", ()))
        added: dict[str, forms.Field] = {
            "strategy": strategy_field(values["strategy"], novice=novice),
            "provider": provider_field(),
            "symbol": symbol_field(values, info),
            "universe": universe_field(),
            "weights": weights_field(self._weights()),
            "timeframe": timeframe_field(values),
            "start": date_field("start", reach),
            "end": date_field("end", reach),
        }
        for parameter in parameters_of(values["strategy"]):
            added[PARAM + parameter["name"]] = parameter_field(parameter)
        for name in COSTS:
            added[name] = cost_field(name)
        for name in ("shown_strategy", "shown_provider"):
            added[name] = forms.CharField(required=False, widget=forms.HiddenInput)
        self.fields |= added
        self.config_fields = {*added}

    def groups(self) -> list[Group]:
        params = [name for name in self.fields if name.startswith(PARAM)]
        needs = f"It needs {self.constraints}." if self.constraints else ""
        data = self.rows(
            ["provider", "symbol", "timeframe"],
            ["universe", "weights"],
            ["start", "end"],
        )
        return [
            Group("Rule", needs, self.rows(["strategy"], params)),
            Group("Data", "No bar outside start and end is read.", data),
        ]

    def order_as_shown(self) -> None:
        """Let the summary of errors follow the order of the groups."""
        rows = [row for group in self.groups() for row in group.rows]
        self.order_fields([field.name for row in rows for field in row])

    def rows(self, *rows: Iterable[str]) -> list[list[BoundField]]:
        return [found for row in rows if (found := [self[name] for name in row])]

    # --- answers

    def settled(self) -> RunConfig | None:
        """Return the config that the form stands for now, None if it cannot be run."""
        sent = self.as_sent
        sent.full_clean()
        return sent.config

    def clean(self) -> dict[str, Any]:
        super().clean()
        is_whole = self.errors.keys().isdisjoint(self.config_fields)
        try:
            wanted = config_changed(self.base, self.patch())
            config = config_settled(wanted)
        except StrategyError as exc:
            self.refuse(exc)
        else:
            self.config = config if is_whole else None
            self.missing = left_out(wanted)
        return self.cleaned_data

    def refuse(self, error: StrategyError) -> None:
        """Show each problem at its field, or above them all where it has none."""
        problems = error.problems if isinstance(error, ConfigError) else (error,)
        for problem in problems:
            name = self._field_at(problem.field)
            if name is None and isinstance(problem, CandleError):
                name = "symbol"  # a column of the user's file
            if name is not None and name in self.errors:
                continue  # it is missing, which explains what follows
            self.add_error(
                name, f"{self._words(name, problem)} {problem.advice}".strip()
            )

    def _words(self, name: str | None, problem: StrategyError) -> str:
        """Return what is wrong, with the label of the field in place of its path."""
        message = problem.message
        if name is None or not message.startswith(problem.field):
            return message
        return f"{self[name].label}{message.removeprefix(problem.field)}"

    def _field_at(self, path: str) -> str | None:
        name = PATH_WORDS.get(path, path)
        for start, prefix in PATH_STARTS.items():
            if path.startswith(start):
                name = prefix + path.removeprefix(start)
        return name if name in self.fields else None

    def refuse_unseen(self) -> None:
        """Refuse to go on with fields that nobody can have looked at."""
        for name in self.unseen:
            self.add_error(name, UNSEEN)

    def forgive_blanks(self) -> None:
        """Leave out what is only missing so far: the form is still being filled in."""
        for name in list(self.errors):
            if all(error.code == "required" for error in self.errors[name].as_data()):
                del self.errors[name]


def _seen(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return first values; who names a source with its symbols has made that choice.

    So has who names a strategy with some of its parameters.
    """
    seen: dict[str, Any] = {}
    if "provider" in asked and ("universe" in asked or "symbol" in asked):
        seen["shown_provider"] = asked["provider"]
    if "strategy" in asked and any(name.startswith(PARAM) for name in asked):
        seen |= default_params(asked["strategy"])
        seen["shown_strategy"] = asked["strategy"]
    return seen | dict(asked)


def words_field(label: str, hint: str = "", *, limit: int) -> forms.CharField:
    """Return lines of text that may be left empty."""
    return forms.CharField(
        label=label,
        required=False,
        max_length=limit,
        help_text=hint,
        widget=forms.Textarea({"rows": 3}),
    )


def name_field(*, required: bool, hint: str = "") -> forms.CharField:
    return forms.CharField(
        required=required, max_length=200, help_text=hint, error_messages=NEEDED
    )
