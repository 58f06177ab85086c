"""The wizard of a pipeline: three steps, the dry run, and the start."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from experiments.forms.pipeline import RAILS, STEPS, PipelineForm, values_of
from experiments.models import PipelineRun
from experiments.selectors.limits import budgets
from experiments.selectors.pipeline import caps_of, pipeline_get
from experiments.selectors.pipeline_cost import pipeline_cost
from experiments.services.pipeline import KIND, pipeline_submit
from experiments.services.pipeline_plan import PipelineAsked, pipeline_plan
from experiments.views.run_form import moved
from quantlab.web.appearance import chosen
from quantlab.web.htmx import HtmxHttpRequest, render_page
from quantlab.web.problem import Problem
from strategies.errors import StrategyError
from strategies.market.timeframe import timeframe_named

PAGE = "experiments/pipeline_new.html"
REGION = "experiments/_pipeline_form.html"
REUSED = "There is a pipeline with this plan on the same bars, so it was opened."
CHECK = len(STEPS) + 1  # behind the last step: the dry run
RUN = "run"
DAYS_OF_A_YEAR = 365.25


@dataclass
class Wizard:
    """What was sent, and the step of it that is shown."""

    request: HtmxHttpRequest
    form: PipelineForm
    step: int
    around: PipelineRun | None = None
    is_live: bool = False
    has_changed: bool = False

    @cached_property
    def asked(self) -> PipelineAsked | None:
        """The plan; None while there is none, with why at the fields of the form."""
        sent = self.form.as_sent
        if not sent.is_valid():
            return None
        try:
            return pipeline_plan(model_id=sent.model.name, body=sent.request())
        except (StrategyError, Problem) as exc:
            sent.refuse(exc)
            return None

    def answer(self, go: str) -> HttpResponse:
        """Go to another step, if what was said so far allows it, or run."""
        wanted = CHECK if go == RUN else _number(go) or self.step
        if wanted <= self.step and go != RUN:
            self.step, self.is_live = wanted, True  # nothing was sent to be judged
            return self.show()
        wrong = [] if self.asked else self.form.wrong_steps() or [self.step]
        if wrong and (wanted == CHECK or self.step in wrong):
            self.step = wrong[0] if wanted == CHECK else self.step
            return self.show(422)
        self.step = wanted
        return self._run(self.asked) if go == RUN and self.asked else self.show()

    def _run(self, asked: PipelineAsked) -> HttpResponse:
        if self.request.POST.get("seen") != asked.plan.plan_hash:
            self.has_changed = True
            return self.show()
        submission = pipeline_submit(asked=asked)
        if submission.reused:
            messages.info(self.request, REUSED)
        return moved(self.request, submission.row.get_absolute_url())

    def show(self, status: int = 200) -> HttpResponse:
        asked = self.asked
        self.form.keep_errors_of(self.step)
        context = {
            "form": self.form,
            "elsewhere": self.form.elsewhere,
            "step": self.step,
            "steps": _steps(self.step, asked),
            "carried": self.form.carried(self.step),
            "action": reverse("experiments:pipeline-new"),
            "around": self.around,
            "is_live": self.is_live,
            "is_loosened": "loosened" in self.request.GET,
            "has_changed": self.has_changed,
            "asked": asked,
            "cost": _cost(asked, novice=self.form.novice),
            "meters": _meters(asked),
            "limit": budgets(KIND)[0],
        }
        return render_page(self.request, PAGE, REGION, context=context, status=status)


@require_http_methods(["GET", "POST"])
def pipeline_new(request: HtmxHttpRequest) -> HttpResponse:
    """Show a step; judge it while it is filled in (`?validate`); go on; run it."""
    is_novice = chosen(request, "view") == "novice"
    if request.method != "POST":
        around = _around(request.GET.get("from", ""))
        form = PipelineForm(first=_first(request, around), novice=is_novice)
        step = min(_number(request.GET.get("step", "")) or 1, len(STEPS))
        return Wizard(request, form, step, around).show()
    form = PipelineForm(request.POST, novice=is_novice)
    step = _number(request.POST.get("step", "")) or 1
    wizard = Wizard(request, form, step, _around(request.POST.get("from", "")))
    if "validate" in request.GET:
        wizard.is_live = True
        return wizard.show()
    return wizard.answer(request.POST.get("go", ""))


def _around(pipeline_id: str) -> PipelineRun | None:
    return pipeline_get(pipeline_id) if pipeline_id else None


def _first(request: HttpRequest, around: PipelineRun | None) -> dict[str, Any]:
    """Return first values: of a pipeline that was run, or of a link."""
    if around is None:
        named = ("model_id", "universe", "timeframe")
        return {key: request.GET[key] for key in named if request.GET.get(key)}
    values = values_of(around.plan, around.universe, around.sweep)
    if "loosened" in request.GET:
        values |= loosened(around.leaderboard)
    return values


def loosened(leaderboard: list[dict[str, Any]]) -> dict[str, str]:
    """Return the limits that the best configuration missed, as it would just meet them.

    What is not known of it cannot be met, so that is not asked.
    """
    found = {}
    for verdict in leaderboard[0]["verdicts"] if leaderboard else ():
        if verdict["key"] in RAILS and verdict["status"] != "pass":
            found[verdict["key"]] = _just_met(verdict["key"], verdict["value"])
    return found


def _just_met(key: str, value: float | None) -> str:
    if value is None:
        return ""
    toward = math.floor if key.startswith("min_") else math.ceil
    return f"{toward(value * 1000) / 1000:g}"


def _number(text: str) -> int:
    """Return the number of a step; 0 for a text that is none."""
    return int(text) if text in {str(n) for n in range(1, CHECK + 1)} else 0


def _steps(step: int, asked: PipelineAsked | None) -> list[dict[str, Any]]:
    """Return the steps as they stand, those behind with what was said in them."""
    said = _said(asked) if asked else {}
    return [
        {
            "number": number,
            "title": title,
            "words": said.get(number, "") if number < step else "",
            "state": "done" if number < step else "now" if number == step else "",
        }
        for number, title in enumerate(STEPS, start=1)
    ]


def _said(asked: PipelineAsked) -> dict[int, str]:
    plan, rails = asked.plan, asked.plan.guardrails.model_dump(exclude_none=True)
    n_limits = len([key for key in rails if key in RAILS])
    bars = timeframe_named(plan.timeframe).words
    return {
        1: f"{_of(len(plan.symbols), 'symbol')}, {bars}, {_of(plan.days, 'day')}",
        2: _of(len(plan.grid), "configuration"),
        3: _of(n_limits, "limit"),
    }


def _of(n: int, word: str) -> str:
    return f"{n:,} {word}{'' if n == 1 else 's'}"


def _cost(asked: PipelineAsked | None, *, novice: bool) -> dict[str, Any] | None:
    """Return what the dry run of the API says, in the words of this reader."""
    if asked is None:
        return None
    cost = pipeline_cost(asked.plan, universe=asked.universe, sweep=asked.sweep)
    error = math.sqrt(DAYS_OF_A_YEAR / asked.plan.days)
    return cost | {
        "words": cost["said"]["novice" if novice else "expert"],
        "error": error,  # of the Sharpe ratio of a year, near zero
    }


def _meters(asked: PipelineAsked | None) -> list[dict[str, Any]]:
    """Return how much of each cap a plan takes."""
    return [
        {
            "label": one["key"].capitalize(),
            "used": one["used"],
            "most": one["value"],
            "share": f"{one['used'] / one['value']:.4f}",
        }
        for one in (caps_of(asked.plan) if asked else ())
    ]
