"""The rule by which files of runs make room: what it means today, and applying it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods

from experiments.forms.retention import RetentionForm
from experiments.selectors.retention import (
    removals_newest,
    retention_plan,
    retention_rule,
)
from experiments.services.retention import retention_request, retention_rule_set
from quantlab.web.htmx import asks_for_body, body_answer
from quantlab.web.problem import Problem

PAGE = "experiments/retention.html"
NOT_OF_A_RULE = ("csrfmiddlewaretoken", "action", "plan")


@require_http_methods(["GET", "POST"])
def retention(request: HttpRequest) -> HttpResponse:
    """Show a rule and whose files it has go; keep it, or apply what was shown."""
    if asks_for_body(request):
        return body_answer(request, RetentionForm(request.POST))
    if request.method == "POST":
        return _ACTIONS.get(request.POST.get("action", ""), _looked_at)(request)
    known = RetentionForm.said(retention_rule())
    asked = request.GET if any(key in known for key in request.GET) else known
    return _show(request, RetentionForm(asked))


def _looked_at(request: HttpRequest) -> HttpResponse:
    """Move to the address that shows what the rule means, and changes nothing."""
    return redirect(f"{reverse('experiments:retention')}?{_query(request.POST)}")


def _kept(request: HttpRequest) -> HttpResponse:
    form = RetentionForm(request.POST)
    if form.is_valid():
        nightly = form.cleaned_data["nightly"]
        try:
            retention_rule_set(rule=form.rule(), nightly=nightly)
        except Problem as problem:
            form.refuse(problem)
        else:
            messages.success(request, "Kept. Nothing was removed yet.")
            return redirect("experiments:retention")
    return _show(request, form, status=422)


def _applied(request: HttpRequest) -> HttpResponse:
    form = RetentionForm(request.POST)
    if not form.is_valid():
        return _show(request, form, status=422)
    try:
        removal = retention_request(rule=form.rule(), seen=request.POST.get("plan", ""))
    except Problem as problem:
        messages.warning(request, f"{problem.message} {problem.advice}")
        return _looked_at(request)
    if removal is None:
        messages.info(request, "There is nothing to remove.")
        return _looked_at(request)
    return redirect(removal.job)


_ACTIONS = {"keep": _kept, "apply": _applied}


def _show(request: HttpRequest, form: RetentionForm, status: int = 200) -> HttpResponse:
    plan = retention_plan(form.rule()) if form.is_valid() else None
    context: dict[str, Any] = {
        "form": form,
        "plan": plan,
        "shown": plan.items if plan else (),
        "removals": removals_newest(),
        "rule": retention_rule(),
    }
    return render(request, PAGE, context, status=status)


def _query(sent: QueryDict) -> str:
    """Return what was sent as an address says it, empty fields too."""
    said = {key: str(value) for key, value in sent.items()}
    return urlencode({k: v for k, v in said.items() if k not in NOT_OF_A_RULE})
