"""The form that takes an archive of another lab."""

from __future__ import annotations

from django import forms

from experiments.forms.fields import NEEDED


class ArchiveForm(forms.Form):
    file = forms.FileField(
        label="Archive",
        allow_empty_file=True,
        error_messages=NEEDED | {"required": "Choose a file."},
        help_text="The zip that a lab made of a run or an experiment.",
        widget=forms.FileInput({"accept": ".zip"}),
    )
