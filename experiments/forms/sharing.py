"""The form that says who sees a thing."""

from __future__ import annotations

from typing import Any

from django import forms

from experiments.models import Visibility
from quantlab.web.forms import BodyForm


class ShareForm(BodyForm):
    visibility = forms.ChoiceField(
        label="Who can read it",
        choices=[(one, one.title()) for one in Visibility.values],
        widget=forms.RadioSelect,
    )

    def request(self) -> dict[str, Any]:
        """Return the body of ``PUT /api/share/{kind}/{key}``."""
        return {"visibility": self.cleaned_data["visibility"]}
