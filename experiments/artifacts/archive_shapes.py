"""The shape of documents that travel: what pages and the API read of each.

A document is kept as it is; of what stands beside these keys nothing is asked.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from experiments.artifacts.archive_words import Count, Milliseconds, Number, Word

Real = Annotated[float, Field(allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
RunId = Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]


class Shape(BaseModel):
    model_config = ConfigDict(strict=True)


# --- built datasets ----------------------------------------------------------------


class DatasetOptions(Shape):
    start_date: Milliseconds | None
    end_date: Milliseconds | None
    missing: list[str]
    is_static: bool
    bars: dict[str, str]


class Split(Shape):
    ts: Milliseconds


class Quality(Shape):
    suspected_splits: list[Split]


class DatasetSeries(Shape):
    symbol: Word
    start: Milliseconds
    end: Milliseconds
    rows: Count
    coverage: Real
    bins: list[Real | None]
    quality: Quality


class DatasetColumn(Shape):
    column: Annotated[str, Field(max_length=4_000)]
    known: Count
    coverage: Real


class DatasetLabel(Shape):
    known: Count
    coverage: Real


class DatasetMonth(Shape):
    month: Milliseconds
    bars: Count
    missing: Count

    @model_validator(mode="after")
    def it_has_bars(self) -> Self:
        if not self.bars + self.missing:
            raise ValueError("a month without a bar")
        return self


class DatasetReport(Shape):
    timeframe: Word
    rows: Annotated[int, Field(gt=0)]
    usable_rows: Count
    symbols: Count
    coverage: Real
    quality: Quality
    features: list[DatasetColumn]
    label: DatasetLabel
    edges: list[Milliseconds]
    months: list[DatasetMonth]
    series: Annotated[list[DatasetSeries], Field(min_length=1)]


# --- trainings ---------------------------------------------------------------------


class Scores(Shape):
    n: Count
    up_rate: Real | None
    auc: Real | None
    auc_se: Real | None
    brier: Real | None
    log_loss: Real | None

    @model_validator(mode="after")
    def it_is_known_how_sure(self) -> Self:
        if (self.auc is None) != (self.auc_se is None):
            raise ValueError("an AUC without its error")
        return self


class TrainingFold(Scores):
    index: Count
    train_start: Milliseconds
    train_end: Milliseconds
    test_start: Milliseconds
    test_end: Milliseconds
    n_train: Count
    n_test: Count


class TrainingRows(Shape):
    all: Count
    usable: Count
    labelled: Count
    predicted: Count


class CalibrationGroup(Shape):
    low: Real
    high: Real
    predicted: Real
    observed: Real
    n: Count


class Confusion(Shape):
    level: Share
    called_rose: Count
    called_fell: Count
    passed_rose: Count
    passed_fell: Count


class Importance(Shape):
    column: Annotated[str, Field(max_length=4_000)]
    auc_lost: Real | None
    by_fold: list[Real | None]


class LearningPoint(Shape):
    share: Share
    n_train: Count
    train_auc: Real | None
    test_auc: Real | None


class TrainingReport(Shape):
    model_id: Word
    rows: TrainingRows
    folds: Annotated[list[TrainingFold], Field(min_length=1)]
    overall: Scores
    calibration: list[CalibrationGroup]
    confusion: Confusion
    importance: list[Importance]
    learning_curve: list[LearningPoint]


# --- pipelines ---------------------------------------------------------------------


class Universe(Shape):
    name: Annotated[str, Field(max_length=200)]
    missing: Count


class DatasetFacts(Shape):
    rows: Count | None
    symbols: Count
    reused: bool


class Configuration(Shape):
    thresholds: list[Real]
    allowed_hours: list[int]
    params: dict[str, Any]


class Verdict(Shape):
    key: Word
    status: Literal["pass", "fail", "unknown"]
    metric: Word
    value: Number
    cutoff: Number
    words: str
    novice: str
    chip: str
    advice: str


class Place(Shape):
    number: Count
    run_id: RunId
    metrics: dict[str, Number]


class JudgedPlace(Place):
    rank: Count
    config: Configuration
    verdicts: list[Verdict]
    passed: bool


class StageError(Shape):
    code: Word
    message: str
    advice: str
    stage: Word
    attempt: Count


class Said(Shape):
    rule: Word
    values: dict[str, Any]
