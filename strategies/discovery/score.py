"""What one expression is worth: gates, and metrics net of costs on the train span.

The weights are those of a run, and so is the equity; what is kept in the end is run in
full. Of the validation span a net Sharpe ratio is noted, which the search never reads.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from strategies.candidates import HalfArray, weekly_returns
from strategies.compute import n_threads
from strategies.config import RunConfig
from strategies.discovery.protocol import HORIZON, SearchPlan, Spans
from strategies.dsl.expression import Expression
from strategies.dsl.limits import LIMITS, Limits
from strategies.dsl.population import evaluate_population
from strategies.market.calendar import session_keys
from strategies.market.membership import group_of, members_at
from strategies.market.panel import Panel
from strategies.metrics import MetricInputs, compute_all
from strategies.metrics.factor import forward_returns, newey_west_t, rank_correlation
from strategies.positions import stake_of
from strategies.simulation.portfolio import PortfolioTally, Tallies
from strategies.submission import SUBMISSION
from strategies.types import BoolArray, FloatArray, IntArray
from strategies.weights import to_weights

CONSTANT_DAYS = 0.2  # more bars than that on which all names are alike: rejected
LEAST_EXPOSURE = SUBMISSION.exposure  # of the account, on the mean: less is rejected
MATRICES = 8  # that judging one expression takes beside its values
NO_TRIPS = np.empty(0)

Metrics = dict[str, float | int | None]


@dataclass(frozen=True, eq=False)
class Stretch:
    """Bars that are traded, with all that judging many expressions there needs.

    Attributes
    ----------
    config : RunConfig
    panel : Panel
        The bars of the span alone.
    rows : slice
        Where they lie in what is evaluated.
    members : bool array of shape (n_bars, n_symbols) or None
        None if everyone always is one.
    codes : int64 array of shape (n_bars, n_symbols) or None
        Groups that the panel does not bring.
    n_sessions : int
    """

    config: RunConfig
    panel: Panel
    rows: slice
    tallies: Tallies
    members: BoolArray | None
    codes: IntArray | None
    n_sessions: int

    @classmethod
    def of(cls, config: RunConfig, panel: Panel, span: range) -> Stretch:
        """Return the stretch of a panel that `span` names."""
        own = panel.between(int(panel.ts[span.start]), int(panel.ts[span.stop - 1]))
        sessions = session_keys(own.ts[1:], own.calendar, own.timeframe)
        has_groups = config.sizing.group in own.groups
        return cls(
            config=config,
            panel=own,
            rows=slice(span.start, span.stop),
            tallies=tallies_of(config, own),
            members=members_at(own, config.members) if config.members else None,
            codes=None if has_groups else group_of(own, config.members).codes,
            n_sessions=int(np.unique(sessions).size),
        )

    @property
    def n_weeks(self) -> int:
        """How many weekly returns there are."""
        return len(weekly_returns(self.panel.ts, np.ones(len(self.panel)))[1])

    def weights(self, values: FloatArray) -> FloatArray:
        """Return the weights that values on all evaluated bars come to here."""
        return to_weights(
            values[self.rows],
            self.config.sizing,
            self.panel,
            members=self.members,
            codes=self.codes,
        )

    def held(self, values: FloatArray) -> PortfolioTally:
        """Return what comes of values on all bars that are evaluated."""
        return self.tallies.tally(self.weights(values))

    def metrics(self, tally: PortfolioTally) -> Metrics:
        """Return the metrics of a run; those of round trips are not counted."""
        found, _ = compute_all(
            MetricInputs(
                ts=self.panel.ts,
                equity=tally.equity,
                in_position=tally.in_position,
                gross_exposure=tally.gross_exposure,
                fill_notional=np.array([tally.traded]),
                trip_pnl=NO_TRIPS,
                trip_return=NO_TRIPS,
                ppy=self.panel.ppy,
                n_sessions=self.n_sessions,
                rf=self.config.rf,
                ruined=bool(tally.equity[-1] <= 0.0),
            )
        )
        return found


def tallies_of(config: RunConfig, panel: Panel) -> Tallies:
    """Return what counts what the weights of a config earn."""
    return Tallies.of(
        panel,
        config.execution,
        initial_cash=config.initial_cash,
        band=config.sizing.no_trade_band,
        exits=config.exits,
        stake=stake_of(config),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Score:
    """What one expression is worth; NaN where a number is undefined.

    Attributes
    ----------
    rejected : str
        Why it is no candidate: ``coverage``, ``constant``, ``no_trades``,
        ``turnover`` or ``exposure``; empty if it is one.
    coverage : float
        Share of the bars with a value, once warmed up.
    train_sharpe, train_sharpe_bar, skew, kurtosis, turnover_daily : float
        Of the train span; the first per year.
    rank_ic, rank_ic_t : float
        Mean and Newey–West t on the train span; only where the search aims at it.
    validation_sharpe : float
        Per year.
    weekly : float16 array of shape (n_weeks,)
        Net returns of train and validation; 0 between them.
    """

    rejected: str
    coverage: float
    weekly: HalfArray
    train_sharpe: float = math.nan
    train_sharpe_bar: float = math.nan
    skew: float = math.nan
    kurtosis: float = math.nan
    turnover_daily: float = math.nan
    rank_ic: float = math.nan
    rank_ic_t: float = math.nan
    validation_sharpe: float = math.nan


class Scorer:
    """Judges expressions on one panel; results do not depend on threads.

    Attributes
    ----------
    first_week, n_weeks, train_weeks : int
        Which week the first of the weekly returns belongs to, how many there are, and
        how many of them belong to the train span.

    Parameters
    ----------
    plan : SearchPlan
    panel : Panel
        The bars before the sealed test.
    spans : Spans
    workers : int
        Threads at most.
    limits : Limits
        Bounds the memory of all matrices together.
    """

    def __init__(
        self,
        plan: SearchPlan,
        panel: Panel,
        spans: Spans,
        *,
        workers: int,
        limits: Limits = LIMITS,
    ) -> None:
        self.plan, self.panel = plan, panel
        self.train = Stretch.of(plan.config, panel, spans.train)
        self.validation = Stretch.of(plan.config, panel, spans.validation)
        execution = plan.config.execution
        prices = self.train.panel.fields[execution.fill]
        self._later = forward_returns(prices, HORIZON, execution.execution_lag)
        self._is_there = np.isfinite(self.train.panel.fields["close"])
        if self.train.members is not None:
            self._is_there &= self.train.members
        self.first_week, nothing = weekly_returns(panel.ts, np.ones(len(panel)))
        self._nothing, self.n_weeks = nothing, len(nothing)
        self.train_weeks = self.train.n_weeks
        bytes_of_one = 8 * len(panel) * len(panel.symbols)
        most = limits.memory_bytes // (2 * MATRICES * bytes_of_one)
        self._workers = max(1, min(workers, n_threads(), most))
        taken = self._workers * MATRICES * bytes_of_one
        room = max(limits.memory_bytes - taken, limits.memory_bytes // 2)
        # A search is bounded by its budget; its first kernels may have to be compiled.
        self._limits = replace(limits, memory_bytes=room, seconds=math.inf)

    def scores(self, expressions: Sequence[Expression]) -> Iterator[Score]:
        """Yield what each is worth, in the order given."""
        shape = (len(self.panel), len(self.panel.symbols))
        buffers = [np.empty(shape) for _ in range(self._workers)]
        waiting: deque[Future[Score]] = deque()
        made = evaluate_population(
            expressions,
            self.panel,
            members=members_at(self.panel, self.train.config.members),
            reuse=True,
            limits=self._limits,
        )
        with ThreadPoolExecutor(self._workers) as pool:
            for place, (_, values) in enumerate(made):
                if len(waiting) == self._workers:
                    yield waiting.popleft().result()
                own = buffers[place % self._workers]
                np.copyto(own, values)
                lookback = expressions[place].lookback_bars
                waiting.append(pool.submit(self._score, own, lookback))
            while waiting:
                yield waiting.popleft().result()

    def _score(self, values: FloatArray, lookback: int) -> Score:
        train = values[self.train.rows]
        coverage, rejected = self._gate(train, lookback)
        if rejected:
            return Score(rejected, coverage, self._nothing)
        taught = self.train.held(values)
        found = self.train.metrics(taught)
        if not taught.traded or found["sharpe"] is None:
            return Score("no_trades", coverage, self._nothing)
        judged = self.validation.held(values)
        mean, t = self._rank_ic(train)
        return Score(
            rejected=self._refused(found),
            coverage=coverage,
            weekly=self._weekly(taught.equity, judged.equity),
            train_sharpe=_number(found["sharpe"]),
            train_sharpe_bar=_number(found["sharpe_bar"]),
            skew=_number(found["skew"]),
            kurtosis=_number(found["kurtosis"]),
            turnover_daily=_number(found["turnover_daily"]),
            rank_ic=mean,
            rank_ic_t=t,
            validation_sharpe=_number(self.validation.metrics(judged)["sharpe"]),
        )

    def _gate(self, train: FloatArray, lookback: int) -> tuple[float, str]:
        """Return the share of bars with a value, and why it is rejected before work."""
        warm, there = train[lookback:], self._is_there[lookback:]
        known = np.isfinite(warm) & there
        coverage = float(known.sum() / max(int(there.sum()), 1))
        if coverage < self.plan.min_coverage:
            return coverage, "coverage"
        if train.shape[1] == 1:
            alike = float(np.ptp(warm[known]) == 0.0)
        else:
            high = np.fmax.reduce(warm, axis=1)
            alike = float(np.mean(~(high > np.fmin.reduce(warm, axis=1))))
        return coverage, "constant" if alike > CONSTANT_DAYS else ""

    def _refused(self, found: Metrics) -> str:
        """Return why what was traded is no candidate; a ratio alone has no size."""
        if _number(found["turnover_daily"]) > self.plan.max_turnover:
            return "turnover"
        if _number(found["gross_exposure"]) < LEAST_EXPOSURE:
            return "exposure"
        return ""

    def _rank_ic(self, train: FloatArray) -> tuple[float, float]:
        if self.plan.objective != "rank_ic":
            return math.nan, math.nan
        coefficients = rank_correlation(train, self._later)
        told = coefficients[np.isfinite(coefficients)]
        mean = float(told.mean()) if told.size else math.nan
        return mean, newey_west_t(coefficients)

    def _weekly(self, taught: FloatArray, judged: FloatArray) -> HalfArray:
        """Return the weeks of both spans, one after the other; nothing between."""
        whole = np.empty(len(self.panel))
        whole[self.train.rows] = taught / taught[0]
        whole[self.train.rows.stop :] = whole[self.train.rows.stop - 1]
        whole[self.validation.rows] *= judged / judged[0]
        return weekly_returns(self.panel.ts, whole)[1]


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
