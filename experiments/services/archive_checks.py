"""Whether datasets, trainings and pipelines of an archive are what they say.

Nothing of a model is loaded here: its file is only asked what it is made of.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID

from experiments.artifacts.archive import refused
from experiments.artifacts.archive_learnt import (
    DatasetMember,
    PipelineMember,
    PipelineRow,
    TrainingRow,
)
from experiments.artifacts.archive_rows import RunMember
from experiments.artifacts.manifest import MANIFEST
from experiments.models import Dataset, RunKind
from experiments.selectors.training import MODEL_FILE, REPORT, SUMMARY
from experiments.services.dataset_build import plan_of as build_plan_of
from experiments.services.training import training_identity
from strategies import RunConfig
from strategies.documents import sha256_of
from strategies.errors import StrategyError
from strategies.features.dataset import choose
from strategies.guardrails import Guardrails
from strategies.learning.config import training_config
from strategies.learning.files import model_checked
from strategies.market.timeframe import timeframe_named
from strategies.pipeline.plan import PipelinePlan, plan_of
from strategies.pipeline.words import said

if TYPE_CHECKING:
    from experiments.services.archive_read import Contents

NOT_UNDERSTOOD = (KeyError, TypeError, ValueError, AttributeError, IndexError)


def learnt_checked(contents: Contents) -> None:
    """Refuse an archive whose datasets, models or pipelines do not hold."""
    for dataset in contents.datasets:
        _check_dataset(contents, dataset)
    _check_rows(contents)
    for member in contents.runs:
        name = f"runs/{member.run.id}"
        if (member.run.kind == RunKind.MODEL_TRAINING) != (member.training is not None):
            raise refused("bad_row", f"{name}: a training, or none?")
        if member.training is not None:
            _check_training(contents, member, member.training)
        with _understood(name):
            UUID(str((member.run.search or {}).get("pipeline_run_id", member.run.id)))
    for pipeline in contents.pipelines:
        _check_pipeline(contents, pipeline)


@contextmanager
def _understood(name: str) -> Iterator[None]:
    """Refuse words that the lab makes no sense of."""
    try:
        yield
    except StrategyError as exc:
        raise refused("bad_row", f"{name}: {exc.message}") from None
    except NOT_UNDERSTOOD as exc:
        words = f"it cannot be read ({type(exc).__name__})."
        raise refused("bad_row", f"{name}: {words}") from None


def _check_dataset(contents: Contents, member: DatasetMember) -> None:
    archive, row = contents.archive, member.dataset
    folder = f"datasets/{row.id}"
    if f"{folder}/dataset.json" not in archive.names:
        raise refused("bad_row", f"The dataset {row.id} stands under another name.")
    with _understood(folder):
        frame = build_plan_of(Dataset(options=row.options)).frame()
        if any(row.options.get(name) != value for name, value in frame.items()):
            raise ValueError
    rows = f"{folder}/rows.parquet"
    if rows in archive.names:
        if archive.sha256(rows) != row.dataset_hash:
            raise refused("wrong_hash", f"{rows} is not the file that was built.")
        archive.check([rows])


def _check_rows(contents: Contents) -> None:
    known = {f"datasets/{one.dataset.id}/rows.parquet" for one in contents.datasets}
    named = {one for one in contents.archive.names if one.endswith("/rows.parquet")}
    stray = {one for one in named if one.startswith("datasets/")} - known
    if stray:
        raise refused("incomplete", "There are rows of a dataset that is missing.")


def _check_training(contents: Contents, member: RunMember, row: TrainingRow) -> None:
    run, name = member.run, f"runs/{member.run.id}"
    with _understood(name):
        RunConfig(**run.config)
        config = training_config(row.config)
        models = {row.model_id, (row.report or row.config)["model_id"]}
    if config.document() != row.config or run.search != row.config:
        raise refused("bad_row", f"{name}: it was trained otherwise than it says.")
    if models != {config.model_id}:
        raise refused("bad_row", f"{name}: it is the training of another model.")
    identity = training_identity(config, row.dataset_hash, run.code_version)
    if identity != run.config_hash:
        raise refused("wrong_hash", f"{name}: its hash is that of another training.")
    if run.manifest_sha:
        _check_model(contents, f"{name}/files", row)


def _check_model(contents: Contents, folder: str, row: TrainingRow) -> None:
    """Refuse a model that is not the one of its row, or is none of ours."""
    archive = contents.archive
    archive.same(f"{folder}/config.json", row.config)
    archive.same(f"{folder}/{REPORT}", row.report)
    facts = {"identity": row.identity, "dataset_hash": row.dataset_hash}
    summary = archive.document(f"{folder}/{SUMMARY}")
    manifest = archive.document(f"{folder}/{MANIFEST}")
    with _understood(f"{folder}/{SUMMARY}"):
        found = {name: summary[name] for name in facts}
        if summary["features"]:
            choose(summary["features"])
    if found != facts or manifest.get("identity") != row.identity:
        raise refused("wrong_hash", f"{folder}: its model is another one.")
    name = f"{folder}/{MODEL_FILE}"
    try:
        model_checked(archive.content(name))
    except StrategyError as exc:
        raise refused(exc.code, f"{name}: {exc.message}") from None


# --- pipelines ---------------------------------------------------------------------


def _check_pipeline(contents: Contents, member: PipelineMember) -> None:
    row = member.pipeline
    name = f"pipelines/{row.id}"
    if f"{name}.json" not in contents.archive.names:
        raise refused("bad_row", f"The pipeline {row.id} stands under another name.")
    with _understood(name):
        plan = plan_of(row.plan)
        timeframe_named(row.timeframe)
        Guardrails(**row.guardrails)
        words = [] if row.said is None else _words(row.said)
    if (plan.model_id, plan.timeframe) != (row.model_id, row.timeframe):
        raise refused("bad_row", f"{name}: its plan is that of another pipeline.")
    if sha256_of(row.plan | {"code_version": row.code_version}) != row.plan_hash:
        raise refused("wrong_hash", f"{name}: its plan was changed.")
    if words and row.summary not in words:
        raise refused("wrong_numbers", f"{name}: its summary says other numbers.")
    _check_places(row, plan, name)
    _check_runs(contents, row, name)


def _words(document: dict[str, Any]) -> list[str]:
    rule, values = document["rule"], document["values"]
    return [said(rule, values), said(rule, values, novice=False)]


def _check_places(row: PipelineRow, plan: PipelinePlan, name: str) -> None:
    places = [*row.leaderboard, *([row.chosen] if row.chosen else [])]
    if any(one["number"] >= len(plan.grid) for one in places):
        raise refused("bad_row", f"{name}: its leaderboard is longer than its plan.")


def _check_runs(contents: Contents, row: PipelineRow, name: str) -> None:
    """Refuse a pipeline without all that it made; what was left out is told."""
    there = {str(one.run.id): one.run for one in contents.runs}
    left_out = {one["id"] for one in contents.about["left_out"]}
    own = [(one, RunKind.BACKTEST) for one in row.backtest_run_ids]
    if row.training_run_id is not None:
        own.append((str(row.training_run_id), RunKind.MODEL_TRAINING))
    for run_id, kind in own:
        run = there.get(run_id)
        if run is None and run_id not in left_out:
            raise refused("incomplete", f"{name}: its run {run_id} is missing.")
        if run is not None and run.kind != kind:
            raise refused("bad_row", f"{name}: {run_id} is no run of its own.")
