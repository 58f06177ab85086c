"""The rows of what was learnt: datasets that were built, trainings, pipelines."""

from __future__ import annotations

from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AwareDatetime, Field, model_validator

from experiments.artifacts.archive_shapes import (
    DatasetFacts,
    DatasetOptions,
    DatasetReport,
    JudgedPlace,
    Place,
    RunId,
    Said,
    StageError,
    TrainingReport,
    Universe,
)
from experiments.artifacts.archive_words import (
    Count,
    Finite,
    JobRow,
    Log,
    Long,
    MaybeSha,
    Row,
    Sha,
    shaped,
)
from experiments.models import PipelineStatus
from experiments.models.pipeline import CONCLUDED, ENDED
from strategies.pipeline.words import STAGES

Document = dict[str, Any]
ModelId = Annotated[str, Field(max_length=40)]
Version = Annotated[int, Field(ge=1, le=2**31 - 1)]


class DatasetRow(Row):
    """A dataset that was built; which bytes its file has is its hash."""

    id: UUID
    name: Long
    options: Annotated[Document, shaped(DatasetOptions)]
    size_bytes: Annotated[int, Field(ge=0, le=2**53)]
    report: Annotated[Document, shaped(DatasetReport)]
    rows: Count
    n_symbols: Count
    coverage: Finite
    dataset_hash: Sha
    request_hash: Sha
    source_version: Long
    created_at: AwareDatetime


class DatasetMember(Row):
    dataset: DatasetRow
    job: JobRow
    log: Log


class TrainingRow(Row):
    """What a training learnt from, and what came of it.

    A version has its number alone: whether it is published each lab says for itself,
    once its own critic has looked.
    """

    model_id: ModelId
    dataset_id: UUID | None
    dataset_hash: Sha
    config: Document
    identity: MaybeSha
    report: Annotated[Document, shaped(TrainingReport)] | None
    created_at: AwareDatetime
    version: Version | None

    @model_validator(mode="after")
    def it_is_whole(self) -> Self:
        """A training that came to something has an identity, and a version."""
        if len({self.report is None, not self.identity, self.version is None}) > 1:
            raise ValueError("a report without an identity, or without a version")
        return self


class PipelineRow(Row):
    id: UUID
    name: Long
    model_id: ModelId
    model_version: Version | None
    timeframe: Annotated[str, Field(max_length=4)]
    universe: Annotated[Document, shaped(Universe)]
    sweep: Document
    guardrails: Document
    plan: Document
    plan_hash: Sha
    source_version: Long
    code_version: Annotated[str, Field(max_length=20)]
    persist: bool
    status: PipelineStatus
    stage: str
    dataset_run_id: UUID | None
    dataset_facts: Annotated[Document, shaped(DatasetFacts)] | None
    backtest_run_ids: list[RunId]
    leaderboard: list[Annotated[Document, shaped(Place)]]
    chosen: Annotated[Document, shaped(JudgedPlace)] | None
    training_run_id: UUID | None
    pool: MaybeSha
    said: Annotated[Document, shaped(Said)] | None
    summary: Annotated[str, Field(max_length=20_000)]
    errors: list[Annotated[Document, shaped(StageError)]]
    created_at: AwareDatetime
    finished_at: AwareDatetime

    @model_validator(mode="after")
    def it_came_to_one_end(self) -> Self:
        """Its status, its stage and what was chosen say the same."""
        if self.status not in ENDED or self.stage not in ("", *STAGES):
            raise ValueError("a pipeline that has not ended, or in no stage")
        if self.status in CONCLUDED and self.stage:
            raise ValueError("a pipeline that concluded has no stage")
        if self.status == PipelineStatus.SUCCEEDED and self.chosen is None:
            raise ValueError("a pipeline that succeeded has chosen nothing")
        return self

    @model_validator(mode="after")
    def its_board_is_whole(self) -> Self:
        """Places are those of its runs, each judged or none of them."""
        places = [*self.leaderboard, *([self.chosen] if self.chosen else [])]
        if any("passed" in one for one in self.leaderboard):
            for one in self.leaderboard:
                JudgedPlace.model_validate(one)
        named = {one["run_id"] for one in places}
        if len(set(self.backtest_run_ids)) != len(self.backtest_run_ids):
            raise ValueError("a run of it is named twice")
        if not named <= set(self.backtest_run_ids):
            raise ValueError("its leaderboard names runs that are not its own")
        return self


class PipelineMember(Row):
    pipeline: PipelineRow
    job: JobRow
    log: Log
