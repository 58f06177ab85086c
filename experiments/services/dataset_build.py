"""Datasets of features and labels: judged and queued here; `dataset_execute` builds."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction
from pydantic import BaseModel, ConfigDict, Field, StrictInt, ValidationError

from experiments.models import CachedCandles, Dataset, DatasetKind
from experiments.selectors.datasets import dataset_file, dataset_page_url
from experiments.selectors.universes import (
    Universe,
    config_settled,
    left_out,
    universe_get,
)
from experiments.services.budgets import work_enqueue
from experiments.services.words import Name
from jobs.models import ACTIVE, JobStatus
from strategies import RunConfig, __version__
from strategies.config import config_error
from strategies.documents import sha256_of
from strategies.errors import ConfigError, StrategyError
from strategies.features.dataset import Chosen, Label, choose
from strategies.market.sources import describe, source_version
from strategies.market.symbol import SymbolInfo

KIND = "dataset"
MOST_CELLS = 100_000_000  # rows times columns
PROBLEMS_TOLD = 20
# What a frame calls the fields of a request.
FIELDS = {"start": "start_date", "end": "end_date", "symbol": "universe"}


class LabelRequest(BaseModel):
    """What came after each bar."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str = Field("sign", description="sign or return.")
    horizon_bars: StrictInt = Field(1, description="Bars ahead, from close to close.")


class BuildRequest(BaseModel):
    """What a request for a dataset says."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    universe: list[str] | dict[str, int | str | None] = Field(
        description='Symbols, `{"preset_id": "sp500", "cap": 20}` or '
        '`{"watchlist_id": "…"}`.'
    )
    timeframe: str = "1d"
    start_date: int | str | None = Field(None, description="All there is, if left out.")
    end_date: int | str | None = Field(None, description="Inclusive.")
    provider: str = "builtin"
    features: list[str | dict[str, Any]] = Field(
        max_length=1_000,
        description="Names of the catalog, expressions, "
        '`{"name": "rsi", "params": {"period": 7}}` or `{"expr": "…"}`.',
    )
    label: LabelRequest = LabelRequest()
    name: Name = ""
    force: bool = Field(False, description="Build it again, whatever there is.")


@dataclass(frozen=True)
class BuildPlan:
    """A request that can be built: everything settled.

    `config` frames it: which bars of which symbols; its strategy means nothing.
    """

    config: RunConfig
    chosen: tuple[Chosen, ...]
    label: Label
    missing: tuple[str, ...]
    is_static: bool  # a list of today's members says nothing of who left
    force: bool = False
    given_name: str = ""

    @property
    def columns(self) -> list[str]:
        return [name for one in self.chosen for name in one.columns]

    @property
    def name(self) -> str:
        if self.given_name:
            return self.given_name
        symbols, ahead = self.config.symbols, self.label.horizon_bars
        who = symbols[0] if len(symbols) == 1 else f"{len(symbols)} symbols"
        n = len(self.columns)
        what = self.columns[0] if n == 1 else f"{n} features"
        bars = "bar" if ahead == 1 else f"{ahead} bars"
        text = (
            f"{who}, {self.config.timeframe}: {what}, {self.label.kind} of next {bars}"
        )
        return text[:200]

    @cached_property
    def rows(self) -> int:
        """About how many rows it has, from the lists of the providers."""
        return sum(self.bars_of.values())

    @cached_property
    def bars_of(self) -> dict[str, int]:
        """About how many bars each symbol has in the window."""
        config = self.config
        return {
            symbol: _bars_within(
                describe(config.provider, symbol, config.timeframe), config
            )
            for symbol in config.symbols
        }

    def frame(self) -> dict[str, Any]:
        """Return everything that makes this dataset what it is, but the bars."""
        config = self.config
        known = config.document().get("members")
        return ({"members": known} if known else {}) | {
            "provider": config.provider,
            "universe": config.symbols,
            "timeframe": config.timeframe,
            "start_date": config.start,
            "end_date": config.end,
            "features": [one.document() for one in self.chosen],
            "label": self.label.document(),
        }

    @property
    def request_hash(self) -> str:
        return sha256_of(self.frame() | {"code_version": __version__})

    @cached_property
    def versions(self) -> dict[str, str]:
        """What each symbol's source says of its bars."""
        config = self.config
        return {
            symbol: source_version(config.provider, symbol, config.timeframe)
            for symbol in config.symbols
        }

    @property
    def source_version(self) -> str:
        return sha256_of(list(self.versions.values()))


@dataclass(frozen=True)
class Built:
    """The dataset of a request; whether it was there, and how long that took."""

    dataset: Dataset
    reused: bool
    seconds: float

    @property
    def words(self) -> str:
        if not self.reused:
            return ""
        return f"reused, {max(self.seconds, 0.1):.1f} s"


def build_asked(body: Mapping[str, Any]) -> BuildRequest:
    """Return what a body asks for; `ConfigError` with every value at fault."""
    try:
        return BuildRequest(**body)
    except ValidationError as exc:
        raise config_error(exc, BuildRequest) from None


def build_plan(asked: BuildRequest) -> BuildPlan:
    """Return the plan of a request, or refuse it with a `StrategyError`."""
    chosen = choose(asked.features)
    label = Label(asked.label.kind, asked.label.horizon_bars)
    try:
        framed = _frame(asked)
        config = config_settled(framed)
    except StrategyError as exc:
        raise _renamed(exc) from None
    plan = BuildPlan(
        config=config,
        chosen=chosen,
        label=label,
        missing=left_out(framed),
        is_static=_is_static(asked.universe),
        force=asked.force,
        given_name=asked.name.strip(),
    )
    _check_size(plan)
    return plan


def plan_of(dataset: Dataset) -> BuildPlan:
    """Return the plan that a dataset was queued with."""
    said = dataset.options
    config = RunConfig(
        provider=said["provider"],
        universe=said["universe"],
        members=said.get("members"),
        timeframe=said["timeframe"],
        start=said["start_date"],
        end=said["end_date"],
        strategy={"name": "buy_and_hold"},
    )
    return BuildPlan(
        config=config,
        chosen=choose(said["features"]),
        label=Label(**said["label"]),
        missing=tuple(said["missing"]),
        is_static=said["is_static"],
    )


def dataset_submit(*, plan: BuildPlan, owner: str = "") -> Built:
    """Queue a dataset, or return the one that is the same on unchanged bars.

    One that failed, was called off or deleted, or whose file is gone, is not reused.
    """
    begun = time.perf_counter()
    twin = None if plan.force else dataset_same(plan)
    if twin is not None:
        return Built(twin, True, time.perf_counter() - begun)
    with transaction.atomic():
        dataset_id = uuid4()
        job = work_enqueue(
            KIND,
            owner=owner,
            title=f"Build {plan.name}"[:200],
            run_id=str(dataset_id),
            page=dataset_page_url(dataset_id),
        )
        dataset = dataset_row(plan, dataset_id=dataset_id)
        dataset.job = job
        dataset.save(force_insert=True)
    return Built(dataset, False, time.perf_counter() - begun)


def dataset_row(plan: BuildPlan, *, dataset_id: UUID) -> Dataset:
    """Return the row of a dataset that is to be built, not saved and without a job."""
    return Dataset(
        id=dataset_id,
        kind=DatasetKind.BUILT,
        name=plan.name,
        options=plan.frame()
        | {
            "missing": list(plan.missing),
            "is_static": plan.is_static,
            "bars": _bars(plan),
        },
        dry_run=False,
        request_hash=plan.request_hash,
        source_version=plan.source_version,
    )


def _frame(asked: BuildRequest) -> RunConfig:
    config = RunConfig(
        provider=asked.provider,
        universe=asked.universe,
        timeframe=asked.timeframe,
        start=asked.start_date,
        end=asked.end_date,
        strategy={"name": "buy_and_hold"},
        benchmark="none",
    )
    if isinstance(asked.universe, list):
        _check_each(asked, asked.universe)
    return config


def _check_each(asked: BuildRequest, symbols: list[str]) -> None:
    """Refuse a list of symbols, naming every one of which there are no bars."""
    problems: list[StrategyError] = []
    for symbol in symbols:
        try:
            describe(asked.provider, symbol, asked.timeframe)
        except StrategyError as exc:
            problems.append(exc)
            if exc.field != "symbol" or len(problems) == PROBLEMS_TOLD:
                break  # it is not about this symbol, or there are enough
    if problems:
        raise ConfigError.of(tuple(problems))


def _renamed(error: StrategyError) -> ConfigError:
    """Return a problem of the frame as one of the request."""
    problems = error.problems if isinstance(error, ConfigError) else (error,)
    renamed = []
    for one in problems:
        first, dot, rest = one.field.partition(".")
        field = FIELDS.get(first, first) + dot + rest
        renamed.append(
            ConfigError(one.message, code=one.code, field=field, advice=one.advice)
        )
    return ConfigError.of(tuple(renamed))


def _is_static(universe: Universe) -> bool:
    if isinstance(universe, list) or "preset_id" not in universe:
        return False
    return not any(
        one.until for one in universe_get(str(universe["preset_id"])).members
    )


def _check_size(plan: BuildPlan) -> None:
    longest, ahead = max(plan.bars_of.values()), plan.label.horizon_bars
    if ahead >= longest:
        raise ConfigError(
            f"A horizon of {ahead} bars leaves no row with a label: the longest "
            f"symbol has about {longest} bars.",
            code="horizon_too_long",
            field="label.horizon_bars",
            advice="Shorten the horizon, or take an earlier start.",
        )
    cells = plan.rows * len(plan.columns)
    if cells > MOST_CELLS:
        raise ConfigError(
            f"About {plan.rows:,} rows of {len(plan.columns)} features are more than "
            f"{MOST_CELLS:,} values.",
            code="too_large",
            field="features",
            advice="Choose fewer features or symbols, later dates, or longer bars.",
        )


def _bars_within(info: SymbolInfo, config: RunConfig) -> int:
    first = info.start_ms if config.start is None else config.start
    last = info.end_ms if config.end is None else config.end
    if config.provider != "synthetic":  # which goes on as long as asked
        first, last = max(first, info.start_ms), min(last, info.end_ms)
    bar_ms = (info.end_ms - info.start_ms) / max(info.rows - 1, 1)
    return max(round((last - first) / max(bar_ms, 1.0)) + 1, 0)


def dataset_same(plan: BuildPlan) -> Dataset | None:
    """Return the newest dataset of this plan on unchanged bars that did not fail."""
    same = Dataset.objects.filter(
        kind=DatasetKind.BUILT,
        request_hash=plan.request_hash,
        source_version=plan.source_version,
        deleted_at__isnull=True,
        job__cancel_requested=False,
        job__status__in=[*ACTIVE, JobStatus.SUCCEEDED],
    ).select_related("job")
    for one in same.order_by("-created_at", "-pk"):
        if not one.dataset_hash or dataset_file(one).exists():
            return one
    return None


def _bars(plan: BuildPlan) -> dict[str, str]:
    """Return the versions in the candle cache that the bars come from, by hash."""
    named = {v.partition(":")[2]: symbol for symbol, v in plan.versions.items()}
    kept = CachedCandles.objects.filter(
        provider=plan.config.provider, pk__in=list(named)
    )
    return {one.pk: named[one.pk] for one in kept}
