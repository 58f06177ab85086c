"""The expression editor: a text judged while it is typed, run, its result below."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import push_url, retarget, trigger_client_event

from experiments.forms.expression import ExpressionForm
from experiments.models import ModelRun
from experiments.selectors.expression_questions import question_of
from experiments.selectors.expressions import completions
from experiments.selectors.plan import run_plan
from experiments.selectors.runs import run_document, run_get
from experiments.selectors.strategies import saved_as
from experiments.selectors.strategy_checks import run_checks
from experiments.services.questions import question_ask
from experiments.services.runs import run_request
from experiments.views.run_tabs import summary_tab
from jobs.models import JobStatus
from jobs.views import job_state
from quantlab.web.appearance import chosen
from quantlab.web.htmx import HtmxHttpRequest, render_page
from quantlab.web.problem import Problem
from strategies import RunConfig
from strategies.errors import StrategyError
from strategies.features.starter import STARTERS

PAGE = "experiments/expression.html"
FORM = "experiments/_expression_form.html"
RESULT = "experiments/_expression_result.html"
COMPLETE = "experiments/_expression_complete.html"
LEAKS_PAGE = "experiments/expression_leaks.html"
LEAKS = "experiments/_expression_leaks.html"
ASKED = ("expr", "provider", "universe", "start", "end")
EXAMPLES = ("reversal_rank", "momentum_rank", "mean_reversion", "steady_momentum")


@require_http_methods(["GET", "POST"])
def expression(request: HtmxHttpRequest) -> HttpResponse:
    """Show the editor (GET), with a run's text and result; judge or run it (POST)."""
    make = partial(ExpressionForm, novice=chosen(request, "view") == "novice")
    changed = _asked_run(request)
    if changed is not None:  # its settings that the form does not show are kept
        base = RunConfig(**changed.config)
        make = partial(make, base=base, experiment_id=changed.experiment_id)
    shown = partial(_shown, request, changed=changed)
    if request.method != "POST":
        asked = {key: request.GET[key] for key in ASKED if request.GET.get(key)}
        return shown(make(asked=asked), run=changed)
    sent = request.POST.dict()
    if "write" in sent or "choose" in sent:  # a browser without script
        return shown(make(asked=sent | {"expr": _written(sent)}))
    form = make(sent)
    if "validate" in request.GET:
        form.is_valid()
        form.forgive_blanks()
        return shown(form, is_live=True)
    return _launched(request, form, changed)


def _written(sent: dict[str, str]) -> str:
    return sent.get("write") or sent.get("expr", "")


def _asked_run(request: HtmxHttpRequest) -> ModelRun | None:
    """Return the run that is shown or changed; 404 for one that is of no expression."""
    run_id = request.POST.get("run") or request.GET.get("run")
    if not run_id:
        return None
    run = run_get(run_id)
    if not run.config.get("expr"):
        raise Problem(status=404, message="This run is of no expression.")
    return run


def _launched(
    request: HtmxHttpRequest, form: ExpressionForm, changed: ModelRun | None
) -> HttpResponse:
    """Run it; the result takes its place below, and what was typed stays.

    A run that is `changed` hands its experiment on.
    """
    if form.is_valid():
        form.refuse_unseen()
    if form.is_valid():
        try:
            run = run_request(body=form.request()).run
        except StrategyError as exc:
            form.refuse(exc)
        else:
            return _started(request, run)
    return _shown(request, form, changed=changed, status=422)


def _started(request: HtmxHttpRequest, run: ModelRun) -> HttpResponse:
    address = f"{reverse('experiments:expression')}?run={run.pk}"
    if not request.htmx:
        return redirect(f"{address}#expression-result")
    response = render(request, RESULT, _result(request, run_get(run.pk)))
    response["HX-Reswap"] = "outerHTML show:top"
    return push_url(retarget(response, "#expression-result"), address)


def _shown(
    request: HtmxHttpRequest,
    form: ExpressionForm,
    *,
    changed: ModelRun | None,
    run: ModelRun | None = None,
    status: int = 200,
    is_live: bool = False,
) -> HttpResponse:
    experiment = changed.experiment if changed else None

    def plan() -> Any:
        config, own = form.settled(), experiment.pk if experiment else None
        return None if config is None else run_plan(config, experiment_id=own)

    def verdict() -> dict[str, Any] | None:
        found = form.verdict()
        return found | _leaks(form.text) if found and found["ok"] else found

    context = {
        "form": form,
        "action": request.path,
        "started_from": changed,
        "experiment": experiment,
        "is_live": is_live,
        "plan": cache(plan),
        "verdict": cache(verdict),
        "examples": [STARTERS[name] for name in EXAMPLES],
        **_result(request, run),
    }
    response = render_page(request, PAGE, FORM, RESULT, context=context, status=status)
    has_ended = run is not None and run.job.is_finished
    return trigger_client_event(response, "run-finished") if has_ended else response


def _leaks(text: str) -> dict[str, Any]:
    """Return whether a text looks ahead, if that is known or being found out."""
    question = question_of("leak_check", text)
    found = question.answer()
    job = None if found else question.latest_job()
    return {
        "leaks": found,
        "is_at_work": job is not None and not job.is_finished,
        "has_failed": job is not None and job.status == JobStatus.FAILED,
    }


def _result(request: HtmxHttpRequest, run: ModelRun | None) -> dict[str, Any]:
    if run is None:
        return {"run": None}
    facts = {"job": run.job, "state": job_state(run.job), "title": run.job.title}
    if run.status == JobStatus.SUCCEEDED:
        saved = {"strategy": saved_as(run), "is_new": True}
        summary = summary_tab(request, run)
        checks = run_checks(run, summary["run"]["honesty"])
        return facts | saved | summary | {"checks": checks}
    return facts | {"run": run_document(run)}


@require_POST
def expression_complete(request: HtmxHttpRequest) -> HttpResponse:
    """List what the name before the caret may become."""
    cursor = request.POST.get("cursor", "")
    place = int(cursor) if cursor.isascii() and cursor.isdigit() else None
    found = completions(request.POST.get("expr", "")[:20_000], place)
    return render_page(request, COMPLETE, COMPLETE, context=found)


@require_http_methods(["GET", "POST"])
def expression_leaks(request: HtmxHttpRequest) -> HttpResponse:
    """Show whether a text looks ahead (GET); have it looked at (POST)."""
    asked = request.POST if request.method == "POST" else request.GET
    expr = asked.get("expr", "")
    question = question_of("leak_check", expr)
    if request.method == "POST" and question.answer() is None:
        question_ask(question=question, page=reverse("experiments:expression"))
    context = {"expr": expr, **_leaks(expr)}
    return render_page(request, LEAKS_PAGE, LEAKS, context=context)
