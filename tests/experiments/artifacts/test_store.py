"""A run's folder: whole or not there, named files only, every byte accounted for."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from uuid import uuid4

import pytest

from experiments.artifacts.store import ArtifactStore, json_writer
from quantlab.web.problem import Problem


def words(text):
    return lambda file: file.write(text.encode())


FILES = {"metrics.json": words("{}"), "equity.parquet": words("PAR1")}


@pytest.fixture
def store(tmp_path):
    return ArtifactStore(tmp_path / "runs")


@pytest.fixture
def run_id():
    return str(uuid4())


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_saved_folder_holds_the_files_and_a_manifest_that_lists_them(store, run_id):
    sha = store.save(run_id, FILES, {"code_version": "0.1.0"})

    folder = store.root / run_id
    assert names(folder) == [
        "equity.parquet",
        "manifest.json",
        "metrics.json",
    ]
    assert names(store.root) == [run_id]
    manifest = (folder / "manifest.json").read_bytes()
    assert sha == hashlib.sha256(manifest).hexdigest()
    document = json.loads(manifest)
    assert document["run_id"] == run_id
    assert document["code_version"] == "0.1.0"
    assert document["files"] == store.list(run_id)
    assert document["files"][0] == {
        "name": "equity.parquet",
        "path": "equity.parquet",
        "sha256": hashlib.sha256(b"PAR1").hexdigest(),
        "size": 4,
        "mime": "application/vnd.apache.parquet",
    }


def test_nothing_is_in_place_while_files_are_written(store, run_id):
    seen = []

    def write(file):
        seen.append((store.root / run_id).exists())

    store.save(run_id, {"a.json": write, "b.json": write}, {})

    assert seen == [False, False]


@pytest.mark.parametrize(
    "name", ["../a.json", "a/b.json", "a.exe", "A.json", ".a.json", "a.json\n", ""]
)
def test_a_name_that_is_no_artifact_is_refused(store, run_id, name):
    with pytest.raises(ValueError, match="no name for an artifact"):
        store.save(run_id, {name: words("")}, {})

    assert names(store.root) == []


@pytest.mark.parametrize(
    "run_id", ["", "..", "../x", "A" * 32, "1E18A0ED-5B0B-4A18-86C5-28074C35617D"]
)
def test_an_id_that_is_no_run_never_meets_a_path(store, run_id):
    for ask in (store.list, store.manifest, store.delete):
        with pytest.raises(Problem, match="no run") as refused:
            ask(run_id)
        assert refused.value.status == 404


@pytest.mark.parametrize("name", ["../manifest.json", "b.json", "plots.png", "/etc"])
def test_only_files_of_the_manifest_are_opened(store, run_id, name):
    store.save(run_id, FILES, {})
    (store.root / run_id / "plots.png").write_bytes(b"made on demand")

    with pytest.raises(Problem) as refused:
        store.open(run_id, name)

    assert refused.value.status == 404
    with store.open(run_id, "metrics.json") as file:
        assert file.read() == b"{}"
    with store.open(run_id, "manifest.json") as file:
        assert json.load(file) == store.manifest(run_id)


def test_a_run_without_files_says_so(store, run_id):
    with pytest.raises(Problem, match="keeps no files") as refused:
        store.list(run_id)

    assert refused.value.status == 404


def test_a_writer_that_fails_leaves_nothing(store, run_id):
    def fail(file):
        raise RuntimeError("half way")

    with pytest.raises(RuntimeError):
        store.save(run_id, {"a.json": words("{}"), "b.json": fail}, {})

    assert names(store.root) == []


def test_a_full_disk_is_said_in_words(store, run_id):
    def fill(file):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(Problem, match="disk is full") as refused:
        store.save(run_id, {"a.json": fill}, {})

    assert refused.value.code == "disk_full"
    assert names(store.root) == []


def test_what_a_killed_worker_left_is_removed_by_the_next_attempt(store, run_id):
    other = str(uuid4())
    for leftover in (f".{run_id}.00.partial", f".{other}.00.partial"):
        (store.root / leftover).mkdir(parents=True)
        (store.root / leftover / "equity.parquet").write_bytes(b"half")

    store.save(run_id, FILES, {})

    # The other run's may belong to a worker that lives.
    assert names(store.root) == [f".{other}.00.partial", run_id]


def test_an_equal_folder_of_an_earlier_attempt_stays(store, run_id):
    first = store.save(run_id, FILES, {"attempt": 1})

    assert store.save(run_id, FILES, {"attempt": 2}) == first

    assert store.manifest(run_id)["attempt"] == 1
    assert names(store.root) == [run_id]


def test_a_folder_with_other_or_damaged_files_is_replaced(store, run_id):
    first = store.save(run_id, FILES, {})
    other = store.save(run_id, FILES | {"metrics.json": words('{"a":1}')}, {})
    assert other != first
    assert store.verify(run_id, other)["ok"]

    for name in ("metrics.json", "manifest.json"):
        (store.root / run_id / name).write_bytes(b"damaged")
        again = store.save(run_id, FILES | {"metrics.json": words('{"a":1}')}, {})

        assert store.verify(run_id, again)["ok"]
        assert names(store.root) == [run_id]


def test_verify_hashes_every_file_of_the_manifest(store, run_id):
    sha = store.save(run_id, FILES, {})

    answer = store.verify(run_id, sha)

    assert (answer["ok"], answer["checked"]) == (True, 2)
    names_checked = [file["name"] for file in answer["files"]]
    assert names_checked == ["equity.parquet", "metrics.json"]


def test_verify_finds_a_changed_byte_and_a_lost_file(store, run_id):
    sha = store.save(run_id, FILES, {})
    (store.root / run_id / "equity.parquet").write_bytes(b"PAR2")
    (store.root / run_id / "metrics.json").unlink()

    answer = store.verify(run_id, sha)

    assert answer["ok"] is False
    assert [file["ok"] for file in answer["files"]] == [False, False]
    assert answer["files"][0]["actual"] == hashlib.sha256(b"PAR2").hexdigest()
    assert answer["files"][1]["actual"] is None


def test_a_changed_manifest_is_not_believed(store, run_id):
    sha = store.save(run_id, FILES, {})
    path = store.root / run_id / "manifest.json"
    path.write_text(path.read_text().replace("metrics", "metrixx"))

    answer = store.verify(run_id, sha)

    assert [file["name"] for file in answer["files"]] == ["manifest.json"]
    assert answer["ok"] is False


def test_delete_removes_the_folder_and_what_was_left_of_it(store, run_id):
    store.save(run_id, FILES, {})
    (store.root / f".{run_id}.00.partial").mkdir()

    store.delete(run_id)
    store.delete(run_id)

    assert names(store.root) == []


def test_nan_in_a_document_is_a_defect():
    with pytest.raises(ValueError, match="JSON"):
        json_writer({"sharpe": float("nan")})
