"""A sweep is done once: whole chunks, each counted, and every number a run's."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from experiments.artifacts.candidates import part_exists
from experiments.artifacts.store import run_store
from experiments.models import LedgerEntry, RunMetric, SweepChunk
from experiments.selectors.candidates import candidate_map, candidate_page, ordered
from experiments.selectors.experiments import experiment_document
from experiments.selectors.runs import run_document, run_get
from experiments.selectors.sweep import sweep_candidates
from experiments.services import sweep_execute as execution
from experiments.services.sweep import (
    candidate_run,
    sweep_asked,
    sweep_dry_run,
    sweep_request,
)
from experiments.services.sweep_execute import sweep_execute
from jobs import lease
from jobs.models import JobStatus
from jobs.progress import JobCancelled
from jobs.queue import cancel
from quantlab.web.problem import Problem
from strategies.errors import ConfigError
from tests.experiments.rows import plain_experiment
from tests.factories import claimed, do_run

pytestmark = pytest.mark.django_db

SPACE = {"fast": {"min": 2, "max": 6, "step": 1}, "slow": [10, 20, 40]}


def asked(**changes):
    return sweep_asked({"space": SPACE, **changes})


def queued_sweep(experiment=None, **changes):
    experiment = experiment or plain_experiment()
    return sweep_request(experiment=experiment, asked=asked(**changes)).run


def finished_sweep(**changes):
    run = queued_sweep(**changes)
    do_run(run, sweep_execute)
    return run_get(run.pk)


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(execution, "chunk_size", lambda n_bars: 4)


def test_a_sweep_is_one_file_of_all_candidates(small_chunks):
    run = finished_sweep()

    with run_store().open(str(run.pk), "candidates.parquet") as file:
        table = pq.read_table(file)
    assert table.num_rows == 15
    assert table["index"].to_pylist() == list(range(15))
    assert table["params.fast"].to_pylist() == [f for f in range(2, 7) for _ in "abc"]
    assert table["params.slow"].to_pylist() == [10, 20, 40] * 5
    assert set(table.column_names) > {"sharpe", "flags", "plateau", "on_edge"}
    best = max(table["sharpe"].to_pylist())
    assert run.metrics["sharpe"] == best
    assert run.best_index == table["sharpe"].to_pylist().index(best)
    assert RunMetric.objects.get(run=run, key="sharpe").value == best
    document = run_document(run)
    assert document["kind"] == "sweep"
    assert document["search"]["space"] == SPACE
    assert document["best"] == {
        "index": run.best_index,
        "metric": "sharpe",
        "value": best,
    }
    assert document["honesty"] is not None
    names = {entry["name"] for entry in run_store().list(str(run.pk))}
    assert names == {
        "candidates.parquet",
        "config.json",
        "metrics.json",
        "summary.json",
    }
    assert not part_exists(run.pk, 0)


def test_every_chunk_is_counted_once(small_chunks):
    run = finished_sweep()

    entries = LedgerEntry.objects.filter(run_id=str(run.pk)).order_by("chunk")
    assert [(e.chunk, e.n_evaluated) for e in entries] == [
        (0, 4),
        (1, 4),
        (2, 4),
        (3, 3),
    ]
    assert {e.source for e in entries} == {"null_model"}  # on made-up bars
    assert list(run.chunks.values_list("n_candidates", flat=True)) == [4, 4, 4, 3]


def test_a_real_sweep_counts_candidates_that_nobody_tried():
    experiment = plain_experiment(
        provider="builtin", universe=["SP500"], params={"fast": 5, "slow": 20}
    )
    run = queued_sweep(experiment)
    cost = sweep_dry_run(experiment=experiment, asked=asked())
    do_run(run, sweep_execute)

    entry = LedgerEntry.objects.get(run_id=str(run.pk))
    assert (entry.n_evaluated, entry.n_trials) == (15, 15)
    again = queued_sweep(experiment, force=True)
    do_run(again, sweep_execute)
    repeat = LedgerEntry.objects.get(run_id=str(again.pk))
    assert (repeat.n_evaluated, repeat.n_trials) == (15, 0)
    assert cost.budget.after.n_trials == 15
    honesty = run_document(run_get(run.pk))["honesty"]
    assert honesty["n_trials"] == 15
    assert honesty["n_effective"] >= 1
    assert honesty["expected_max_sharpe"] > 0

    made = candidate_run(run=run_get(run.pk), index=run_get(run.pk).best_index).run
    do_run(made)
    assert LedgerEntry.objects.get(run_id=str(made.pk)).n_trials == 0


def test_the_next_attempt_goes_on_behind_the_chunks_that_are_done(
    small_chunks, monkeypatch
):
    whole = finished_sweep()
    run = queued_sweep()
    context = claimed(run)
    commit = execution._commit
    monkeypatch.setattr(execution, "_commit", _dies_at(2, commit))
    with pytest.raises(KeyboardInterrupt):
        sweep_execute(run_id=str(run.pk), context=context)
    assert run.chunks.count() == 2
    assert LedgerEntry.objects.filter(run_id=str(run.pk)).count() == 2

    written = []
    monkeypatch.setattr(execution, "_commit", _noted(written, commit))
    sweep_execute(run_id=str(run.pk), context=context)

    assert written == [2, 3]
    entries = LedgerEntry.objects.filter(run_id=str(run.pk))
    assert sorted(entries.values_list("chunk", flat=True)) == [0, 1, 2, 3]
    assert _bytes(run) == _bytes(whole)


def _dies_at(number, commit):
    def die(run, plan, chunk, *rest):
        if chunk.number == number:
            raise KeyboardInterrupt
        commit(run, plan, chunk, *rest)

    return die


def _noted(written, commit):
    def note(run, plan, chunk, *rest):
        written.append(chunk.number)
        commit(run, plan, chunk, *rest)

    return note


def _bytes(run):
    with run_store().open(str(run.pk), "candidates.parquet") as file:
        return file.read()


def test_a_cancelled_sweep_keeps_what_is_done(small_chunks, monkeypatch):
    run = queued_sweep()
    context = claimed(run)
    commit = execution._commit

    def commit_then_cancel(*of):
        commit(*of)
        cancel(run.job_id)
        context.interrupt()

    monkeypatch.setattr(execution, "_commit", commit_then_cancel)
    with pytest.raises(JobCancelled):
        sweep_execute(run_id=str(run.pk), context=context)
    assert lease.finish(run.job_id, "me", JobStatus.CANCELLED)

    run = run_get(run.pk)
    candidates = sweep_candidates(run)
    assert (len(candidates), candidates.is_whole) == (4, False)
    assert run.metrics["sharpe"] == np.nanmax(candidates.values)
    assert LedgerEntry.objects.filter(run_id=str(run.pk)).count() == 1


def test_who_lost_the_job_writes_nothing():
    run = queued_sweep()
    context = claimed(run)
    lease.take_back(run.job_id, "me")

    with pytest.raises(JobCancelled):
        sweep_execute(run_id=str(run.pk), context=context)

    assert not SweepChunk.objects.exists()
    assert not LedgerEntry.objects.exists()


@pytest.mark.parametrize("search", ["random", "guided"])
def test_other_searches_evaluate_as_many_as_asked(search):
    run = finished_sweep(search=search, n=7, seed=3)

    candidates = sweep_candidates(run)
    assert len(candidates) == 7
    assert len(set(candidates.points.tolist())) == 7


def test_a_candidate_is_the_run_made_from_it():
    run = finished_sweep(
        space={"fast": [3, 5], "slow": [20, 30], "execution.slippage_bps": [0, 9]},
        config={"strategy": {"params": {"direction": "long_short"}}},
    )
    candidates = sweep_candidates(run)

    for index in (0, 5):
        made = candidate_run(run=run, index=index).run
        do_run(made)
        made.refresh_from_db()
        item = candidates.item(index)
        assert made.config["strategy"]["params"]["fast"] == item["params"]["fast"]
        for key, value in item["metrics"].items():
            assert made.metrics[key] == pytest.approx(value, rel=1e-9, abs=1e-9), key
    with pytest.raises(Problem, match="no candidate 8"):
        candidate_run(run=run, index=8)


def test_the_same_sweep_is_there_already():
    experiment = plain_experiment()
    first = sweep_request(experiment=experiment, asked=asked())
    listed = asked(space=SPACE | {"fast": [2, 3, 4, 5, 6]})

    assert not first.reused
    same = sweep_request(experiment=experiment, asked=listed)
    assert (same.reused, same.run.pk) == (True, first.run.pk)
    other = sweep_request(experiment=experiment, asked=asked(objective="calmar"))
    assert not other.reused
    assert not sweep_request(experiment=experiment, asked=asked(force=True)).reused


REFUSALS = [
    ({"space": {}}, "space"),
    ({"space": {"fast": []}}, "space.fast"),
    ({"space": {"fast": {"min": 5, "max": 50, "step": 0}}}, "space.fast"),
    ({"space": {"fast": {"min": 5, "max": float("nan"), "step": 1}}}, "space.fast"),
    ({"space": {"fats": [5]}}, "space.fats"),
    ({"space": {"execution.slipage_bps": [5]}}, "space.execution.slipage_bps"),
    ({"space": {"initial_cash": {"min": 1, "max": 9e6, "step": 1}}}, "space"),
    ({"space": {"fast": [50], "slow": [20]}}, "constraints"),
    ({"constraints": ["fast <"]}, "constraints.0"),
    ({"constraints": ["quick < slow"]}, "constraints.0"),
    ({"search": "all"}, "search"),
    ({"search": "random"}, "n"),
    ({"objective": "beauty"}, "objective"),
    ({"seed": -1}, "seed"),
    ({"speed": 1}, "speed"),
]


@pytest.mark.parametrize(("changes", "field"), REFUSALS)
def test_what_cannot_be_swept_is_refused_by_its_field(changes, field):
    with pytest.raises(ConfigError) as refusal:
        queued_sweep(**changes)

    assert any(p.field.startswith(field) for p in refusal.value.problems)


def test_pages_are_in_order_and_lose_nothing():
    run = finished_sweep()
    candidates = sweep_candidates(run)
    wanted = {"order": "-sharpe", "where": "slow > 10 and fast != 3", "limit": 3}
    seen, cursor = [], ""
    while cursor is not None:
        page = candidate_page(candidates, cursor=cursor, **wanted)
        seen += page.rows.tolist()
        cursor = page.next_cursor

    rows = [i for i in candidates.items(np.arange(15)) if i["params"]["fast"] != 3]
    rows = [i for i in rows if i["params"]["slow"] > 10]
    rows.sort(key=lambda i: (-i["metrics"]["sharpe"], i["index"]))
    assert seen == [row["index"] for row in rows]
    assert page.total == 8


def test_few_of_many_are_those_of_the_whole_order():
    rng = np.random.default_rng(5)
    values = rng.integers(0, 50, 1_000).astype(float)
    values[rng.integers(0, 1_000, 100)] = np.nan

    for descending in (True, False):
        whole = ordered(values, 1_000, descending=descending)
        assert (
            ordered(values, 30, descending=descending).tolist() == whole[:30].tolist()
        )
        assert np.isnan(values[whole[-1]])


def test_a_map_holds_the_best_of_each_cell():
    run = finished_sweep(
        space={"fast": [3, 5], "slow": [20, 30], "execution.slippage_bps": [0, 9]}
    )
    candidates = sweep_candidates(run)

    found = candidate_map(candidates, x="fast", y="slow", metric="sharpe")
    cheap = candidate_map(candidates, where="execution.slippage_bps == 0")
    mean = candidate_map(candidates, agg="mean")
    binned = candidate_map(candidates, bins=1)

    values = candidates.values.reshape(2, 2, 2)
    assert (found.x_values, found.y_values) == ([3, 5], [20, 30])
    np.testing.assert_array_equal(found.cells, values.max(axis=2).T)
    np.testing.assert_array_equal(cheap.cells, values[:, :, 0].T)
    np.testing.assert_allclose(mean.cells, values.mean(axis=2).T)
    assert binned.cells.tolist() == [[values.max()]]
    assert binned.rows.tolist() == [[candidates.best]]
    with pytest.raises(Problem, match="two different axes"):
        candidate_map(candidates, x="fast", y="fast")


def test_flags_say_why_a_number_is_missing():
    run = finished_sweep(space={"fast": [2, 3], "slow": [4_000]})

    with run_store().open(str(run.pk), "candidates.parquet") as file:
        flags = pq.read_table(file)["flags"].to_pylist()
    candidates = sweep_candidates(run)
    assert [json.loads(text) for text in flags] == [
        item["flags"] for item in candidates.items(np.arange(2))
    ]
    assert json.loads(flags[0])["win_rate"] == "no_trades"


def test_an_experiment_used_every_candidate_of_its_sweeps():
    experiment = plain_experiment()
    sweep = queued_sweep(experiment)
    do_run(sweep, sweep_execute)
    assert experiment_document(experiment)["n_trials"] == 15

    kept = candidate_run(run=run_get(sweep.pk), index=3).run
    do_run(kept)

    assert kept.parent_id == sweep.pk
    assert experiment_document(experiment)["n_trials"] == 15
