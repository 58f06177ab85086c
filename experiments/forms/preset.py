"""Forms of presets: a name, or files that were exported elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from experiments.artifacts.presets import MAX_NAME, preset_name
from experiments.forms.fields import NEEDED, number_in
from experiments.forms.pipeline_fields import RAIL_RANGES, RAIL_WORDS, rail_fields
from quantlab.web.forms import BodyForm
from quantlab.web.problem import Problem
from strategies.errors import ConfigError, StrategyError


class PresetNameForm(BodyForm):
    """A name; `of` is what is kept under it, if that is new."""

    name = forms.CharField(
        max_length=MAX_NAME,
        error_messages=NEEDED,
        help_text="Letters, digits, spaces, dots, - and _.",
    )

    def __init__(
        self, data: Any = None, *, name: str, of: Mapping[str, Any] | None = None
    ) -> None:
        self.kept = dict(of or {})
        super().__init__(data, initial={"name": name})

    def request(self) -> dict[str, Any]:
        return {"name": self.cleaned_data["name"]} | self.kept

    def clean_name(self) -> str:
        try:
            return preset_name(self.cleaned_data["name"])
        except StrategyError as exc:
            raise forms.ValidationError(f"{exc.message} {exc.advice}") from None

    def refuse(self, problem: Problem) -> None:
        """Show what only the lab could know: the name is taken."""
        self.add_error("name", f"{problem.message} {problem.advice}")


class GuardrailsForm(forms.Form):
    """The cut-offs of a saved sweep; an empty one is not asked."""

    sharpe_basis = forms.ChoiceField(
        label="Sharpe ratio of", choices=[("year", "a year"), ("bar", "a bar")]
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        rails = rail_fields(RAIL_WORDS["expert"])
        rails["min_sharpe"].label = "Least Sharpe ratio"
        rails["min_sharpe"].help_text = "Left empty: not asked."
        self.fields |= rails

    @property
    def asked(self) -> dict[str, Any]:
        """Return what was written, as a preset keeps it; nothing for none."""
        sent = self.cleaned_data
        rails = {key: number_in(sent[key]) for key in RAIL_RANGES if sent[key]}
        return rails and rails | {"sharpe_basis": sent["sharpe_basis"]}

    def refuse(self, error: StrategyError) -> None:
        problems = error.problems if isinstance(error, ConfigError) else (error,)
        for problem in problems:
            name = problem.field.rpartition(".")[2]
            text = f"{problem.message} {problem.advice}".strip()
            self.add_error(name if name in self.fields else None, text)


def name_offered(title: str) -> str:
    """Return a title with what a name cannot have left out."""
    letters = "".join(c if c.isalnum() or c in " ._-" else " " for c in title)
    name = " ".join(letters.replace("..", " ").split())[:MAX_NAME].strip(" ._-")
    return name or "My preset"


class SeveralFilesInput(forms.FileInput):
    allow_multiple_selected = True

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[Any]:
        return list(files.getlist(name))


class SeveralFiles(forms.FileField):
    """One or more files; each is looked at."""

    widget = SeveralFilesInput

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        return [super(SeveralFiles, self).clean(one, initial) for one in data or [None]]


class ImportForm(forms.Form):
    presets = SeveralFiles(
        label="Files",
        error_messages=NEEDED | {"required": "Choose a file."},
        help_text="JSON, at most 1 MB: exported presets, or a config under its name.",
        widget=SeveralFilesInput({"accept": ".json,application/json"}),
    )
    replace = forms.BooleanField(label="Replace those of the same name", required=False)
