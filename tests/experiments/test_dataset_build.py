"""Datasets that are built: asked for, made, found again, refused with reasons."""

from __future__ import annotations

import hashlib
import io
import json

import pandas as pd
import pyarrow.parquet as pq
import pytest

from experiments.models import CachedFeature, Dataset
from experiments.selectors.datasets import dataset_file, dataset_get
from experiments.services import caches
from experiments.services.dataset_execute import dataset_execute
from jobs import lease
from jobs.models import Job, JobStatus
from jobs.progress import JobCancelled, JobContext
from quantlab.web.problem import Problem
from strategies.errors import StrategyError
from strategies.features.cache import FeatureFiles
from tests.quantlab.test_api import assert_error

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]
BUILD = "/api/models/dataset/build"
FEATURES = ["rsi", {"name": "sma", "params": {"period": 5}}, "rank(delta(close, 2))"]
ASKED = {
    "provider": "synthetic",
    "universe": ["SYN-gbm-1", "SYN-trend-2"],
    "start_date": "2011-01-03",
    "end_date": "2011-12-30",
    "features": FEATURES,
    "label": {"kind": "return", "horizon_bars": 5},
}


def build(client, **changes):
    body = json.dumps(ASKED | changes)
    return client.post(BUILD, body, content_type="application/json")


def work(dataset_id: str, owner="me", context_of=JobContext) -> Dataset:
    """Do what a worker does with the job of a dataset."""
    dataset = dataset_get(dataset_id)
    assert lease.claim(dataset.job_id, owner)
    context = context_of(Job.objects.get(pk=dataset.job_id))
    status, error = JobStatus.SUCCEEDED, None
    try:
        dataset_execute(dataset_id=context.job.run_id, context=context)
    except JobCancelled:
        status = JobStatus.CANCELLED
    except StrategyError as exc:
        status, error = JobStatus.FAILED, Problem.of_strategy(exc).inner()
    context.flush()
    assert lease.finish(dataset.job_id, owner, status, error=error)
    return dataset_get(dataset_id)


def test_a_dataset_is_asked_for_built_read_and_reused(client):
    sent = build(client)

    assert sent.status_code == 202
    body = sent.json()
    assert sent["Location"] == f"/api/datasets/{body['id']}"
    assert (body["run_id"], body["status"], body["kind"], body["reused"]) == (
        *(body["id"], "queued", "built"),
        False,
    )
    assert_error(client.get(f"{sent['Location']}/data"), 409, "not_built")
    waiting = build(client)
    assert (waiting.status_code, waiting.json()["id"]) == (200, body["id"])

    work(body["id"])
    read = client.get(sent["Location"]).json()
    bars = 260  # weekdays
    assert (read["status"], read["symbols"]) == ("succeeded", 2)
    assert read["rows"] == 2 * bars
    assert read["label"]["known"] == 2 * (bars - 5)
    assert read["usable_rows"] == 2 * (bars - 14 - 5)
    assert 0.9 < read["coverage"] <= 1.0
    assert {
        "gaps",
        "duplicates",
        "nan_rows",
        "inconsistent_rows",
        "zero_volume",
    } <= set(read["quality"])
    assert read["quality"]["survivorship_bias"] is True
    assert read["options"]["start_date"] == "2011-01-03T00:00:00.000Z"
    assert [one["column"] for one in read["features"]] == [
        *("rsi(close, 14)", "sma(close, 5)", "rank(delta(close, 2))")
    ]
    again = build(client, name="Other words", features=[*FEATURES, "rsi"])
    assert again.status_code == 200
    assert (again.json()["id"], again.json()["reused"]) == (body["id"], True)
    assert again.json()["words"].startswith("reused, 0.")
    other = build(client, label={"kind": "sign", "horizon_bars": 5}).json()
    assert other["id"] != body["id"]
    forced = build(client, force=True).json()
    assert forced["id"] not in (body["id"], other["id"])

    work(forced["id"])  # from the cache, to the same bytes
    assert dataset_get(forced["id"]).dataset_hash == read["dataset_hash"]
    listed = client.get("/api/datasets?kind=built").json()["items"]
    assert len(listed) == 3


def test_its_rows_leave_as_parquet_and_as_csv(client):
    body = build(client).json()
    dataset = work(body["id"])

    whole = client.get(f"/api/datasets/{body['id']}/data")
    content = b"".join(whole.streaming_content)
    assert hashlib.sha256(content).hexdigest() == dataset.dataset_hash
    rows = pq.read_table(io.BytesIO(content)).to_pandas()
    assert list(rows.columns[:2]) == ["ts_utc", "symbol"]
    assert rows["label"].tail(5).isna().all()
    text = client.get(f"/api/datasets/{body['id']}/data?format=csv")
    table = pd.read_csv(io.BytesIO(b"".join(text.streaming_content)))
    pd.testing.assert_frame_equal(table, rows, check_dtype=False)
    assert_error(
        client.get(f"/api/datasets/{body['id']}/data?format=exe"), 422, "invalid_value"
    )


def test_what_cannot_be_built_is_refused_at_once(client):
    for changes, code, field, words in (
        ({"features": ["rsii"]}, "unknown_feature", "features.0.name", "'rsi'"),
        ({"features": []}, "no_features", "features", "1 to"),
        ({"universe": []}, "empty_universe", "universe", ""),
        ({"universe": {"preset_id": "sp5"}}, "unknown_universe", None, "sp500"),
        ({"universe": {"preset_id": "sp500"}}, "empty_universe", "universe", ""),
        ({"universe": {"watchlist_id": "x"}}, "unknown_universe", None, ""),
        ({"universe": ["../x"]}, "unknown_symbol", "universe", ""),
        ({"provider": "nobody"}, "unknown_provider", "provider", ""),
        ({"timeframe": "2h"}, "unknown_timeframe", "timeframe", ""),
        ({"start_date": "soon"}, "invalid_value", "start_date", ""),
        ({"start_date": "1970-01-01"}, "outside_data", "start_date", "2010"),
        ({"label": {"kind": "sing"}}, "unknown_choice", "label.kind", "'sign'"),
        ({"label": {"horizon_bars": 0}}, "out_of_range", "label.horizon_bars", ""),
        ({"label": {"horizon_bars": 400}}, "horizon_too_long", None, "Shorten"),
        ({"lable": {}}, "unknown_field", "lable", "'label'"),
        ({"label": {"horizon": 2}}, "unknown_field", "label.horizon", "horizon_bars"),
    ):
        answer = build(client, **changes)
        assert_error(answer, 422, code)
        error = answer.json()["error"]
        assert field in (None, error["details"]["errors"][0]["field"]), changes
        assert words in error["advice"], changes
    several = build(client, universe=["NO-1", "SYN-gbm-1", "NO-2"]).json()["error"]
    assert ["NO-1" in one["message"] for one in several["details"]["errors"]] == [
        *(True, False)
    ]
    assert Dataset.objects.count() == 0


def test_a_universe_says_what_is_missing(client):
    from experiments.services.watchlists import watchlist_create

    watched = watchlist_create(
        name="Mixed", symbols=["SYN-gbm-1", "GONE", "SYN-jump-3"]
    )
    body = build(client, universe={"watchlist_id": str(watched.pk), "cap": 1}).json()
    assert body["missing"] == ["GONE"]  # a cap leaves others out, which is not missing
    assert body["options"]["universe"] == ["SYN-gbm-1"]


def test_who_joins_later_is_compared_from_then_on(client):
    from experiments.services.watchlists import watchlist_create

    joins = {"symbol": "SYN-trend-2", "from": "2011-07-01"}
    watched = watchlist_create(name="Dated", symbols=["SYN-gbm-1", joins])
    asked = {"universe": {"watchlist_id": str(watched.pk)}, "features": ["rank(close)"]}
    dataset = work(build(client, **asked).json()["id"])

    assert dataset.options["members"] == {"SYN-trend-2": {"from": "2011-07-01"}}
    rows = pq.read_table(dataset_file(dataset)).to_pandas()
    ranks = rows.pivot_table(index="ts_utc", columns="symbol", values="rank(close)")
    joined = ranks["SYN-trend-2"].first_valid_index()
    assert pd.to_datetime(joined, unit="ms") == pd.Timestamp("2011-07-01")
    assert (ranks["SYN-gbm-1"][ranks.index < joined] == 1.0).all()
    plain = build(client, features=["rank(close)"])
    assert (plain.status_code, plain.json()["reused"]) == (202, False)


def test_a_cancelled_or_lost_build_leaves_nothing_or_everything(client, tmp_path):
    body = build(client).json()

    class Stopped(JobContext):
        def report(self, n, total, message="", **facts):
            if self.job.stage == "features" and n == 2:
                raise JobCancelled(self.job.pk)

    assert work(body["id"], context_of=Stopped).job.status == "cancelled"
    assert list((tmp_path / "datasets").iterdir()) == []
    again = build(client).json()
    assert again["id"] != body["id"]

    dataset = dataset_get(again["id"])
    assert lease.claim(dataset.job_id, "late")
    late = JobContext(Job.objects.get(pk=dataset.job_id))
    Job.objects.filter(pk=dataset.job_id).update(lease_owner="other")
    for name in ("report", "stage"):
        setattr(late, name, lambda *_, **__: None)
    with pytest.raises(JobCancelled):
        dataset_execute(dataset_id=again["id"], context=late)
    dataset.refresh_from_db()
    assert (dataset.dataset_hash, dataset.report) == ("", None)
    mine = JobContext(Job.objects.get(pk=dataset.job_id))
    dataset_execute(dataset_id=again["id"], context=mine)
    dataset.refresh_from_db()
    assert dataset_file(dataset).exists()
    dataset_execute(dataset_id=again["id"], context=mine)  # is nothing new


def test_an_expression_that_these_bars_cannot_fill_fails_with_its_name(client):
    body = build(client, features=['feat("pe") + 1']).json()

    dataset = work(body["id"])

    assert dataset.job.status == "failed"
    assert dataset.job.error["code"] == "unknown_field"
    assert "pe" in dataset.job.error["message"]
    assert build(client, features=['feat("pe") + 1']).json()["id"] != body["id"]


def test_a_file_goes_with_the_last_dataset_that_has_it(client):
    ids = [build(client, force=True).json()["id"] for _ in range(2)]
    first, _ = (work(one) for one in ids)
    file = dataset_file(first)

    with_commit(client.delete, f"/api/datasets/{ids[0]}")
    assert file.exists()
    with_commit(client.delete, f"/api/datasets/{ids[1]}")
    assert not file.exists()
    assert_error(client.get(f"/api/datasets/{ids[1]}"), 404, "not_found")


def with_commit(do, *asked):
    from django.test import TestCase

    with TestCase.captureOnCommitCallbacks(execute=True):
        assert do(*asked).status_code == 204


# --- the caches --------------------------------------------------------------------


def test_computed_features_are_listed_kept_in_bounds_and_removed(client, settings):
    dataset = work(build(client).json()["id"])

    listed = client.get("/api/cache/features?order=name").json()
    assert [one["name"] for one in listed["items"]] == [
        *("expression", "rsi", "rsi", "sma", "sma")
    ]
    assert listed["total_bytes"] == FeatureFiles().total_bytes()
    assert listed["limit_bytes"] == settings.QUANT_FEATURE_CACHE_MB * 2**20
    first = listed["items"][0]
    address = f"/api/cache/features/{first['feature_hash']}"
    assert client.get(address).json() == first
    assert first["params"] == {"expr": "rank(delta(close, 2))"}
    Job.objects.filter(pk=dataset.job_id).update(
        status="running", finished_at=None, lease_until="2099-01-01T00:00:00Z"
    )
    assert_error(client.delete(address), 409, "in_use")  # something is built of it
    lease.finish(dataset.job_id, "", JobStatus.SUCCEEDED)
    assert client.delete(address).status_code == 204
    assert_error(client.get(address), 404, "not_found")
    assert len(FeatureFiles().store.keys("features", "*.parquet")) == 4

    files = FeatureFiles(max_bytes=1)
    files.trim()
    caches.features_record(files=files, versions={})
    assert CachedFeature.objects.count() == 0


def test_bars_that_prove_something_stay(client):
    from tests.experiments.test_datasets import on_acme, send, table
    from tests.experiments.test_datasets import work as take_in
    from tests.factories import do_run, make_run

    days = take_in(send(table()))
    [bars] = client.get("/api/cache/candles").json()["items"]
    address = f"/api/cache/candles/{bars['candle_hash']}"
    assert client.get(address).json() == bars
    assert_error(client.delete(address), 409, "in_use")  # the upload stands for it
    body = build(
        client,
        provider="upload",
        universe=["ACME"],
        start_date=None,
        end_date=None,
        features=["sma(close, 3)", "returns"],
    ).json()
    built = work(body["id"])
    assert built.options["bars"] == {bars["candle_hash"]: "ACME"}
    feature = CachedFeature.objects.get(name="returns")
    assert feature.candles_id == bars["candle_hash"]
    run = make_run(changes=on_acme())
    do_run(run)
    with_commit(client.delete, f"/api/datasets/{days.pk}")
    refused = client.delete(address).json()["error"]["message"]
    assert "run " in refused
    assert "dataset “ACME" in refused

    take_in(send(table(close=3.0)))  # restated: what was built is stale
    assert client.get(f"/api/datasets/{body['id']}").json()["is_stale"] is True
    assert client.delete(f"/api/runs/{run.pk}").status_code == 204
    with_commit(client.delete, f"/api/datasets/{body['id']}")
    assert client.delete(address).status_code == 204
    assert client.get("/api/config/symbols?provider=upload").json()["items"]
    assert len(client.get("/api/cache/candles").json()["items"]) == 1
