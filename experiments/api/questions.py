"""The one answer to every question that a quick job looks into."""

from collections.abc import Callable
from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpResponse
from ninja import Schema, Status

from experiments.api.submission import finishes
from experiments.selectors.questions import Question
from experiments.services.questions import question_ask, question_failed
from jobs.models import JobStatus
from quantlab.web.problem import Problem

WAIT_S = 2.0
# `description` of an operation that answers so.
SOON = "Answers within two seconds, or with 202 and the job that finds it out."


class UnderWayOut(Schema):
    job_id: str
    status: str
    links: dict[str, str]


async def answered(
    response: HttpResponse,
    ask: Callable[[], Question],
    shown: Callable[[dict[str, Any]], dict[str, Any]] = dict,
) -> Any:
    """Answer with what is known; else wait a little for the job that finds it out.

    `ask` returns the question as it is now, `shown` makes the answer's document of what
    was found.
    """
    question = await sync_to_async(ask)()
    found = await sync_to_async(question.answer)()
    if found is None:
        job = await sync_to_async(question_ask)(question=question)
        await finishes(job.pk, WAIT_S)
        await job.arefresh_from_db()
        if job.status == JobStatus.FAILED:
            raise question_failed(job)
        found = await sync_to_async(_again)(ask)
        if found is None:
            links = {"job": f"/api/jobs/{job.pk}"}
            response["Location"], response["Retry-After"] = links["job"], "1"
            return Status(202, {"job_id": job.pk, "status": job.status, "links": links})
    if found.get("refusal"):
        raise Problem(status=422, **found["refusal"])
    return Status(200, await sync_to_async(shown)(found))


def _again(ask: Callable[[], Question]) -> dict[str, Any] | None:
    return ask().answer()
