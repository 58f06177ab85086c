"""The form of a key: who gets it, how far it opens, until when."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

from django import forms
from django.utils.dateparse import parse_date

from quantlab.web.forms import BodyForm
from strategies.errors import ConfigError


class KeyForm(BodyForm):
    """Fields hold text; what it may be is judged where a key is made."""

    owner = forms.CharField(required=False)
    label = forms.CharField(required=False)
    scope = forms.CharField(required=False)
    until = forms.CharField(required=False, label="Ends after")

    def request(self) -> dict[str, Any]:
        """Return what `key_create` takes, and the API."""
        words = {name: self.cleaned_data[name] for name in ("owner", "label", "scope")}
        return words | {"expires_at": self.cleaned_data["until"] or None}

    def clean_until(self) -> datetime | None:
        try:
            return end_of(self.cleaned_data["until"])
        except ConfigError as exc:
            self.refusal = exc
            raise forms.ValidationError(f"{exc.message} {exc.advice}") from None


def end_of(day: str) -> datetime | None:
    """Return the end of a day, in UTC; None for no day."""
    if not day:
        return None
    try:
        parsed = parse_date(day)
    except ValueError:
        parsed = None
    if parsed is None:
        raise ConfigError(
            "The day cannot be read.",
            code="invalid_value",
            field="expires_at",
            advice="Write it as 2027-01-31.",
        )
    return datetime.combine(parsed, time.min, tzinfo=UTC) + timedelta(days=1)
