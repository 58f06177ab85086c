"""Versions of models that were published, as the library's strategy reads them."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache, partial

from experiments.artifacts.manifest import MANIFEST
from experiments.artifacts.store import file_sha256, run_store, spoilt
from experiments.models import ModelVersion, VersionStage
from experiments.selectors.training import MODEL_FILE, PROBABILITIES, SUMMARY
from quantlab.web.problem import Problem
from strategies.errors import ConfigError
from strategies.learning.published import Learnt, Version, read_learnt
from strategies.learning.selection import Selection
from strategies.library.trained import NEWEST

FIELD = "strategy.params.version"
KEPT_READY = 4  # versions whose files stay read in a process


def published_version(model_id: str, version: int, identity: str) -> Version:
    """Return a version of a model: a `strategies.library.trained.Source`.

    One that is no longer, or not yet, published is found by its identity: so a run
    that was made with it can be made again, and the critic can look before others do.
    """
    row = _row(model_id, version, identity)
    run = row.training.run
    try:
        summary = json.loads(_file(str(run.pk), SUMMARY))
        names = {entry["name"] for entry in run_store().list(str(run.pk))}
    except Problem:
        raise _gone(row) from None
    if not {MODEL_FILE, PROBABILITIES} <= names or not summary.get("features"):
        raise _gone(row)
    return Version(
        model_id=model_id,
        version=version or row.version,  # as whoever names it calls it
        whole_identity=row.training.identity,
        provider=run.config["provider"],
        timeframe=run.config["timeframe"],
        features=tuple(summary["features"]),
        selection=Selection(
            **{name: tuple(values) for name, values in row.selection.items()}
        ),
        read=partial(_learnt, str(run.pk), run.manifest_sha),
    )


def _row(model_id: str, version: int, identity: str) -> ModelVersion:
    """Return the version that is meant, or say why there is none."""
    of_model = ModelVersion.objects.filter(model_id=model_id)
    of_model = of_model.select_related("training__run")
    published = of_model.filter(stage=VersionStage.PUBLISHED)
    if version == NEWEST:
        row = published.order_by("-version").first()
        if row is None:
            raise _refused(
                f"No version of {model_id} is published yet.",
                "not_published",
                f"Publish one on /models/{model_id}, once the critic has looked at it.",
            )
        return row
    row = of_model.filter(version=version).first()
    if identity and (row is None or not _is(row, identity)):
        # It came from another lab, where it had another number.
        same = of_model.filter(training__identity__startswith=identity)
        row = same.order_by("version").first() or row
    if row is None:
        raise _refused(
            f"{model_id} has no version {version}.",
            "unknown_version",
            f"GET /api/models/{model_id}/versions lists them; 0 is the newest.",
        )
    if row.stage != VersionStage.PUBLISHED and not (identity and _is(row, identity)):
        raise _refused(
            f"Version {version} of {model_id} is not published.",
            "not_published",
            f"Publish it on /models/{model_id}, once the critic has looked at it.",
        )
    return row


def _is(row: ModelVersion, identity: str) -> bool:
    return row.training.identity.startswith(identity)


@lru_cache(maxsize=KEPT_READY)
def _learnt(run_id: str, manifest_sha: str) -> Learnt:
    """Return what the files of a training hold; 409 where they were changed since."""
    if file_sha256(run_store().path(run_id, MANIFEST)) != manifest_sha:
        raise spoilt(MANIFEST, "it is not what it was at the end of the run")
    listed = {one["name"]: one["sha256"] for one in run_store().list(run_id)}
    files = {name: _file(run_id, name) for name in (MODEL_FILE, PROBABILITIES)}
    for name, data in files.items():
        if hashlib.sha256(data).hexdigest() != listed[name]:
            raise spoilt(name, "it is not what the manifest lists")
    return read_learnt(*files.values())


def _file(run_id: str, name: str) -> bytes:
    with run_store().open(run_id, name) as file:
        return file.read()


def _gone(row: ModelVersion) -> ConfigError:
    return _refused(
        f"The files of version {row.version} of {row.model_id} are gone.",
        "files_gone",
        "Choose another version, or train it again on the same dataset.",
    )


def _refused(message: str, code: str, advice: str) -> ConfigError:
    return ConfigError(message, code=code, field=FIELD, advice=advice)
