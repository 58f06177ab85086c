"""What one trial is, and the sink that every backtest is reported to.

A trial is a backtest that could have been chosen. However a backtest is started, it
passes `strategies.backtest.run_backtest`, which reports here; so nothing is forgotten.
By default trials stay in memory. The lab installs a sink that writes them to its
database together with the run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol


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


class TrialSink(Protocol):
    """Where trials go. `report` must be cheap: one append."""

    def report(self, trial: Trial) -> None:
        """Take note of one trial."""


class MemorySink:
    """Keeps trials in a list; the default, and what the lab's writer drains."""

    def __init__(self) -> None:
        self.trials: list[Trial] = []

    def report(self, trial: Trial) -> None:
        """Append the trial."""
        self.trials.append(trial)


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
