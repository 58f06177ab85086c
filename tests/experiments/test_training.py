"""Trainings: asked for, done, found again; their versions, their pages, their files."""

from __future__ import annotations

import io
import json
import re
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest

from experiments.artifacts.store import run_store
from experiments.models import Dataset, ModelRun, ModelVersion
from experiments.selectors.datasets import dataset_file
from experiments.services.dataset_build import build_asked, build_plan, dataset_submit
from experiments.services.dataset_execute import dataset_execute
from experiments.services.training import training_plan, training_submit
from experiments.services.training_execute import training_execute
from experiments.services.verify import run_verify
from jobs.progress import JobCancelled
from quantlab.api import api
from quantlab.web.problem import Problem
from strategies.learning.config import training_config
from strategies.learning.files import model_of
from strategies.learning.samples import read_samples
from strategies.learning.training import identity_of, train
from tests.addresses import addresses
from tests.experiments.rows import add_dataset
from tests.factories import claimed, do_run
from tests.html import Tree
from tests.quantlab.test_api import assert_error
from tests.web.test_take_away import addresses as taken_away

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]
ASKED = {
    "provider": "synthetic",
    "universe": ["SYN-gbm-1", "SYN-trend-2"],
    "start_date": "2011-01-03",
    "end_date": "2012-06-29",
    "features": ["returns", {"name": "past_return", "params": {"d": 7}}, "rsi"],
    "label": {"kind": "sign", "horizon_bars": 2},
}
CHARTS = ("folds", "calibration", "importance", "learning")


def built(**changes) -> Dataset:
    dataset = dataset_submit(plan=build_plan(build_asked(ASKED | changes))).dataset

    def execute(*, run_id, context):
        dataset_execute(dataset_id=run_id, context=context)

    do_run(
        SimpleNamespace(pk=dataset.pk, job_id=dataset.job_id, job=dataset.job), execute
    )
    dataset.refresh_from_db()
    return dataset


def submitted(dataset, model_id="momentum_logit", **asked) -> ModelRun:
    body = {"dataset_id": str(dataset.pk), "folds": 3} | asked
    return training_submit(plan=training_plan(model_id=model_id, body=body)).run


def trained(dataset, **asked) -> ModelRun:
    run = submitted(dataset, **asked)
    do_run(run, training_execute)
    return ModelRun.objects.select_related("job").get(pk=run.pk)


def ask(client, model_id="momentum_logit", **body):
    return client.post(
        f"/api/models/{model_id}/train",
        json.dumps(body),
        content_type="application/json",
    )


def test_a_training_is_asked_for_done_read_and_found_again(client):
    dataset = built()
    body = {
        "dataset_id": str(dataset.pk),
        "folds": 3,
        "selection": {"thresholds": [0.52, 0.55], "allowed_hours": []},
    }

    sent = ask(client, **body)

    assert (sent.status_code, sent.json()["kind"]) == (202, "model_training")
    run = ModelRun.objects.select_related("job").get(pk=sent.json()["id"])
    assert ask(client, **body).json()["id"] == str(run.pk)  # it waits
    waiting = client.get(f"/api/models/training/runs/{run.pk}").json()
    assert (waiting["status"], waiting["report"]) == ("queued", None)
    do_run(run, training_execute)

    again = ask(client, **body)
    assert (again.status_code, again.json()["reused"]) == (200, True)
    training = client.get(f"/api/models/training/runs/{run.pk}").json()
    assert (training["status"], training["version"]) == ("succeeded", 1)
    assert training["config"]["target"] == {"kind": "sign", "horizon_bars": 2}
    assert len(training["report"]["folds"]) == 3
    assert 0.3 < training["report"]["overall"]["auc"] < 0.8
    [version] = client.get("/api/models/momentum_logit/versions").json()["items"]
    assert version["identity"] == training["identity"]
    assert version["selection"] == body["selection"]
    assert (version["stage"], version["critic"]) == ("draft", None)
    listed = {one["model_id"]: one for one in client.get("/api/models").json()["items"]}
    assert list(listed) == ["momentum_logit", "momentum_hgb", "sma_cross"]
    assert listed["momentum_logit"] == client.get("/api/models/momentum_logit").json()
    assert listed["momentum_logit"]["latest_version"] == 1
    assert listed["sma_cross"]["n_versions"] == 0
    assert_error(client.get(f"/api/runs/{run.pk}/report"), 409, "conflict")
    pair = {"runs": f"{run.pk},{dataset.pk}"}
    assert_error(client.get("/api/model-lab/compare", pair), 422, "is_a_training")


def test_its_files_say_what_the_library_says(client):
    dataset = built()
    run = trained(dataset)

    def kept(name):
        with run_store().open(str(run.pk), name) as file:
            return file.read()

    path = dataset_file(dataset)
    config = training_config(run.training.config)
    samples = read_samples(
        path, target=config.target, dataset_hash=dataset.dataset_hash
    )
    expected = train(config, samples)
    report = json.loads(kept("training_report.json"))
    assert report == expected.report == run.training.report
    table = pq.read_table(io.BytesIO(kept("probabilities.parquet")))
    chance = table["probability"].to_numpy(zero_copy_only=False).astype(np.float64)
    said = identity_of(config, dataset.dataset_hash, run.code_version, chance)
    assert said == expected.identity == run.training.identity
    model = model_of(kept("model.skops"))
    rows = samples.features[samples.usable][:20]
    assert np.array_equal(
        model.predict_proba(rows), expected.estimator.predict_proba(rows)
    )
    assert run_verify(run=run)["ok"]
    assert run.data_fingerprint == dataset.dataset_hash
    second = trained(dataset, force=True)
    assert second.training.identity == run.training.identity
    assert second.training.version.version == 2
    assert client.delete(f"/api/runs/{second.pk}").status_code == 204
    [left] = client.get("/api/models/momentum_logit/versions").json()["items"]
    assert left["version"] == 1
    assert client.get("/api/models/momentum_logit").json()["latest_version"] == 1


def test_a_lost_or_cancelled_training_leaves_nothing_or_everything():
    run = submitted(built())
    late = claimed(run, "late")
    type(run.job).objects.filter(pk=run.job_id).update(lease_owner="other")
    for name in ("report", "stage"):
        setattr(late, name, lambda *_, **__: None)
    with pytest.raises(JobCancelled):
        training_execute(run_id=str(run.pk), context=late)
    run.refresh_from_db()
    assert (run.manifest_sha, ModelVersion.objects.count()) == ("", 0)

    run.job.refresh_from_db()
    mine = type(late)(run.job)
    training_execute(run_id=str(run.pk), context=mine)
    training_execute(run_id=str(run.pk), context=mine)  # is nothing new
    run.refresh_from_db()
    assert run.manifest_sha
    assert ModelVersion.objects.get().training.report is not None


def test_what_cannot_be_trained_is_refused_at_once(client):
    dataset, waiting = built(), add_dataset()
    whole = {"dataset_id": str(dataset.pk)}
    for model_id, body, status, code in (
        ("momentum_logti", whole, 404, "not_found"),
        ("pipeline", whole, 404, "not_found"),
        ("sma_cross", whole, 422, "nothing_to_train"),
        ("momentum_hgb", {"dataset_id": str(waiting.pk)}, 422, "not_built"),
        ("momentum_hgb", {"dataset_id": str(waiting.job_id)}, 422, "invalid_value"),
        ("momentum_hgb", {"dataset_id": str(dataset.pk)[:-1] + "x"}, 422, None),
        ("momentum_hgb", {}, 422, "missing_field"),
        ("momentum_hgb", whole | {"params": {"tress": 3}}, 422, "unknown_parameter"),
        ("momentum_hgb", whole | {"folds": 0}, 422, "out_of_range"),
        ("momentum_hgb", whole | {"flods": 3}, 422, "unknown_field"),
        (
            "momentum_hgb",
            whole | {"selection": {"thresholds": [0.6, 0.5]}},
            *(422, "bad_thresholds"),
        ),
    ):
        answer = ask(client, model_id, **body)
        assert answer.status_code == status, (model_id, body)
        if code:
            assert answer.json()["error"]["code"] == code, body
    assert_error(
        client.get("/api/models/momentum_logit/versions?order=x"), 422, "unknown_order"
    )
    dataset_file(dataset).write_bytes(b"other")
    run = submitted(dataset)
    with pytest.raises(Problem, match="not what was written"):
        training_execute(run_id=str(run.pk), context=claimed(run))


def test_pages_show_models_their_versions_and_reports(client):
    assert b"No version yet" in client.get("/models/momentum_logit").content
    empty = client.get("/models/momentum_hgb/train").content.decode()
    assert "/datasets/new?model=momentum_hgb" in empty
    form = client.get("/datasets/new?model=momentum_hgb").content.decode()
    assert "pct_change(close, 21)" in form
    assert b"Nothing to train" in client.get("/models/sma_cross").content
    assert client.get("/models/pipeline").status_code == 404

    dataset = built()
    sent = client.post(
        "/models/momentum_logit/train",
        {"dataset": str(dataset.pk), "thresholds": "0.6 0.5", "folds": "3"},
    )
    assert sent.status_code == 422
    assert "no thresholds" in sent.content.decode()
    sent = client.post(
        "/models/momentum_logit/train",
        {"dataset": str(dataset.pk), "thresholds": "0.52, 0.6", "folds": "3"},
    )
    run = ModelRun.objects.select_related("job").get()
    assert sent["Location"] == run.get_absolute_url()
    assert b"In training" in client.get("/models/momentum_logit").content
    do_run(run, training_execute)

    for page in (run.get_absolute_url(), "/models/momentum_logit?version=1"):
        text = client.get(page).content.decode()
        charts = [e for e in Tree(text).root.walk() if "data-chart" in e.attributes]
        assert [one.attributes["data-chart"] for one in charts] == list(CHARTS)
        assert "reaches 50%" in text
        assert "past_return 7" in text
        offered = taken_away(page, text)
        assert sum("/training/" in one for one in offered) == len(CHARTS)
    assert client.get("/models/momentum_logit?version=2").status_code == 404
    assert client.get("/models/momentum_logit?version=x").status_code == 404
    assert b"52.0%, 60.0%" in client.get("/models/momentum_logit").content
    for name in CHARTS:
        address = f"{run.get_absolute_url()}/training/{name}?format=json"
        assert client.get(address).json()["items"]
    assert client.get(address.replace("learning", "other")).status_code == 422
    for tab in ("config", "files", "logs"):
        assert client.get(f"{run.get_absolute_url()}?tab={tab}").status_code == 200
    assert b"Momentum, logistic" in client.get("/models").content


def test_whatever_is_asked_of_a_training_run_is_answered_or_refused(client):
    run = trained(built())
    paths = api.get_openapi_schema(path_prefix="/api")["paths"]
    asked = [
        path.replace("{run_id}", str(run.pk))
        for path, methods in paths.items()
        if "{run_id}" in path and "get" in methods
    ]
    asked = [re.sub(r"\{\w+\}", "1", path) for path in asked]
    asked += [one for one in addresses({"run_id": str(run.pk)}) if str(run.pk) in one]
    asked.append(f"/presets/new?run={run.pk}")

    answers = {one: client.get(one).status_code for one in asked}

    assert len(answers) > 25
    assert {one: code for one, code in answers.items() if code >= 500} == {}
    assert answers[f"/api/runs/{run.pk}"] == answers[f"/api/runs/{run.pk}/manifest"]
    listed = client.get("/api/runs?kind=model_training").json()["items"]
    assert [one["id"] for one in listed] == [str(run.pk)]
    assert client.get("/backtesting?kind=model_training").status_code == 200
    for body in ({}, {"name": "again"}):
        sent = client.post(
            f"/api/runs/{run.pk}/rerun",
            json.dumps(body),
            content_type="application/json",
        )
        assert sent.status_code in (409, 422), sent.content
