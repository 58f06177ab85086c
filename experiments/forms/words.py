"""The form of what people say of a run, an experiment or a strategy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.forms.boundfield import BoundField

from experiments.forms.config import name_field, words_field
from experiments.forms.hypothesis import (
    ROWS,
    hypothesis_fields,
    hypothesis_of,
    missing_words,
)
from experiments.models import ModelExperiment, ModelRun, StrategySnapshot
from experiments.services.words import normal_tags
from quantlab.web.forms import BodyForm
from strategies.errors import ConfigError

# What may be left without a name says what it is called then.
UNNAMED: dict[type, str] = {
    ModelRun: "Left empty, it is named after its settings.",
    StrategySnapshot: "Left empty, it is named after its expression.",
}


class PickedTags(forms.MultipleChoiceField):
    """Tags to tick; one that is no longer offered is as good as another."""

    def valid_value(self, value: str) -> bool:
        return True


class NewTags(forms.CharField):
    """Tags to type, separated by commas."""

    def to_python(self, value: Any) -> Any:
        return [tag for tag in str(value or "").split(",") if tag.strip()]

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def run_validators(self, value: Any) -> None:
        """Check what it means, not the text."""
        tags_checked(value)


def tags_checked(words: Iterable[str]) -> list[str]:
    """Return the words as tags, or raise what a form shows at its field."""
    try:
        return normal_tags(words)
    except ConfigError as exc:
        raise forms.ValidationError(f"{exc.message} {exc.advice}") from None


def new_tags_field(label: str) -> NewTags:
    return NewTags(
        label=label,
        required=False,
        help_text="Separated by commas; at most 20 of 40 characters.",
        widget=forms.TextInput({"autocomplete": "off"}),
    )


class WordsForm(BodyForm):
    """Name, tags and notes; the tags in use are offered beside those it has."""

    def __init__(
        self,
        data: Any,
        *,
        of: ModelRun | ModelExperiment | StrategySnapshot,
        offered: Iterable[str],
    ) -> None:
        first = {"name": of.name, "notes": of.notes, "kept_tags": of.tags}
        super().__init__(data, initial=first)
        tags = list(dict.fromkeys([*of.tags, *offered]))
        hint = UNNAMED.get(type(of), "")
        name = name_field(required=not hint, hint=hint)
        name.widget.attrs["autofocus"] = True  # its dialog fetches the form once open
        self.fields |= {
            "name": name,
            "kept_tags": PickedTags(
                label="Tags",
                required=False,
                choices=[(tag, tag) for tag in tags],
                widget=forms.CheckboxSelectMultiple,
            ),
            "new_tags": new_tags_field("New tags" if tags else "Tags"),
            "notes": words_field("Notes", "Markdown.", limit=20_000),
        }
        self.fields["notes"].widget.attrs["rows"] = 8

    def clean(self) -> dict[str, Any]:
        sent = super().clean() or self.cleaned_data
        try:
            normal_tags(_tags_in(sent))
        except ConfigError as exc:
            self.add_error("new_tags", f"{exc.message} {exc.advice}")
        return sent

    def request(self) -> dict[str, Any]:
        """Return what `run_update`, `experiment_update` or `strategy_update` takes."""
        sent = self.cleaned_data
        words = {"name": sent["name"], "notes": sent["notes"]}
        return words | {"tags": _tags_in(sent)}

    def hypothesis_rows(self) -> list[list[BoundField]]:
        return []


def _tags_in(sent: Mapping[str, Any]) -> list[str]:
    return [*sent["kept_tags"], *sent.get("new_tags", ())]


class ExperimentWordsForm(WordsForm):
    """Those of an experiment without runs: its hypothesis may still be stated."""

    def __init__(
        self, data: Any, *, of: ModelExperiment, offered: Iterable[str]
    ) -> None:
        super().__init__(data, of=of, offered=offered)
        self.fields |= hypothesis_fields()
        self.initial = {**self.initial, **(of.hypothesis or {})}

    def clean(self) -> dict[str, Any]:
        sent = super().clean()
        for name, complaint in missing_words(sent):
            self.add_error(name, complaint)
        return sent

    def request(self) -> dict[str, Any]:
        return super().request() | {"hypothesis": hypothesis_of(self.cleaned_data)}

    def hypothesis_rows(self) -> list[list[BoundField]]:
        return [[self[name] for name in row] for row in ROWS]
