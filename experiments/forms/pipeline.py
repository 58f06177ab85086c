"""The form of a pipeline, in three steps: what to trade, what to try, how careful.

It holds text and ticks only. What they mean, and whether it can be run, is judged by
the service, so that page and API refuse the same things in the same words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.forms.boundfield import BoundField, BoundWidget

from experiments.forms.fields import date_of, number_in, text_of
from experiments.forms.pipeline_choices import (
    NAMED,
    PRACTICE,
    PRACTICE_SYMBOLS,
    WIDTHS,
    WINDOWS,
    Grid,
    model_grid,
    rule_grid,
)
from experiments.forms.pipeline_fields import limit_fields, trade_fields, try_fields
from experiments.selectors.universes import BETWEEN, watchlists
from quantlab.web.forms import BodyForm
from quantlab.web.problem import Problem
from strategies.errors import ConfigError, StrategyError
from strategies.learning.models import MODELS, Model
from strategies.market.timeframe import TIMEFRAMES
from strategies.market.universes import WORDS, presets
from strategies.pipeline.grid import SIMPLE
from strategies.pipeline.plan import COSTS, GUARDRAILS

# The steps of the wizard, and the fields that each of them shows.
STEPS: Mapping[str, tuple[str, ...]] = {
    "What to trade": (
        *("universe", "symbols", "cap", "model_id"),
        *("provider", "timeframe", "start_date", "end_date"),
    ),
    "What to try": (
        *("width", "preset", "thresholds", "ladders", "hours", "fast", "slow"),
        *("commission_bps", "slippage_bps"),
    ),
    "Safety limits": (
        *("min_trades", "min_sharpe", "max_position_rate", "min_dsr", "max_pbo"),
        *("name", "force"),
    ),
}
RAILS = ("min_trades", "min_sharpe", "max_position_rate", "min_dsr", "max_pbo")
COST_FIELDS = ("commission_bps", "slippage_bps")
WITHOUT_HOURS = (PRACTICE, "crypto_majors")  # traded around the clock
# What a request calls the fields of this form.
FIELDS = {
    "universe.preset_id": "universe",
    "universe.watchlist_id": "universe",
    "sweep.preset": "preset",
    "thresholds": "ladders",
    "allowed_hours": "width",
    "grid": "width",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some large choices, with what it means."""

    box: BoundWidget
    title: str
    text: str


class PipelineForm(BodyForm):
    """What is asked for. `first` holds values to begin with, as the form sends them."""

    def __init__(
        self,
        data: Any = None,
        *,
        first: Mapping[str, Any] | None = None,
        novice: bool = False,
    ) -> None:
        super().__init__(data, initial=dict(FIRST_VALUES) | dict(first or {}))
        self.novice = novice
        self.elsewhere: list[tuple[int, str, str]] = []  # step, its title, what
        self.fields |= trade_fields() | try_fields() | limit_fields(novice=novice)

    # --- values

    @property
    def said(self) -> Mapping[str, Any]:
        """What was sent, or else the first values."""
        return self.data if self.is_bound else self.initial

    @property
    def model(self) -> Model:
        return MODELS.get(str(self.said.get("model_id")), next(iter(MODELS.values())))

    @property
    def is_rule(self) -> bool:
        return self.model.kind == "rule"

    @property
    def has_hours(self) -> bool:
        """Return whether bars open at an hour of a session."""
        bar = TIMEFRAMES.get(str(self.said.get("timeframe")))
        is_session = self.said.get("universe") not in WITHOUT_HOURS
        is_made_up = self.said.get("provider") == "synthetic"
        return bool(bar and bar.intraday and is_session and not is_made_up)

    def request(self) -> dict[str, Any]:
        """Return what was sent as a request: read, not judged."""
        sent = self.cleaned_data
        words = ("timeframe", "start_date", "end_date", "provider", "name")
        said = {key: sent[key] for key in words if sent.get(key)}
        if sent["universe"] == PRACTICE:
            said["provider"] = "synthetic"
        if grid := self._grid(sent):
            said["grid"] = grid
        if sent["width"] == "saved":
            said["sweep"] = {"preset": sent["preset"]}
        return said | {
            "universe": _universe(sent),
            "guardrails": {k: number_in(sent[k]) for k in RAILS if sent.get(k)},
            "execution": {k: number_in(sent[k]) for k in COST_FIELDS if sent.get(k)},
            "force": sent["force"],
        }

    def _grid(self, sent: Mapping[str, Any]) -> Grid:
        """Return what is tried; nothing for the twelve usual ones or a preset."""
        width = sent["width"]
        if width in ("careful", "saved", ""):
            return {}
        if width != "own":
            if self.is_rule:
                return rule_grid(width)
            return model_grid(width, has_hours=self.has_hours)
        if self.is_rule:
            averages = {name: _numbers(sent[name]) for name in ("fast", "slow")}
            return {
                "params": {name: found for name, found in averages.items() if found}
            }
        levels = [[float(one)] for one in sent["thresholds"]]
        levels += [_numbers(line) for line in sent["ladders"].splitlines() if line]
        hours = [list(WINDOWS.get(one, ())) for one in sent["hours"]]
        is_split = self.has_hours and hours
        return {
            "thresholds_list": levels,
            "allowed_hours_list": hours if is_split else [[]],
        }

    # --- what is wrong, and where

    def refuse(self, error: StrategyError | Problem) -> None:
        """Show each problem at its field, or above them all where it has none."""
        if isinstance(error, Problem):
            field = error.errors[0]["field"] if error.errors else ""
            self.add_error(self._field_at(field), f"{error.message} {error.advice}")
            return
        problems = error.problems if isinstance(error, ConfigError) else (error,)
        for problem in problems:
            text = f"{problem.message} {problem.advice}".strip()
            self.add_error(self._field_at(problem.field), text)

    def _field_at(self, path: str) -> str | None:
        first, last = path.partition(".")[0], path.rpartition(".")[2]
        for name in (
            FIELDS.get(path),
            FIELDS.get(last, last),
            FIELDS.get(first, first),
        ):
            if name in self.fields:
                return name
        return None

    def carried(self, step: int) -> list[BoundField]:
        """Return the fields that a step does not show; they are sent along."""
        return [self[name] for name in self.fields if name not in _shown_in(step)]

    def wrong_steps(self) -> list[int]:
        """Return the numbers of the steps in which something is to be corrected."""
        steps = enumerate(STEPS.values(), start=1)
        return [n for n, names in steps if any(one in self.errors for one in names)]

    def keep_errors_of(self, step: int) -> None:
        """Leave only what a step can show; the rest is `elsewhere`."""
        for number, (title, names) in enumerate(STEPS.items(), start=1):
            for name in names if number != step else ():
                told = self.errors.pop(name, ())
                self.elsewhere += [(number, title, str(text)) for text in told]

    def complaints(self) -> list[tuple[str, str]]:
        elsewhere = [(title, text) for _, title, text in self.elsewhere]
        return super().complaints() + elsewhere

    def place(self) -> dict[str, str]:
        return {"model_id": self.model.name}

    # --- how it is shown

    def universe_choices(self) -> list[Choice]:
        words = _universe_words()
        return [Choice(box, *words[str(box.data["value"])]) for box in self["universe"]]

    def width_choices(self) -> list[Choice]:
        return [
            Choice(box, title, f"{n} configurations. {text}" if n else text)
            for box in self["width"]
            for title, text, n in (WIDTHS[str(box.data["value"])],)
        ]

    def limits_asked(self) -> list[tuple[str, str, Any]]:
        """Return every limit that is asked: its key, its name, its number."""
        found = [(n, str(self[n].label), self[n].value()) for n in RAILS]
        return [(n, label, number_in(value)) for n, label, value in found if value]


def _shown_in(step: int) -> tuple[str, ...]:
    return [*STEPS.values()][step - 1] if step <= len(STEPS) else ()


def _universe(sent: Mapping[str, Any]) -> dict[str, Any]:
    cap = {"cap": number_in(sent["cap"])} if sent.get("cap") else {}
    chosen = sent["universe"]
    if chosen == PRACTICE:
        return {"symbols": PRACTICE_SYMBOLS} | cap
    if chosen == NAMED:
        words = [one for one in BETWEEN.split(sent["symbols"].strip()) if one]
        return {"symbols": words} | cap
    return {"preset_id" if chosen in WORDS else "watchlist_id": chosen} | cap


def _universe_words() -> dict[str, tuple[str, str]]:
    lists = {
        key: (name, f"{len(presets()[key].members):,} symbols. {words}")
        for key, (name, words) in WORDS.items()
    }
    own = {
        str(one.pk): (one.name, f"Your watchlist, {len(one.symbols):,} symbols.")
        for one in watchlists()
    }
    practice = "20 made-up markets that trend. No data needed, and no trial is counted."
    return {
        PRACTICE: ("For practice", practice),
        **lists,
        **own,
        NAMED: ("Symbols you name", "Write them below."),
    }


def _numbers(text: str) -> list[Any]:
    return [number_in(one) for one in text.replace(",", " ").split()]


# --- first values ------------------------------------------------------------------

FIRST_VALUES: Mapping[str, Any] = {
    "model_id": next(iter(MODELS)),
    "universe": PRACTICE,
    "cap": "20",
    "timeframe": "1h",
    "width": "careful",
    "thresholds": ["0.52", "0.56", "0.60"],
    "hours": ["9-15", "10-14"],
    "fast": "5, 10, 20",
    "slow": "30, 60",
    **{key: text_of(getattr(COSTS, key)) for key in COST_FIELDS},
    **{
        key: text_of(value)
        for key, value in GUARDRAILS.model_dump(include={*RAILS}).items()
        if value is not None
    },
}


def values_of(
    plan: Mapping[str, Any], universe: Mapping[str, Any], sweep: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what the form says of a pipeline that was run, as its row keeps it."""
    rails, costs = plan["guardrails"], plan["execution"]
    values = {key: text_of(rails[key]) if key in rails else "" for key in RAILS}
    values |= {key: text_of(costs[key]) for key in COST_FIELDS}
    values |= {
        "model_id": plan["model_id"],
        "provider": plan["provider"],
        "timeframe": plan["timeframe"],
        "start_date": date_of(plan["start"]),
        "end_date": date_of(plan["end"]),
        "cap": str(universe.get("cap", "")),
        "symbols": ", ".join(plan["symbols"]),
    }
    named = universe.get("preset_id") or universe.get("watchlist_id")
    values["universe"] = str(named) if named else NAMED
    if sorted(plan["symbols"]) == sorted(PRACTICE_SYMBOLS):
        values |= {"universe": PRACTICE, "symbols": ""}
    return values | ({} if sweep.get("preset_id") == SIMPLE else _grid_values(plan))


def _grid_values(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ticks and lists that give the same configurations again."""
    grid = plan["grid"]
    if plan["training"] is None:
        return {"width": "own"} | {
            name: ", ".join(
                text_of(v) for v in sorted({one["params"][name] for one in grid})
            )
            for name in ("fast", "slow")
        }
    ladders = {tuple(one["thresholds"]): None for one in grid}
    windows = {tuple(one["allowed_hours"]): None for one in grid}
    known = {hours: key for key, hours in WINDOWS.items()}
    return {
        "width": "own",
        "thresholds": [],
        "ladders": "\n".join(", ".join(map(text_of, one)) for one in ladders),
        "hours": [known[one] for one in windows if one in known],
    }
