"""The promise: whatever is killed, every run ends right, once, with the same bytes.

`make test` kills backtests, a sweep and their worker; `make torture` all there is.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from io import BytesIO

import pytest
from django.conf import settings
from django.db import connection

from experiments.artifacts.files import run_files
from experiments.artifacts.store import json_writer, run_store
from experiments.models import LedgerEntry, ModelRun, RunMetric, RunTimeseries
from experiments.selectors.generate import generation
from experiments.selectors.runs import run_get
from experiments.selectors.sweep import sweep_candidates
from experiments.services.generate import train_request
from experiments.services.generate_execute import generate_execute
from experiments.services.pipeline import pipeline_submit
from experiments.services.pipeline_execute import pipeline_execute
from experiments.services.pipeline_plan import pipeline_plan
from experiments.services.setup import STAMP_NAME, setup_fingerprint
from experiments.services.sweep import sweep_asked, sweep_request
from experiments.services.validation import validation_request
from jobs.models import TERMINAL, Job, JobEvent, JobLog, JobStatus
from strategies.pipeline.words import STAGES
from strategies.validation.suite import validate
from tests.experiments.rows import plain_experiment
from tests.factories import do_run, finished_run, make_run, result_of
from tests.jobs.conftest import wait_until
from tests.lab import Lab, LabProcess
from tests.sizes import IS_TORTURE, only_torture

RUNS = 40 if IS_TORTURE else 3
CHILD_KILLS_PER_ROUND = 20 if IS_TORTURE else 1
ROUNDS = 2 if IS_TORTURE else 1  # each ends with the death of the whole worker
SEED = 20261120
RUNS_OF_A_LAB = 20
DEATHS_AT_WORK = 6
LONGEST_PAUSE_S = 0.3  # about as long as one run
LONGEST_WAIT_S = 600.0  # kernels may have to be compiled on a busy machine

# Long enough to be hit in each of its stages: 96,000 hours.
LONG = {"symbol": "SYN-garch-1", "timeframe": "1h", "end": "2020-12-31"}
# Chunks of 10,000 candidates; the process is killed after each but the last.
N_CHUNKS = 4 if IS_TORTURE else 2
AXES = (("fast", 2, 50), ("slow", 200, 200 * N_CHUNKS))
IN_A_ROW = 6 if IS_TORTURE else 1  # so many kills where a long job has come to
TESTS = {  # each but the first takes long enough to be hit
    "permutation": {"n": 100},
    "permutation_rerun": {"n": 300},
    "block_bootstrap": {"n": 10_000},
    "candle_monte_carlo": {"n": 300},
    "cost_stress": {},
}
KILLED_AFTER = (1, 2, 3)  # tests that are written down
VARIANTS = [
    LONG | {"strategy": {"name": "sma_cross", "params": {"fast": 5, "slow": 20}}},
    LONG | {"strategy": {"name": "rsi_reversion"}},
    LONG | {"strategy": {"name": "donchian", "params": {"direction": "long_short"}}},
    LONG | {"strategy": {"name": "macd"}, "execution": {"borrow_bps": 50}},
]


@pytest.fixture
def environment(transactional_db) -> dict[str, object]:
    """Where the lab under test keeps its state: where this test looks."""
    return {
        "QUANT_HOME": settings.QUANT_HOME,
        "QUANT_DB_PATH": connection.settings_dict["NAME"],
        "QUANT_JOB_LEASE_S": 1.0,
    }


@pytest.fixture
def worker(environment, tmp_path) -> Iterator[LabProcess]:
    worker = LabProcess("worker", log=tmp_path / "worker.log", **environment)
    worker.start()
    yield worker
    worker.kill()
    sys.stderr.write(worker.log.read_text()[-20_000:])


@pytest.fixture
def lab(environment, tmp_path) -> Iterator[Lab]:
    """A whole lab, not started yet, whose set-up is what the test session did."""
    stamp = settings.QUANT_HOME / STAMP_NAME
    stamp.write_text(setup_fingerprint())
    lab = Lab(log=tmp_path / "lab.log", **environment)
    yield lab
    lab.kill()
    stamp.unlink()
    sys.stderr.write(lab.log.read_text()[-20_000:])


def is_all_done() -> bool:
    return not Job.objects.exclude(status__in=TERMINAL).exists()


def kill_children(worker: LabProcess, rng: random.Random) -> int:
    """Kill processes of jobs at random moments; return how many were hit."""
    hit = 0
    while hit < CHILD_KILLS_PER_ROUND and not is_all_done():
        wait_until(lambda: worker.job_pids() or is_all_done(), LONGEST_WAIT_S)
        time.sleep(rng.uniform(0.0, LONGEST_PAUSE_S))  # the moment, not a wait
        pids = worker.job_pids()
        if pids:
            os.kill(rng.choice(pids), signal.SIGKILL)
            hit += 1
    return hit


def kill_in_a_row(worker: LabProcess, rng: random.Random) -> int:
    """Kill the process of the only job, again and again; return how many were hit."""
    hit = 0
    for _ in range(IN_A_ROW):
        wait_until(lambda: worker.job_pids() or is_all_done(), LONGEST_WAIT_S)
        time.sleep(rng.uniform(0.0, LONGEST_PAUSE_S))  # the moment, not a wait
        for pid in worker.job_pids():
            os.kill(pid, signal.SIGKILL)
            hit += 1
    return hit


def was_hit(job: Job, hit: int) -> bool:
    """Whether a job was started anew after each kill, but those that came too late."""
    return hit >= job.attempt - 1 >= hit - 2 and job.attempt > 1


def undisturbed(config: dict[str, object]) -> dict[str, bytes]:
    """Return the files of a run that nobody killed, made in this process."""
    files = {}
    for name, write in run_files(result_of(**config)).items():
        file = BytesIO()
        write(file)
        files[name] = file.getvalue()
    return files


def files_of(run: ModelRun) -> dict[str, bytes]:
    folder = run_store().root / str(run.pk)
    return {
        path.name: path.read_bytes()
        for path in folder.iterdir()
        if path.name != "manifest.json"
    }


def queued_runs(n: int) -> list[ModelRun]:
    runs = [make_run(changes=VARIANTS[i % len(VARIANTS)]) for i in range(n)]
    # Three starts are enough against accidents; this is none.
    Job.objects.update(max_attempts=1000)
    return runs


def check_ended_right(runs: list[ModelRun]) -> None:
    """Every run has succeeded, once, and left what an undisturbed one leaves."""
    statuses = Job.objects.values_list("status", flat=True)
    assert list(statuses) == [JobStatus.SUCCEEDED] * len(runs)
    assert sum(Job.objects.values_list("attempt", flat=True)) > len(runs)
    ends = JobLog.objects.filter(event="job_end").values_list("job_id", flat=True)
    assert sorted(ends) == sorted(run.job_id for run in runs)
    told = JobEvent.objects.filter(type="done").values_list("job_id", flat=True)
    assert sorted(told) == sorted(run.job_id for run in runs)
    counted = LedgerEntry.objects.values_list("run_id", flat=True)
    assert sorted(counted) == sorted(str(run.pk) for run in runs)
    assert RunTimeseries.objects.count() == len(runs)
    expected = {
        run.config_hash: undisturbed(run.config) for run in runs[: len(VARIANTS)]
    }
    for run in runs:
        run.refresh_from_db()
        assert files_of(run) == expected[run.config_hash]
        assert run_store().verify(str(run.pk), run.manifest_sha)["ok"]
        assert RunMetric.objects.filter(run=run).count() == len(run.metrics)
        assert list(run_store().root.glob(f".{run.pk}.*")) == []


@pytest.mark.slow
def test_runs_survive_every_kill(worker, record_property):
    runs = queued_runs(RUNS)
    rng = random.Random(SEED)
    hit = 0
    for _ in range(ROUNDS):
        hit += kill_children(worker, rng)
        time.sleep(rng.uniform(0.0, LONGEST_PAUSE_S))
        worker.kill()
        worker.start()

    wait_until(is_all_done, LONGEST_WAIT_S)

    record_property("kills", hit + ROUNDS)
    assert hit >= CHILD_KILLS_PER_ROUND
    check_ended_right(runs)


@only_torture
def test_runs_survive_the_death_of_the_whole_lab(lab, record_property):
    runs = queued_runs(RUNS_OF_A_LAB)
    rng = random.Random(SEED)
    lab.start()
    hit = n_deaths = 0
    while hit < DEATHS_AT_WORK:
        if is_all_done():  # each was over before the lab died
            runs += queued_runs(RUNS_OF_A_LAB)
        wait_until(lambda: lab.job_pids() or is_all_done(), LONGEST_WAIT_S)
        time.sleep(rng.uniform(0.0, LONGEST_PAUSE_S))  # the moment, not a wait
        lab.kill()
        n_deaths += 1
        hit += Job.objects.filter(status=JobStatus.RUNNING).exists()
        lab.start()
    time.sleep(rng.uniform(0.0, LONGEST_PAUSE_S))
    lab.kill()  # while it starts
    lab.start()

    wait_until(is_all_done, LONGEST_WAIT_S)

    record_property("kills", n_deaths + 1)
    check_ended_right(runs)


@only_torture
def test_a_validation_goes_on_behind_its_last_test(worker, record_property):
    """Killed between two tests, it ends with the summary of one nobody disturbed."""
    tested = LONG | {"end": "2012-12-31"}
    body = TESTS | {"seed": SEED}
    run = validation_request(run=finished_run(changes=tested), body=body).run
    Job.objects.update(max_attempts=1000)
    rng, hit = random.Random(SEED), 0
    for n_done in KILLED_AFTER:
        wait_until(lambda n=n_done: run.tests.count() >= n, LONGEST_WAIT_S)
        before = dict(run.tests.values_list("name", "created_at"))
        hit += kill_in_a_row(worker, rng)
    wait_until(is_all_done, LONGEST_WAIT_S)

    record_property("kills", hit)
    run = run_get(run.pk)
    assert (run.status, was_hit(run.job, hit)) == (JobStatus.SUCCEEDED, True)
    after = dict(run.tests.values_list("name", "created_at"))
    assert before.items() <= after.items()  # none of those was done again
    whole = BytesIO()
    json_writer(validate(result_of(**tested), TESTS, seed=SEED))(whole)
    assert files_of(run)["validation_summary.json"] == whole.getvalue()


@pytest.mark.slow
def test_a_sweep_goes_on_behind_its_last_chunk(worker, record_property):
    experiment = plain_experiment(universe=["SYN-garch-1"], timeframe="1h")
    space = {name: {"min": low, "max": low + n - 1, "step": 1} for name, low, n in AXES}
    asked = sweep_asked({"space": space, "config": {"end": "2012-04-15"}})
    run = sweep_request(experiment=experiment, asked=asked).run
    Job.objects.update(max_attempts=1000)

    rng, hit = random.Random(SEED), 0
    for n_done in range(1, N_CHUNKS):
        wait_until(
            lambda n=n_done: run.chunks.count() >= n or is_all_done(), LONGEST_WAIT_S
        )
        before = dict(run.chunks.values_list("number", "created_at"))
        hit += kill_in_a_row(worker, rng)
    wait_until(is_all_done, LONGEST_WAIT_S)

    record_property("kills", hit)
    run = run_get(run.pk)
    assert (run.status, was_hit(run.job, hit)) == (JobStatus.SUCCEEDED, True)
    chunks = dict(run.chunks.values_list("number", "created_at"))
    numbers = list(range(N_CHUNKS))
    assert sorted(chunks) == numbers
    assert before.items() <= chunks.items()  # none of those was done again
    entries = LedgerEntry.objects.filter(run_id=str(run.pk)).order_by("chunk")
    assert [entry.chunk for entry in entries] == numbers
    assert sum(entry.n_evaluated for entry in entries) == 10_000 * N_CHUNKS
    candidates = sweep_candidates(run)
    assert candidates.column("index").tolist() == list(range(10_000 * N_CHUNKS))


@only_torture
def test_a_search_goes_on_behind_its_last_batch(worker, record_property):
    """Killed again and again, it keeps what one keeps that nobody disturbed."""
    body = {
        "n": 1_000,
        "seed": SEED,
        "provider": "synthetic",
        "universe": [f"SYN-trend-{i}" for i in range(1, 11)],
        "sizing": {"neutralize": "none"},
        "end": "2014-12-31",
    }
    run = train_request(body=body).run
    Job.objects.update(max_attempts=1000)
    rng, hit = random.Random(SEED), 0
    for _ in range(3):
        n_before = run.batches.count()
        wait_until(
            lambda n=n_before: run.batches.count() > n or is_all_done(), LONGEST_WAIT_S
        )
        time.sleep(rng.uniform(0.0, LONGEST_PAUSE_S))  # the moment, not a wait
        before = dict(run.batches.values_list("number", "created_at"))
        hit += kill_in_a_row(worker, rng)
    wait_until(is_all_done, LONGEST_WAIT_S)

    record_property("kills", hit)
    run = run_get(run.pk)
    assert (run.status, was_hit(run.job, hit)) == (JobStatus.SUCCEEDED, True)
    assert generation(run)["kept"]  # there is a trend to find
    after = dict(run.batches.values_list("number", "created_at"))
    assert before.items() <= after.items()  # none of those was made again
    chunks = LedgerEntry.objects.filter(run_id=str(run.pk)).values_list("chunk")
    assert len(chunks) == len(set(chunks))
    worker.kill()
    alone = train_request(body=body | {"force": True}).run
    do_run(alone, generate_execute)
    assert files_of(run) == files_of(run_get(alone.pk))


@only_torture
def test_a_pipeline_goes_on_behind_its_last_run(worker, record_property):
    """Killed in each stage that lasts, it keeps what one keeps that none disturbed."""
    body = {
        "universe": [f"SYN-gbm-{i}" for i in range(1, 41)],
        "timeframe": "1h",
        "guardrails": {"min_trades": 1},
    }
    row = pipeline_submit(asked=pipeline_plan(model_id="momentum_hgb", body=body)).row
    Job.objects.update(max_attempts=1000)
    rng, hit = random.Random(SEED), 0

    def reached(stage, n_runs):
        row.refresh_from_db()
        is_behind = STAGES.index(row.stage or STAGES[-1]) > STAGES.index(stage)
        is_there = row.stage == stage and len(row.backtest_run_ids) >= n_runs
        return is_behind or is_there or is_all_done()

    for stage, n_runs in (("dataset", 0), ("sweep", 2), ("sweep", 7), ("training", 12)):
        wait_until(lambda s=stage, n=n_runs: reached(s, n), LONGEST_WAIT_S)
        time.sleep(rng.uniform(0.0, LONGEST_PAUSE_S))  # the moment, not a wait
        before = list(row.backtest_run_ids)
        hit += kill_in_a_row(worker, rng)
    wait_until(is_all_done, LONGEST_WAIT_S)

    record_property("kills", hit)
    row.refresh_from_db()
    row.job.refresh_from_db()
    assert (row.status, was_hit(row.job, hit)) == ("succeeded", True)
    assert row.backtest_run_ids[: len(before)] == before  # none was made again
    assert len(set(row.backtest_run_ids)) == 12
    chunks = LedgerEntry.objects.filter(job_id=row.job_id).values_list("chunk")
    assert sorted(chunks) == [(number,) for number in range(12)]
    worker.kill()
    asked = pipeline_plan(model_id="momentum_hgb", body=body | {"force": True})
    alone = pipeline_submit(asked=asked).row
    do_run(
        alone,
        lambda run_id, context: pipeline_execute(pipeline_id=run_id, context=context),
    )
    alone.refresh_from_db()
    for one, other in zip(row.backtest_run_ids, alone.backtest_run_ids, strict=True):
        assert files_of(run_get(one)) == files_of(run_get(other))
    assert row.training_run.identity == alone.training_run.identity
