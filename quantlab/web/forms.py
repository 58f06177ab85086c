"""Forms that say what they send: the body that the API takes in their place."""

from __future__ import annotations

from copy import copy
from functools import cached_property
from typing import Any, Self

from django import forms
from django.forms.boundfield import BoundField

MISSING = "A value is needed."


class BodyForm(forms.Form):
    """A form whose page asks a service for just what `request` returns.

    The same is printed on the page, so a script that sends it gets the same.
    """

    def request(self) -> dict[str, Any]:
        """Return what was sent as a body of the API: read, not judged."""
        raise NotImplementedError

    def place(self) -> dict[str, str]:
        """Return what the address of the API needs beside that of the page."""
        return {}

    @cached_property
    def as_sent(self) -> Self:
        """The form as it was sent, or as it would be with its first values."""
        if self.is_bound:
            return self
        values = {field.html_name: _shown(field) for field in self}
        first = {k: v for k, v in values.items() if v is not None and v is not False}
        sent = copy(self)
        forms.Form.__init__(sent, first, initial=self.initial)
        sent.fields = self.fields
        return sent

    def so_far(self) -> dict[str, Any]:
        """Return what it would send now; what is refused in it is left empty."""
        sent = self.as_sent
        whole = copy(sent)
        empty = {name: _left_empty(field) for name, field in sent.fields.items()}
        sent.errors  # noqa: B018 - from now on it is cleaned
        whole.cleaned_data = empty | sent.cleaned_data
        return whole.request()

    def complaints(self) -> list[tuple[str, str]]:
        """Return what stands in its way: the label of a field or "", and why.

        Of a file nothing is said: it is not sent to be asked this.
        """
        sent = self.as_sent
        told = [(name, str(text)) for name in sent.errors for text in sent.errors[name]]
        told += [
            (name, MISSING)  # of a form that is still being filled in
            for name in sent.fields
            if name not in sent.cleaned_data and name not in sent.errors
        ]
        files = {n for n, f in sent.fields.items() if isinstance(f, forms.FileField)}
        fields = [one for one in told if one[0] in sent.fields]
        # What is said of the form as a whole often comes of a field that is not right.
        told = [one for one in fields or told if one[0] not in files]
        return [(_label(sent, name), text) for name, text in told]


def _shown(bound: BoundField) -> Any:
    """Return what a field says; a list of choices says its first one."""
    value, widget = bound.value(), bound.field.widget
    if value is None and type(widget) is forms.Select:
        return next((key for key, _ in widget.choices), None)
    return value


def _left_empty(field: forms.Field) -> Any:
    blank = copy(field)
    blank.required = False
    return blank.clean(None)


def _label(form: forms.Form, name: str) -> str:
    return str(form[name].label) if name in form.fields else ""
