"""Datasets: received, judged, imported whole or not at all, used by runs."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from experiments.models import CachedCandles, Dataset, ModelRun
from experiments.selectors.datasets import dataset_document, runs_on
from experiments.selectors.honesty import honesty_of
from experiments.selectors.versions import dataset_restated, run_restated
from experiments.services.datasets import (
    dataset_receive,
    dataset_settle,
    dataset_take_in,
    raw_path,
    raw_tidy,
)
from jobs import lease, registry
from jobs.models import Job, JobStatus
from jobs.progress import JobCancelled, JobContext
from quantlab.web.problem import Problem
from strategies.errors import StrategyError
from strategies.market.cache import CandleCache
from tests.factories import CONFIG, do_run, make_run
from tests.quantlab.test_api import assert_error

pytestmark = pytest.mark.django_db
UPLOAD = "/api/datasets/upload"
JSON = "application/json"


@pytest.fixture(autouse=True)
def _own_files(home, settings):
    settings.QUANT_RAW_ROOT = home / "raw"


def table(close=2.0, days=25, name="2024-01"):
    rows = [f"{name}-{day:02},1,9,1,{close},5" for day in range(1, days)]
    return "date,open,high,low,close,volume\n" + "\n".join(rows) + "\n"


def send(content: str, *, dry_run=False, **asked) -> Dataset:
    file = SimpleUploadedFile("ACME.csv", content.encode())
    asked = {"symbol": "ACME", "calendar": "24/7"} | asked
    return dataset_receive(file=file, asked=asked, dry_run=dry_run)


def work(dataset: Dataset, owner="me") -> Dataset:
    """Do what a worker does with the job of a dataset."""
    assert lease.claim(dataset.job_id, owner)
    context = JobContext(Job.objects.get(pk=dataset.job_id))
    status = JobStatus.SUCCEEDED
    error = None
    try:
        dataset_take_in(dataset_id=context.job.run_id, context=context)
    except StrategyError as exc:
        status, error = JobStatus.FAILED, Problem.of_strategy(exc).inner()
    context.flush()
    assert lease.finish(dataset.job_id, owner, status, error=error)
    return Dataset.objects.select_related("job").get(pk=dataset.pk)


def test_an_import_leaves_bars_rows_and_a_report():
    dataset = work(send(table()))

    document = dataset_document(dataset)
    assert (document["status"], document["rows"], document["symbols"]) == (
        *("succeeded", 24),
        1,
    )
    assert document["coverage"] == 1.0
    [one] = document["series"]
    row = CachedCandles.objects.get()
    version = CandleCache().current("upload", "ACME", "1d")
    assert row.candle_hash == one["candle_hash"] == version.candle_hash
    assert row.content_sha == version.content_sha
    assert (row.dataset, row.row_count) == (dataset, 24)
    assert row.source_version == f"sha256:{dataset.raw_sha}"
    assert not raw_path(dataset).exists()
    with pytest.raises(Problem) as refusal:
        dataset_settle(dataset=dataset, asked={}, dry_run=False)
    assert refusal.value.status == 409


def test_a_check_imports_nothing_and_an_import_may_follow():
    dataset = work(send(table(), dry_run=True))

    assert dataset.job.status == "succeeded"
    assert (dataset.rows, dataset.imported_at) == (24, None)
    assert CandleCache().listed("upload") == []
    dataset_settle(dataset=dataset, asked={"symbol": "OTHER"}, dry_run=False)
    dataset.refresh_from_db()
    assert work(dataset).imported_at is not None
    assert [v.symbol for v in CandleCache().listed("upload")] == ["OTHER"]


def test_one_bad_row_refuses_the_whole_file():
    dataset = work(send(table() + "2024-02-01,1,9,-1,2,5\n"))

    document = dataset_document(dataset)
    assert document["status"] == "failed"
    assert document["error"]["code"] == "refused_rows"
    [one] = document["refused"]
    assert (one["line"], one["column"], one["code"]) == (
        26,
        "low",
        "non_positive_price",
    )
    assert (document["rows"], document["quality"]) == (None, None)
    assert CandleCache().listed("upload") == []
    assert raw_path(dataset).exists()  # to be read in another way


def test_a_cancelled_or_lost_import_leaves_nothing_or_everything(monkeypatch):
    two = table().replace("date", "symbol,date").replace("\n2024", "\nA,2024")
    both = two + "\n".join(line.replace("A,", "B,") for line in two.splitlines()[1:])
    dataset = send(both, symbol="")
    assert lease.claim(dataset.job_id, "lost")
    context = JobContext(Job.objects.get(pk=dataset.job_id))

    def stop(n, total, *_, **__):
        if (n, total) == (1, 2):
            raise JobCancelled(dataset.job_id)

    monkeypatch.setattr(context, "report", stop)
    with pytest.raises(JobCancelled):
        dataset_take_in(dataset_id=str(dataset.pk), context=context)
    assert CandleCache().listed("upload") == []
    assert CachedCandles.objects.count() == 0

    # Another worker has it: the late one may write files, but no rows.
    Job.objects.filter(pk=dataset.job_id).update(lease_owner="other")
    late = JobContext(Job.objects.get(pk=dataset.job_id))
    late.job.lease_owner = "lost"
    monkeypatch.setattr(late, "report", lambda *_, **__: None)
    monkeypatch.setattr(late, "stage", lambda *_: None)
    with pytest.raises(JobCancelled):
        dataset_take_in(dataset_id=str(dataset.pk), context=late)
    assert CachedCandles.objects.count() == 0
    assert raw_path(dataset).exists()
    mine = JobContext(Job.objects.get(pk=dataset.job_id))
    dataset_take_in(dataset_id=str(dataset.pk), context=mine)
    assert CachedCandles.objects.count() == 2


def on_acme(**changes):
    changes = {"provider": "upload", "symbol": "ACME", "end": None} | changes
    changes["strategy"] = {"name": "buy_and_hold", "params": None}
    return {key: value for key, value in changes.items() if key in CONFIG} | changes


def done_on(**changes):
    run = make_run(changes=on_acme(**changes), force=False)
    do_run(run)
    return ModelRun.objects.select_related("job", "experiment").get(pk=run.pk)


def test_restated_bars_are_a_new_run_and_a_warning_on_the_old_one(client):
    first = work(send(table()))
    run = done_on()
    address, dataset_address = f"/api/runs/{run.pk}", f"/api/datasets/{first.pk}"
    for one in (address, dataset_address):
        assert client.get(one).json()["restated"] is None
    assert b"Restated since" not in client.get(run.get_absolute_url()).content

    rows = table().replace("2024-01-07,1,9,1,2.0", "2024-01-07,1,9,1,3.0")
    second = work(send(rows.replace("2024-01-19,1,9,1,2.0", "2024-01-19,1,9,1,3.0")))

    # Two contents, both kept, under two hashes.
    old, new = CandleCache().versions("upload", "ACME", "1d")
    assert new.content_sha != old.content_sha
    assert CandleCache().load(old).close.tolist() == [2.0] * 24
    # The old run says so, everywhere, and still verifies.
    expected = {
        "symbol": "ACME",
        "timeframe": "1d",
        "bars": 2,
        "first_at": "2024-01-07T00:00:00.000Z",
        "read": old.candle_hash,
        "current": new.candle_hash,
        "dataset_id": str(second.pk),
    }
    for one in (address, dataset_address):
        restated = client.get(one).json()["restated"]
        assert restated["series"] == [expected]
        assert (restated["symbols"], restated["bars"]) == (1, 2)
    for page in (run.get_absolute_url(), first.get_absolute_url()):
        text = client.get(page).content.decode()
        assert "Restated since" in text
        assert "<strong>2 bars</strong> of ACME differ, the first at 2024-01-07" in text
        assert second.get_absolute_url() in text
    assert client.post(f"{address}/verify", content_type=JSON).json()["ok"] is True
    # The same config is a new run, on other data.
    again = done_on()
    assert again.pk != run.pk
    assert again.config_hash == run.config_hash
    assert again.data_fingerprint != run.data_fingerprint
    assert make_run(changes=on_acme(), force=False).pk == again.pk
    assert (list(runs_on(first)), list(runs_on(second))) == ([run], [again])
    for one in (f"/api/runs/{again.pk}", f"/api/datasets/{second.pk}"):
        assert client.get(one).json()["restated"] is None


def test_only_bars_that_a_run_read_are_counted(client):
    work(send(table(days=20)))
    early, late = done_on(end="2024-01-09"), done_on(start="2024-01-10")
    weeks = done_on(timeframe="1w")
    longer = work(send(table(days=25)))  # more bars, none of them other ones
    assert all(run_restated(run) is None for run in (early, late, weeks))

    work(send(table(days=25).replace("2024-01-12,1,9,1,2.0", "2024-01-12,1,9,1,4.0")))

    assert run_restated(early) is None
    assert [run_restated(run)["bars"] for run in (late, weeks)] == [1, 1]
    assert dataset_restated(longer)["bars"] == 1
    work(send(table(days=25)))  # and back: nothing differs any more
    assert run_restated(late) is dataset_restated(longer) is None


def test_a_run_of_several_symbols_says_which_bars_were_restated():
    work(send(table()))
    work(send(table(close=4.0), symbol="B"))
    changes = on_acme() | {"symbol": None, "universe": ["ACME", "B"], "benchmark": "B"}
    run = done_on(**changes)
    assert run.data_fingerprint
    work(send(table(close=5.0), symbol="B"))

    restated = run_restated(run)
    assert [one["symbol"] for one in restated["series"]] == ["B"]
    assert restated["bars"] == 24


def test_longer_bars_of_a_symbol_do_not_lower_the_count_of_trials():
    rows = [
        f"2024-{month:02}-{day:02},1,9,1,{2 + (7 * day + month) % 5},5"
        for month in range(1, 7)
        for day in range(1, 29)
    ]
    work(send("date,open,high,low,close,volume\n" + "\n".join(rows) + "\n"))

    days = done_on()
    assert honesty_of([days])[days.pk].n_trials == 1
    weeks = done_on(timeframe="1w")

    found = honesty_of([days, weeks])
    assert weeks.data_fingerprint != days.data_fingerprint
    assert [found[run.pk].n_trials for run in (days, weeks)] == [2, 2]


def test_what_belongs_to_nothing_is_removed_after_a_day(settings, tmp_path):
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "raw" / "arriving"
    settings.FILE_UPLOAD_TEMP_DIR.mkdir(parents=True)
    judged, waiting = work(send(table(), dry_run=True)), send(table())
    imported, deleted = work(send(table(), symbol="B")), send(table())
    Dataset.objects.filter(pk=deleted.pk).update(deleted_at=deleted.created_at)
    cut_off = settings.FILE_UPLOAD_TEMP_DIR / "tmp1.upload"
    arriving = settings.FILE_UPLOAD_TEMP_DIR / "tmp2.upload"
    nobodys = raw_path(judged).with_name("nobody")
    for path in (cut_off, arriving, nobodys, raw_path(imported)):
        path.write_text("half of a file")
    everything = {cut_off, arriving, nobodys}
    everything |= {raw_path(one) for one in (judged, waiting, imported, deleted)}
    assert raw_tidy() == 0  # all of it is new

    two_days_ago = time.time() - 2 * 86_400
    for path in everything - {arriving}:
        os.utime(path, (two_days_ago, two_days_ago))

    assert raw_tidy() == 4
    left = {path for path in everything if path.exists()}
    assert left == {arriving, raw_path(judged), raw_path(waiting)}
    assert "experiments.services.datasets:raw_tidy" in registry.chores()


# --- the API -----------------------------------------------------------------------


def post(client, content=None, name="ACME.csv", **fields):
    if content is not None:
        data = content if isinstance(content, bytes) else content.encode()
        fields["file"] = SimpleUploadedFile(name, data)
    return client.post(UPLOAD, fields)


def test_a_file_is_sent_and_its_report_is_read(client, settings):
    sent = post(client, table(), symbol="ACME", calendar="24/7", dry_run="true")

    assert sent.status_code == 202
    body = sent.json()
    assert sent["Location"] == f"/api/datasets/{body['id']}" == body["links"]["self"]
    assert (body["status"], body["dry_run"], body["run_id"]) == (
        *("queued", True),
        body["id"],
    )
    work(Dataset.objects.get(pk=body["id"]))
    read = client.get(sent["Location"]).json()
    assert (read["rows"], read["symbols"], read["refused"]) == (24, 1, [])
    assert read["series"][0]["start"] == "2024-01-01T00:00:00.000Z"
    imported = client.post(f"{sent['Location']}/import", content_type=JSON)
    assert imported.status_code == 202
    work(Dataset.objects.get(pk=body["id"]))
    assert_error(
        client.post(f"{sent['Location']}/import", content_type=JSON), 409, "conflict"
    )
    listed = client.get("/api/config/symbols?provider=upload").json()["items"]
    assert [(one["symbol"], one["calendar"]) for one in listed] == [("ACME", "24/7")]
    [row] = client.get("/api/datasets").json()["items"]
    assert row["id"] == body["id"]
    assert client.delete(sent["Location"]).status_code == 204
    assert_error(client.get(sent["Location"]), 404, "not_found")


def test_what_cannot_be_is_refused_at_once_and_leaves_no_file(client, settings):
    good = {"symbol": "ACME"}
    for content, fields, code, field in (
        (None, good, "missing_field", "file"),
        (b"", good, "empty_data", "file"),
        (b"PK\x03\x04", good, "unreadable_file", "file"),
        (table(), {}, "missing_field", "symbol"),
        (table(), {"symbol": "../../etc"}, "unknown_symbol", "symbol"),
        (table(), good | {"timeframe": "2h"}, "unknown_timeframe", "timeframe"),
        (table(), good | {"timezone": "../UTC"}, "unknown_timezone", "timezone"),
        (table(), good | {"adjustment": "x"}, "unknown_choice", "adjustment"),
        (table(), good | {"mapping": "{"}, "bad_mapping", "mapping"),
        (table(), good | {"mapping": "[1]"}, "bad_mapping", "mapping"),
        (table(), good | {"mapping": '{"a":{}}'}, "bad_mapping", "mapping"),
        (table(), good | {"dry_run": "maybe"}, "invalid_value", "dry_run"),
        (table(), good | {"simbol": "A"}, "unknown_field", "simbol"),
    ):
        answer = post(client, content, **fields)
        assert_error(answer, 422, code)
        [problem] = answer.json()["error"]["details"]["errors"]
        assert problem["field"] == field
    assert Dataset.objects.count() == 0
    folder = Path(settings.QUANT_RAW_ROOT) / "uploads"
    assert not folder.exists() or list(folder.iterdir()) == []


def test_other_bodies_and_too_large_ones(client, settings):
    assert_error(
        client.post(UPLOAD, json.dumps({}), content_type="application/json"),
        415,
        "unsupported_media_type",
    )
    settings.QUANT_UPLOAD_LIMIT_MB = 0
    assert_error(post(client, table(), symbol="A"), 413, "body_too_large")


# --- pages -------------------------------------------------------------------------


def test_pages_lead_from_a_file_to_its_bars(client):
    assert b"No data were brought in yet" in client.get("/datasets").content
    upload = reverse("experiments:dataset-upload")
    assert client.get(upload).status_code == 200
    fields = {"timezone": "UTC", "adjustment": "raw"}

    archive = SimpleUploadedFile("a.csv", b"PK\x03\x04")
    bad = client.post(upload, fields | {"file": archive})
    assert bad.status_code == 422
    assert b"zip archive" in bad.content

    file = SimpleUploadedFile("ACME.csv", table().encode())
    sent = client.post(upload, {**fields, "file": file})
    dataset = Dataset.objects.get()
    assert sent["Location"] == dataset.get_absolute_url()
    assert dataset.options["symbol"] == "ACME"  # as its file is called
    waiting = client.get(sent["Location"])
    assert b'hx-trigger="every 1s"' in waiting.content
    work(dataset)

    page = client.get(sent["Location"])
    assert b"every 1s" not in page.content
    assert b"can be imported" in page.content
    assert b'data-chart="coverage"' in page.content
    region = client.get(
        sent["Location"],
        headers={"HX-Request": "true", "HX-Target": "dataset-report"},
    )
    assert b"<html" not in region.content
    chart = client.get(f"{sent['Location']}?chart=coverage&format=csv")
    assert b"month" in chart.getvalue()

    form = {**fields, "hours": "regular", "map_ts": "date", "map_close": "volume"}
    refused = client.post(sent["Location"], form | {"map_close": "nothing"})
    assert refused.status_code == 422
    form |= {"symbol": "ACME", "calendar": "24/7"}
    assert client.post(sent["Location"], form | {"import": "1"}).status_code == 302
    work(Dataset.objects.get())
    page = client.get(sent["Location"]).content
    assert b"were imported" in page
    assert b"closes only" in page  # the mapping named no other price
    assert b"ACME.csv" in client.get("/datasets").content
    delete = reverse("experiments:dataset-delete", args=[dataset.pk])
    assert client.post(delete).status_code == 302
    gone = client.get("/datasets").content  # where a message names it once more
    assert dataset.get_absolute_url().encode() not in gone


def test_a_page_names_refused_lines_and_lets_the_columns_be_named(client):
    dataset = work(send(table() + "oops,1,9,1,2,5\n"))
    page = client.get(dataset.get_absolute_url()).content.decode()
    assert "1 row cannot be taken" in page
    assert "&#x27;oops&#x27; is not a time" in page

    upload = reverse("experiments:dataset-upload")
    file = SimpleUploadedFile("x.csv", b"Tag,Kurs\n2024-01-02,5\n2024-01-03,6\n")
    fields = {"timezone": "UTC", "adjustment": "raw", "file": file}
    address = client.post(upload, fields)["Location"]
    work(Dataset.objects.exclude(pk=dataset.pk).get())
    page = client.get(address).content.decode()
    assert "No column of times was found" in page
    assert '<option value="Kurs">' in page
