"""The form of an experiment: the question first, then the setting of its runs."""

from __future__ import annotations

from typing import Any

from experiments.forms.config import ConfigForm, Group, name_field, words_field
from experiments.forms.fields import COSTS
from experiments.forms.hypothesis import (
    HINT,
    ROWS,
    hypothesis_fields,
    hypothesis_of,
    missing_words,
)
from experiments.forms.words import new_tags_field


class ExperimentForm(ConfigForm):
    def __init__(self, *of: Any, **options: Any) -> None:
        super().__init__(*of, **options)
        self.fields |= {
            "name": name_field(required=True),
            **hypothesis_fields(),
            "tags": new_tags_field("Tags"),
            "notes": words_field("Notes", limit=20_000),
        }
        self.initial.setdefault("metric", "sharpe")
        self.order_as_shown()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        for name, complaint in missing_words(cleaned):
            self.add_error(name, complaint)
        return cleaned

    def request(self) -> dict[str, Any]:
        """Return what `experiment_create` takes."""
        sent, many = self.cleaned_data, self._many()
        return {
            "name": sent["name"],
            "model_key": sent["strategy"],
            "params": self.params(),
            "provider": sent["provider"],
            "universe": many["universe"] or [sent["symbol"]],
            "sizing": many.get("sizing", {}) if many["universe"] else {},
            "timeframe": sent["timeframe"],
            "start": sent["start"] or None,
            "end": sent["end"] or None,
            "cost_model": self.costs(),
            "hypothesis": hypothesis_of(sent),
            "tags": sent["tags"],
            "notes": sent["notes"],
        }

    def groups(self) -> list[Group]:
        return [
            Group("Question", "", self.rows(["name"])),
            Group("Hypothesis", HINT, self.rows(*ROWS)),
            *super().groups(),
            Group("Costs", "", self.rows(COSTS)),
            Group("Tags and notes", "", self.rows(["tags"], ["notes"])),
        ]
