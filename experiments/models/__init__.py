"""The notebook's tables."""

from __future__ import annotations

from experiments.models.experiment import ModelExperiment
from experiments.models.preset import Preset, PresetKind
from experiments.models.run import ModelRun, RunKind, RunMetric, RunTimeseries
from experiments.models.trial import Trial

__all__ = [
    "ModelExperiment",
    "ModelRun",
    "Preset",
    "PresetKind",
    "RunKind",
    "RunMetric",
    "RunTimeseries",
    "Trial",
]
