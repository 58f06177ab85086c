"""The form of one run: a config, and what people say of it."""

from __future__ import annotations

from typing import Any

from django import forms

from experiments.forms.config import ConfigForm, Group, name_field, words_field
from experiments.forms.fields import COSTS, fraction_field, number_in, text_of
from strategies.library.resolve import FRACTION


class RunForm(ConfigForm):
    def __init__(self, *of: Any, **options: Any) -> None:
        super().__init__(*of, **options)
        self.fields |= {
            "fraction": fraction_field(),
            "name": name_field(
                required=False, hint="Left empty, it is named after its settings."
            ),
            "notes": words_field("Notes", "Why it is run.", limit=20_000),
            "force": forms.BooleanField(
                label="Compute it again",
                required=False,
                help_text="Otherwise a run with the same settings and data is opened.",
            ),
        }
        self.config_fields.add("fraction")
        self.order_as_shown()

    def first_values(self) -> dict[str, Any]:
        share = self.base.risk.params.get("fraction", FRACTION.default)
        return super().first_values() | {"fraction": text_of(share)}

    def patch(self) -> dict[str, Any]:
        patch = super().patch()
        if "fraction" in self.cleaned_data:
            share = number_in(self.cleaned_data["fraction"])
            patch["risk"] = {"params": {"fraction": share}}
        return patch

    def request(self) -> dict[str, Any]:
        """Return the patch with the options of the run, as the API takes it."""
        sent = self.cleaned_data
        options = {"name": sent["name"], "notes": sent["notes"]}
        return self.patch() | options | {"force": sent["force"]}

    def groups(self) -> list[Group]:
        first, second, third = COSTS
        costs = self.rows([first, second], [third, "fraction"])
        words = self.rows(["name"], ["notes"], ["force"])
        return [
            *super().groups(),
            Group("Costs and size", "", costs),
            Group("Name and notes", "", words),
        ]
