"""Where a search for expressions begins: on data, or with the settings of a run."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.views.decorators.http import require_http_methods

from experiments.charts.protocol import Protocol, protocol_of
from experiments.forms.generate import FIRST_SEARCH, GenerateForm
from experiments.models import ModelRun, RunKind
from experiments.selectors.generate_cost import GenerateCost, generate_cost
from experiments.selectors.runs import run_get
from experiments.services.generate import train_asked, train_request
from experiments.views.run_form import moved
from quantlab.web.appearance import chosen
from quantlab.web.htmx import HtmxHttpRequest, render_page
from quantlab.web.problem import Problem
from strategies import RunConfig
from strategies.discovery.protocol import ANY_EXPRESSION
from strategies.errors import StrategyError

PAGE = "experiments/generate_new.html"
REGION = "experiments/_generate_form.html"
ASKED = ("provider", "universe", "start", "end", "n")
OF_A_RULE = ("strategy", "expr", "braces")  # what a search finds anew
REUSED = "This search has the same settings, so it was opened."


@require_http_methods(["GET", "POST"])
def generate_new(request: HtmxHttpRequest) -> HttpResponse:
    """Show the form; judge it while it is filled in (`?validate`), or start it."""
    make = partial(_form, request)
    if request.method != "POST":
        asked = {key: request.GET[key] for key in ASKED if request.GET.get(key)}
        return _show(request, make(asked=asked))
    form = make(request.POST.dict())
    if "validate" in request.GET:
        form.is_valid()
        form.forgive_blanks()
        return _show(request, form, is_live=True)
    return _launched(request, form)


def _form(request: HtmxHttpRequest, *args: Any, **options: Any) -> GenerateForm:
    """Return the form, with the settings of the run that `around` names."""
    options["novice"] = chosen(request, "view") == "novice"
    run_id = request.POST.get("around") or request.GET.get("around")
    if not run_id:
        return GenerateForm(*args, base=FIRST_SEARCH, **options)
    run = run_get(run_id)
    kept = {k: v for k, v in run.config.items() if k not in OF_A_RULE}
    base = RunConfig(**kept, expr=ANY_EXPRESSION)
    return GenerateForm(*args, base=base, search=_search_of(run), **options)


def _search_of(run: ModelRun) -> dict[str, Any]:
    return (run.search or {})["plan"] if run.kind == RunKind.GENERATE else {}


def _launched(request: HtmxHttpRequest, form: GenerateForm) -> HttpResponse:
    if form.is_valid():
        form.refuse_unseen()
    if form.is_valid():
        try:
            submission = train_request(body=form.request())
        except StrategyError as exc:
            form.refuse(exc)
        except Problem as exc:  # too many are at work
            form.add_error(None, f"{exc.message} {exc.advice}")
        else:
            if submission.reused:
                messages.info(request, REUSED)
            return moved(request, submission.run.get_absolute_url())
    return _show(request, form, status=422)


def _show(
    request: HtmxHttpRequest,
    form: GenerateForm,
    *,
    status: int = 200,
    is_live: bool = False,
) -> HttpResponse:
    cost = _cost(form)  # first: what stands in its way is told by the form
    context = {
        "form": form,
        "action": request.path,
        "started_from": request.POST.get("around") or request.GET.get("around"),
        "is_live": is_live,
        "cost": cost,
        "diagram": cost and _diagram(cost),
    }
    return render_page(request, PAGE, REGION, context=context, status=status)


def _cost(form: GenerateForm) -> GenerateCost | None:
    """Return what the form would start; None while it cannot be started."""
    sent = form.as_sent
    if not sent.is_valid() or sent.config is None:
        return None
    try:
        _, plan = train_asked(sent.request())
        return generate_cost(plan)
    except StrategyError as exc:
        sent.refuse(exc)
        return None


def _diagram(cost: GenerateCost) -> Protocol:
    return protocol_of([(one["kind"], one["n_bars"]) for one in cost.stretches()])
