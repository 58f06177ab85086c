"""The form of an experiment: the question first, then the setting of its runs."""

from __future__ import annotations

from typing import Any

from django import forms

from experiments.forms.config import ConfigForm, Group, name_field, words_field
from experiments.forms.fields import COSTS
from strategies.metrics.registry import METRICS

STATEMENT = ("cause", "effect")


class ExperimentForm(ConfigForm):
    def __init__(self, *of: Any, **options: Any) -> None:
        super().__init__(*of, **options)
        compared = [
            (key, metric.name)
            for key, metric in METRICS.items()
            if metric.better != "none"
        ]
        self.fields |= {
            "name": name_field(required=True),
            "cause": words_field("Cause", "Why the rule should work.", limit=2_000),
            "effect": words_field("Effect", "What should be seen then.", limit=2_000),
            "metric": forms.CharField(
                required=False, widget=forms.Select(choices=compared)
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
            "tags": forms.CharField(
                required=False, max_length=500, help_text="Separated by commas."
            ),
            "notes": words_field("Notes", limit=20_000),
        }
        self.initial.setdefault("metric", "sharpe")
        self.order_as_shown()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        stated = [name for name in STATEMENT if cleaned.get(name)]
        is_meant = stated or cleaned.get("threshold") or cleaned.get("planned_trials")
        if is_meant:
            for name in STATEMENT:
                if not cleaned.get(name):
                    self.add_error(name, "A hypothesis has a cause and an effect.")
        return cleaned

    def hypothesis(self) -> dict[str, Any] | None:
        sent = self.cleaned_data
        if not sent["effect"]:
            return None
        keys = ("cause", "effect", "metric", "threshold", "planned_trials")
        return {key: sent[key] for key in keys if sent[key] not in (None, "")}

    def request(self) -> dict[str, Any]:
        """Return what `experiment_create` takes."""
        sent = self.cleaned_data
        tags = [tag.strip()[:60] for tag in sent["tags"].split(",")]
        return {
            "name": sent["name"],
            "model_key": sent["strategy"],
            "params": self.params(),
            "provider": sent["provider"],
            "universe": [sent["symbol"]],
            "timeframe": sent["timeframe"],
            "start": sent["start"] or None,
            "end": sent["end"] or None,
            "cost_model": self.costs(),
            "hypothesis": self.hypothesis(),
            "tags": [tag for tag in tags if tag],
            "notes": sent["notes"],
        }

    def groups(self) -> list[Group]:
        hypothesis = self.rows(
            ["cause"], ["effect"], ["metric", "threshold", "planned_trials"]
        )
        return [
            Group("Question", "", self.rows(["name"])),
            Group(
                "Hypothesis",
                "Optional. Stated before the first run, then frozen: a rule that was "
                "found first and explained afterwards counts for little.",
                hypothesis,
            ),
            *super().groups(),
            Group("Costs", "", self.rows(COSTS)),
            Group("Tags and notes", "", self.rows(["tags"], ["notes"])),
        ]
