"""A run is made again by a fresh process, and every byte of it is compared."""

from __future__ import annotations

import json
import shutil
import socket
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core import serializers
from django.utils import timezone

from experiments.artifacts.differences import first_difference
from experiments.artifacts.files import parquet_writer
from experiments.artifacts.store import ArtifactStore, json_writer, run_store
from experiments.models import (
    Dataset,
    LedgerEntry,
    ModelRun,
    Reproduction,
    TrainingRun,
)
from experiments.selectors.datasets import dataset_file
from experiments.selectors.proof import runs_to_prove
from experiments.selectors.runs import run_get
from experiments.services import reproduce_execute as execution
from experiments.services.clean_room import Done
from experiments.services.generate import train_request
from experiments.services.generate_execute import generate_execute
from experiments.services.reproduce import (
    NIGHTLY,
    reproduce_request,
    runs_prove_again,
)
from experiments.services.reproduce_execute import reproduce_execute
from jobs.models import Job
from strategies.market.sources import load_each
from tests.experiments.rows import plain_experiment, plain_run
from tests.experiments.test_datasets import done_on, send, table, work
from tests.experiments.test_generate import BODY as SEARCH
from tests.experiments.test_training import built, trained
from tests.experiments.test_validation import validated
from tests.experiments.test_walk_forward import finished as finished_walk
from tests.factories import do_run, finished_run, finished_sweep, make_run
from tests.sizes import only_torture

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


def proved(run):
    """Return what came of making a run again, as the API tells it."""
    made = reproduce_request(run=run).run
    do_run(made, reproduce_execute)
    return Reproduction.objects.get(pk=made.pk).document


def made_as(change, error=None):
    """Return a clean room that copies what is kept, and then changes it."""

    def done(home, ask, *, tell):
        tell(1, 2, "")
        store = ArtifactStore(home / "runs")
        run = next(row for row in ask.rows if str(row.pk) == change.run_id)
        assert (run.data_fingerprint, run.manifest_sha, run.metrics) == ("", "", {})
        shutil.copytree(change.kept, store.root / change.run_id)
        change(store.root / change.run_id)
        return Done(store, error)

    return done


class Change:
    """What differs in the folder that is made again, beside that of a run."""

    def __init__(self, run, **files):
        self.run_id, self.files = str(run.pk), files
        self.kept = shutil.copytree(
            run_store().root / self.run_id, run_store().root.parent / "as-it-was"
        )

    def __call__(self, folder):
        for name, change in self.files.items():
            path = folder / (name if "." in name else f"{name}.json")
            document = json.loads(path.read_bytes())
            change(document)
            with path.open("wb") as file:
                json_writer(document)(file)


def test_a_run_is_made_again_by_a_process_that_knows_nothing_else(client, settings):
    run = finished_run()
    answer = client.post(
        f"/api/runs/{run.pk}/reproduce", content_type="application/json"
    )
    made = answer.json()
    assert answer.status_code == 202
    assert (made["kind"], made["parent_id"]) == ("reproduce", str(run.pk))
    again = client.post(
        f"/api/runs/{run.pk}/reproduce", content_type="application/json"
    )
    assert (again.status_code, again.json()["id"]) == (200, made["id"])
    assert "Waits for the worker" in page_of(client, run)

    do_run(run_get(made["id"]), reproduce_execute)

    answer = client.get(f"/api/runs/{run.pk}/proof")
    proof = answer.json()
    assert proof["status"] == "identical"
    assert proof["reason"] is None
    entries = {one["name"]: one["sha256"] for one in run_store().list(str(run.pk))}
    assert len(entries) == 8
    for file in proof["files"]:
        sha = entries.pop(file["name"])
        assert (file["ok"], file["compared"]) == (True, "bytes")
        assert [file[key] for key in ("expected", "kept", "actual")] == [sha] * 3
    assert not entries
    assert proof["host_class"]["machine"]
    assert proof["versions"]["numpy"] == np.__version__
    assert socket.gethostname() not in answer.content.decode()
    assert client.get(f"/api/runs/{made['id']}/proof").json() == proof
    assert list((settings.QUANT_HOME / "work" / "clean-rooms").iterdir()) == []
    entry = LedgerEntry.objects.get(run_id=made["id"])
    assert (entry.source, entry.n_trials) == ("null_model", 0)
    assert "every byte is the same" in page_of(client, run)
    summary = client.get(run.get_absolute_url()).content.decode()
    assert 'data-state="pass"><dt>' in summary
    assert "every byte the same" in summary
    [row] = client.get("/api/proofs?status=identical").json()["items"]
    assert (row["run_id"], row["id"]) == (str(run.pk), made["id"])
    listed = client.get("/api/runs").json()["items"]
    assert made["id"] not in [one["id"] for one in listed]  # nothing new was tried
    own = client.get(made["links"]["page"]).content.decode()
    assert "every byte is the same" in own


@only_torture
def test_a_run_of_every_kind_is_made_again():
    run, walk = finished_run(), finished_walk()
    search = train_request(body=SEARCH).run
    do_run(search, generate_execute)
    runs = [
        finished_run(changes={"validation": {"permutation": {"n": 40}}}),
        finished_sweep(plain_experiment(), space={"fast": [3, 5], "slow": [20, 30]}),
        walk,
        validated(run),
        validated(walk, permutation={"n": 40}),
        run_get(search.pk),
        trained(built()),
    ]
    assert len({one.kind for one in runs}) == 6
    for one in runs:
        proof = proved(one)
        assert (proof["status"], proof["reason"]) == ("identical", None), one.kind
    assert proof["kind"] == "model_training"
    by = {file["name"]: file["compared"] for file in proof["files"]}
    assert by.pop("model.skops") == "identity"
    assert set(by.values()) == {"bytes"}


def page_of(client, run):
    answer = client.get(f"{run.get_absolute_url()}?tab=reproduce")
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_changed_file_is_found_with_its_row_and_column(client, monkeypatch):
    run = finished_run()
    change = Change(run)
    monkeypatch.setattr(execution, "clean_room_done", made_as(change))
    path = run_store().path(str(run.pk), "equity.parquet")
    table = pq.read_table(path).to_pydict()
    was = table["equity"][41]
    table["equity"][41] = float(np.nextafter(was, np.inf))
    with path.open("wb") as file:
        parquet_writer({name: np.array(values) for name, values in table.items()})(file)

    proof = proved(run)

    assert (proof["status"], proof["reason"]["code"]) == ("differs", "file_changed")
    assert "only the file changed" in proof["reason"]["advice"]
    [file] = [one for one in proof["files"] if not one["ok"]]
    assert file["name"] == "equity.parquet"
    assert file["kept"] != file["expected"] == file["actual"]
    place = file["first_difference"]
    assert (place["row"], place["column"]) == (41, "equity")
    assert (place["expected"], place["actual"]) == (table["equity"][41], was)
    text = page_of(client, run)
    assert 'data-proof="differs"' in text
    assert "row <b>42</b>, column <b><code>equity</code></b>" in text
    assert 'data-state="fail"' in client.get(run.get_absolute_url()).content.decode()
    # One byte in the middle: no table any more, so the byte is named.
    whole = (change.kept / "equity.parquet").read_bytes()
    path.write_bytes(whole[:1000] + bytes([whole[1000] ^ 1]) + whole[1001:])
    [file] = [one for one in proved(run)["files"] if not one["ok"]]
    assert file["first_difference"]["byte"] == 1000


def test_what_differs_is_judged_by_code_libraries_and_processor(monkeypatch):
    run = finished_run()
    cases = [
        (lambda m: None, 0.0, "identical", None),
        (lambda m: None, 1e-15, "differs", "result_differs"),
        (lambda m: m["cpu"].update(machine="other"), 0.0, "identical", None),
        (
            lambda m: m["cpu"].update(machine="other"),
            1e-15,
            "other_processor",
            "other_processor",
        ),
        (
            lambda m: m["cpu"].update(machine="other"),
            1e-6,
            "differs",
            "result_differs",
        ),
        (
            lambda m: m["versions"].update(numpy="0.1"),
            1e-15,
            "not_reproducible",
            "versions_changed",
        ),
    ]
    for host, by, status, code in cases:
        shutil.rmtree(run_store().root.parent / "as-it-was", ignore_errors=True)

        def moved(document, by=by):
            document["sharpe"] *= 1.0 + by

        change = Change(run, metrics=moved if by else lambda m: None, manifest=host)
        monkeypatch.setattr(execution, "clean_room_done", made_as(change))
        proof = proved(run)
        assert (proof["status"], (proof["reason"] or {}).get("code")) == (status, code)
        if by:
            [file] = [one for one in proof["files"] if not one["ok"]]
            assert file["first_difference"]["column"] == "sharpe"
            assert file["is_close"] is (status == "other_processor")
    change = made_as(change, {"code": "worker_lost", "message": "It is gone."})
    monkeypatch.setattr(execution, "clean_room_done", change)
    assert proved(run)["reason"]["code"] == "failed_again"


def test_why_nothing_can_be_proved_is_said_exactly(client, monkeypatch):
    def never(*args, **options):
        raise AssertionError("there is nothing to make again")

    monkeypatch.setattr(execution, "clean_room_done", never)
    run = finished_run()

    def others(config, names):
        return [
            replace(one, close=one.close * 1.001) for one in load_each(config, names)
        ]

    with monkeypatch.context() as patched:
        patched.setattr(execution, "load_each", others)
        proof = proved(run)
    assert (proof["status"], proof["reason"]["code"]) == (
        "not_reproducible",
        "data_changed",
    )
    [(name, hashes)] = proof["data_changed"].items()
    assert name == "synthetic:SYN-gbm-1:1d"
    assert hashes["expected"] == run.data_fingerprint != hashes["actual"]
    assert "are others than those it read" in page_of(client, run)
    assert LedgerEntry.objects.count() == 1  # of the run itself

    ModelRun.objects.filter(pk=run.pk).update(code_version="0.0.1")
    run.refresh_from_db()
    proof = proved(run)
    assert proof["reason"]["code"] == "code_changed"
    assert "version 0.0.1 of the code" in proof["reason"]["message"]

    path = run_store().path(str(run.pk), "manifest.json")
    path.write_bytes(path.read_bytes() + b" ")
    proof = proved(run)
    assert (proof["status"], proof["reason"]["code"]) == (
        "differs",
        "manifest_changed",
    )
    run_store().delete(str(run.pk))
    assert proved(run)["reason"]["code"] == "files_gone"


def test_restated_bars_are_read_as_they_were(monkeypatch, settings, home):
    settings.QUANT_RAW_ROOT = home / "raw"
    work(send(table()))
    run = done_on()
    work(send(table(close=3.0)))
    handed = []

    def done(home, ask, *, tell):
        handed.extend(ask.candles)
        return made_as(Change(run))(home, ask, tell=tell)

    monkeypatch.setattr(execution, "clean_room_done", done)
    assert proved(run)["status"] == "identical"
    assert [one.fingerprint for one in handed] == [run.data_fingerprint]


def test_a_training_is_made_again_with_its_dataset(monkeypatch):
    dataset = built(universe=["SYN-gbm-1"], features=["returns"])
    run = trained(dataset)
    handed = []

    def done(home, ask, *, tell):
        handed.append(ask)
        return made_as(Change(run))(home, ask, tell=tell)

    monkeypatch.setattr(execution, "clean_room_done", done)
    assert proved(run)["status"] == "identical"
    [ask] = handed
    told = serializers.serialize("json", ask.rows)
    rows = {
        type(one.object): one.object for one in serializers.deserialize("json", told)
    }
    assert set(rows) == {Job, ModelRun, Dataset, TrainingRun}
    assert (rows[Dataset].pk, rows[Dataset].job_id) == (dataset.pk, None)
    assert rows[Dataset].options == dataset.options
    assert rows[TrainingRun].dataset_id == dataset.pk
    assert (rows[TrainingRun].report, rows[TrainingRun].identity) == (None, "")
    path = dataset_file(dataset)
    assert ask.files == {f"datasets/{path.name}": path}
    assert path.is_file()


def test_what_cannot_be_made_again_is_refused(client):
    run, bare, waits = finished_run(), finished_run(persist=False), make_run()
    made = reproduce_request(run=run).run
    for one, status, words in (
        (made, 422, "nothing of its own to make again"),
        (bare, 409, "This run has no files."),
        (waits, 409, "The run is queued: it has no result."),
    ):
        answer = client.post(
            f"/api/runs/{one.pk}/reproduce", content_type="application/json"
        )
        assert (answer.status_code, words in answer.content.decode()) == (status, True)
        page = client.post(
            f"{one.get_absolute_url()}/reproduce", content_type="application/json"
        )
        assert page.status_code == status
    assert client.get(f"/api/runs/{bare.pk}/proof").status_code == 404
    assert client.get("/api/proofs?status=green").status_code == 422
    assert "it kept no files" in page_of(client, bare)
    sent = client.post(
        f"{run.get_absolute_url()}/reproduce", content_type="application/json"
    )
    assert sent.url == f"{run.get_absolute_url()}?tab=reproduce"


def test_an_idle_lab_proves_a_few_runs_a_night_the_oldest_proof_first(settings):
    def old(hours, **fields):
        run = plain_run(manifest_sha="a" * 64, **fields)
        then = timezone.now() - timedelta(hours=hours)
        moments = {"created_at": then, "started_at": then, "finished_at": then}
        Job.objects.filter(pk=run.job_id).update(**moments)
        ModelRun.objects.filter(pk=run.pk).update(created_at=then)
        return run

    def prove(run, hours):
        made = plain_run(parent=run, kind="reproduce")
        then = timezone.now() - timedelta(hours=hours)
        Reproduction.objects.create(
            run=made, status="identical", document={}, created_at=then
        )

    first, second, third, _ = (old(hours) for hours in (96, 72, 48, 2))
    without = old(96)
    ModelRun.objects.filter(pk=without.pk).update(manifest_sha="")
    prove(first, 60)
    prove(second, 61)
    prove(second, 30)
    assert runs_to_prove(9) == [third, first, second]  # the last is too new

    settings.QUANT_NIGHTLY_PROOFS = 0
    runs_prove_again()
    settings.QUANT_NIGHTLY_PROOFS = 2
    busy = make_run()
    runs_prove_again()
    nightly = Job.objects.filter(owner=NIGHTLY)
    assert not nightly.exists()
    Job.objects.filter(pk=busy.job_id).update(
        status="cancelled", finished_at=timezone.now()
    )
    runs_prove_again()
    asked = ModelRun.objects.filter(job__in=nightly)
    assert {run.parent for run in asked} == {third, first}
    nightly.update(status="cancelled", finished_at=timezone.now())
    runs_prove_again()  # once a night
    assert nightly.count() == 2


def test_where_two_files_first_differ(tmp_path):
    kept, made = tmp_path / "kept.parquet", tmp_path / "made.parquet"

    def written(path, **columns):
        pq.write_table(pa.table(columns), path)

    written(kept, a=[1, 2, None], b=["x", "y", "z"])
    for columns, row, column, expected, actual in (
        ({"a": [1, 2, None], "b": ["x", "q", "z"]}, 1, "b", "y", "q"),
        ({"a": [1, 2, 3], "b": ["x", "y", "q"]}, 2, "a", None, 3),
        ({"a": [1, 2], "b": ["x", "y"]}, 2, None, "3 rows", "2 rows"),
        ({"a": [1, 2, None]}, None, "b", "b string", " no such column"),
    ):
        written(made, **columns)
        place = first_difference(kept, made)
        assert place is not None
        place.pop("byte")
        assert list(place.values()) == [row, column, expected, actual]
    written(kept, a=[0.0, 1.0])
    written(made, a=[-0.0, 1.0 + 1e-15])
    assert first_difference(kept, made)["row"] == 0  # to the bit
    assert first_difference(kept, made, tolerance=1e-12) is None

    kept, made = tmp_path / "kept.json", tmp_path / "made.json"
    kept.write_text(json.dumps({"a": {"b": [1, 2.0]}, "c": None}))
    for other, column, expected, actual in (
        ({"a": {"b": [1, 2.5]}, "c": None}, "a.b[1]", 2.0, 2.5),
        ({"a": {"b": [1]}, "c": None}, "a.b[1]", 2.0, "nothing there"),
        ({"a": {"b": [1, 2.0]}, "c": 0}, "c", None, 0),
    ):
        made.write_text(json.dumps(other))
        place = first_difference(kept, made)
        found = [place[key] for key in ("column", "expected", "actual")]
        assert found == [column, expected, actual]
    made.write_text("{")
    assert first_difference(kept, made)["expected"] == "a file that can be read"
