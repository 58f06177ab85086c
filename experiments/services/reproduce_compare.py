"""What a run keeps beside what it came to once more: one document, a proof or not.

Three hashes are compared of each file: that of the manifest, that of the file which is
kept, and that of the file which was made again. Equal bytes are promised for the same
code, libraries and class of processor; on another class, numbers equal to 1e-12.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from experiments.artifacts.differences import first_difference
from experiments.artifacts.store import ArtifactStore, file_sha256, run_store
from experiments.models import ModelRun, ProofStatus
from experiments.selectors.training import MODEL_FILE
from strategies import __version__

CLOSE = 1e-12

Document = dict[str, Any]


def compared(run: ModelRun, made: ArtifactStore) -> Document:
    """Return the proof of a run, whose manifest is whole, from its files made again."""
    run_id = str(run.pk)
    then, now = run_store().manifest(run_id), made.manifest(run_id)
    facts = _facts(then, now)
    tolerance = 0.0 if facts["same_processor"] else CLOSE
    hashes = {entry["name"]: entry["sha256"] for entry in then["files"]}
    others = {entry["name"]: entry["sha256"] for entry in now["files"]}
    same_model = then.get("identity") == now.get("identity")
    files = [
        _file(run_id, name, hashes.get(name), made, tolerance, same_model)
        for name in sorted(hashes.keys() | others.keys())
    ]
    status, reason = _verdict(files, facts)
    return _document(run, status, reason) | facts | {"files": files}


def refused(
    run: ModelRun,
    code: str,
    message: str,
    advice: str,
    *,
    status: ProofStatus = ProofStatus.NOT_REPRODUCIBLE,
    **facts: Any,
) -> Document:
    """Return the document of a run that was not made again, and why."""
    reason = {"code": code, "message": message, "advice": advice}
    return _document(run, status, reason) | facts


def _document(
    run: ModelRun, status: ProofStatus, reason: Mapping[str, Any] | None
) -> Document:
    return {
        "status": status.value,
        "date": timezone.now().isoformat(),
        "kind": run.kind,
        "reason": reason,
        "code_version": {"expected": run.code_version, "actual": __version__},
        "versions": {},
        "versions_changed": {},
        "host_class": None,
        "same_processor": None,
        "data_changed": {},
        "files": [],
    }


def _facts(then: Mapping[str, Any], now: Mapping[str, Any]) -> Document:
    """Return with what it was made again, and what of that is another than before."""
    before, versions = then["versions"], now["versions"]
    return {
        "versions": versions,
        "versions_changed": {
            name: {"expected": before.get(name), "actual": versions.get(name)}
            for name in sorted(before.keys() | versions.keys())
            if before.get(name) != versions.get(name)
        },
        "host_class": now["cpu"],
        "same_processor": then["cpu"] == now["cpu"],
    }


def _file(
    run_id: str,
    name: str,
    expected: str | None,
    made: ArtifactStore,
    tolerance: float,
    same_model: bool,
) -> Document:
    """Return what became of one file.

    A model's file differs on every writing: what the model is, the manifest names.
    """
    kept_path, made_path = run_store().path(run_id, name), made.path(run_id, name)
    kept, actual = file_sha256(kept_path), file_sha256(made_path)
    by_identity = name == MODEL_FILE and same_model and actual is not None
    ok = kept == expected and (by_identity or actual == expected)
    place = None
    if not ok and kept and actual:
        place = first_difference(kept_path, made_path)
    is_close = bool(place) and bool(tolerance) and kept == expected
    if is_close:
        is_close = first_difference(kept_path, made_path, tolerance=tolerance) is None
    return {
        "name": name,
        "ok": ok,
        "expected": expected,
        "kept": kept,
        "actual": actual,
        "compared": "identity" if by_identity else "bytes",
        "is_close": ok or is_close,
        "first_difference": place,
    }


def _verdict(
    files: list[Document], facts: Mapping[str, Any]
) -> tuple[ProofStatus, Mapping[str, Any] | None]:
    wrong = [one for one in files if not one["ok"]]
    if not wrong:
        return ProofStatus.IDENTICAL, None
    touched = [one for one in wrong if one["kept"] != one["expected"]]
    if touched:
        first = touched[0]
        found = "Made again it has the hash of the manifest: only the file changed."
        if first["actual"] != first["expected"]:
            found = "Made again it has not the hash of the manifest either."
        return ProofStatus.DIFFERS, {
            "code": "file_changed",
            "message": f"{first['name']} is not the file that the run wrote.",
            "advice": f"{found} Run the config again to have its files as they were.",
        }
    if facts["versions_changed"]:
        return ProofStatus.NOT_REPRODUCIBLE, {
            "code": "versions_changed",
            "message": "The bytes differ, and so do libraries since the run was made.",
            "advice": "Install the versions of then to prove it, or run it again.",
        }
    if not facts["same_processor"] and all(one["is_close"] for one in files):
        return ProofStatus.OTHER_PROCESSOR, {
            "code": "other_processor",
            "message": "On another class of processor, every number agrees to 1e-12.",
            "advice": "Equal bytes are promised within one class of processor.",
        }
    return ProofStatus.DIFFERS, {
        "code": "result_differs",
        "message": f"{wrong[0]['name']} came out differently.",
        "advice": "The same code, libraries and bars gave another result: report it.",
    }
