"""The call behind every form: where the API takes it, and the body that it sends.

A form says its body itself (`BodyForm.request`), and its page asks the service for just
that; here stands only which door of the API is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import quote

from django import forms
from django.http import HttpRequest

from experiments.forms.dataset_build import DatasetForm
from experiments.forms.experiment import ExperimentForm
from experiments.forms.expression import ExpressionForm
from experiments.forms.generate import GenerateForm
from experiments.forms.pipeline import PipelineForm
from experiments.forms.run import RunForm
from experiments.forms.sweep import SweepForm
from experiments.forms.validation import ValidationForm
from experiments.forms.walk_forward import WalkForm
from experiments.views.calls import WAIT_S, Call, calls_from
from quantlab.web.forms import BodyForm

EXPERIMENTS = "/api/model-lab/experiments"
EXPERIMENT = f"{EXPERIMENTS}/{{experiment_id}}"
CHANGES = "Of the settings it says what is changed; null removes one."


@dataclass(frozen=True, slots=True)
class FormDoor:
    """Where the API takes what a form of a page sends; its path has both in braces.

    `is_judged` is a form that is looked at while it is filled in, `starts` one that
    starts work.
    """

    page: str
    form: type[BodyForm]
    path: str
    method: str = "POST"
    words: str = ""
    is_judged: bool = False
    starts: bool = False
    sends: str = ""  # a file beside the fields


work = partial(FormDoor, is_judged=True, starts=True)

FORMS: tuple[FormDoor, ...] = (
    work("experiments:run-new", RunForm, f"{EXPERIMENT}/run", words=CHANGES),
    work("experiments:run-rerun", RunForm, "/api/runs/{run_id}/rerun", words=CHANGES),
    work("experiments:preset-run", RunForm, "/api/backtest", words=CHANGES),
    work("experiments:expression", ExpressionForm, "/api/backtest"),
    work("experiments:walk-new", WalkForm, f"{EXPERIMENT}/walk-forward"),
    work("experiments:sweep-new", SweepForm, f"{EXPERIMENT}/param-sweep"),
    work("experiments:generate-new", GenerateForm, "/api/jobs/train"),
    work("experiments:run-validate", ValidationForm, "/api/runs/{run_id}/validate"),
    work("experiments:run-detail", ValidationForm, "/api/runs/{run_id}/validate"),
    work(
        "experiments:pipeline-new", PipelineForm, "/api/models/{model_id}/pipeline/run"
    ),
    work("experiments:dataset-new", DatasetForm, "/api/models/dataset/build"),
    FormDoor("experiments:experiment-new", ExperimentForm, EXPERIMENTS, is_judged=True),
    FormDoor(
        "experiments:preset-experiment", ExperimentForm, EXPERIMENTS, is_judged=True
    ),
)


@dataclass(frozen=True, slots=True)
class Sent:
    """What a form sends as it is filled in now, and what stands in its way."""

    call: Call
    path: str
    words: str
    complaints: list[tuple[str, str]] = field(default_factory=list)
    asks: str = ""  # where the drawer asks for it anew; "" where it is told


def form_calls(request: HttpRequest) -> dict[str, Callable[..., Sent | None]]:
    """Context processor: `sent_by`, what a form sends (templatetags/form_call)."""
    return {"sent_by": partial(sent_by, request)}


def sent_by(request: HttpRequest, form: forms.BaseForm | None) -> Sent | None:
    """Return what the form of a page sends; None where the API has no such door."""
    door = door_of(request, form)
    if door is None or not isinstance(form, BodyForm) or request.resolver_match is None:
        return None
    place = {**request.resolver_match.kwargs, **form.place()}
    path = door.path.format(**{k: quote(str(v), safe="") for k, v in place.items()})
    [call] = calls_from(request, [_facts(door, path, form.so_far())])
    asks = "" if door.is_judged else _asks(request)
    return Sent(call, path, door.words, form.complaints(), asks)


def door_of(request: HttpRequest, form: forms.BaseForm | None) -> FormDoor | None:
    page = request.resolver_match and request.resolver_match.view_name
    known = (door for door in FORMS if door.page == page)
    return next((door for door in known if isinstance(form, door.form)), None)


def _facts(door: FormDoor, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": "form",
        "title": "What this form sends",
        "words": door.words,
        "address": path,
        "method": door.method,
        "body": dict(body),
        "wait": WAIT_S if door.starts else 0,
        "sends": door.sends,
    }


def _asks(request: HttpRequest) -> str:
    query = request.GET.copy()
    query["body"] = "1"
    return f"{request.path}?{query.urlencode()}"
