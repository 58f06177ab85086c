"""The notebook's tables."""

from __future__ import annotations

from experiments.models.broker import BrokerOrder
from experiments.models.dataset import (
    CachedCandles,
    CachedFeature,
    Dataset,
    DatasetKind,
)
from experiments.models.experiment import ModelExperiment
from experiments.models.ledger import (
    Instrument,
    InstrumentBars,
    LedgerEntry,
    LedgerHead,
    LedgerPool,
    LedgerSample,
    SealOpening,
)
from experiments.models.overfitting import OverfittingAnswer
from experiments.models.owned import Owned, Visibility
from experiments.models.pipeline import PipelineRun, PipelineStatus
from experiments.models.preset import Preset, PresetKind
from experiments.models.reproduction import ProofStatus, Reproduction
from experiments.models.retention import Removal, RetentionRule, Rule
from experiments.models.run import (
    ModelRun,
    RunKind,
    RunMetric,
    RunSymbol,
    RunTimeseries,
)
from experiments.models.saved_view import SavedView, ViewedList
from experiments.models.search import SearchBatch
from experiments.models.strategy import StrategySheet, StrategySnapshot
from experiments.models.sweep import SweepChunk
from experiments.models.training import ModelVersion, TrainingRun, VersionStage
from experiments.models.validation import ValidationTest
from experiments.models.watchlist import Watchlist

__all__ = [
    "BrokerOrder",
    "CachedCandles",
    "CachedFeature",
    "Dataset",
    "DatasetKind",
    "Instrument",
    "InstrumentBars",
    "LedgerEntry",
    "LedgerHead",
    "LedgerPool",
    "LedgerSample",
    "ModelExperiment",
    "ModelRun",
    "ModelVersion",
    "OverfittingAnswer",
    "Owned",
    "PipelineRun",
    "PipelineStatus",
    "Preset",
    "PresetKind",
    "ProofStatus",
    "Removal",
    "Reproduction",
    "RetentionRule",
    "Rule",
    "RunKind",
    "RunMetric",
    "RunSymbol",
    "RunTimeseries",
    "SavedView",
    "SealOpening",
    "SearchBatch",
    "StrategySheet",
    "StrategySnapshot",
    "SweepChunk",
    "TrainingRun",
    "ValidationTest",
    "VersionStage",
    "ViewedList",
    "Visibility",
    "Watchlist",
]
