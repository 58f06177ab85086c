"""What a careful colleague would say of a run, as a tab of its page."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from experiments.models import ModelRun
from experiments.selectors.critic import critic_of, critic_question
from experiments.services.questions import question_ask
from jobs.models import JobStatus


def critic_tab(request: HttpRequest, run: ModelRun) -> dict[str, Any]:
    """Return the remarks on a run, and have its files read where nobody did yet."""
    question = critic_question(run)
    found = question.answer()
    if found is not None:
        return {"critic": critic_of(run, found)}
    reader = question_ask(question=question)
    has_failed = reader.status == JobStatus.FAILED
    return {"critic": None, "reader": reader, "has_failed": has_failed}
