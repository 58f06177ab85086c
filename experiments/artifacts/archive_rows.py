"""The rows of an archive: what may stand in one, field by field.

A row is read from a model when it is written, and from anybody's file when it is taken:
what does not fit its type is refused before anything is kept.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from experiments.artifacts.archive_learnt import TrainingRow
from experiments.artifacts.archive_words import (
    Base64,
    Count,
    Finite,
    JobRow,
    Log,
    Long,
    MaybeSha,
    Milliseconds,
    Notes,
    Number,
    Row,
    Sha,
    Tags,
    Word,
)
from experiments.models import ProofStatus, RunKind

Source = Literal[
    "run",
    "sweep",
    "walk_forward",
    "generate",
    "validate",
    "pipeline",
    "client",
    "null_model",
]


class ChunkRow(Row):
    number: Count
    n_candidates: Count
    n_bars: Count
    seconds: Finite
    data_fingerprint: MaybeSha
    chosen: dict[str, Any] | None


class TestRow(Row):
    name: Annotated[str, Field(max_length=40)]
    outcome: dict[str, Any]
    work: Finite
    seconds: Finite


class BatchRow(Row):
    number: Count
    is_placebo: bool
    n_expressions: Count
    n_trials: Count
    first_week: Annotated[int, Field(ge=-(2**31), le=2**31 - 1)]
    n_weeks: Count
    seconds: Finite
    data_fingerprint: MaybeSha


class RunRow(Row):
    id: UUID
    kind: RunKind
    name: Long
    experiment_id: UUID | None
    parent_id: UUID | None
    config: dict[str, Any]
    search: dict[str, Any] | None
    symbol: Word
    strategy: Word
    config_hash: Sha
    config_family_hash: Sha
    run_hash: Sha
    code_version: Annotated[str, Field(max_length=20)]
    source_version: Long
    data_fingerprint: MaybeSha
    pool: Sha
    preset_ref: Annotated[str, Field(max_length=60)]
    seed: Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
    persist: bool
    ppy: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None
    metrics: dict[Annotated[str, Field(max_length=40)], Number]
    flags: dict[str, str]
    warnings: list[dict[str, Any]]
    best_index: Annotated[int, Field(ge=0, le=2**63 - 1)] | None
    sharpe_se: Finite | None
    sparkline: Annotated[list[Finite], Field(max_length=100)]
    accounting: dict[str, Any] | None
    manifest_sha: MaybeSha
    files_removed_at: AwareDatetime | None = None
    tags: Tags
    notes: Notes
    starred: bool
    pinned: bool
    archived: bool
    created_at: AwareDatetime


class Line(BaseModel):
    model_config = ConfigDict(extra="forbid")

    ts: list[int]
    value: list[Number]


class Band(BaseModel):
    model_config = ConfigDict(extra="forbid")

    ts: list[int]
    low: list[Number]
    high: list[Number]


class Report(BaseModel):
    """What the worker computed for the report; later parts may stand beside."""

    model_config = ConfigDict(extra="allow")

    series: dict[str, Line]
    bands: dict[str, Band]
    benchmark_metrics: dict[str, Number] | None
    monthly_returns: list[dict[str, int | float | bool | None]]
    yearly: list[dict[str, Number]]
    benchmark_yearly: list[dict[str, Number]]
    returns_histogram: dict[str, list[Number]]
    drawdowns: list[dict[str, Number]]
    round_trips: dict[str, Any]

    @model_validator(mode="after")
    def its_lines_are_whole(self) -> Self:
        """One value for each stamp, and around each rolling line its band."""
        rolling = {name for name in self.series if name.startswith("rolling_sharpe_")}
        if not rolling <= self.bands.keys():
            raise ValueError("a rolling line has no band")
        if any(len(line.ts) != len(line.value) for line in self.series.values()):
            raise ValueError("a line has not one value for each stamp")
        if any(
            not len(band.ts) == len(band.low) == len(band.high)
            or len(band.ts) != len(self.series[name].ts)
            for name, band in self.bands.items()
            if name in self.series
        ):
            raise ValueError("a band has not two values for each stamp")
        return self


class ThenNow(BaseModel):
    expected: str | None
    actual: str | None


class Reason(BaseModel):
    code: Word
    message: str
    advice: str


class HostClass(BaseModel):
    machine: str
    features: list[str]


class Difference(BaseModel):
    byte: Count
    row: int | None
    column: str | None
    expected: str | bool | Number
    actual: str | bool | Number


class ProvedFile(BaseModel):
    name: Word
    ok: bool
    expected: Sha | None
    kept: Sha | None
    actual: Sha | None
    compared: Literal["bytes", "identity"]
    is_close: bool
    first_difference: Difference | None


class ProofDocument(BaseModel):
    """What a run was compared with, as its page and the API read it."""

    status: ProofStatus
    date: AwareDatetime
    kind: RunKind
    reason: Reason | None
    code_version: ThenNow
    versions: dict[str, str]
    versions_changed: dict[str, ThenNow]
    host_class: HostClass | None
    same_processor: bool | None
    data_changed: dict[str, ThenNow]
    files: list[ProvedFile]


class ProofRow(Row):
    """What came of making the run again from which this one comes."""

    status: ProofStatus
    document: ProofDocument
    created_at: AwareDatetime

    @model_validator(mode="after")
    def it_says_one_thing(self) -> Self:
        """Nothing is called the same of which a file differs, or that has none."""
        files = self.document.files
        same = bool(files) and all(one.ok for one in files)
        if self.status != self.document.status:
            raise ValueError("a proof has two outcomes")
        if same != (self.status is ProofStatus.IDENTICAL):
            raise ValueError("a proof says other than its files")
        return self


class RunMember(Row):
    """A run with everything that is kept of it in tables."""

    run: RunRow
    job: JobRow
    log: Log
    numbers: dict[Annotated[str, Field(max_length=40)], Number]
    report: Report | None
    chunks: list[ChunkRow]
    tests: list[TestRow]
    batches: list[BatchRow]
    proof: ProofRow | None = None
    training: TrainingRow | None = None


class ExperimentRow(Row):
    id: UUID
    name: Long
    hypothesis: dict[str, Any] | None
    model_key: Word
    params: dict[str, Any]
    provider: Annotated[str, Field(max_length=40)]
    universe: list[str]
    members: dict[str, Any] | None
    timeframe: Annotated[str, Field(max_length=20)]
    benchmark: Word
    start_ms: Milliseconds | None
    end_ms: Milliseconds | None
    cost_model: dict[str, Any]
    sizing: dict[str, Any]
    tags: Tags
    notes: Notes
    starred: bool
    archived: bool
    created_at: AwareDatetime


class EntryRow(Row):
    """An entry of the ledger with its sample, as it stood in the chain it is from."""

    type: Literal["entry"] = "entry"
    id: UUID
    created_at: AwareDatetime
    source: Source
    pool: Sha
    instruments: Annotated[
        list[Annotated[str, Field(max_length=140)]], Field(min_length=1)
    ]
    data_fingerprint: Sha
    timeframe: Annotated[str, Field(max_length=8)]
    start_ms: Milliseconds
    end_ms: Milliseconds
    run_id: Annotated[str, Field(max_length=36)]
    job_id: Annotated[str, Field(max_length=24)]
    chunk: Count
    config_hash: Annotated[str, Field(max_length=64)]
    candidate_key: Annotated[int, Field(ge=-(2**63), le=2**63 - 1)] | None
    n_evaluated: Count
    n_trials: Count
    n_sharpes: Count
    sharpe_mean: Finite | None
    sharpe_variance: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None
    sharpe_max: Finite | None
    ppy: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    candidates_sha: Sha
    prev_hash: MaybeSha
    hash: Sha
    keys: Base64
    kept_keys: Base64
    first_week: Annotated[int, Field(ge=-(2**31), le=2**31 - 1)]
    returns: Base64


class InstrumentRow(Row):
    """A thing that has prices, and by which of them it is known again."""

    type: Literal["instrument"] = "instrument"
    name: Annotated[str, Field(min_length=1, max_length=140)]
    sketch: Base64


class PoolRow(Row):
    """How many trials of a pool are really different."""

    type: Literal["pool"] = "pool"
    pool: Sha
    n_effective: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    n_trials: Annotated[int, Field(ge=0, le=2**53)]
    is_exact: bool


class SealRow(Row):
    """A sealed span that was looked at; nobody can unsee it."""

    type: Literal["seal"] = "seal"
    run_id: Annotated[str, Field(max_length=36)]
    pool: Sha
    instruments: list[Annotated[str, Field(max_length=140)]]
    start_ms: Milliseconds
    end_ms: Milliseconds
    n_shown: Count
