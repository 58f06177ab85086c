"""The form of one run: a config, and what people say of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import reduce
from typing import Any

from django import forms

from experiments.forms.config import ConfigForm, Group, name_field, words_field
from experiments.forms.fields import COSTS, fraction_field, number_in, text_of
from quantlab.web.problem import Problem
from quantlab.web.strict_json import read_json
from strategies.errors import StrategyError
from strategies.library.resolve import FRACTION


class JsonPatch(forms.CharField):
    """A JSON merge patch as text; a top key with dots in it is a path."""

    def clean(self, value: Any) -> dict[str, Any]:
        text = super().clean(value)
        if not text:
            return {}
        try:
            patch = read_json(text, what="This")
        except Problem as exc:
            raise forms.ValidationError(exc.message) from None
        if not isinstance(patch, dict):
            raise forms.ValidationError('An object is needed, as {"seed": 1}.')
        return reduce(_laid_over, map(_at_path, patch, patch.values()), {})


def _at_path(path: str, value: Any) -> dict[str, Any]:
    """execution.fill, "close" -> {"execution": {"fill": "close"}}"""
    for key in reversed(path.split(".")):
        value = {key: value}
    return value


def _laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return two merge patches as one: what stands in the second counts."""
    both = dict(below)
    for key, value in above.items():
        under = both.get(key)
        if isinstance(value, Mapping) and isinstance(under, Mapping):
            value = _laid_over(under, value)
        both[key] = value
    return both


def _paths(patch: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """Give every path that a patch touches, those of its objects too."""
    for key, value in patch.items():
        yield f"{above}{key}"
        if isinstance(value, Mapping):
            yield from _paths(value, f"{above}{key}.")


class RunForm(ConfigForm):
    def __init__(self, *of: Any, preset: str = "", **options: Any) -> None:
        super().__init__(*of, **options)
        self.named = {"preset_ref": preset} if preset else {}
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
            "patch": JsonPatch(
                label="As JSON",
                required=False,
                max_length=20_000,
                help_text="A merge patch of the config, for what has no field: "
                '{"execution.fill": "close"}. It counts over the fields; null removes.',
                widget=forms.Textarea(
                    {"rows": 4, "spellcheck": "false", "class": "mono"}
                ),
            ),
        }
        self.config_fields |= {"fraction", "patch"}
        self.order_as_shown()

    def first_values(self) -> dict[str, Any]:
        share = self.base.risk.params.get("fraction", FRACTION.default)
        return super().first_values() | {"fraction": text_of(share)}

    def patch(self) -> dict[str, Any]:
        patch = super().patch()
        if "fraction" in self.cleaned_data:
            share = number_in(self.cleaned_data["fraction"])
            patch["risk"] = {"params": {"fraction": share}}
        return self._with_json(patch)

    def _with_json(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Return what the fields say with the JSON on it, null in it kept as null."""
        said = self.cleaned_data.get("patch", {})
        for one, other in (("expr", "strategy"), ("universe", "symbol")):
            if said.get(one) is not None:
                fields.pop(other, None)
            elif said.get(other) is not None:
                fields.pop(one, None)
        rule = said.get("strategy")
        if isinstance(rule, Mapping) and "name" in rule:
            fields.pop("strategy", None)  # the parameters shown are those of another
        return _laid_over(fields, said)

    def _field_at(self, path: str) -> str | None:
        said = self.cleaned_data.get("patch", {})
        name = super()._field_at(path)
        if path in _paths(said) or (path and said and name is None):
            return "patch"
        return name

    def _words(self, name: str | None, problem: StrategyError) -> str:
        return problem.message if name == "patch" else super()._words(name, problem)

    def request(self) -> dict[str, Any]:
        """Return the patch with the options of the run, as the API takes it."""
        sent = self.cleaned_data
        options = {"name": sent["name"], "notes": sent["notes"]}
        return self.patch() | options | {"force": sent["force"]} | self.named

    def groups(self) -> list[Group]:
        first, second, third = COSTS
        costs = self.rows([first, second], [third, "fraction"])
        words = self.rows(["name"], ["notes"], ["force"])
        return [
            *super().groups(),
            Group("Costs and size", "", costs),
            Group("Name and notes", "", words),
            Group("Any other setting", "", self.rows(["patch"]), is_folded=True),
        ]
