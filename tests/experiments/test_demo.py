"""The demo: four real runs, a sweep and a walk-forward, once in the life of a lab."""

from __future__ import annotations

import pytest

from experiments.models import ModelExperiment, ModelRun
from experiments.selectors.demo import demo_run, demo_shown
from experiments.services.demo import demo_create, demo_exists, demo_remove
from experiments.services.runs import run_delete
from jobs.models import Job, JobStatus
from strategies.market.builtin import install_builtin
from tests.experiments.rows import add_trial, plain_experiment

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True, scope="module")
def _real_bars():
    install_builtin()


def test_it_waits_for_the_worker_as_any_run_does():
    experiment = demo_create()

    assert experiment is not None
    assert experiment.is_demo
    assert experiment.hypothesis["planned_trials"] == 268
    runs = experiment.runs.order_by("created_at")
    *backtests, sweep, walk = runs
    assert (walk.kind, walk.search["test_bars"]) == ("walk_forward", 250)
    assert sweep.search["axes"] == ["fast", "slow"]
    configs = [run.config for run in backtests]
    assert [config["strategy"]["name"] for config in configs] == [
        "sma_cross",
        "sma_cross",
        "rsi_reversion",
        "buy_and_hold",
    ]
    assert {config["symbol"] for config in configs} == {"SP500"}
    costs = [config["execution"] for config in configs]
    assert {(c["commission_bps"], c["slippage_bps"]) for c in costs} == {(5.0, 5.0)}
    assert Job.objects.filter(status=JobStatus.QUEUED).count() == 6


def test_the_first_run_is_the_question_itself():
    experiment = demo_create()

    params = demo_run(experiment).config["strategy"]["params"]
    assert (params["fast"], params["slow"]) == (20, 50)


def test_it_is_made_once():
    demo_create()

    assert demo_create() is None
    assert ModelExperiment.objects.count() == 1
    assert ModelRun.objects.count() == 6


def test_a_lab_with_experiments_of_its_own_gets_it_too():
    plain_experiment()

    assert not demo_exists()
    assert demo_create() is not None


def test_a_removed_demo_does_not_come_back():
    demo_create()

    assert demo_remove()
    assert not demo_remove()
    assert demo_shown() is None
    assert demo_create() is None
    assert not ModelRun.objects.filter(deleted_at__isnull=True).exists()


def test_removing_it_calls_off_what_still_waits_and_keeps_its_trials():
    demo_create()
    before = add_trial("a")

    demo_remove()

    assert not Job.objects.filter(status=JobStatus.QUEUED).exists()
    assert add_trial("b").seq == before.seq + 1


def test_without_its_runs_there_is_none_to_read():
    experiment = demo_create()
    for run in experiment.runs.all():
        run_delete(run=run)

    assert demo_run(experiment) is None
