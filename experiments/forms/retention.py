"""How much of the runs' files is kept, as people set it."""

from __future__ import annotations

from typing import Any

from django import forms

from experiments.models import RetentionRule, Rule
from experiments.services.retention import BOUNDS, rule_read
from quantlab.web.forms import BodyForm
from quantlab.web.problem import Problem

MB = 1_000_000
BOUND = "Empty: no bound."


def _whole(label: str, key: str, help_text: str = BOUND, **options: Any) -> Any:
    least, most = BOUNDS[key]
    return forms.IntegerField(
        label=label,
        help_text=help_text,
        min_value=least,
        max_value=most,
        **({"required": False} | options),
    )


class RetentionForm(BodyForm):
    """The bounds, in words of days, runs and MB."""

    days = _whole("Days that files are kept", "days")
    most_runs = _whole("Runs that keep files", "most_runs", f"The newest. {BOUND}")
    most_mb = forms.IntegerField(
        label="MB that all files may take",
        help_text=f"The oldest make room. {BOUND}",
        min_value=0,
        max_value=BOUNDS["most_bytes"][1] // MB,
        required=False,
    )
    trash_days = _whole("Days that files in the trash are kept", "trash_days")
    keep_best = _whole(
        "Best runs of each experiment that stay",
        "keep_best",
        "By what the experiment is about, else by Sharpe.",
        required=True,
    )
    nightly = forms.BooleanField(
        label="Apply it once a day, while the lab is idle", required=False
    )

    @staticmethod
    def said(row: RetentionRule) -> dict[str, Any]:
        """Return a rule as the fields show it."""
        rule = row.rule
        mb = None if rule.most_bytes is None else rule.most_bytes // MB
        return {
            "days": rule.days,
            "most_runs": rule.most_runs,
            "most_mb": mb,
            "trash_days": rule.trash_days,
            "keep_best": rule.keep_best,
            "nightly": row.nightly,
        }

    def request(self) -> dict[str, Any]:
        """Return the rule, and whether it is applied each night."""
        values = dict(self.cleaned_data)
        mb, nightly = values.pop("most_mb"), values.pop("nightly")
        n_bytes = None if mb is None else mb * MB
        return values | {"most_bytes": n_bytes, "nightly": nightly}

    def rule(self) -> Rule:
        values = self.request()
        values.pop("nightly")
        return rule_read(values, Rule())

    def refuse(self, problem: Problem) -> None:
        """Show what a service refused at its field."""
        for one in problem.errors:
            self.add_error(one["field"], one["message"])
