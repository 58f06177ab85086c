"""Made-up markets with a known property: ``SYN-{kind}-{seed}``.

Every bar is drawn in order from the first one on, so that a shorter window is a slice
of a longer one. Per bar the log-return of the close has about the deviation of a
market with 20 % volatility a year, whatever the kind.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import numpy as np

from strategies.errors import CandleError
from strategies.market.calendar import bars_per_year
from strategies.market.candles import Candles
from strategies.market.symbol import SymbolInfo
from strategies.market.timeframe import TIMEFRAMES, Timeframe
from strategies.types import FloatArray, IntArray

PROVIDER = "synthetic"
GENERATOR_VERSION = 1
DEFAULT_BARS = 2_520
MAX_BARS = 2_000_000
EPOCH_MS = 1_262_563_200_000  # Monday 2010-01-04
FIRST_MONTH = "2010-02"

FIRST_PRICE = 100.0
VOLATILITY = 0.20  # per year
DRIFT = 0.06  # per year, of kinds that have one
TREND_PERSISTENCE, TREND_SHARE = 0.97, 0.35
REVERSION = 0.95
GARCH_ALPHA, GARCH_BETA = 0.10, 0.88
JUMP_TRIGGER = 2.326  # a normal number exceeds it once in 100 bars
JUMP_SHARE, JUMP_SIZE = 0.25, 5.0

# Columns of the normal numbers drawn for one bar.
SHOCK, GAP, UP, DOWN, VOLUME, EVENT, SIZE = range(7)
N_DRAWS = 7


def gbm_returns(draws: FloatArray, sigma: float, drift: float) -> FloatArray:
    """Return log-returns that are independent and normal: nothing to be found."""
    return np.asarray(drift - 0.5 * sigma**2 + sigma * draws[:, SHOCK])


def trend_returns(draws: FloatArray, sigma: float, drift: float) -> FloatArray:
    """Return log-returns around a hidden drift that changes slowly.

    The drift follows an AR(1) with coefficient 0.97 and 35 % of the total deviation:
    returns are positively correlated, 0.12 at one bar, fading slowly.
    """
    step = TREND_SHARE * sigma * np.sqrt(1.0 - TREND_PERSISTENCE**2)
    hidden = _autoregression(step * draws[:, SIZE], TREND_PERSISTENCE)
    noise = sigma * np.sqrt(1.0 - TREND_SHARE**2) * draws[:, SHOCK]
    return np.asarray(hidden + noise)


def revert_returns(draws: FloatArray, sigma: float, drift: float) -> FloatArray:
    """Return log-returns of a log-price that is pulled back to a constant.

    The log-price is an AR(1) with coefficient 0.95: its variance stops growing, so
    the variance ratio falls below 1.
    """
    step = sigma * np.sqrt((1.0 + REVERSION) / 2.0)
    level = _autoregression(step * draws[:, SHOCK], REVERSION)
    return np.diff(level, prepend=0.0)


def garch_returns(draws: FloatArray, sigma: float, drift: float) -> FloatArray:
    """Return log-returns of a GARCH(1, 1): calm and wild times, fat tails.

    ``h[t] = omega + 0.10 * x[t-1]**2 + 0.88 * h[t-1]`` with the long-run variance
    ``sigma**2``: kurtosis about 6 and correlated squares (Bollerslev 1986).
    """
    omega = (1.0 - GARCH_ALPHA - GARCH_BETA) * sigma**2
    variance = sigma**2
    out = []
    for shock in draws[:, SHOCK].tolist():
        surprise = shock * variance**0.5
        out.append(surprise)
        variance = omega + GARCH_ALPHA * surprise**2 + GARCH_BETA * variance
    return drift - 0.5 * sigma**2 + np.array(out, dtype=np.float64)


def jump_returns(draws: FloatArray, sigma: float, drift: float) -> FloatArray:
    """Return normal log-returns with a rare jump: one bar in 100, five times as wide.

    Jumps carry a quarter of the variance; kurtosis about 20 (Merton 1976).
    """
    calm = sigma * np.sqrt(1.0 - JUMP_SHARE) * draws[:, SHOCK]
    jumps = np.where(draws[:, EVENT] > JUMP_TRIGGER, JUMP_SIZE * draws[:, SIZE], 0.0)
    return np.asarray(drift - 0.5 * sigma**2 + calm + sigma * jumps)


KINDS: Mapping[str, Callable[[FloatArray, float, float], FloatArray]] = {
    "gbm": gbm_returns,
    "trend": trend_returns,
    "revert": revert_returns,
    "garch": garch_returns,
    "jump": jump_returns,
}
# One name for one market: no leading zeros.
NAME = re.compile(rf"SYN-({'|'.join(KINDS)})-(0|[1-9][0-9]{{0,8}})")


def names() -> list[str]:
    """Return one example of each kind; any seed below 1,000,000,000 works."""
    return [f"SYN-{kind}-1" for kind in KINDS]


def timeframes(symbol: str) -> tuple[str, ...]:
    """Return in which timeframes `symbol` exists; none if it does not."""
    return tuple(TIMEFRAMES) if NAME.fullmatch(symbol) else ()


def symbols() -> list[SymbolInfo]:
    """Return the examples as daily bars."""
    return [describe(symbol, TIMEFRAMES["1d"]) for symbol in names()]


def describe(symbol: str, bar: Timeframe) -> SymbolInfo:
    """Return what is known of a symbol that exists, in its default length."""
    ts = _stamps(bar, None)
    return SymbolInfo(
        provider=PROVIDER,
        symbol=symbol,
        timeframe=bar.key,
        start_ms=int(ts[0]),
        end_ms=int(ts[-1]),
        rows=int(ts.shape[0]),
        calendar=_calendar(bar),
    )


def version(symbol: str, bar: Timeframe) -> str:
    """Return a token that changes whenever the bars may have changed."""
    return f"synthetic-{GENERATOR_VERSION}:numpy-{np.__version__}"


def load(symbol: str, bar: Timeframe, end_ms: int | None = None) -> Candles:
    """Return the bars of a symbol that exists, from 2010-01-04 up to `end_ms`.

    Days and longer follow the weekdays (``XNYS``), months are stamped on their first
    weekday; shorter bars run around the clock (``24/7``).

    Raises
    ------
    CandleError
        Code ``too_many_bars``, above 2,000,000.
    """
    match = NAME.fullmatch(symbol)
    if match is None:
        raise CandleError(
            f"{symbol[:40]!r} is no synthetic market.",
            code="unknown_symbol",
            field="symbol",
            advice=f"Write {names()[0]}, with another number for another market.",
        )
    kind, seed = match[1], int(match[2])
    ts = _stamps(bar, end_ms)
    rng = np.random.default_rng([list(KINDS).index(kind), seed, bar.ms])
    draws = rng.standard_normal((ts.shape[0], N_DRAWS))
    calendar = _calendar(bar)
    ppy = bars_per_year(calendar, bar.key)
    sigma = VOLATILITY / np.sqrt(ppy)
    returns = KINDS[kind](draws, sigma, DRIFT / ppy)
    return Candles(
        symbol, bar.key, calendar, PROVIDER, ts, *_bars(returns, draws, sigma)
    )


def _calendar(bar: Timeframe) -> str:
    return "24/7" if bar.intraday else "XNYS"


def _stamps(bar: Timeframe, end_ms: int | None) -> IntArray:
    """Return the opens up to `end_ms`, or the default number of them."""
    count = DEFAULT_BARS
    if end_ms is not None:
        count = max(0, (end_ms - EPOCH_MS) // bar.ms + 1)
    if count > MAX_BARS:
        raise CandleError(
            f"From 2010 to the end there are {count:,} bars of {bar.words}; "
            f"at most {MAX_BARS:,} can be made.",
            code="too_many_bars",
            field="end",
            advice="Choose an earlier end or longer bars.",
        )
    steps = np.arange(count, dtype=np.int64)
    if bar.key == "1d":
        ts = _ms(np.busday_offset("2010-01-04", steps, roll="forward"))
    elif bar.key == "1mo":
        months = np.datetime64(FIRST_MONTH) + steps
        ts = _ms(np.busday_offset(months.astype("datetime64[D]"), 0, roll="forward"))
    else:
        ts = EPOCH_MS + steps * bar.ms
    return ts if end_ms is None else ts[ts <= end_ms]


def _ms(days: np.ndarray) -> IntArray:
    return days.astype("datetime64[ms]").astype(np.int64)


def _bars(
    returns: FloatArray, draws: FloatArray, sigma: float
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return open, high, low, close and volume around the closes' returns."""
    log_close = np.log(FIRST_PRICE) + np.cumsum(returns)
    close = np.exp(log_close)
    before = np.concatenate([[np.log(FIRST_PRICE)], log_close[:-1]])[: close.size]
    open_ = np.exp(before + 0.2 * sigma * draws[:, GAP])
    high = np.maximum(open_, close) * np.exp(0.5 * sigma * np.abs(draws[:, UP]))
    low = np.minimum(open_, close) * np.exp(-0.5 * sigma * np.abs(draws[:, DOWN]))
    activity = 0.3 * draws[:, VOLUME] + 0.5 * np.minimum(np.abs(returns) / sigma, 5.0)
    volume = np.ceil(1e6 * np.exp(activity))
    return open_, high, low, close, volume


def _autoregression(shocks: FloatArray, coefficient: float) -> FloatArray:
    """Return ``x[t] = coefficient * x[t-1] + shocks[t]`` with ``x[-1] = 0``."""
    out = []
    value = 0.0
    for shock in shocks.tolist():
        value = coefficient * value + shock
        out.append(value)
    return np.array(out, dtype=np.float64)
