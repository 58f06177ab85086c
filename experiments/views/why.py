"""Why a trade happened: a page of its own for every fill of a run."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.views.decorators.http import require_GET

from experiments.selectors.runs import run_document, run_get
from experiments.selectors.why import traded, why_document, why_question
from experiments.services.questions import question_ask
from jobs.models import JobStatus
from quantlab.web.htmx import HtmxHttpRequest, render_page

PAGE = "experiments/trade_why.html"
REGION = "experiments/_trade_why.html"


@require_GET
def trade_why(request: HtmxHttpRequest, run_id: UUID, n: int) -> HttpResponse:
    """Show what decided fill `n`, and have it looked for where nobody did yet."""
    run = run_get(run_id)
    question = why_question(run, n)
    fill, found = traded(run, n), question.answer()
    job = None if found else question_ask(question=question, page=request.path)
    is_known = found is not None and not found["refusal"]
    context = {
        "run": run_document(run),
        "fill": fill,
        "why": why_document(run, fill, found) if found and is_known else None,
        "refusal": found["refusal"] if found else None,
        "job": job,
        "has_failed": job is not None and job.status == JobStatus.FAILED,
        "url": request.path,
        "api": f"/api/runs/{run.pk}/trades/{n}/explain",
    }
    return render_page(request, PAGE, REGION, context=context)
