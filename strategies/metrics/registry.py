"""What every number about a result means: one table, read by pages, API and tests.

Sorting, colours, tooltips and leaderboards read this table; nothing here computes.
Formulas use r for the simple returns of the bars, net of costs, n for how many there
are (bar 0 carries the starting capital and has none), E for the equity, x for r less
the risk-free rate of one bar, and ppy for the bars of a year.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from strategies.errors import StrategyError, did_you_mean

Unit = Literal["fraction", "percent", "ratio", "cash", "bars", "count", "ms"]
Sign = Literal["any", "positive", "negative"]
Better = Literal["higher", "lower", "none"]


@dataclass(frozen=True, slots=True)
class Metric:
    """The definition of one number.

    Attributes
    ----------
    key : str
        Its one name in code, files and the API.
    name, novice : str
        What a page calls it, in the expert and in the plain view.
    formula : str
        How it is computed.
    unit : str
        Pages multiply a ``fraction`` by 100; a ``percent`` already is.
    better : str
        Which way is better: ``higher``, ``lower`` or ``none``.
    words : str
        One plain sentence on what it says.
    sign : str
        Which values it can have besides 0.
    aliases : tuple of str
        Names that others use for it; accepted wherever a key is.
    digits : int
        Decimals on a page.
    """

    key: str
    name: str
    novice: str
    formula: str
    unit: Unit
    better: Better
    words: str
    sign: Sign = "any"
    aliases: tuple[str, ...] = ()
    digits: int = 2


# In the order in which reports list them.
_DEFINITIONS: tuple[Metric, ...] = (
    Metric(
        key="total_return",
        name="Total return",
        novice="Gain or loss",
        formula="E_n / E_0 − 1",
        unit="fraction",
        better="higher",
        words="Change of the account from the first bar to the last, net of costs.",
        digits=1,
    ),
    Metric(
        key="cagr",
        name="CAGR",
        novice="Growth a year",
        formula="(E_n / E_0)^(ppy / n) − 1",
        unit="fraction",
        better="higher",
        words="Growth per year, compounded: the steady rate with the same end.",
        digits=1,
    ),
    Metric(
        key="ann_return",
        name="Mean return a year",
        novice="Average return a year",
        formula="mean(r) · ppy",
        unit="fraction",
        better="higher",
        words="Mean return of a bar times the bars of a year; swings do not lower it.",
        digits=1,
    ),
    Metric(
        key="volatility",
        name="Volatility",
        novice="Size of the swings",
        formula="std(r, ddof=1) · √ppy",
        unit="fraction",
        better="lower",
        words="Standard deviation of the returns, per year.",
        sign="positive",
        aliases=("vol_annual", "ann_vol"),
        digits=1,
    ),
    Metric(
        key="sharpe",
        name="Sharpe ratio",
        novice="Return for the swings",
        formula="mean(x) / std(x, ddof=1) · √ppy",
        unit="ratio",
        better="higher",
        words="Return above the risk-free rate per unit of swing, per year.",
        aliases=("ann_sharpe",),
    ),
    Metric(
        key="sharpe_bar",
        name="Sharpe ratio of a bar",
        novice="Return for the swings, one bar",
        formula="mean(x) / std(x, ddof=1)",
        unit="ratio",
        better="higher",
        words="The Sharpe ratio before it is scaled to a year.",
        digits=4,
    ),
    Metric(
        key="sortino",
        name="Sortino ratio",
        novice="Return for the bad swings",
        formula="mean(x) / √mean(min(x, 0)²) · √ppy",
        unit="ratio",
        better="higher",
        words="Like the Sharpe ratio, but only bars that lost count as swings.",
    ),
    Metric(
        key="calmar",
        name="Calmar ratio",
        novice="Growth for the worst fall",
        formula="cagr / |max_drawdown|",
        unit="ratio",
        better="higher",
        words="Growth per year divided by the deepest fall.",
    ),
    Metric(
        key="max_drawdown",
        name="Max drawdown",
        novice="Worst fall",
        formula="min over t of E_t / max(E_0 … E_t) − 1",
        unit="fraction",
        better="higher",
        words="Deepest fall below an earlier peak, the starting capital included.",
        sign="negative",
        aliases=("max_dd",),
        digits=1,
    ),
    Metric(
        key="avg_drawdown",
        name="Average drawdown",
        novice="Usual fall",
        formula="mean over the falls of their deepest point; an open one counts",
        unit="fraction",
        better="higher",
        words="How deep the falls below an earlier peak went on average.",
        sign="negative",
        digits=1,
    ),
    Metric(
        key="max_drawdown_duration_bars",
        name="Longest drawdown",
        novice="Longest wait to get back",
        formula="longest run of bars with E_t < max(E_0 … E_t)",
        unit="bars",
        better="lower",
        words="Most bars in a row spent below an earlier peak.",
        sign="positive",
        digits=0,
    ),
    Metric(
        key="trade_count",
        name="Round trips",
        novice="Trades",
        formula="number of closed round trips",
        unit="count",
        better="none",
        words="Positions that were opened and closed again; open ones are left out.",
        sign="positive",
        aliases=("trades_total",),
        digits=0,
    ),
    Metric(
        key="win_rate",
        name="Win rate",
        novice="Trades that made money",
        formula="#(pnl > 0) / #closed",
        unit="fraction",
        better="higher",
        words="Share of closed round trips that gained after costs.",
        sign="positive",
        digits=1,
    ),
    Metric(
        key="avg_win",
        name="Average win",
        novice="Usual gain of a good trade",
        formula="mean(pnl where pnl > 0)",
        unit="cash",
        better="higher",
        words="Mean gain of the round trips that gained, in cash.",
        sign="positive",
    ),
    Metric(
        key="avg_loss",
        name="Average loss",
        novice="Usual loss of a bad trade",
        formula="mean(pnl where pnl < 0)",
        unit="cash",
        better="higher",
        words="Mean loss of the round trips that lost, in cash.",
        sign="negative",
    ),
    Metric(
        key="avg_win_pct",
        name="Average win, relative",
        novice="Usual gain of a good trade, in %",
        formula="mean(return where pnl > 0)",
        unit="fraction",
        better="higher",
        words="Mean return of the round trips that gained.",
        digits=1,
    ),
    Metric(
        key="avg_loss_pct",
        name="Average loss, relative",
        novice="Usual loss of a bad trade, in %",
        formula="mean(return where pnl < 0)",
        unit="fraction",
        better="higher",
        words="Mean return of the round trips that lost.",
        digits=1,
    ),
    Metric(
        key="profit_factor",
        name="Profit factor",
        novice="Won for each unit lost",
        formula="Σ(pnl where pnl > 0) / −Σ(pnl where pnl < 0)",
        unit="ratio",
        better="higher",
        words="Cash gained divided by cash lost over the closed round trips.",
        sign="positive",
    ),
    Metric(
        key="payoff_ratio",
        name="Payoff ratio",
        novice="Good trade against bad trade",
        formula="avg_win / −avg_loss",
        unit="ratio",
        better="higher",
        words="Size of the average win measured in average losses.",
        sign="positive",
    ),
    Metric(
        key="turnover",
        name="Turnover a year",
        novice="How much was traded a year",
        formula="Σ|qty · price| / mean(E) / (n / ppy)",
        unit="ratio",
        better="lower",
        words="Value bought and sold per year, as a multiple of the account.",
        sign="positive",
    ),
    Metric(
        key="turnover_daily",
        name="Turnover a day",
        novice="How much was traded a day",
        formula="Σ|qty · price| / mean(E) / trading days",
        unit="fraction",
        better="lower",
        words="Value bought and sold per trading day, as a share of the account.",
        sign="positive",
    ),
    Metric(
        key="exposure",
        name="Time in the market",
        novice="Time with money at work",
        formula="#(bars with a position at the close) / n_bars",
        unit="fraction",
        better="none",
        words="Share of bars with a position at the close.",
        sign="positive",
        digits=1,
    ),
    Metric(
        key="exposure_pct",
        name="Time in the market, percent",
        novice="Time with money at work, in %",
        formula="100 · exposure",
        unit="percent",
        better="none",
        words="Bars with a position at the close, of every hundred.",
        sign="positive",
        digits=1,
    ),
    Metric(
        key="gross_exposure",
        name="Gross exposure",
        novice="Share of the account at work",
        formula="mean(Σ|market value| / E) over all bars",
        unit="fraction",
        better="none",
        words="Mean size of the positions, long and short added, against the account.",
        sign="positive",
        digits=1,
    ),
    Metric(
        key="skew",
        name="Skewness",
        novice="Lopsidedness of the returns",
        formula="mean((r − mean(r))³) / mean((r − mean(r))²)^1.5",
        unit="ratio",
        better="none",
        words="Negative: rare large losses; positive: rare large gains; even: 0.",
    ),
    Metric(
        key="kurtosis",
        name="Kurtosis",
        novice="How often extremes came",
        formula="mean((r − mean(r))⁴) / mean((r − mean(r))²)²",
        unit="ratio",
        better="none",
        words="Weight of extreme returns: 3 for a bell curve, more for most markets.",
        sign="positive",
    ),
    Metric(
        key="fitness",
        name="Fitness",
        novice="Return for swings and trading",
        formula="sharpe · √(|ann_return| / max(turnover_daily, 0.125))",
        unit="ratio",
        better="higher",
        words="Sharpe ratio, raised by return and lowered by frequent trading.",
    ),
    Metric(
        key="start_ts",
        name="First bar",
        novice="From",
        formula="ts_0",
        unit="ms",
        better="none",
        words="Open of the first bar, ms since 1970 UTC.",
        digits=0,
    ),
    Metric(
        key="end_ts",
        name="Last bar",
        novice="To",
        formula="ts_n",
        unit="ms",
        better="none",
        words="Open of the last bar, ms since 1970 UTC.",
        digits=0,
    ),
    Metric(
        key="n_bars",
        name="Bars",
        novice="Bars",
        formula="n + 1",
        unit="count",
        better="none",
        words="Bars in the window, with the one that carries the starting capital.",
        sign="positive",
        digits=0,
    ),
    Metric(
        key="alpha",
        name="Alpha",
        novice="Return the benchmark does not explain",
        formula="(mean(x) − beta · mean(b)) · ppy, b the benchmark's excess returns",
        unit="fraction",
        better="higher",
        words="Mean return a year that is left without the benchmark's share.",
        digits=1,
    ),
    Metric(
        key="beta",
        name="Beta",
        novice="How far it follows the benchmark",
        formula="cov(x, b) / var(b), b the benchmark's excess returns",
        unit="ratio",
        better="none",
        words="How far the result moved when the benchmark moved by 1.",
    ),
    Metric(
        key="pct_positive_days",
        name="Positive days",
        novice="Days that made money",
        formula="#(days with r > 0) / #days",
        unit="fraction",
        better="higher",
        words="Share of days on which the account grew.",
        sign="positive",
        digits=1,
    ),
    Metric(
        key="max_position_rate",
        name="Largest time in the market",
        novice="Busiest symbol",
        formula="max over the symbols of exposure",
        unit="fraction",
        better="none",
        words="Time in the market of the symbol that was held longest.",
        sign="positive",
        digits=1,
    ),
    Metric(
        key="avg_sharpe_hourly",
        name="Mean hourly Sharpe ratio",
        novice="Return for the swings, one hour",
        formula="mean over the symbols of sharpe_bar on 1h bars",
        unit="ratio",
        better="higher",
        words="Sharpe ratio of an hour, each symbol its own account, averaged.",
        digits=4,
    ),
    Metric(
        key="complexity_score",
        name="Complexity",
        novice="How complicated the rule is",
        formula="nodes + depth + 0.5 · distinct fields + Σ log2(window) / 4",
        unit="ratio",
        better="lower",
        words="Size of an expression; larger ones fit the past more easily.",
        sign="positive",
        digits=1,
    ),
    *(
        Metric(
            key=f"rolling_sharpe_{window}",
            name=f"Rolling Sharpe ratio, {window}",
            novice=f"Return for the swings, last {window}",
            formula=f"sharpe of the last {window} returns, of sessions if intraday",
            unit="ratio",
            better="higher",
            words=f"Sharpe ratio of the {window} bars up to each date.",
        )
        for window in (30, 90, 252)
    ),
)

METRICS: dict[str, Metric] = {metric.key: metric for metric in _DEFINITIONS}
_BY_NAME = METRICS | {a: metric for metric in _DEFINITIONS for a in metric.aliases}


def metric_named(name: str) -> Metric:
    """Return the metric that has this key or alias.

    Parameters
    ----------
    name : str
        E.g. ``max_drawdown`` or ``max_dd``.

    Raises
    ------
    StrategyError
        Code ``unknown_metric``, if there is none.
    """
    if name not in _BY_NAME:
        raise StrategyError(
            f"There is no metric '{name}'.",
            code="unknown_metric",
            advice=did_you_mean(name, _BY_NAME),
        )
    return _BY_NAME[name]


def definitions() -> list[dict[str, Any]]:
    """Return every definition as plain values, in the order of reports."""
    return [
        {
            "key": metric.key,
            "aliases": list(metric.aliases),
            "name": metric.name,
            "formula": metric.formula,
            "unit": metric.unit,
            "sign": metric.sign,
            "better": metric.better,
            "words": metric.words,
            "novice": metric.novice,
        }
        for metric in METRICS.values()
    ]
