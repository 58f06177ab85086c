"""The one answer to every request to run something: 202, or 200 when it is there."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse
from ninja import Status

from experiments.api.schemas import RunOut
from experiments.selectors.limits import budgets
from experiments.selectors.runs import run_document, run_get
from experiments.services.budgets import budget_headers
from experiments.services.runs import Submission
from jobs.models import Job
from jobs.repositories import STATUSES

MAX_WAIT_S = 20
POLL_S = 0.03

RESPONSES = {200: RunOut, 202: RunOut}
# `openapi_extra` of an operation that answers so.
PREFERENCE: dict[str, Any] = {
    "parameters": [
        {
            "in": "header",
            "name": "Prefer",
            "required": False,
            "schema": {"type": "string"},
            "description": f"`wait=N`: up to N ≤ {MAX_WAIT_S} seconds for the result.",
        }
    ],
}


async def submitted(
    request: HttpRequest, response: HttpResponse, submit: Callable[[], Submission]
) -> Any:
    """Answer with the run: 200 when it is an earlier one or finished in time."""
    wait_s = wanted_wait_s(request.headers.get("Prefer", ""))
    if wait_s is None:  # the usual: one thing after the other, in one thread
        return await sync_to_async(lambda: _answer(response, submit()))()
    submission = await sync_to_async(submit)()
    response["Preference-Applied"] = f"wait={wait_s}"
    has_finished = await finishes(submission.run.job_id, wait_s)
    return await sync_to_async(_answer)(response, submission, has_finished)


def _answer(
    response: HttpResponse, submission: Submission, has_finished: bool | None = None
) -> Status:
    """Return the run as it was submitted, or as it is now for who has waited."""
    run = submission.run
    if has_finished is not None:
        run = run_get(run.pk, deleted=True)
    document = run_document(run, reused=submission.reused)
    tell_budget(response, run.job)
    response["Location"] = document["links"]["self"]
    is_there = has_finished or submission.reused
    return Status(
        200 if is_there else 202, document | {"missing": list(submission.missing)}
    )


def tell_budget(response: HttpResponse, job: Job) -> None:
    """Say in headers what is left of what such a job takes of its owner's."""
    for name, value in budget_headers(budgets(job.kind, job.owner)[0]).items():
        response[name] = value


def wanted_wait_s(prefer: str) -> int | None:
    """Return the seconds that a `Prefer` header asks for, at most MAX_WAIT_S."""
    for preference in prefer.split(","):
        name, _, value = preference.partition(";")[0].partition("=")
        seconds = value.strip().strip('"')
        if name.strip().lower() == "wait" and seconds.isascii() and seconds.isdigit():
            return min(int(seconds[:9]), MAX_WAIT_S)
    return None


async def finishes(job_id: str, within_s: float) -> bool:
    """Wait for the end of a job without holding a thread; False if it takes longer."""
    deadline = time.monotonic() + within_s
    while not await STATUSES.has_ended(job_id):
        if time.monotonic() >= deadline:
            return False
        await asyncio.sleep(POLL_S)
    return True
