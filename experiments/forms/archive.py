"""The form that takes an archive of another lab."""

from __future__ import annotations

from typing import Any

from django import forms

from experiments.forms.fields import NEEDED
from quantlab.web.forms import BodyForm


class ArchiveForm(BodyForm):
    file = forms.FileField(
        label="Archive",
        allow_empty_file=True,
        error_messages=NEEDED | {"required": "Choose a file."},
        help_text="The zip that a lab made of a run, an experiment or a pipeline.",
        widget=forms.FileInput({"accept": ".zip"}),
    )

    def request(self) -> dict[str, Any]:
        """Return the fields that the API takes beside the file."""
        return {"dry_run": True}
