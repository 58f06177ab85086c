"""The call behind every form: where the API takes it, and the body that it sends.

A form says its body itself (`BodyForm.request`), and its page asks the service for just
that; here stands only which door of the API is the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

from django import forms
from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest

from experiments.views.calls import WAIT_S, Call, calls_from
from quantlab.web.forms import BodyForm

EXPERIMENTS = "/api/model-lab/experiments"
EXPERIMENT = f"{EXPERIMENTS}/{{experiment_id}}"
ONCE = "The key stands in the answer, this once."
JUDGED = "With dry_run it is looked at only; without, taken in."
KEPT = "It keeps the rule; nothing is removed by it."
CHANGES = "Of the settings it says what is changed; null removes one."


@dataclass(frozen=True, slots=True)
class FormDoor:
    """Where the API takes what the form of a page sends.

    The path has in braces what the address of the page has, and `form.place()`.
    """

    path: str
    method: str = "POST"
    words: str = ""
    is_judged: bool = False  # while it is filled in
    starts: bool = False  # work, which can be waited for
    sends: str = ""  # a file beside the fields
    form_id: str = "sent-form"


worded = partial(FormDoor, method="PATCH", form_id="words")
work = partial(FormDoor, is_judged=True, starts=True)
ordered = partial(FormDoor, starts=True)

FORMS: dict[str, FormDoor] = {
    "experiments:run-new": work(f"{EXPERIMENT}/run", words=CHANGES),
    "experiments:run-rerun": work("/api/runs/{run_id}/rerun", words=CHANGES),
    "experiments:preset-run": work("/api/backtest", words=CHANGES),
    "experiments:expression": work("/api/backtest"),
    "experiments:sweep-new": work(f"{EXPERIMENT}/param-sweep"),
    "experiments:walk-new": work(f"{EXPERIMENT}/walk-forward"),
    "experiments:generate-new": work("/api/jobs/train"),
    "experiments:run-validate": work("/api/runs/{run_id}/validate"),
    "experiments:run-detail": work("/api/runs/{run_id}/validate"),
    "experiments:pipeline-new": work("/api/models/{model_id}/pipeline/run"),
    "experiments:dataset-new": work("/api/models/dataset/build"),
    "experiments:model-train": ordered("/api/models/{model_id}/train"),
    "experiments:dataset-fetch": ordered("/api/datasets/fetch"),
    "experiments:dataset-upload": FormDoor(
        "/api/datasets/upload", words=JUDGED, sends="bars.csv"
    ),
    "experiments:import": FormDoor("/api/import", words=JUDGED, sends="archive.zip"),
    "experiments:experiment-new": FormDoor(EXPERIMENTS, is_judged=True),
    "experiments:preset-experiment": FormDoor(EXPERIMENTS, is_judged=True),
    "experiments:experiment-words": worded(EXPERIMENT),
    "experiments:run-words": worded("/api/runs/{run_id}"),
    "experiments:strategy-words": worded("/api/strategies/{expr_hash}"),
    "experiments:preset-new": FormDoor("/api/presets"),
    "experiments:preset-name": FormDoor("/api/presets/{kind}/{name}", "PATCH"),
    "experiments:watchlist-new": FormDoor("/api/watchlists"),
    "experiments:watchlist-detail": FormDoor("/api/watchlists/{watchlist_id}", "PUT"),
    "experiments:retention": FormDoor("/api/system/retention", "PUT", words=KEPT),
    "experiments:share": FormDoor("/api/share/{kind}/{key}", "PUT"),
    "experiments:broker": FormDoor("/api/broker/orders"),
    "key-list": FormDoor("/api/keys", words=ONCE),
}


@dataclass(frozen=True, slots=True)
class Sent:
    """What a form sends as it is filled in now, and what stands in its way."""

    call: Call
    door: FormDoor
    path: str
    complaints: list[tuple[str, str]]
    asks: str = ""  # where the drawer asks for it anew; "" where it is told


def form_calls(request: HttpRequest) -> dict[str, Callable[..., Sent | None]]:
    """Context processor: `sent_by`, what a form sends (templatetags/form_call)."""
    return {"sent_by": partial(sent_by, request)}


def sent_by(request: HttpRequest, form: forms.BaseForm | None) -> Sent | None:
    """Return what the form of a page sends; None where the API has no such door."""
    at = request.resolver_match
    door = FORMS.get(at.view_name) if at else None
    if at is None or door is None or not isinstance(form, BodyForm):
        return None
    place = {**at.kwargs, **form.place()}
    path = door.path.format(**{k: quote(str(v), safe="") for k, v in place.items()})
    body = json.loads(DjangoJSONEncoder().encode(form.so_far()))
    [call] = calls_from(request, [_facts(door, path, body)])
    asks = "" if door.is_judged else _asks(request)
    return Sent(call, door, path, form.complaints(), asks)


def _facts(door: FormDoor, path: str, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": "form",
        "title": "What this form sends",
        "words": door.words,
        "address": path,
        "method": door.method,
        "body": body,
        "wait": WAIT_S if door.starts else 0,
        "sends": door.sends,
    }


def _asks(request: HttpRequest) -> str:
    query = request.GET.copy()
    query["body"] = "1"
    return f"{request.path}?{query.urlencode()}"
