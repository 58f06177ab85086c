"""What was learnt travels whole: trainings with their models, and pipelines."""

from __future__ import annotations

import json
import os
import pickle
from hashlib import sha256
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import pytest

from experiments.artifacts.archive import json_bytes
from experiments.artifacts.store import run_store
from experiments.models import (
    Dataset,
    LedgerEntry,
    ModelRun,
    ModelVersion,
    PipelineRun,
    Reproduction,
)
from experiments.selectors import published
from experiments.selectors.datasets import dataset_file
from experiments.selectors.ledger import ledger_proof
from experiments.selectors.pipeline import pipeline_get
from experiments.selectors.training import training_document, training_get
from experiments.selectors.trials import trial_counts
from experiments.services.archive_import import archive_import
from experiments.services.pipeline import pipeline_delete
from experiments.services.reproduce import reproduce_request
from experiments.services.reproduce_execute import reproduce_execute
from jobs.models import Job
from quantlab.web.person import Person, Scope, asked_by
from quantlab.web.problem import Problem
from strategies import RunConfig, load_candles
from tests.experiments.pipelines import (
    document,
    run_through,
    submitted,
    write_bars,
)
from tests.experiments.pipelines import (
    members as symbols_of,
)
from tests.experiments.rows import plain_experiment
from tests.experiments.test_archive import (
    again,
    archived,
    empty_the_lab,
    members,
    sent,
    zipped,
)
from tests.experiments.test_training import ASKED, built, trained
from tests.factories import do_run, finished_run
from tests.quantlab.test_api import assert_error
from tests.sizes import only_torture

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]
GRID = {"thresholds_list": [[0.5], [0.52]]}
LATER = {"start": "2012-01-02", "end": "2013-06-28"}  # beyond what was learnt from


def answers(run):
    """Return what the model of a training says of bars it never saw, as bytes."""
    published._learnt.cache_clear()
    training = training_get(run.pk)
    found = published.published_version("momentum_logit", 1, training.identity[:12])
    frame = {key: ASKED[key] for key in ("provider",)} | LATER
    config = RunConfig(symbol="SYN-gbm-9", strategy={"name": "buy_and_hold"}, **frame)
    chance = found.probability(load_candles(config))
    assert np.isfinite(chance).sum() > 200
    return chance.tobytes()


def kept(run):
    store, run_id = run_store(), str(run.pk)
    return {
        e["name"]: store.path(run_id, e["name"]).read_bytes()
        for e in store.list(run_id)
    }


class TestTraining:
    def test_its_model_says_the_same_in_another_lab(self, client):
        dataset = built()
        run = trained(dataset)
        before, files, said = training_document(run.training), kept(run), answers(run)
        rows = dataset_file(dataset).read_bytes()
        address = f"/api/runs/{run.pk}/archive"
        content = archived(client, address)
        empty_the_lab()
        assert not dataset_file(dataset).exists()

        taken = sent(client, content).json()

        assert [one["outcome"] for one in taken["datasets"]] == ["new"]
        assert taken["n_files"] == len(files) + 2  # the manifest, and the rows
        run = ModelRun.objects.select_related("job").get(pk=run.pk)
        assert training_document(training_get(run.pk)) == before
        assert (kept(run), answers(run)) == (files, said)
        assert dataset_file(Dataset.objects.get()).read_bytes() == rows
        assert archived(client, address) == content
        version = ModelVersion.objects.get()
        assert (version.version, version.stage) == (1, "draft")
        pages = (run.get_absolute_url(), "/models/momentum_logit?version=1")
        for page in (*pages, f"/datasets/{dataset.pk}"):
            assert client.get(page).status_code == 200
        # The same training is found again, and its twin has the next number.
        body = {"dataset_id": str(dataset.pk), "folds": 3}
        asked = client.post(
            "/api/models/momentum_logit/train", body, "application/json"
        )
        assert (asked.status_code, asked.json()["id"]) == (200, str(run.pk))
        assert sent(client, content).json()["n_new_runs"] == 0
        store, model = run_store(), bytearray(files["model.skops"])
        model[-1] ^= 1
        store.path(str(run.pk), "model.skops").write_bytes(model)
        with pytest.raises(Problem, match="is not what the manifest lists"):
            answers(run)

    def test_what_no_lab_would_take_does_not_leave(self, client):
        run = trained(built())
        Dataset.objects.update(report={})
        assert_error(
            client.get(f"/api/runs/{run.pk}/archive"), 409, "unfit_for_archives"
        )

    @only_torture
    def test_it_is_made_again_there_and_is_the_same_by_its_identity(self, client):
        run = trained(built())
        content = archived(client, f"/api/runs/{run.pk}/archive")
        empty_the_lab()
        assert sent(client, content).status_code == 200
        made = reproduce_request(run=ModelRun.objects.get(pk=run.pk)).run
        do_run(made, reproduce_execute)

        proof = Reproduction.objects.get(pk=made.pk).document

        assert (proof["status"], proof["reason"]) == ("identical", None)
        by = {file["name"]: file["compared"] for file in proof["files"]}
        assert by["model.skops"] == "identity"

    def test_a_run_of_its_model_has_it_along_whatever_its_number_is(self, client):
        dataset = built()
        learnt = trained(dataset)
        identity = learnt.training.identity[:12]
        params = {"model_id": "momentum_logit", "version": 1, "identity": identity}
        changes = LATER | {"strategy": {"name": "trained_model", "params": params}}
        experiment = plain_experiment(name="Learnt")
        run = finished_run(
            changes=changes | {"symbol": "SYN-gbm-9"}, experiment=experiment
        )
        said = answers(learnt)
        content = archived(
            client, f"/api/model-lab/experiments/{experiment.pk}/archive"
        )
        empty_the_lab()
        other = trained(built(), seed=7)  # which is version 1 here
        ModelRun.everyones.filter(pk=other.pk).update(owner="bob")

        with asked_by(Person("ann", Scope.RUN)):  # who does not see it
            taken = archive_import(file=BytesIO(content), dry_run=False)

        assert {one["kind"] for one in taken["runs"]} == {"backtest", "model_training"}
        numbers = dict(ModelVersion.objects.values_list("training_id", "version"))
        assert numbers[learnt.pk] == 2
        assert answers(learnt) == said
        asked = client.post(f"/api/runs/{run.pk}/rerun", {}, "application/json")
        assert asked.status_code in (200, 202), asked.content


def forged(parts, run, model):
    """Return the archive with another model in it, and every hash that says so."""
    folder = f"runs/{run.pk}"
    manifest = json.loads(parts[f"{folder}/files/manifest.json"])
    [entry] = [one for one in manifest["files"] if one["name"] == "model.skops"]
    entry |= {"sha256": sha256(model).hexdigest(), "size": len(model)}
    listed = json_bytes(manifest)
    row = json.loads(parts[f"{folder}/run.json"])
    row["run"]["manifest_sha"] = sha256(listed).hexdigest()
    changed = {
        f"{folder}/files/model.skops": model,
        f"{folder}/files/manifest.json": listed,
        f"{folder}/run.json": json_bytes(row),
    }
    return again(parts, changed)


def skops_of(thing):
    from skops.io import dumps

    return dumps(thing)


def bomb(unpacked):
    sink = BytesIO()
    with ZipFile(sink, "w", ZIP_DEFLATED) as target:
        target.writestr("schema.json", b" " * unpacked)
    return sink.getvalue()


def test_a_model_that_is_none_of_ours_is_refused_and_leaves_nothing(
    client, monkeypatch
):
    from sklearn.cluster import KMeans

    monkeypatch.setattr("strategies.learning.files.MOST_UNPACKED", 4 << 20)
    run = trained(built())
    parts = members(archived(client, f"/api/runs/{run.pk}/archive"))
    own = parts[f"runs/{run.pk}/files/model.skops"]
    empty_the_lab()
    for model, code, words in (
        (skops_of(os.system), "bad_model", "posix.system"),
        (skops_of({"a": KMeans()}), "bad_model", "KMeans"),
        (pickle.dumps({"a": 1}), "bad_model", "no archive"),
        (bomb(5 << 20), "model_too_large", "5 MB"),
        (zipped({"schema.json": b"[" * 100_000}), "bad_model", "cannot be read"),
        (zipped({"schema.json": b"{}"}), "bad_model", "names no type"),
        (own[:-30], "bad_model", "no archive"),
    ):
        refusal = sent(client, forged(parts, run, model))
        assert_error(refusal, 422, code)
        assert words in refusal.json()["error"]["message"], words
    folder = f"runs/{run.pk}"
    row = json.loads(parts[f"{folder}/run.json"])
    learnt = row["training"]
    [dataset] = [name for name in parts if name.endswith("rows.parquet")]
    for change, code in (
        ({"training": None}, "bad_row"),
        ({"training": learnt | {"identity": "0" * 64}}, "wrong_hash"),
        ({"training": learnt | {"dataset_hash": "0" * 64}}, "wrong_hash"),
        ({"training": learnt | {"version": None}}, "bad_row"),
        (
            {"training": learnt | {"report": learnt["report"] | {"folds": []}}},
            "bad_row",
        ),
        ({"training": learnt | {"model_id": "x"}}, "bad_row"),
    ):
        changed = {f"{folder}/run.json": json_bytes(row | change)}
        assert_error(sent(client, again(parts, changed)), 422, code)
    other = again(parts, {dataset: parts[dataset] + b"x"})
    assert_error(sent(client, other), 422, "wrong_hash")
    assert not ModelRun.objects.exists()
    assert not Dataset.objects.exists()
    assert not [one for one in run_store().root.iterdir() if str(run.pk) in one.name]
    assert sent(client, forged(parts, run, own)).status_code == 200


@pytest.fixture
def pipeline(home):
    names = symbols_of("sp500", 3)
    write_bars(home, names, memory=0.3)
    row = submitted(universe=names, grid=GRID, guardrails={"min_trades": 1})
    run_through(row)
    return pipeline_get(row.pk)


def archive_of(row):
    return f"/api/models/pipeline/runs/{row.pk}/archive"


class TestPipeline:
    def test_it_arrives_whole_and_says_the_same_figures(self, client, pipeline):
        before = document(pipeline)
        page = client.get(pipeline.get_absolute_url()).content.decode()
        counted = trial_counts().n_trials
        assert (before["status"], counted) == ("succeeded", 2)
        content = archived(client, archive_of(pipeline))
        empty_the_lab()

        shown = sent(client, content, dry_run="true").json()
        assert not PipelineRun.objects.exists()
        assert not Dataset.objects.exists()
        taken = sent(client, content).json()

        assert taken == shown | {"dry_run": False}
        assert (taken["kind"], taken["n_new_runs"]) == ("pipeline", 3)
        assert document(pipeline) == before
        there = client.get(pipeline.get_absolute_url()).content.decode()
        board = 'aria-labelledby="board-title"'
        assert there.partition(board)[2] == page.partition(board)[2] != ""
        assert trial_counts().n_trials == counted
        assert ledger_proof().ok
        assert archived(client, archive_of(pipeline)) == content
        for one in ModelRun.objects.all():
            assert client.get(one.get_absolute_url()).status_code == 200
            assert client.get(f"/api/runs/{one.pk}/provenance").status_code == 200

        again_taken = sent(client, content).json()

        assert {one["outcome"] for one in again_taken["pipelines"]} == {"here"}
        assert trial_counts().n_trials == counted
        asked = submitted(
            universe=pipeline.plan["symbols"], grid=GRID, guardrails={"min_trades": 1}
        )
        assert asked.pk == pipeline.pk  # the same plan is found again, not done again
        pipeline_delete(row=pipeline_get(pipeline.pk))
        assert_error(sent(client, content), 409, "conflict")

    def test_an_experiment_with_its_runs_has_all_of_it(self, client, pipeline):
        experiment = plain_experiment(name="Both")
        mine = [pipeline.backtest_run_ids[0], str(pipeline.training_run_id)]
        ModelRun.objects.filter(pk__in=mine).update(experiment=experiment)
        before = document(pipeline)
        address = f"/api/model-lab/experiments/{experiment.pk}/archive"
        content = archived(client, address)
        empty_the_lab()
        Job.objects.create(id=pipeline.job_id, kind="backtest")
        trained(built(), seed=7)  # which is version 1 here

        taken = sent(client, content).json()

        assert [one["id"] for one in taken["pipelines"]] == [str(pipeline.pk)]
        row = pipeline_get(pipeline.pk)
        assert row.job_id == taken["renamed_jobs"][pipeline.job_id]
        counted = LedgerEntry.objects.filter(source="pipeline")
        assert set(counted.values_list("job_id", flat=True)) == {row.job_id}
        assert (row.model_version, row.training_run.version.version) == (2, 2)
        assert "as version 2" in row.summary
        after = document(row)
        for key in ("backtests", "chosen", "plan", "dataset", "honesty"):
            assert after[key] == before[key]

    def test_what_was_changed_is_refused_and_leaves_nothing(self, client, pipeline):
        parts = members(archived(client, archive_of(pipeline)))
        empty_the_lab()
        name = f"pipelines/{pipeline.pk}.json"
        member = json.loads(parts[name])
        row = member["pipeline"]
        board, plan = row["leaderboard"], row["plan"]
        gone = f"runs/{row['backtest_run_ids'][0]}/"
        far = [board[0] | {"number": 9}, *board[1:]]
        unjudged = [{k: v for k, v in board[0].items() if k != "verdicts"}, *board[1:]]
        for change, code in (
            ({"leaderboard": far}, "bad_row"),
            ({"leaderboard": unjudged}, "bad_row"),
            ({"leaderboard": [board[0] | {"run_id": str(pipeline.pk)}]}, "bad_row"),
            ({"summary": "It earns ten."}, "wrong_numbers"),
            ({"said": {"rule": "x", "values": {}}}, "bad_row"),
            ({"plan": plan | {"seed": 9}}, "wrong_hash"),
            ({"plan": plan | {"grid": 3}}, "bad_row"),
            ({"model_id": "momentum_hgb"}, "bad_row"),
            ({"status": "running"}, "bad_row"),
            ({"status": "failed", "stage": "x"}, "bad_row"),
            ({"chosen": None}, "bad_row"),
            ({"guardrails": {"min_trades": "x"}}, "bad_row"),
            ({"backtest_run_ids": row["backtest_run_ids"] * 2}, "bad_row"),
            ({"training_run_id": row["backtest_run_ids"][0]}, "bad_row"),
            ({"mood": 1}, "newer_version"),
        ):
            changed = json_bytes(member | {"pipeline": row | change})
            assert_error(sent(client, again(parts, {name: changed})), 422, code)
        short = {n: c for n, c in parts.items() if not n.startswith(gone)}
        assert_error(sent(client, again(short, {})), 422, "incomplete")
        assert not PipelineRun.objects.exists()
        assert not LedgerEntry.objects.exists()

    def test_one_at_work_waits_and_a_deleted_run_is_told(self, client, pipeline):
        waits = submitted(universe=pipeline.plan["symbols"], grid=GRID)
        assert_error(client.get(archive_of(waits)), 409, "conflict")
        run_id = pipeline.backtest_run_ids[1]
        assert client.delete(f"/api/runs/{run_id}").status_code == 204
        content = archived(client, archive_of(pipeline))
        empty_the_lab()

        taken = sent(client, content).json()

        assert taken["left_out"] == [{"id": run_id, "why": "deleted"}]
        assert client.get(pipeline.get_absolute_url()).status_code == 200
