"""What the stages of a pipeline share: its rows, its bars, and how a stage ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from django.db import transaction

from experiments.models import Dataset, PipelineRun
from experiments.selectors.datasets import dataset_file
from experiments.selectors.pipeline_words import facts_of
from experiments.services.pipeline_universe import reach_of
from jobs import lease
from jobs.progress import JobCancelled, JobContext
from jobs.registry import kind_named
from quantlab.web.problem import Problem
from strategies import Candles, RunConfig
from strategies.learning.samples import Samples, read_samples
from strategies.market.sources import load_each
from strategies.pipeline.plan import PipelinePlan, plan_of
from strategies.pipeline.words import STAGES, said

# How far the whole is when each stage begins, in percent.
BEGINS = {"dataset": 0, "sweep": 25, "guardrails": 80, "training": 82, "summary": 98}
WHOLE = 100


class StageContext(JobContext):
    """The context of a job that a stage hands to the work of other jobs.

    Its steps are lines of the log, not stages, and its progress is a part of the whole.
    """

    def __init__(self, whole: JobContext, stage: str) -> None:
        self.job = whole.job
        self.stages = kind_named(whole.job.kind).stages
        self._whole = whole
        self.begins = BEGINS[stage]
        later = [at for at in BEGINS.values() if at > self.begins]
        self._to = min(later, default=WHOLE)

    def stage(self, name: str, *, count: int | None = None) -> None:
        self._whole.log("step", name)

    def report(
        self, processed: int, total: int, message: str = "", **others: Any
    ) -> None:
        share = processed / total if total else 0.0
        done = self.begins + round(share * (self._to - self.begins))
        self._whole.report(done, WHOLE, message, **others)

    def log(
        self, event: str, message: str = "", level: str = "INFO", **fields: Any
    ) -> None:
        self._whole.log(event, message, level, **fields)


@dataclass
class Work:
    """One attempt at a pipeline."""

    row: PipelineRun
    context: JobContext

    @cached_property
    def plan(self) -> PipelinePlan:
        return plan_of(self.row.plan)

    @cached_property
    def candles(self) -> list[Candles]:
        """The bars of the plan's window; refused if they are not those of then."""
        plan = self.plan
        start, end = reach_of(plan)
        frame = RunConfig(
            provider=plan.provider,
            universe=list(plan.symbols),
            timeframe=plan.timeframe,
            start=start,
            end=end,
            strategy={"name": "buy_and_hold"},
        )
        return load_each(frame, list(plan.symbols))

    @cached_property
    def samples(self) -> Samples | None:
        """The rows of the dataset; None for a rule, which has none."""
        if self.plan.training is None:
            return None
        path = self._dataset_path
        return read_samples(
            path,
            target=self.plan.training.target,
            dataset_hash=path.stem,
        )

    @property
    def _dataset_path(self) -> Path:
        dataset = self.row.dataset_run
        path = dataset_file(dataset) if dataset else None
        if path is None or not path.exists():
            raise Problem(
                status=409,
                code="data_changed",
                message="The dataset that was built for this pipeline is gone.",
                advice="Run it again: it builds a new one.",
            )
        return path

    def part(self, stage: str) -> StageContext:
        return StageContext(self.context, stage)

    def own_id(self, name: str) -> UUID:
        """Return the id of something that this pipeline makes: the same every time."""
        return uuid5(self.row.pk, name)

    def hold(self) -> None:
        """Keep the job's lease; JobCancelled if it is another's by now.

        Call it first in every transaction that writes what came of the work.
        """
        job = self.context.job
        if not lease.renew(job.pk, job.lease_owner):
            raise JobCancelled(job.pk)

    def done(self, stage: str, **found: Any) -> None:
        """Write what a stage found, and which one is next."""
        after = STAGES.index(stage) + 1
        with transaction.atomic():
            self.hold()
            for name, value in found.items():
                setattr(self.row, name, value)
            self.row.stage = STAGES[after] if after < len(STAGES) else ""
            self.row.save()

    def say(self, rule: str, values: Mapping[str, Any] | None = None) -> None:
        """Put the words of a moment on the row, unsaved."""
        filled = facts_of(self.row) | dict(values or {})
        self.row.said = {"rule": rule, "values": filled}
        self.row.summary = said(rule, filled)


def is_built(dataset: Dataset) -> bool:
    """Return whether the rows of a dataset are there to be read."""
    return bool(dataset.dataset_hash) and dataset_file(dataset).exists()
