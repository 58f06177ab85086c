"""A search for expressions is done once: whole batches, each counted, one outcome."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest

from experiments.artifacts.candidates import part_exists
from experiments.artifacts.store import run_store
from experiments.models import LedgerEntry, RunMetric, SealOpening, SearchBatch
from experiments.selectors.experiments import experiment_document
from experiments.selectors.generate import generated, generation, generation_document
from experiments.selectors.runs import run_document, run_get
from experiments.services import generate_execute as execution
from experiments.services.generate import (
    candidate_promote,
    generated_run,
    train_request,
)
from experiments.services.generate_execute import generate_execute
from experiments.services.runs import run_delete
from jobs import lease
from jobs.models import Job, JobEvent, JobStatus
from jobs.progress import JobCancelled
from jobs.queue import cancel
from quantlab.web.problem import Problem
from strategies.errors import ConfigError
from strategies.market.sources import load_each
from tests.experiments.rows import plain_experiment
from tests.factories import claimed, do_run, finished_search
from tests.journeys.test_honesty_everywhere import unjudged

pytestmark = pytest.mark.django_db

# Four markets without a link between now and later, about two years of them.
BODY = {
    "n": 20,
    "seed": 3,
    "batch": 10,
    "lookback_bars": 10,
    "provider": "synthetic",
    "universe": ["SYN-gbm-1", "SYN-gbm-2", "SYN-gbm-3", "SYN-gbm-4"],
    "end": "2011-12-31",
}
# As the first document prints it.
OF_SEED = {
    "n": 50,
    "seed": 42,
    "workers": 4,
    "params": {
        "cap": 0.05,
        "max_lev": 1.0,
        "execution_lag": 1,
        "smooth_ema": None,
        "limit_score": 25.0,
    },
}
REAL = {"provider": "builtin", "universe": ["SP500", "NASDAQ"], "end": "2001-12-31"}
REAL |= {"n": 10, "force": True}
JSON = {"content_type": "application/json"}
FILES = {"candidates.parquet", "config.json", "metrics.json", "summary.json"}


def queued(**changes):
    return train_request(body=BODY | changes).run


def finished(**changes):
    return finished_search(**(BODY | changes))


def bytes_of(run):
    found = {}
    for name in FILES:
        with run_store().open(str(run.pk), name) as file:
            found[name] = file.read()
    return found


def test_what_is_listed_after_the_validation_was_not_looked_at(monkeypatch):
    def late(config, symbols):
        *others, last = load_each(config, symbols)
        return [*others, last.between(int(last.ts[-40]), None)]

    monkeypatch.setattr(execution, "load_each", late)
    run = finished()

    assert run.job.status == JobStatus.SUCCEEDED
    entry = LedgerEntry.objects.filter(run_id=str(run.pk)).first()
    assert len(entry.instruments) == 3


def test_a_search_is_written_down_whole():
    experiment = plain_experiment()
    run = finished(experiment_id=str(experiment.pk))

    assert {one["name"] for one in run_store().list(str(run.pk))} == FILES
    with run_store().open(str(run.pk), "candidates.parquet") as file:
        table = pq.read_table(file)
    rows = list(run.batches.order_by("number"))
    assert [row.number for row in rows] == list(range(len(rows)))
    assert {row.is_placebo for row in rows} == {True, False}
    assert table.num_rows == sum(row.n_expressions for row in rows)
    assert table["index"].to_pylist() == list(range(table.num_rows))
    entries = LedgerEntry.objects.filter(run_id=str(run.pk)).order_by("chunk")
    assert {entry.source for entry in entries} == {"null_model"}  # made-up bars
    assert [entry.chunk for entry in entries] == [row.number for row in rows]
    outcome = generation(run)
    assert outcome["counts"]["asked"] == 20
    assert outcome["found"] == bool(outcome["kept"])
    assert not part_exists(run.pk, 0)
    document = run_document(run)
    assert (document["kind"], document["status"]) == ("generate", "succeeded")
    counted = experiment_document(experiment)["n_trials"]
    assert counted == sum(row.n_trials for row in rows)
    told = list(JobEvent.objects.filter(job_id=run.job_id).order_by("seq"))
    assert {"phase", "progress", "result", "summary", "done"} <= {e.type for e in told}
    one = next(event.data for event in told if event.type == "result")
    assert {"expr_hash", "sharpe"} <= one.keys()
    assert run.job.latest_sharpe is not None


def test_the_next_attempt_goes_on_and_comes_to_the_same_end(monkeypatch):
    whole = finished()
    run = queued(force=True)
    context = claimed(run)
    commit = execution._commit
    for dies_at in (1, 2):
        monkeypatch.setattr(execution, "_commit", _dies_at(dies_at, commit))
        with pytest.raises(KeyboardInterrupt):
            generate_execute(run_id=str(run.pk), context=context)
        assert run.batches.count() == dies_at

    written = []
    monkeypatch.setattr(execution, "_commit", _noted(written, commit))
    generate_execute(run_id=str(run.pk), context=context)

    run = run_get(run.pk)
    assert written == list(range(2, run.batches.count()))
    chunks = LedgerEntry.objects.filter(run_id=str(run.pk)).values_list("chunk", flat=1)
    assert sorted(chunks) == list(range(run.batches.count()))
    assert bytes_of(run) == bytes_of(whole)


def _dies_at(number, commit):
    def die(search, batch, *rest):
        if batch.number == number:
            raise KeyboardInterrupt
        commit(search, batch, *rest)

    return die


def _noted(written, commit):
    def note(search, batch, *rest):
        written.append(batch.number)
        commit(search, batch, *rest)

    return note


def test_a_search_that_is_called_off_concludes_on_what_it_has(monkeypatch):
    run = queued()
    context = claimed(run)
    commit = execution._commit

    def commit_then_cancel(search, batch, *rest):
        commit(search, batch, *rest)
        if batch.number == 1:
            cancel(run.job_id)
            context.interrupt()

    monkeypatch.setattr(execution, "_commit", commit_then_cancel)
    with pytest.raises(JobCancelled):
        generate_execute(run_id=str(run.pk), context=context)
    assert lease.finish(run.job_id, "me", JobStatus.CANCELLED)

    run = run_get(run.pk)
    document = generation_document(run)
    assert (document["is_complete"], run.batches.count()) == (False, 2)
    n_tried = len(generated(run))
    assert 0 < n_tried < 20
    assert document["counts"]["generated"] == n_tried


def test_nobody_concludes_what_was_deleted(monkeypatch):
    run = queued()
    context = claimed(run)
    commit = execution._commit

    def commit_then_delete(*of):
        commit(*of)
        run_delete(run=run)
        context.interrupt()

    monkeypatch.setattr(execution, "_commit", commit_then_delete)
    monkeypatch.setattr(execution, "conclude", None)
    with pytest.raises(JobCancelled):
        generate_execute(run_id=str(run.pk), context=context)
    assert run.batches.count() == 1


def test_who_lost_the_job_writes_nothing():
    run = queued()
    context = claimed(run)
    lease.take_back(run.job_id, "me")

    with pytest.raises(JobCancelled):
        generate_execute(run_id=str(run.pk), context=context)

    assert not SearchBatch.objects.exists()
    assert not LedgerEntry.objects.exists()


def test_real_expressions_are_counted_and_running_one_again_adds_nothing():
    run = finished(**REAL)

    entries = LedgerEntry.objects.filter(run_id=str(run.pk))
    real = entries.filter(source="generate")
    assert sum(e.n_trials for e in real) == sum(b.n_trials for b in run.batches.all())
    assert sum(e.n_trials for e in real) > 0
    assert sum(e.n_trials for e in entries.exclude(source="generate")) == 0
    luck = generation_document(run)["honesty"]
    assert luck["n_trials"] == sum(e.n_trials for e in real)
    end_ms = run.search["spans"]["validation"]["end_ms"]
    assert {entry.end_ms for entry in entries} == {end_ms}  # the seal holds

    found = generated(run)
    everything = found.items(np.arange(len(found)))
    tried = next(one for one in everything if one["train_sharpe"] is not None)
    made = generated_run(run=run, index=tried["index"]).run
    do_run(made)
    assert made.config["end"] == end_ms
    assert LedgerEntry.objects.get(run_id=str(made.pk)).n_trials == 0


def test_what_was_kept_opens_the_seal_and_can_be_promoted(monkeypatch):
    first = finished(**REAL)
    _keep_one(monkeypatch)
    run = finished(**REAL)

    [opening] = SealOpening.objects.all()
    assert opening.run_id == str(run.pk)
    assert (run.best_index, run.metrics["sharpe"]) == (_kept(run)["index"], 0.5)
    assert RunMetric.objects.get(run=run, key="sharpe").value == 0.5
    assert generation_document(run)["seal"]["opened_at"] == opening.opened_at
    later = finished(**REAL)
    [earlier] = generation_document(later)["seal"]["earlier"]
    assert earlier["run_id"] == str(run.pk)
    assert generation_document(run)["seal"]["earlier"] == []  # it could not know
    assert len(generation_document(first)["seal"]["earlier"]) == 2

    index = _kept(run)["index"]
    waiting = candidate_promote(run=run, index=index)
    assert waiting.strategy is None
    do_run(waiting.submission.run)
    done = candidate_promote(run=run, index=index, name="Mine")
    assert (done.is_new, done.strategy.name) == (True, "Mine")
    assert done.strategy.run.config["end"] == run.config["end"]  # all bars
    with pytest.raises(Problem, match="was not kept"):
        candidate_promote(run=run, index=index + 1)


def _keep_one(monkeypatch):
    """Have the first expression that was traded pass every test."""
    conclude = execution.conclude

    def found_one(plan, panel, batches):
        outcome = conclude(plan, panel, batches)
        table = batches[0].table
        row = int(batches[0].is_trial.argmax())
        numbers = {"sharpe": 0.5, "sharpe_bar": 0.03, "n_bars": 100}
        one = {
            "index": int(table["index"][row]),
            "expr": str(table["expr"][row]),
            "validation": numbers | {"skew": 0.0, "kurtosis": 3.0},
        }
        return outcome | {"found": True, "kept": [one]}

    monkeypatch.setattr(execution, "conclude", found_one)


def _kept(run):
    [one] = generation(run)["kept"]
    return one


def test_the_body_of_the_first_document_starts_a_job(client):
    first = client.post("/api/jobs/train", OF_SEED, **JSON)
    again = client.post("/api/jobs/train", OF_SEED, **JSON)

    assert (first.status_code, again.status_code) == (202, 200)
    job = first.json()
    assert (job["type"], job["kind"], job["status"]) == ("train", "generate", "queued")
    assert Job.objects.get(pk=job["job_id"]).payload == {"workers": 4}
    assert again.json()["job_id"] == job["job_id"]
    assert first["Location"] == f"/api/jobs/{job['job_id']}"
    run = run_get(job["run_id"])
    sizing = {"cap": 0.05, "neutralize": "market"}
    assert run.config["sizing"] == sizing
    assert run.config["universe"] == ["NASDAQ", "SP500"]
    assert client.get("/api/jobs?kind=train").json()["items"][0]["id"] == job["id"]
    early = client.get(f"/api/runs/{run.pk}/generation")
    assert early.status_code == 409

    for seed in (1, 2):
        body = OF_SEED | {"seed": seed}
        client.post("/api/jobs/train", body, **JSON)
    body = OF_SEED | {"seed": 3}
    refused = client.post("/api/jobs/train", body, **JSON)
    assert refused.status_code == 429
    assert refused["Retry-After"]
    assert refused.json()["error"]["code"] == "too_many_searches"
    caps = {one["key"]: one for one in client.get("/api/config/limits").json()["items"]}
    assert (caps["searches"]["used"], caps["searches"]["remaining"]) == (3, 0)
    assert caps["search_expressions"]["value"] == 10_000
    Job.objects.update(status=JobStatus.QUEUED)


def test_a_request_that_cannot_be_searched_is_refused_by_name():
    for changes, field in (
        ({"n": 10_001}, "n"),
        ({"n": 0}, "n"),
        ({"params": {"limit_score": 1_000}}, "params.limit_score"),
        ({"params": {"cap": -1}}, "params.cap"),
        ({"method": "magic"}, "method"),
        ({"workers": 0}, "workers"),
        ({"universe": ["NOPE", "SYN-gbm-1"]}, "universe"),
        ({"execution": {"commission_bps": -1}}, "execution.commission_bps"),
        ({"end": "2010-06-30"}, "start"),  # too few bars for three spans
        ({"sed": 1}, "sed"),
        ({"experiment_id": "8f9a1c8e-0000-4000-8000-000000000000"}, "experiment_id"),
    ):
        with pytest.raises(ConfigError) as refused:
            queued(**changes)
        assert refused.value.problems[0].field == field, changes
    assert not Job.objects.exists()


def test_candidates_are_listed_and_the_run_is_nothing_else(client):
    run = finished()
    address = f"/api/runs/{run.pk}"

    page = client.get(f"{address}/candidates?order=-train_sharpe&limit=3").json()
    noise = client.get(f"{address}/candidates?placebo=true&limit=1").json()
    few = client.get(f"{address}/candidates?where=train_sharpe>0").json()
    table = client.get(f"{address}/candidates?format=csv").content.decode()

    sharpes = [one["train_sharpe"] for one in page["items"]]
    assert sharpes == sorted(sharpes, reverse=True)
    assert page["honesty"] is not None
    assert page["total"] == len(table.splitlines()) - 1
    assert noise["items"][0]["index"] not in {one["index"] for one in page["items"]}
    assert 0 < few["total"] < page["total"]
    assert client.get(f"{address}/candidates?order=magic").status_code == 422
    for name in ("heatmap", "report"):
        assert client.get(f"{address}/{name}").status_code == 409
    assert client.post(f"{address}/rerun", {}, **JSON).status_code == 409
    outcome = client.get(f"{address}/generation").json()
    assert [*unjudged(outcome), *unjudged(page)] == []
    assert outcome["expressions_per_s"] > 0
    index = page["items"][0]["index"]
    made = client.post(f"{address}/candidates/{index}/run", {}, **JSON)
    assert made.status_code == 202
    assert made.json()["config"]["expr"] == page["items"][0]["expr"]
    assert client.post(f"{address}/candidates/999/run", {}, **JSON).status_code == 404
    refused = client.post(f"{address}/candidates/{index}/promote", {}, **JSON)
    assert refused.status_code in (202, 409)  # kept, or not
