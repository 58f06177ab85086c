"""The fields of a hypothesis: stated with the experiment, or before its first run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms

from experiments.forms.config import words_field
from strategies.metrics.registry import METRICS

STATEMENT = ("cause", "effect")
KEYS = (*STATEMENT, "metric", "threshold", "planned_trials")
ROWS = (["cause"], ["effect"], ["metric", "threshold", "planned_trials"])
HINT = (
    "Optional. Stated before the first run, then frozen: a rule that was found first "
    "and explained afterwards counts for little."
)


def hypothesis_fields() -> dict[str, forms.Field]:
    compared = [
        (key, metric.name) for key, metric in METRICS.items() if metric.better != "none"
    ]
    return {
        "cause": words_field("Cause", "Why the rule should work.", limit=2_000),
        "effect": words_field("Effect", "What should be seen then.", limit=2_000),
        "metric": forms.CharField(
            required=False, initial="sharpe", widget=forms.Select(choices=compared)
        ),
        "threshold": forms.FloatField(
            required=False,
            help_text="From which value on; a share as a fraction, 0.1 for 10%.",
            widget=forms.NumberInput({"step": "any", "inputmode": "decimal"}),
        ),
        "planned_trials": forms.IntegerField(
            label="Planned trials",
            required=False,
            min_value=1,
            max_value=1_000_000,
            help_text="How many different settings may be tried.",
        ),
    }


def missing_words(sent: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Give field and complaint for each part that a stated hypothesis lacks."""
    if not any(sent.get(name) for name in KEYS if name != "metric"):
        return
    for name in STATEMENT:
        if not sent.get(name):
            yield name, "A hypothesis has a cause and an effect."


def hypothesis_of(sent: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what was stated, None for nothing."""
    if not sent["effect"]:
        return None
    return {key: sent[key] for key in KEYS if sent[key] not in (None, "")}
