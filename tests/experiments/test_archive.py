"""Archives: what comes back is what went, and nothing else gets in."""

from __future__ import annotations

import io
import json
import stat
import struct
from hashlib import sha256
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from experiments.artifacts.archive import INDEX, LEDGER, json_bytes
from experiments.artifacts.store import run_store
from experiments.models import (
    Dataset,
    LedgerEntry,
    ModelExperiment,
    ModelRun,
    ProofStatus,
    Reproduction,
)
from experiments.selectors.datasets import dataset_file
from experiments.selectors.ledger import ledger_proof
from experiments.selectors.trials import trial_counts
from experiments.services.experiments import experiment_delete
from experiments.services.reproduce import reproduce_request
from experiments.services.reproduce_compare import refused
from experiments.services.validation import validation_request
from experiments.services.validation_execute import validation_execute
from jobs.models import Job
from tests.experiments.rows import plain_experiment
from tests.factories import do_run, finished_run, make_run
from tests.quantlab.test_api import assert_error

pytestmark = pytest.mark.django_db

REAL = {"provider": "builtin", "symbol": "SP500", "start": "2016-01-04"}
REAL |= {"end": "2018-12-31"}
# In the order in which rows may go.
TABLES = (
    *("ledger_samples", "ledger_entries", "ledger_head", "ledger_pools"),
    *("ledger_seals", "ledger_instruments", "ledger_bars", "model_run_symbols"),
    *("model_run_metrics", "model_run_timeseries", "model_sweep_chunks"),
    *("model_validation_tests", "model_search_batches", "model_pipeline_runs"),
    *("model_versions", "model_training_runs", "datasets"),
    *("model_run_reproductions", "model_runs"),
    *("model_experiments", "job_log", "job_events", "jobs"),
)


@pytest.fixture
def run():
    experiment = plain_experiment(name="Trend", notes="**why**")
    finished_run(changes=REAL | {"seed": 1}, experiment=experiment)
    run = finished_run(changes=REAL, experiment=experiment, name="=cmd", tags=["a"])
    test = validation_request(run=run, body={"cost_stress": {}}).run
    do_run(test, validation_execute)
    return run


def empty_the_lab():
    """Leave what a lab that was just set up has."""
    for run in ModelRun.objects.all():
        run_store().delete(str(run.pk))
    for dataset in Dataset.objects.exclude(dataset_hash=""):
        dataset_file(dataset).unlink(missing_ok=True)
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"DELETE FROM {table}")


def archived(client, address):
    response = client.get(address)
    content = b"".join(response.streaming_content)
    assert response["Content-Length"] == str(len(content))
    return content


def sent(client, content, **fields):
    file = SimpleUploadedFile("lab.zip", content)
    return client.post("/api/import", {"file": file, **fields})


def report_of(client, run):
    return client.get(f"/api/runs/{run.pk}/report").json()


def members(content):
    with ZipFile(io.BytesIO(content)) as whole:
        return {name: whole.read(name) for name in whole.namelist()}


def zipped(parts, edit=lambda info: None):
    """Return a zip of these members; `edit` may change how one is kept."""
    sink = io.BytesIO()
    with ZipFile(sink, "w") as target:
        for name, content in parts.items():
            info = ZipInfo(name)
            edit(info)
            target.writestr(info, content)
    return sink.getvalue()


def again(parts, changed):
    """Return the archive with other bytes in it, and an index that says so."""
    parts = parts | changed
    index = json.loads(parts[INDEX])
    index["members"] = {
        name: {"sha256": sha256(content).hexdigest(), "size": len(content)}
        for name, content in parts.items()
        if name != INDEX
    }
    return zipped(parts | {INDEX: json_bytes(index)})


class TestRoundTrip:
    def test_another_lab_has_the_same_report_and_the_same_count(self, client, run):
        before = report_of(client, run)
        content = archived(client, f"/api/runs/{run.pk}/archive")
        assert archived(client, f"/api/export/runs/{run.pk}") == content
        assert before["honesty"]["n_trials"] == 1  # another seed is no other candidate
        assert before["validation"]["cost_stress"]
        empty_the_lab()
        assert client.get(f"/api/runs/{run.pk}").status_code == 404

        shown = sent(client, content, dry_run="true").json()

        assert shown["dry_run"] is True
        assert (shown["n_new_runs"], shown["ledger"]["new_trials"]) == (2, 1)
        assert not ModelRun.objects.exists()
        assert not LedgerEntry.objects.exists()
        assert not (run_store().root / str(run.pk)).exists()

        taken = sent(client, content).json()

        assert taken == shown | {"dry_run": False}
        assert report_of(client, run) == before
        check = client.post(
            f"/api/runs/{run.pk}/verify", content_type="application/json"
        )
        assert check.json()["ok"]
        assert ledger_proof().ok
        for tab in ("summary", "trades", "files", "logs", "validation"):
            page = client.get(f"/model-lab/runs/{run.pk}", {"tab": tab})
            assert page.status_code == 200

    def test_the_same_archive_again_brings_nothing(self, client, run):
        address = f"/api/model-lab/experiments/{run.experiment_id}/archive"
        content = archived(client, address)
        counted = trial_counts().n_trials, LedgerEntry.objects.count()

        taken = sent(client, content).json()

        assert taken["n_new_runs"] == taken["n_files"] == 0
        assert {one["outcome"] for one in taken["runs"]} == {"here"}
        assert taken["ledger"]["new_entries"] == 0
        assert (trial_counts().n_trials, LedgerEntry.objects.count()) == counted

    def test_trials_add_up_and_are_never_counted_twice(self, client, run):
        content = archived(client, f"/api/runs/{run.pk}/archive")
        empty_the_lab()
        own = finished_run(changes=REAL)  # the same candidate, tried here too
        other = {"strategy": {"params": {"fast": 7}}}
        finished_run(changes=REAL | other)

        taken = sent(client, content).json()

        assert taken["ledger"]["new_entries"] == 2
        assert taken["ledger"]["new_trials"] == 0
        for one in (own, run):
            assert report_of(client, one)["honesty"]["n_trials"] == 2
        assert ledger_proof().ok

    def test_a_job_of_another_run_keeps_its_id(self, client, run):
        content = archived(client, f"/api/runs/{run.pk}/archive")
        job_id = run.job_id
        empty_the_lab()
        Job.objects.create(id=job_id, kind="backtest")

        taken = sent(client, content).json()

        assert list(taken["renamed_jobs"]) == [job_id]
        found = ModelRun.objects.get(pk=run.pk)
        assert found.job_id == taken["renamed_jobs"][job_id]


def proved(run):
    """Make the run again as far as its archive can tell."""
    made = reproduce_request(run=run).run
    manifest = run_store().manifest(str(run.pk))["files"]
    said = {"compared": "bytes", "is_close": True, "first_difference": None}
    files = [
        said
        | {"name": one["name"], "ok": True}
        | dict.fromkeys(("expected", "kept", "actual"), one["sha256"])
        for one in manifest
    ]
    document = refused(run, "", "", "", status=ProofStatus.IDENTICAL)
    document |= {"reason": None, "files": files}
    Reproduction.objects.create(run=made, status="identical", document=document)
    moments = dict.fromkeys(("started_at", "finished_at"), timezone.now())
    Job.objects.filter(pk=made.job_id).update(status="succeeded", **moments)
    return made


class TestProof:
    def test_it_goes_along_and_is_there_again(self, client, run):
        made = proved(run)
        before = client.get(f"/api/runs/{run.pk}/proof").json()
        content = archived(client, f"/api/runs/{run.pk}/archive")
        parts = members(content)
        name = f"runs/{made.pk}/run.json"
        row = json.loads(parts[name])
        first = row["proof"]["document"]["files"][0]
        other = first | dict.fromkeys(("expected", "kept", "actual"), "0" * 64)
        empty_the_lab()
        for changed, code in (
            (first | {"ok": False}, "bad_row"),
            (other, "wrong_hash"),
        ):
            row["proof"]["document"]["files"][0] = changed
            refusal = sent(client, again(parts, {name: json_bytes(row)}))
            assert_error(refusal, 422, code)

        assert sent(client, content).status_code == 200

        after = client.get(f"/api/runs/{run.pk}/proof").json()
        assert after == before
        page = client.get(f"/model-lab/runs/{run.pk}").content.decode()
        assert "every byte the same" in page


class TestRefusals:
    def test_what_was_changed_is_refused_and_leaves_nothing(self, client, run):
        parts = members(archived(client, f"/api/runs/{run.pk}/archive"))
        empty_the_lab()
        folder = f"runs/{run.pk}"
        row = json.loads(parts[f"{folder}/run.json"])
        row["run"]["metrics"]["sharpe"] = row["numbers"]["sharpe"] = 9.0
        lines = parts[LEDGER].splitlines(keepends=True)
        entry = next(i for i, line in enumerate(lines) if b'"entry"' in line)
        forged = json.loads(lines[entry]) | {"n_trials": 0}
        ledger = b"".join([*lines[:entry], json_bytes(forged), *lines[entry + 1 :]])
        newer = json.loads(parts[INDEX]) | {"version": 3}
        short = {n: c for n, c in parts.items() if n != f"{folder}/files/bars.parquet"}
        bars, member = f"{folder}/files/bars.parquet", f"{folder}/run.json"

        def link(info):
            info.external_attr = (stat.S_IFLNK | 0o777) << 16

        def packed(info):
            info.compress_type = ZIP_DEFLATED

        def reported(report):
            return again(parts, {member: json_bytes(whole | {"report": report})})

        whole = json.loads(parts[member])
        drawn = whole["report"]
        lines = drawn["series"] | {"equity": {"ts": [1], "value": []}}
        refused = {
            reported(drawn | {"bands": {}}): "bad_row",
            reported(drawn | {"series": lines}): "bad_row",
            reported(drawn | {"yearly": [{"year": 10**400}]}): "bad_row",
            b"no zip at all": "not_an_archive",
            zipped({"a.txt": b""}): "unsafe_member",
            zipped({f"../../runs/{run.pk}/run.json": b""}): "unsafe_member",
            zipped({"/etc/passwd": b""}): "unsafe_member",
            zipped({f"{folder}/files/..\\x.json": b""}): "unsafe_member",
            zipped(parts, link): "unsafe_member",
            zipped({INDEX: b" " * 5_000_000}, packed): "too_large",
            zipped({INDEX: b'{"format": "tar"}'}): "not_an_archive",
            zipped(parts | {INDEX: json_bytes(newer)}): "unknown_version",
            zipped(short): "incomplete",
            again(short, {}): "incomplete",
            zipped(parts)[:-200]: "not_an_archive",
            zipped(parts | {LEDGER: b"{}"}): "wrong_hash",
            again(parts, {bars: parts[bars][:-1] + b"x"}): "wrong_hash",
            again(parts, {member: json_bytes(row)}): "wrong_numbers",
            again(parts, {member: b"[" * 100_000}): "damaged",
            again(parts, {member: json_bytes(whole | {"mood": 1})}): "newer_version",
            again(parts, {LEDGER: ledger}): "wrong_hash",
            again(parts, {LEDGER: b'{"type": "x"}\n'}): "bad_row",
        }
        for content, code in refused.items():
            assert_error(sent(client, content), 422, code)
        assert not ModelRun.objects.exists()
        assert not LedgerEntry.objects.exists()
        assert not (run_store().root / str(run.pk)).exists()

    def test_what_older_and_newer_labs_made_is_told_plainly(self, client, run):
        parts = members(archived(client, f"/api/runs/{run.pk}/archive"))
        before = report_of(client, run)
        empty_the_lab()
        older, newer = {}, {}
        for name in (one for one in parts if one.endswith("/run.json")):
            row = json.loads(parts[name])
            row["run"]["mood"] = "bright"
            newer[name] = json_bytes(row)
            for key in ("proof", "training"):  # that the first labs did not know
                del row[key]
            del row["run"]["mood"]
            older[name] = json_bytes(row)
        index = {INDEX: json_bytes(json.loads(parts[INDEX]) | {"version": 1})}

        error = sent(client, again(parts, newer)).json()["error"]

        assert error["code"] == "newer_version"
        assert "“run.mood”, which this lab does not know" in error["message"]
        assert "made by a newer version" in error["message"]
        assert error["advice"] == "Update this lab, then import it again."
        assert sent(client, again(parts | index, older)).status_code == 200
        assert report_of(client, run) == before

    def test_a_list_and_a_document_without_an_end(self, client):
        """Neither is made into objects before it is known how many there are."""
        n = 200_000
        row = b"PK\x01\x02" + bytes(42)  # 46 bytes of a zip list a member, no name
        end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(row) * n, 0, 0)
        error = assert_error(sent(client, row * n + end), 422, "too_large")
        assert "lists more members" in error["message"]

        many = b'{"format": [' + b"1," * 2_000_001 + b"1]}"
        error = assert_error(sent(client, zipped({INDEX: many})), 422, "too_large")
        assert "more values" in error["message"]

    def test_a_form_that_is_none(self, client):
        assert_error(client.post("/api/import", {"x": "1"}), 422, "unknown_field")
        assert_error(client.post("/api/import", {"dry_run": "1"}), 422, "missing_field")
        assert_error(sent(client, b"", dry_run="maybe"), 422, "invalid_value")
        response = client.post("/api/import", "{}", content_type="application/json")
        assert_error(response, 415, "unsupported_media_type")

    def test_what_is_here_is_not_replaced(self, client, run):
        content = archived(client, f"/api/runs/{run.pk}/archive")
        ModelRun.objects.filter(pk=run.pk).update(config_hash="0" * 64)
        assert_error(sent(client, content), 409, "conflict")
        experiment_delete(experiment=ModelExperiment.objects.get(pk=run.experiment_id))
        assert_error(sent(client, content), 409, "conflict")

    def test_what_is_at_work_is_not_archived(self, client):
        assert_error(client.get(f"/api/runs/{make_run().pk}/archive"), 409, "conflict")
        unknown = "00000000-0000-4000-8000-000000000000"
        for address in (f"runs/{unknown}", f"model-lab/experiments/{unknown}"):
            response = client.get(f"/api/{address}/archive")
            assert_error(response, 404, "not_found")

    def test_a_lost_file_makes_no_archive(self, client, run):
        (run_store().root / str(run.pk) / "bars.parquet").unlink()

        assert_error(client.get(f"/api/runs/{run.pk}/archive"), 404, "not_found")


class TestPage:
    def test_it_is_shown_first_and_then_taken(self, client, run):
        content = archived(client, f"/api/runs/{run.pk}/archive")
        empty_the_lab()
        address = reverse("experiments:import")
        assert "Check the archive" in client.get(address).content.decode()

        page = client.post(address, {"file": SimpleUploadedFile("a.zip", content)})

        assert page.status_code == 200
        assert "What “=cmd” would bring" in page.content.decode()
        assert not ModelRun.objects.exists()
        name = page.context["archive"]
        response = client.post(address, {"archive": name})
        assert response["Location"] == f"/model-lab/runs/{run.pk}"
        assert ModelRun.objects.filter(pk=run.pk).exists()
        gone = client.post(address, {"archive": name})
        assert (gone.status_code, b"Send it again" in gone.content) == (404, True)
        assert client.post(address, {"archive": "../x"}).status_code == 404

    def test_a_file_that_is_none_is_said_at_its_field(self, client):
        address = reverse("experiments:import")
        for file in (SimpleUploadedFile("a.zip", b"x"), ""):
            assert client.post(address, {"file": file}).status_code == 422
