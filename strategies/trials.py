"""What one trial is, and the sink that every backtest is reported to.

A trial is a backtest that could have been chosen. However a backtest is started, it
passes `strategies.run.run_backtest`, which reports here; so nothing is forgotten.
By default trials stay in memory. The lab installs a sink that writes them to its
database together with the run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from strategies.types import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One evaluated backtest.

    Attributes
    ----------
    source : str
        What evaluated it: ``run``, later ``sweep``, ``walk_forward``, …
    config_hash, config_family_hash : str
        Which candidate it was; the second leaves out the seed.
    instruments : tuple[str, ...]
        What was looked at, as ``provider:symbol``, sorted.
    data_fingerprint : str
        The sha256 of the bars that were read.
    start_ms, end_ms : int
        First and last bar, epoch ms UTC.
    sharpe_bar : float or None
        Sharpe ratio per bar, net of costs; None where it is undefined.
    skew, kurtosis : float or None
        Population moments of the bar returns (normal kurtosis is 3).
    n_returns : int
        Number of bar returns.
    ppy : float
        Bars per year, to compare Sharpe ratios of different timeframes.
    """

    source: str
    config_hash: str
    config_family_hash: str
    instruments: tuple[str, ...]
    data_fingerprint: str
    start_ms: int
    end_ms: int
    sharpe_bar: float | None
    skew: float | None
    kurtosis: float | None
    n_returns: int
    ppy: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrialBatch:
    """The candidates of one chunk of a search: one entry for all of them.

    Attributes
    ----------
    source : str
        ``sweep``, ``walk_forward``, …
    instruments, data_fingerprint, start_ms, end_ms, n_returns, ppy
        As in `Trial`; the same for all candidates.
    sharpe_bar, skew, kurtosis : float64 arrays of shape (n_trials,)
        As in `Trial`; NaN where undefined.
    keys : callable ``() -> uint64 array of shape (n_trials,)``
        Which candidates they are (`strategies.candidates`); worked out when asked.
    kept : int64 array of shape (n_kept,)
        Which of them stand in the even sample of at most 1,000 of the whole search.
    weekly_returns : callable ``() -> (int, float16 array of shape (n_kept, n_weeks))``
        The first week and the returns of the kept ones; computed when asked.
    """

    source: str
    instruments: tuple[str, ...]
    data_fingerprint: str
    start_ms: int
    end_ms: int
    n_returns: int
    ppy: float
    sharpe_bar: FloatArray
    skew: FloatArray
    kurtosis: FloatArray
    keys: Callable[[], NDArray[np.uint64]]
    kept: IntArray
    weekly_returns: Callable[[], tuple[int, NDArray[np.float16]]]

    def __len__(self) -> int:
        return len(self.sharpe_bar)


class TrialSink(Protocol):
    """Where trials go. Both must be cheap: one append."""

    def report(self, trial: Trial) -> None:
        """Take note of one trial."""

    def report_batch(self, batch: TrialBatch) -> None:
        """Take note of the trials of one chunk of a search."""


class MemorySink:
    """Keeps trials in a list; the default, and what the lab's writer drains."""

    def __init__(self) -> None:
        self.trials: list[Trial] = []
        self.batches: list[TrialBatch] = []

    def report(self, trial: Trial) -> None:
        """Append the trial."""
        self.trials.append(trial)

    def report_batch(self, batch: TrialBatch) -> None:
        """Append the batch."""
        self.batches.append(batch)


_current: ContextVar[TrialSink] = ContextVar("trial_sink")
_default = MemorySink()


def current_sink() -> TrialSink:
    """Return the sink in force; without one, the process-wide list."""
    return _current.get(_default)


@contextmanager
def reporting_to(sink: TrialSink) -> Iterator[TrialSink]:
    """Send the trials of this block to `sink`."""
    token = _current.set(sink)
    try:
        yield sink
    finally:
        _current.reset(token)
