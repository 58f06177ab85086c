"""The fields of the form of a pipeline, and what they are called for two readers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django import forms

from experiments.forms.config import name_field
from experiments.forms.fields import (
    NEEDED,
    UnitField,
    date_field,
    number_input,
    provider_field,
)
from experiments.forms.pipeline_choices import (
    ANY_HOUR,
    NAMED,
    OFFERED_LEVELS,
    PRACTICE,
    WIDTHS,
    WINDOWS,
    hours_words,
)
from experiments.models import PresetKind
from experiments.selectors.presets import preset_page
from experiments.selectors.universes import watchlists
from strategies.learning.models import MODELS
from strategies.market.timeframe import TIMEFRAMES
from strategies.market.universes import WORDS

PLAIN = {"autocomplete": "off", "spellcheck": "false"}


def trade_fields() -> dict[str, forms.Field]:
    lists = [PRACTICE, *WORDS, *(str(one.pk) for one in watchlists()), NAMED]
    return {
        "universe": forms.ChoiceField(
            choices=[(one, one) for one in lists], widget=forms.RadioSelect
        ),
        "symbols": forms.CharField(
            label="Symbols",
            required=False,
            max_length=2_000,
            help_text="Between commas: AAPL, MSFT, IBM.",
            widget=forms.TextInput(PLAIN),
        ),
        "cap": forms.CharField(
            label="At most so many symbols",
            required=False,
            help_text="The first so many that have bars; up to 50.",
            widget=number_input("1", "50", "1"),
        ),
        "model_id": forms.ChoiceField(
            label="Model", choices=[(one.name, one.label) for one in MODELS.values()]
        ),
        "provider": _optional(provider_field(), "Whoever has the bars"),
        "timeframe": forms.CharField(
            label="Bar length",
            error_messages=NEEDED,
            widget=forms.Select(choices=[(k, b.words) for k, b in TIMEFRAMES.items()]),
        ),
        "start_date": _date("start", "Left empty: 30 days before the last bar."),
        "end_date": _date("end", "Left empty: the last bar there is."),
    }


def try_fields() -> dict[str, forms.Field]:
    saved = [(one.name, one.name) for one in preset_page(kind=PresetKind.SWEEP).items]
    widths = [key for key in WIDTHS if saved or key != "saved"]
    return {
        "width": forms.ChoiceField(
            choices=[(key, WIDTHS[key][0]) for key in widths],
            widget=forms.RadioSelect,
        ),
        "preset": forms.CharField(
            label="Saved sweep",
            required=False,
            help_text="All of its space is tried, so one with constraints of its own "
            "is refused. The limits of the next step hold in place of its guardrails.",
            widget=forms.Select(choices=saved),
        ),
        "thresholds": _ticks([(one, one) for one in OFFERED_LEVELS]),
        "ladders": forms.CharField(
            label="Ladders",
            required=False,
            max_length=2_000,
            help_text="Several levels in one, one a line: 0.52, 0.55, 0.58 holds a "
            "third from each on.",
            widget=forms.Textarea(PLAIN | {"rows": 2}),
        ),
        "hours": _ticks([(ANY_HOUR, "any"), *((w, hours_words(w)) for w in WINDOWS)]),
        "fast": _values_field("Fast, bars", "Of the short average: 5, 10, 20."),
        "slow": _values_field("Slow, bars", "Of the long average: 30, 60."),
        "commission_bps": UnitField(
            label="Commission",
            unit="bps",
            help_text="A side, of the traded value.",
            widget=number_input("0"),
        ),
        "slippage_bps": UnitField(
            label="Slippage",
            unit="bps",
            help_text="A side, inside the fill price.",
            widget=number_input("0"),
        ),
    }


def limit_fields(novice: bool) -> dict[str, forms.Field]:
    rails = rail_fields(RAIL_WORDS["novice" if novice else "expert"])
    return rails | {
        "name": name_field(
            required=False, hint="Left empty, it is named after what is traded."
        ),
        "force": forms.BooleanField(
            label="Run it again",
            required=False,
            help_text="Otherwise a pipeline that is the same is opened.",
        ),
    }


def rail_fields(words: Mapping[str, tuple[str, str]]) -> dict[str, forms.Field]:
    """Return a field for each cut-off, in these words: what it is called, a hint."""
    fields: dict[str, forms.Field] = {}
    for key, (low, high, step) in RAIL_RANGES.items():
        label, hint = words[key]
        fields[key] = forms.CharField(
            label=label,
            required=False,
            help_text=hint,
            widget=number_input(low, high, step),
        )
    return fields


RAIL_RANGES = {
    "min_trades": ("0", "", "1"),
    "min_sharpe": ("-100", "100", "any"),
    "max_position_rate": ("0", "1", "any"),
    "min_dsr": ("0", "1", "any"),
    "max_pbo": ("0", "1", "any"),
}
RAIL_WORDS = {
    "expert": {
        "min_trades": ("Least trades", "Closed round trips, of all symbols together."),
        "min_sharpe": (
            "Least Sharpe ratio of a bar",
            "Mean over the symbols, of one bar: 0.05 of an hour is about 2 a year.",
        ),
        "max_position_rate": (
            "Most time in a position",
            "A fraction of the bars, of the busiest symbol. Left empty: not asked.",
        ),
        "min_dsr": ("Least DSR", "After all trials on these data. Empty: not asked."),
        "max_pbo": ("Most PBO", "Of this grid. Left empty: not asked."),
    },
    "novice": {
        "min_trades": ("Least trades", "Fewer than this, and chance decides much."),
        "min_sharpe": (
            "Least return for the swings",
            "For one bar: 0.05 of an hour is about 2 a year, which is a lot.",
        ),
        "max_position_rate": (
            "Most time in the market",
            "A fraction: 0.6 is 60% of the time. Left empty: not asked.",
        ),
        "min_dsr": (
            "Least score after luck",
            "0.95: luck alone would seldom do as well. Left empty: not asked.",
        ),
        "max_pbo": (
            "Most that the best may fail later",
            "A share, between 0 and 1. Left empty: not asked.",
        ),
    },
}


def _optional(field: forms.CharField, words: str) -> forms.CharField:
    field.required = False
    field.widget.choices = [("", words), *field.widget.choices]
    return field


def _date(name: str, hint: str) -> forms.CharField:
    field = date_field(name, None)
    field.help_text = hint
    return field


def _ticks(choices: Sequence[tuple[str, str]]) -> forms.MultipleChoiceField:
    return forms.MultipleChoiceField(
        required=False, choices=choices, widget=forms.CheckboxSelectMultiple
    )


def _values_field(label: str, hint: str) -> forms.CharField:
    return forms.CharField(
        label=label,
        required=False,
        max_length=500,
        help_text=hint,
        widget=forms.TextInput(PLAIN | {"inputmode": "numeric"}),
    )
