"""Writes: what is queued, what is reused, what is refused, what can be undone."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from experiments.models import ModelExperiment, ModelRun
from experiments.selectors.runs import run_get
from experiments.services.experiments import (
    experiment_config,
    experiment_create,
    experiment_delete,
    experiment_restore,
    experiment_run,
    experiment_update,
)
from experiments.services.runs import (
    data_version,
    run_cancel,
    run_delete,
    run_request,
    run_rerun,
    run_restore,
    run_submit,
    run_update,
    split_request,
)
from jobs import lease
from jobs.models import Job, JobStatus
from quantlab.web.problem import Problem
from strategies import RunConfig
from strategies.errors import ConfigError, StrategyError
from strategies.library.resolve import resolve, resolve_window
from tests.experiments.rows import plain_experiment, plain_run
from tests.factories import CONFIG

pytestmark = pytest.mark.django_db

QUESTION = {
    "name": "Trend",
    "model_key": "sma_cross",
    "params": {"fast": 5},
    "provider": "synthetic",
    "universe": ["SYN-gbm-1"],
}


def submit(changes=None, **options):
    return run_submit(config=RunConfig(**CONFIG).with_changes(changes or {}), **options)


def end(run: ModelRun, status: JobStatus) -> None:
    """Let the run's job be claimed and end so."""
    assert lease.claim(run.job_id, "me")
    assert lease.finish(run.job_id, "me", status)


def problems_of(error: ConfigError) -> list[tuple[str, str]]:
    return [(problem.field, problem.code) for problem in error.problems]


class TestSubmit:
    def test_a_run_is_queued_with_its_settled_config(self):
        submission = submit({"end": None}, name="SMA 5/20", tags=["a", "b", "a"])
        run = submission.run

        settled = resolve_window(resolve(RunConfig(**CONFIG | {"end": None})))
        assert not submission.reused
        assert run.status == JobStatus.QUEUED
        assert run.config == settled.document()
        assert run.config["strategy"]["params"]["direction"] == "long"
        assert isinstance(run.config["end"], int)  # all there is, written down
        assert run.config_hash == settled.config_hash
        assert run.run_hash == settled.run_hash
        assert run.tags == ["a", "b"]
        assert (run.data_fingerprint, run.metrics, run.ppy) == ("", {}, None)
        job = run.job
        assert (job.kind, job.run_id, job.title) == ("backtest", str(run.pk), run.name)
        assert job.page == f"/model-lab/runs/{run.pk}"

    def test_a_run_without_a_name_has_a_title_in_the_queue(self):
        assert submit().run.job.title == "SYN-gbm-1, sma_cross 5/20/long"

    @pytest.mark.parametrize(
        ("changes", "field", "code"),
        [
            ({"symbol": "SYN-nope-1"}, "symbol", "unknown_symbol"),
            ({"strategy": {"name": "sma_cros"}}, "strategy.name", "unknown_strategy"),
            ({"strategy": {"params": {"fast": 50}}}, "strategy.params.fast", None),
            ({"start": "2001-01-01"}, "start", "outside_data"),
            ({"exits": {"stop_loss": 1.5}}, "exits.stop_loss", "invalid_value"),
        ],
    )
    def test_what_cannot_be_run_leaves_nothing_behind(self, changes, field, code):
        with pytest.raises(StrategyError) as caught:
            submit(changes)

        assert caught.value.field == field
        assert caught.value.code == (code or "constraint_violated")
        assert not ModelRun.objects.exists()
        assert not Job.objects.exists()

    def test_a_full_queue_leaves_no_run(self, settings):
        settings.QUANT_JOB_QUEUE_LIMIT = 0

        with pytest.raises(Problem) as caught:
            submit()

        assert caught.value.status == 429
        assert not ModelRun.objects.exists()


class TestReuse:
    @pytest.mark.parametrize("status", [None, JobStatus.SUCCEEDED])
    def test_the_same_again_is_the_run_there_is(self, status):
        first = submit().run
        if status:
            end(first, status)

        again = submit()

        assert again.reused
        assert again.run == first

    @pytest.mark.parametrize("status", [JobStatus.FAILED, JobStatus.CANCELLED])
    def test_what_failed_or_was_called_off_is_never_reused(self, status):
        first = submit().run
        end(first, status)

        assert submit().run != first

    def test_the_newest_is_reused(self):
        submit()
        second = submit(force=True).run

        assert submit().run == second

    def test_force_runs_it_anyway(self):
        first = submit().run
        forced = submit(force=True)

        assert not forced.reused
        assert forced.run != first

    def test_a_deleted_run_and_one_that_is_being_called_off_are_not_reused(self):
        first = submit().run
        run_delete(run=first)
        second = submit().run
        assert lease.claim(second.job_id, "me")
        run_cancel(run=second)

        assert submit().run not in (first, second)

    def test_another_seed_is_another_run(self):
        assert submit().run != submit({"seed": 1}).run

    def test_changed_data_is_another_run(self, monkeypatch):
        first = submit().run
        monkeypatch.setattr(
            "experiments.services.runs.source_version", lambda *of: "changed"
        )

        assert submit().run != first

    def test_the_data_of_a_benchmark_counts(self, monkeypatch):
        versions = {"SYN-gbm-1": "1", "SYN-gbm-2": "1"}
        monkeypatch.setattr(
            "experiments.services.runs.source_version",
            lambda provider, symbol, timeframe: versions[symbol],
        )
        config = RunConfig(**CONFIG, benchmark="SYN-gbm-2")
        before = data_version(config)
        versions["SYN-gbm-2"] = "2"

        assert data_version(config) != before

    def test_a_run_without_files_is_no_answer_to_who_wants_them(self):
        bare = submit(persist=False).run

        assert submit(persist=False).run == bare
        whole = submit().run
        assert whole != bare
        assert submit(persist=False).run == whole

    def test_an_experiment_reuses_its_own_runs_only(self):
        elsewhere = submit().run
        experiment = plain_experiment()

        own = submit(experiment=experiment)

        assert own.run != elsewhere
        assert submit(experiment=experiment).run == own.run

    def test_no_bars_are_loaded(self, monkeypatch):
        def refuse(*of):
            raise AssertionError("bars were loaded")

        monkeypatch.setattr("strategies.market.synthetic.load", refuse)

        submit()

        assert submit().reused

    def test_it_costs_few_queries(self):
        submit()
        with CaptureQueriesContext(
            connection,
        ) as queries:
            submit()

        reads = [q for q in queries if q["sql"].startswith("SELECT")]
        assert len(reads) == 1


class TestRequest:
    def test_options_are_no_part_of_the_config(self):
        config, options = split_request(
            {**CONFIG, "name": "N", "tags": ["t"], "force": True, "persist": None}
        )

        assert config == CONFIG
        assert options.force
        assert options.given("name", "tags", "persist") == {"name": "N", "tags": ("t",)}

    @pytest.mark.parametrize(
        ("body", "field", "code"),
        [
            ({"name": 7}, "name", "invalid_value"),
            ({"tags": ["a", 1]}, "tags.1", "invalid_value"),
            ({"force": "perhaps"}, "force", "invalid_value"),
            ({"experiment_id": "x"}, "experiment_id", "invalid_value"),
            ({"preset_ref": 7}, "preset_ref", "invalid_value"),
        ],
    )
    def test_an_option_of_the_wrong_kind_is_named(self, body, field, code):
        with pytest.raises(ConfigError) as caught:
            split_request(body)

        assert problems_of(caught.value) == [(field, code)]

    def test_an_experiment_that_is_none_is_refused_by_its_field(self):
        missing = "00000000-0000-4000-8000-000000000000"

        with pytest.raises(ConfigError) as caught:
            run_request(body={**CONFIG, "experiment_id": missing})

        assert problems_of(caught.value) == [("experiment_id", "unknown_experiment")]

    def test_a_run_of_an_experiment(self):
        experiment = plain_experiment()

        body = {**CONFIG, "experiment_id": str(experiment.pk)}

        assert run_request(body=body).run.experiment == experiment


class TestRerun:
    def test_a_patch_changes_its_keys_and_null_removes_one(self):
        config = {"execution": {"commission_bps": 9}}
        run = submit(config, name="A", tags=["t"], notes="n").run

        patch = {"execution": {"commission_bps": None}, "seed": 3, "name": "B"}
        again = run_rerun(run=run, patch=patch).run

        assert again.config["execution"]["commission_bps"] == 0.0  # the default
        assert again.config["execution"]["slippage_bps"] == 5.0  # untouched
        assert again.seed == 3
        assert (again.name, again.tags, again.notes) == ("B", ["t"], "")

    def test_nothing_changed_is_the_run_itself(self):
        run = submit().run

        assert run_rerun(run=run, patch={}).run == run
        assert run_rerun(run=run, patch={}, force=True).run != run
        assert run_rerun(run=run, patch={"force": True}).run != run

    def test_a_failed_run_can_be_run_again(self):
        run = submit().run
        end(run, JobStatus.FAILED)

        assert run_rerun(run=run_get(run.pk), patch={}).run != run

    def test_it_stays_in_its_experiment_unless_told(self):
        experiment = plain_experiment()
        run = submit(experiment=experiment).run

        stays = run_rerun(run=run, patch={"seed": 1}).run
        leaves = run_rerun(run=run, patch={"seed": 2, "experiment_id": None}).run

        assert stays.experiment == experiment
        assert leaves.experiment is None

    @pytest.mark.parametrize("patch", [{"strategy": "rsi"}, {"strategy": [1]}])
    def test_a_strategy_that_is_no_object_is_named(self, patch):
        with pytest.raises(ConfigError) as caught:
            run_rerun(run=submit().run, patch=patch)

        assert caught.value.field == "strategy"


class TestChange:
    def test_own_words_only(self):
        run = plain_run()

        run_update(run=run, changes={"name": "N", "tags": ["a", "a"], "starred": True})

        run.refresh_from_db()
        assert (run.name, run.tags, run.starred) == ("N", ["a"], True)
        with pytest.raises(ValueError, match="metrics"):
            run_update(run=run, changes={"metrics": {}})

    @pytest.mark.parametrize("is_running", [False, True])
    def test_deleting_a_run_that_works_calls_it_off(self, is_running):
        run = submit().run
        if is_running:
            assert lease.claim(run.job_id, "me")
            run.job.refresh_from_db()

        run_delete(run=run)

        job = Job.objects.get(pk=run.job_id)
        assert job.cancel_requested
        assert job.status == ("running" if is_running else "cancelled")
        with pytest.raises(Problem) as caught:
            run_get(run.pk)
        assert caught.value.status == 404

    def test_a_deleted_run_comes_back(self):
        run = plain_run()
        run_delete(run=run)

        run_restore(run=run_get(run.pk, deleted=True))

        assert run_get(run.pk) == run

    def test_cancelling_is_idempotent(self):
        run = submit().run

        for _ in range(2):
            assert run_cancel(run=run).status == JobStatus.CANCELLED

        done = plain_run("succeeded")
        assert run_cancel(run=done).status == JobStatus.SUCCEEDED


class TestExperiment:
    def test_it_stands_for_a_config_that_can_be_run(self):
        experiment = experiment_create(
            **QUESTION,
            timeframe="day",
            start=date(2010, 1, 9),  # a Saturday
            end="2012-12-31",
            cost_model={"slippage_bps": 5},
        )

        assert experiment.params == {"fast": 5, "slow": 50, "direction": "long"}
        assert experiment.timeframe == "1d"
        assert experiment.cost_model["slippage_bps"] == 5.0
        config = experiment_config(ModelExperiment.objects.get())
        assert (config.symbol, config.provider) == ("SYN-gbm-1", "synthetic")
        assert config.start == 1262995200000  # 2010-01-09T00:00Z
        assert config.end == 1356912000000  # 2012-12-31T00:00Z, the last bar
        assert config.execution.slippage_bps == 5.0

    def test_an_open_end_stays_open(self):
        experiment = experiment_create(**QUESTION)

        assert (experiment.start_ms, experiment.end_ms) == (None, None)

    @pytest.mark.parametrize(
        ("changes", "field", "code"),
        [
            ({"params": {"fsat": 5}}, "params.fsat", "unknown_parameter"),
            ({"params": {"fast": 60}}, "params.fast", "constraint_violated"),
            ({"model_key": "sma_cros"}, "model_key", "unknown_strategy"),
            ({"universe": ["SYN-nope-1"]}, "universe", "unknown_symbol"),
            (
                {"cost_model": {"slippage_bps": -1}},
                "cost_model.slippage_bps",
                "invalid_value",
            ),
            ({"cost_model": {"slipage": 1}}, "cost_model.slipage", "unknown_field"),
            ({"start": "2001-01-01"}, "start", "outside_data"),
            ({"end": "soon"}, "end", "invalid_value"),
            ({"provider": "biltin"}, "provider", "unknown_provider"),
            ({"benchmark": "SYN-nope-1"}, "benchmark", "unknown_symbol"),
            (
                {"model_key": "expression", "params": {"expr": "rank(clsoe)"}},
                "params.expr",
                "unknown_name",
            ),
            (
                {"hypothesis": {"cause": "c", "effect": "e", "metric": "sharp"}},
                "hypothesis.metric",
                "unknown_metric",
            ),
        ],
    )
    def test_what_cannot_be_run_is_refused_in_its_own_words(self, changes, field, code):
        with pytest.raises(ConfigError) as caught:
            experiment_create(**QUESTION | changes)

        assert problems_of(caught.value) == [(field, code)]
        assert "execution" not in caught.value.message
        assert not ModelExperiment.objects.exists()

    def test_its_runs_change_any_of_it(self):
        experiment = experiment_create(**QUESTION)

        patch = {"strategy": {"params": {"fast": 10}}, "name": "Slower"}
        run = experiment_run(experiment=experiment, patch=patch).run

        assert run.experiment == experiment
        assert run.name == "Slower"
        assert run.config["strategy"]["params"]["fast"] == 10
        assert run.config["strategy"]["params"]["slow"] == 50

    def test_a_run_of_another_experiment_is_refused(self):
        experiment, other = plain_experiment(), plain_experiment()

        with pytest.raises(ConfigError) as caught:
            experiment_run(
                experiment=experiment, patch={"experiment_id": str(other.pk)}
            )

        assert caught.value.field == "experiment_id"

    def test_the_hypothesis_is_frozen_by_the_first_run(self):
        experiment = experiment_create(**QUESTION)
        stated = {"cause": "c", "effect": "e", "metric": "max_dd"}
        experiment_update(experiment=experiment, changes={"hypothesis": stated})
        assert experiment.hypothesis["metric"] == "max_drawdown"  # by its one name
        run = experiment_run(experiment=experiment, patch={}).run
        run_delete(run=run)  # it ran all the same

        with pytest.raises(Problem) as caught:
            experiment_update(experiment=experiment, changes={"hypothesis": None})

        assert (caught.value.status, caught.value.code) == (409, "conflict")
        experiment.refresh_from_db()
        assert experiment.hypothesis["cause"] == "c"
        same = {"hypothesis": stated, "name": "Other"}
        assert experiment_update(experiment=experiment, changes=same).name == "Other"

    def test_its_runs_go_and_come_back_with_it(self):
        experiment = plain_experiment()
        stays_deleted, done = (plain_run(experiment=experiment) for _ in range(2))
        waits = plain_run("queued", experiment=experiment)
        run_delete(run=stays_deleted)

        experiment_delete(experiment=experiment)

        assert not ModelRun.objects.filter(deleted_at=None).exists()
        assert Job.objects.get(pk=waits.job_id).status == JobStatus.CANCELLED
        with pytest.raises(Problem) as caught:
            run_restore(run=run_get(done.pk, deleted=True))
        assert caught.value.status == 409

        experiment_restore(experiment=experiment)

        shown = ModelRun.objects.filter(deleted_at=None)
        assert set(shown) == {done, waits}
