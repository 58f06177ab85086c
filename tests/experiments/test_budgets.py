"""Budgets: what everyone may ask for, said before, refused in words, reset at night."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from experiments.selectors.limits import A_DAY, CALLED, PER_DAY, budgets
from experiments.services.budgets import OverBudget, budget_headers, work_enqueue
from jobs.models import Job
from jobs.registry import kind_named
from tests.jobs.rows import make_job

pytestmark = pytest.mark.django_db
CONFIG = {"symbol": "SYN-gbm-1", "provider": "synthetic", "start": "2011-01-03"}
RULE = {"strategy": {"name": "sma_cross"}, "end": "2012-01-03"}


def left(kind: str, owner: str = "") -> dict[str, int | None]:
    return {limit.key: limit.remaining for limit in budgets(kind, owner)}


def test_what_is_left_counts_work_of_this_owner_kind_and_day(settings):
    settings.QUANT_OWN_JOBS, settings.QUANT_TRAININGS_A_DAY = 100, 20
    make_job("running", kind="model_training")
    make_job("succeeded", kind="model_training")
    make_job("queued", kind="sweep")
    make_job("queued", kind="picture", quick=True)  # a page asks for these
    make_job("queued", kind="model_training", owner="somebody else")
    night = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    make_job("failed", kind="model_training", created_at=night)
    before = night - timedelta(microseconds=1)
    make_job("failed", kind="model_training", created_at=before)
    allowed = kind_named("model_training").max_running_per_owner

    assert left("model_training") == {
        "jobs": 98,
        "trainings": allowed - 1,
        "trainings_a_day": 17,
    }
    assert left("sweep") == {"jobs": 98}
    assert left("model_training", "nobody")["trainings_a_day"] == 20
    tightest, *_ = budgets("model_training")
    assert tightest.key == "trainings"
    assert all(kind_named(kind).max_running_per_owner for kind in ("generate",))
    assert set(PER_DAY) <= set(CALLED)


def test_a_day_that_is_used_up_says_when_it_begins_anew(settings):
    settings.QUANT_TRAININGS_A_DAY = 2
    for _ in range(3):  # the setting was lowered meanwhile
        make_job("succeeded", kind="model_training")

    with pytest.raises(OverBudget) as refused:
        work_enqueue("model_training")

    problem = refused.value
    tomorrow = timezone.now() + timedelta(seconds=problem.retry_after_s)
    assert (problem.status, problem.code) == (429, f"too_many_trainings{A_DAY}")
    assert 1 <= problem.retry_after_s <= 24 * 3600
    assert (tomorrow + timedelta(seconds=1)).hour == 0
    assert "3 of 2 trainings were begun today" in problem.message
    assert "anew at 00:00 UTC, in" in problem.advice
    assert problem.headers["RateLimit-Remaining"] == "0"
    assert Job.objects.count() == 3  # nothing was queued
    assert work_enqueue("model_training", owner="another").owner == "another"


def test_doors_say_what_is_left_and_refuse_with_what_to_do(client, settings):
    settings.QUANT_OWN_JOBS = 2
    body = CONFIG | RULE

    def ask(n: int):
        body["seed"] = n
        return client.post("/api/backtest", body, content_type="application/json")

    answers = [ask(n) for n in range(3)]

    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert [one["RateLimit-Remaining"] for one in answers] == ["1", "0", "0"]
    assert {one["RateLimit-Limit"] for one in answers} == {"2"}
    refused = answers[2]
    assert refused["Retry-After"] == refused["RateLimit-Reset"]
    error = refused.json()["error"]
    assert error["code"] == "too_many_jobs"
    assert "cancel one" in error["advice"]
    assert "GET /api/config/limits" in error["next_steps"]
    [limit] = [
        one
        for one in client.get("/api/config/limits").json()["items"]
        if one["key"] == "jobs"
    ]
    assert (limit["value"], limit["used"], limit["remaining"]) == (2, 2, 0)
    assert "trainings_a_day" in client.get("/settings").content.decode()
    again = client.post("/api/backtest", body | {"seed": 0}, "application/json")
    assert again.status_code == 200  # what is there costs nothing
    assert budget_headers(budgets("backtest")[0])["RateLimit-Reset"] == "10"
