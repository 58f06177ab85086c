"""Have a question answered by a quick job."""

from __future__ import annotations

from django.db import transaction

from experiments.selectors.questions import Question
from jobs.models import ACTIVE, Job
from jobs.queue import enqueue
from quantlab.web.problem import Problem


@transaction.atomic
def question_ask(*, question: Question, page: str = "") -> Job:
    """Return the job that answers, a new one unless it is at work.

    `page` says where it was asked, for a question without a page of its own.
    """
    if refusal := question.refusal():
        raise refusal
    latest = question.latest_job()
    if latest and latest.status in ACTIVE:
        return latest
    return enqueue(
        question.kind,
        title=question.title[:200],
        page=page or question.page,
        run_id=question.run_id,
        **question.payload,
    )


def question_failed(job: Job) -> Problem:
    """Return why there is no answer, as the job says it."""
    error = job.error or {}
    return Problem(
        status=503,
        code=f"{job.kind}_failed",
        message=error.get("message") or "The answer could not be computed.",
        advice=error.get("advice") or "Ask once more.",
        next_steps=[f"GET /api/jobs/{job.pk}/log"],
    )
