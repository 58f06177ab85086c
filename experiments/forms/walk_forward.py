"""The form of a walk-forward: that of a sweep, and where each window learns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.forms.boundfield import BoundField

from experiments.forms.fields import number_in, text_of
from experiments.forms.sweep import SweepForm
from strategies import RunConfig

MODES = {
    "rolling": "Rolling",
    "anchored": "Anchored",
}
COUNTS = {
    "train_bars": ("Learn on", "Bars of a training window."),
    "test_bars": ("Then test on", "Bars that follow, on which nothing is chosen."),
    "windows": ("Windows", "As many as fit, if left empty."),
    "purge_bars": ("Purge", "Bars left out between the two."),
    "embargo_bars": ("Embargo", "Bars left out after each test."),
}
GAPS = ("purge_bars", "embargo_bars")


class WalkForm(SweepForm):
    """A space, and the windows in which it is searched."""

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        base: RunConfig,
        asked: Mapping[str, Any],
        config: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(data, base=base, asked=asked, config=config)
        self.fields["mode"] = forms.ChoiceField(
            label="Training",
            choices=list(MODES.items()),
            help_text="Always on as many bars, or on all since the first.",
        )
        for name, (label, hint) in COUNTS.items():
            self.fields[name] = forms.CharField(
                label=label,
                required=name != "windows",
                help_text=hint,
                widget=forms.TextInput({"inputmode": "numeric"}),
            )
        self.fields[
            "force"
        ].help_text = "Otherwise one of the same space, windows and data is opened."

    def _first_values(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        first = {"mode": "rolling", "purge_bars": "0", "embargo_bars": "0"}
        given = {
            name: text_of(asked[name])
            for name in ("mode", *COUNTS)
            if asked.get(name) is not None
        }
        return super()._first_values(asked) | first | given

    def request(self) -> dict[str, Any]:
        """Return what was sent as a request: read, not judged."""
        sent = self.cleaned_data
        counts = {name: number_in(sent[name]) for name in COUNTS if sent[name]}
        return super().request() | {"mode": sent["mode"], **counts}

    def window_rows(self) -> list[list[BoundField]]:
        lengths = [self[name] for name in ("train_bars", "test_bars", "windows")]
        return [lengths, [self[name] for name in ("mode", *GAPS)]]

    def _field_at(self, path: str) -> str | None:
        if path in ("mode", *COUNTS):
            return path
        return super()._field_at(path)
