"""What every Sharpe ratio is shown with: how many were tried, how sure it is."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from experiments.models import LedgerPool, ModelRun
from experiments.selectors.trials import Tally, trial_counts
from strategies.statistics import (
    deflated_sharpe,
    expected_max_sharpe,
    min_track_record,
    probabilistic_sharpe,
    sharpe_se,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Honesty:
    """How far the Sharpe ratio of one run can be believed.

    Everything is annualised where it is a Sharpe ratio; None is what nobody knows yet.
    `sharpe_spread` is the standard deviation of the trials' Sharpe ratios;
    `min_track_record_years` is how long this ratio had to last to exceed luck.
    `pbo` is of the first `pbo_n_trials` trials of the pool: those there were when its
    search was last tested.
    """

    pool: str
    n_trials: int
    n_effective: float | None = None
    n_effective_is_least: bool = False
    sharpe_se: float | None = None
    sharpe_spread: float | None = None
    expected_max_sharpe: float | None = None
    psr: float | None = None
    dsr: float | None = None
    dsr_effective: float | None = None
    min_track_record_years: float | None = None
    pbo: float | None = None
    pbo_n_trials: int | None = None

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


SURELY_IMPOSSIBLE = 1.0 - 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A Sharpe ratio per bar, and what its doubt is computed from."""

    sharpe_bar: float
    n: int  # returns
    skew: float
    kurtosis: float
    ppy: float

    @classmethod
    def of(cls, metrics: dict[str, Any], ppy: float | None) -> Estimate | None:
        """Return the estimate that metrics hold; None where they do not hold it."""
        names = ("sharpe_bar", "skew", "kurtosis", "n_bars")
        found: list[Any] = [metrics.get(name) for name in names]
        if None in found:
            return None
        sharpe_bar, skew, kurtosis, n_bars = found
        if kurtosis < (skew * skew + 1.0) * SURELY_IMPOSSIBLE:
            return None  # written by another program: no returns have such moments
        return cls(
            sharpe_bar=sharpe_bar,
            n=n_bars - 1,
            skew=skew,
            kurtosis=kurtosis,
            ppy=ppy or 1.0,
        )

    def se(self) -> float | None:
        """Return the standard error of the ratio a year."""
        error = sharpe_se(self.sharpe_bar, self.n, self.skew, self.kurtosis)
        return _known(error * math.sqrt(self.ppy))

    def psr(self) -> float | None:
        return _known(
            probabilistic_sharpe(self.sharpe_bar, self.n, self.skew, self.kurtosis)
        )

    def dsr(self, n_trials: float, variance: float) -> float | None:
        """Return the deflated ratio; the variance is per year, as tallies have it."""
        moments = (self.sharpe_bar, self.n, self.skew, self.kurtosis)
        return _known(
            deflated_sharpe(*moments, max(n_trials, 1.0), variance / self.ppy)
        )

    def years_to_exceed(self, n_trials: float, variance: float) -> float | None:
        """Return the years of data that would set this ratio apart from luck."""
        best = expected_best(n_trials, variance / self.ppy)
        moments = (self.skew, self.kurtosis)
        if self.sharpe_bar <= best:
            return None
        return _known(min_track_record(self.sharpe_bar, best, *moments) / self.ppy)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def expected_best(n_trials: float, variance: float) -> float:
    """Return the best Sharpe a year that luck alone would reach; 0 for one trial."""
    return expected_max_sharpe(max(n_trials, 1.0), variance)


class Judged(Protocol):
    """A run, or as many of its columns as its luck is judged by."""

    @property
    def pk(self) -> UUID: ...
    @property
    def pool(self) -> str: ...
    @property
    def metrics(self) -> dict[str, Any]: ...
    @property
    def ppy(self) -> float | None: ...
    @property
    def sharpe_se(self) -> float | None: ...


def honesty_of(runs: Iterable[Judged]) -> dict[UUID, Honesty | None]:
    """Return the honesty of each run, None where it has no Sharpe; one query.

    Counted is every different candidate ever tried on the run's instruments and
    overlapping bars, until now and by any run.
    """
    judged = {run.pk: run for run in runs}
    shown = [run for run in judged.values() if run.metrics.get("sharpe") is not None]
    if not shown:
        return dict.fromkeys(judged)
    counts = trial_counts()
    known: dict[tuple[Any, ...], Tally] = {}
    found: dict[UUID, Honesty | None] = dict.fromkeys(judged)
    for run in shown:
        window = (run.pool, run.metrics.get("start_ts"), run.metrics.get("end_ts"))
        if window not in known:
            known[window] = counts.tally(*window)
        found[run.pk] = judge(
            Estimate.of(run.metrics, run.ppy),
            known[window],
            counts.effective.get(run.pool),
            pool=run.pool,
            sharpe_se=run.sharpe_se,
        )
    return found


def honesty_beside(run: ModelRun, metrics: dict[str, Any]) -> Honesty | None:
    """Return the honesty of what is held against a run on its bars; one query."""
    estimate = Estimate.of(metrics, run.ppy)
    if estimate is None:
        return None
    counts = trial_counts()
    window = (run.pool, metrics.get("start_ts"), metrics.get("end_ts"))
    return judge(
        estimate,
        counts.tally(*window),
        counts.effective.get(run.pool),
        pool=run.pool,
        sharpe_se=estimate.se(),
    )


def honesty_of_pool(pool: str) -> Honesty:
    """Return what is known of a pool, whatever Sharpe ratio is looked at."""
    counts = trial_counts()
    effective = counts.effective.get(pool)
    return judge(None, counts.tally(pool), effective, pool=pool, sharpe_se=None)


def judge(
    estimate: Estimate | None,
    tally: Tally,
    effective: LedgerPool | None,
    *,
    pool: str,
    sharpe_se: float | None,
) -> Honesty:
    """Return what is known of one Sharpe ratio after all these trials."""
    n, variance = tally.n_trials, tally.variance
    n_effective = min(effective.n_effective, n) if effective and n else None
    return Honesty(
        pool=pool,
        n_trials=n,
        n_effective=n_effective,
        n_effective_is_least=_is_least(effective, n),
        sharpe_se=sharpe_se,
        sharpe_spread=math.sqrt(variance),
        expected_max_sharpe=expected_best(n, variance),
        psr=estimate.psr() if estimate else None,
        dsr=estimate.dsr(n, variance) if estimate else None,
        dsr_effective=estimate.dsr(n_effective, variance)
        if estimate and n_effective
        else None,
        min_track_record_years=estimate.years_to_exceed(n, variance)
        if estimate
        else None,
        pbo=effective.pbo if effective else None,
        pbo_n_trials=getattr(effective, "pbo_n_trials", None),
    )


def _is_least(effective: LedgerPool | None, n_trials: int) -> bool:
    """Return whether there may be more really different trials than were found."""
    if effective is None:
        return False
    return not effective.is_exact or effective.n_trials < n_trials
