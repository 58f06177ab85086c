"""The form of a training: what to learn from, and how sure is sure enough."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from experiments.forms.fields import NEEDED, number_in
from experiments.models import Dataset
from quantlab.web.forms import BodyForm
from strategies.errors import ConfigError, StrategyError

# What a request calls the fields of this form.
FIELDS = {"dataset_id": "dataset"}
PLAIN = {"autocomplete": "off", "spellcheck": "false"}


class TrainingForm(BodyForm):
    """What is asked for; judged by the service, as a request of the API is."""

    dataset = forms.CharField(
        label="Learn from",
        error_messages=NEEDED,
        help_text="A dataset that was built: its features, its labels.",
    )
    thresholds = forms.CharField(
        max_length=200,
        error_messages=NEEDED,
        help_text="Rising probabilities. The position is the share of them that is "
        "reached: 0.55, 0.6 holds a half from 55% on and all from 60%.",
        widget=forms.TextInput(PLAIN | {"inputmode": "decimal"}),
    )
    allowed_hours = forms.CharField(
        label="Hours of entry",
        max_length=200,
        required=False,
        help_text="On the clock of the exchange: 9, 10, 11. Left empty: all. For bars "
        "of an hour or less.",
        widget=forms.TextInput(PLAIN | {"inputmode": "numeric"}),
    )
    folds = forms.CharField(
        error_messages=NEEDED,
        help_text="Stretches that are predicted, each by all that came before it.",
        widget=forms.NumberInput({"min": "1", "max": "50", "inputmode": "numeric"}),
    )

    def __init__(
        self, data: Any = None, *, datasets: Sequence[Dataset], chosen: str = ""
    ) -> None:
        first = {"thresholds": "0.55", "folds": "5", "dataset": chosen}
        super().__init__(data, initial=first)
        choices = [(str(one.pk), one.name) for one in datasets]
        self.fields["dataset"].widget = forms.Select(choices=choices)

    def request(self) -> dict[str, Any]:
        """Return what was sent as a request: read, not judged."""
        sent = self.cleaned_data
        return {
            "dataset_id": sent["dataset"],
            "selection": {
                "thresholds": _numbers(sent["thresholds"]),
                "allowed_hours": _numbers(sent["allowed_hours"]),
            },
            "folds": number_in(sent["folds"]),
        }

    def refuse(self, error: StrategyError) -> None:
        """Show each problem at its field, or above them all where it has none."""
        problems = error.problems if isinstance(error, ConfigError) else (error,)
        for problem in problems:
            text = f"{problem.message} {problem.advice}".strip()
            path = problem.field.removeprefix("selection.").partition(".")[0]
            name = FIELDS.get(path, path)
            self.add_error(name if name in self.fields else None, text)


def _numbers(text: str) -> list[Any]:
    return [number_in(one) for one in text.replace(",", " ").split()]
