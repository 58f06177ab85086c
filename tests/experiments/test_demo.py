"""The demo: five real runs, two searches and a pipeline, once in the life of a lab."""

from __future__ import annotations

import pytest

from experiments.models import (
    ModelExperiment,
    ModelRun,
    PipelineRun,
    StrategySnapshot,
)
from experiments.selectors.demo import demo_run, demo_shown, demo_written
from experiments.services.demo import (
    WRITTEN,
    demo_create,
    demo_exists,
    demo_keep,
    demo_remove,
)
from experiments.services.runs import run_delete
from experiments.services.trash import trash_undo
from jobs.models import Job, JobStatus
from strategies.market.builtin import install_builtin
from tests.experiments.pipelines import run_through
from tests.experiments.rows import add_trial, plain_experiment
from tests.factories import do_run

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True, scope="module")
def _real_bars():
    install_builtin()


def test_it_waits_for_the_worker_as_any_run_does():
    experiment = demo_create()

    assert experiment is not None
    assert experiment.is_demo
    assert experiment.hypothesis["planned_trials"] == 269
    runs = experiment.runs.order_by("created_at")
    *backtests, sweep, walk, written = runs
    assert (walk.kind, walk.search["test_bars"]) == ("walk_forward", 250)
    assert sweep.search["axes"] == ["fast", "slow"]
    configs = [run.config for run in backtests]
    assert [config["strategy"]["name"] for config in configs] == [
        "sma_cross",
        "sma_cross",
        "rsi_reversion",
        "buy_and_hold",
    ]
    configs.append(written.config)
    assert written.config["expr"] == WRITTEN["expr"]
    assert {config["symbol"] for config in configs} == {"SP500"}
    costs = [config["execution"] for config in configs]
    assert {(c["commission_bps"], c["slippage_bps"]) for c in costs} == {(5.0, 5.0)}
    assert Job.objects.filter(status=JobStatus.QUEUED).count() == 8


def test_the_first_run_is_the_question_itself():
    experiment = demo_create()

    params = demo_run(experiment).config["strategy"]["params"]
    assert (params["fast"], params["slow"]) == (20, 50)


def test_it_is_made_once():
    demo_create()

    assert demo_create() is None
    assert ModelExperiment.objects.count() == 1
    assert ModelRun.objects.count() == 7


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


def page(client, address):
    return client.get(address).content.decode()


def test_its_expression_is_kept_when_its_run_is_done(client):
    experiment = demo_create()
    written = demo_written(experiment)
    assert "It is kept as soon as its run is done" in page(client, "/")
    assert "The first strategy is being computed" in page(client, "/strategies")
    do_run(written)

    [kept] = StrategySnapshot.objects.all()
    assert (kept.run_id, kept.name) == (written.pk, WRITTEN["name"])
    assert kept.sharpe is not None
    assert Job.objects.filter(kind="strategy_sheet", status=JobStatus.QUEUED).exists()
    assert kept.get_absolute_url() in page(client, "/")
    assert WRITTEN["name"] in page(client, "/strategies")

    demo_keep(written.job_id)  # told twice: nothing more
    moment = demo_remove()
    kept.refresh_from_db()
    assert kept.deleted_at == moment
    assert trash_undo(moment=moment) == 3
    kept.refresh_from_db()
    assert kept.deleted_at is None


def test_its_pipeline_finds_nothing_in_pure_chance(client):
    demo_create()
    row = PipelineRun.objects.get(is_demo=True)

    found = run_through(row)
    assert "pure chance" in page(client, "/pipeline")

    assert found["status"] == "stopped"
    assert len(found["backtests"]["run_ids"]) == 12
    assert found["training"] is None
    moment = demo_remove()
    assert not ModelRun.objects.filter(deleted_at__isnull=True).exists()
    assert "pure chance" not in page(client, "/pipeline")
    trash_undo(moment=moment)
    assert ModelRun.objects.filter(deleted_at__isnull=True).count() == 19


def test_without_its_runs_there_is_none_to_read():
    experiment = demo_create()
    for run in experiment.runs.all():
        run_delete(run=run)

    assert demo_run(experiment) is None
