"""The form of a sweep: what each parameter runs through, and how it is searched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.forms.boundfield import BoundField

from experiments.forms.config import name_field
from experiments.forms.fields import number_in, parameters_of, text_of
from quantlab.web.forms import BodyForm
from quantlab.web.problem import Problem
from quantlab.web.strict_json import read_json
from strategies import RunConfig
from strategies.errors import ConfigError, StrategyError
from strategies.library.expression import strategy_of
from strategies.library.registry import described
from strategies.metrics.registry import METRICS
from strategies.metrics.table import TABLE_METRICS

RANGE = ("from", "to", "step")
SEARCHES = {
    "grid": "Grid: every combination",
    "random": "Random: some of them, drawn evenly",
    "guided": "Guided: each round learns from the last",
}
PLAIN = ("constraints", "search", "n", "objective", "seed", "name")
AROUND = 5  # steps to each side of a value that is swept around


class JsonSpace(forms.CharField):
    """Further axes as a JSON object; its keys stay the paths that they are."""

    def clean(self, value: Any) -> dict[str, Any]:
        text = super().clean(value)
        if not text:
            return {}
        try:
            space = read_json(text, what="This")
        except Problem as exc:
            raise forms.ValidationError(exc.message) from None
        if not isinstance(space, dict):
            raise forms.ValidationError('An object is needed, as {"rf": [0, 0.02]}.')
        return space


def _parameters(base: RunConfig) -> list[dict[str, Any]]:
    """Return what can be varied: parameters, or the constants of an expression."""
    if base.strategy is not None:
        return parameters_of(base.strategy.name)
    return [described(one) for one in strategy_of(base).parameters]


def _own_values(base: RunConfig) -> Mapping[str, Any]:
    return base.strategy.params if base.strategy is not None else base.braces


class SweepForm(BodyForm):
    """A space over the parameters of one strategy.

    `base` is the config that is swept around; `asked` holds first values: those of a
    sweep or a preset, as a request has them. `config` is what makes the base of the
    config that the experiment stands for.
    """

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        base: RunConfig,
        asked: Mapping[str, Any],
        config: Mapping[str, Any] | None = None,
    ) -> None:
        self.base = base
        self.changed = {"config": dict(config)} if config else {}
        self.parameters = _parameters(base)
        super().__init__(data, initial=self._first_values(asked))
        for parameter in self.parameters:
            self._add_axis(parameter)
        self.fields |= {
            "more": JsonSpace(
                label="Any other path",
                required=False,
                max_length=20_000,
                help_text='As JSON: {"execution.slippage_bps": [0, 5, 10], '
                '"exits.stop_loss": {"min": 0.05, "max": 0.2, "step": 0.05}}.',
                widget=forms.Textarea(
                    {"rows": 3, "spellcheck": "false", "class": "mono"}
                ),
            ),
            "constraints": forms.CharField(
                label="Constraints",
                required=False,
                max_length=1_000,
                help_text="Comparisons with commas between: 2 * fast < slow. Those of "
                "the strategy hold anyway.",
            ),
            "search": forms.ChoiceField(label="Search", choices=list(SEARCHES.items())),
            "n": forms.CharField(
                label="Candidates",
                required=False,
                help_text="How many; needed for random and guided.",
                widget=forms.TextInput({"inputmode": "numeric"}),
            ),
            "objective": forms.ChoiceField(
                label="Best is judged by",
                choices=[(key, METRICS[key].name) for key in TABLE_METRICS],
            ),
            "seed": forms.CharField(
                label="Seed",
                help_text="Of the random and the guided search.",
                widget=forms.TextInput({"inputmode": "numeric"}),
            ),
            "name": name_field(
                required=False, hint="Left empty, it is named after its axes."
            ),
            "force": forms.BooleanField(
                label="Compute it again",
                required=False,
                help_text="Otherwise a sweep of the same space and data is opened.",
            ),
        }

    def _add_axis(self, parameter: Mapping[str, Any]) -> None:
        name = parameter["name"]
        own = _own_values(self.base)
        now = f"It stays {text_of(own.get(name, parameter['default']))}."
        if self.base.expr is not None and name not in own:
            now = "It has no value yet."
        if not parameter["choices"]:
            for part in RANGE:
                self.fields[f"{part}_{name}"] = forms.CharField(
                    label=f"{name.replace('_', ' ').capitalize()}, {part}",
                    required=False,
                    widget=forms.TextInput({"inputmode": "decimal"}),
                )
        words = ", ".join(parameter["choices"])
        self.fields[f"list_{name}"] = forms.CharField(
            label="or a list" if not parameter["choices"] else name.capitalize(),
            required=False,
            max_length=20_000,
            help_text=f"Of {words}. {now}" if words else now,
            widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
        )

    # --- values

    def _first_values(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        space = dict(asked.get("space") or self._around())
        values: dict[str, Any] = {"objective": "sharpe", "search": "grid", "seed": "0"}
        for parameter in self.parameters:
            name = parameter["name"]
            given = space.pop(name, None)
            if isinstance(given, Mapping):
                ends = zip(RANGE, ("min", "max", "step"), strict=True)
                values |= {f"{p}_{name}": text_of(given.get(k, "")) for p, k in ends}
            elif given is not None:
                listed = given if isinstance(given, list) else [given]
                values[f"list_{name}"] = ", ".join(map(text_of, listed))
        if space:
            values["more"] = forms.JSONField().prepare_value(space)
        values["constraints"] = ", ".join(asked.get("constraints") or [])
        for name in ("search", "n", "objective", "seed", "name"):
            if asked.get(name) is not None:
                values[name] = text_of(asked[name])
        return values

    def _around(self) -> dict[str, Any]:
        """Return a few steps to each side of every whole number of the base."""
        found = {}
        for parameter in self.parameters:
            value = _own_values(self.base).get(parameter["name"])
            if parameter["type"] != "int" or not isinstance(value, int):
                continue
            step = max(1, round(value / (2 * AROUND)))
            low = max(value - AROUND * step, parameter["min"] or 1)
            low = value - (value - int(low)) // step * step
            high = min(value + AROUND * step, parameter["max"] or value + AROUND * step)
            found[parameter["name"]] = {"min": low, "max": int(high), "step": step}
        return found

    def request(self) -> dict[str, Any]:
        """Return what was sent as a request: read, not judged."""
        sent = self.cleaned_data
        texts = sent.get("constraints", "").split(",")
        return {
            "space": self._space(sent) | sent.get("more", {}),
            "constraints": [text.strip() for text in texts if text.strip()],
            "search": sent["search"],
            "n": number_in(sent["n"]) if sent.get("n") else None,
            "objective": sent["objective"],
            "seed": number_in(sent["seed"]),
            "name": sent["name"],
            "force": sent["force"],
            **self.changed,
        }

    def _space(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        space: dict[str, Any] = {}
        for parameter in self.parameters:
            name = parameter["name"]
            listed = sent.get(f"list_{name}", "")
            ends = [sent.get(f"{part}_{name}", "") for part in RANGE]
            if listed:
                values = [text.strip() for text in listed.split(",") if text.strip()]
                is_word = bool(parameter["choices"])
                space[name] = values if is_word else [number_in(v) for v in values]
            elif ends[0] and not ends[1] and not ends[2]:
                space[name] = [number_in(ends[0])]
            elif any(ends):
                low, high, step = (number_in(end) for end in ends)
                step = 1 if ends[2] == "" else step
                space[name] = {"min": low, "max": high, "step": step}
        return space

    # --- what is wrong, and where

    def refuse(self, error: StrategyError) -> None:
        """Show each problem at its field, or above them all where it has none."""
        problems = error.problems if isinstance(error, ConfigError) else (error,)
        for problem in problems:
            self.add_error(
                self._field_at(problem.field),
                f"{problem.message} {problem.advice}".strip(),
            )

    def _field_at(self, path: str) -> str | None:
        first, _, rest = path.partition(".")
        if first in PLAIN:
            return first
        if first != "space" or not rest:
            return None
        for name in (f"list_{rest}", f"from_{rest}"):
            if name in self.fields and self.data.get(name):
                return name
        return f"list_{rest}" if f"list_{rest}" in self.fields else "more"

    # --- how it is shown

    def window_rows(self) -> list[list[BoundField]]:
        """Return the fields of the windows in which it is searched; none of one."""
        return []

    def axes(self) -> list[tuple[str, list[BoundField]]]:
        """Return for each parameter its meaning and its fields."""
        return [(one["meaning"], self._of(one["name"])) for one in self.parameters]

    def _of(self, name: str) -> list[BoundField]:
        fields = [f"{part}_{name}" for part in (*RANGE, "list")]
        return [self[field] for field in fields if field in self.fields]
