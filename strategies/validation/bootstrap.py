"""How far the figures can be trusted: block bootstraps of the bar returns.

The draws and the automatic length are those of ``arch.bootstrap``, number for number,
without its import, which costs seconds and 130 MB. Statistics made of mean
and variance need no resampled series: two running sums give each block in one step.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from strategies.errors import StrategyError
from strategies.kernels import resolve
from strategies.types import FloatArray, IntArray
from strategies.validation.chance import histogram, interval, quantiles
from strategies.validation.evidence import FEWEST_BARS, Evidence
from strategies.validation.shares import batches, on_all_threads

Kind = Literal["circular", "stationary"]
STILL = 1e-15  # a spread below this is rounding


@dataclass(frozen=True, slots=True)
class Blocks:
    """The blocks that some draws consist of.

    Attributes
    ----------
    begins, lengths : int64 arrays of shape (n_blocks,)
        Of all draws, one after the other; a block runs on from the end to the start.
    ends : int64 array of shape (n_draws + 1,)
        Where the blocks of each draw end; the first is 0.
    """

    begins: IntArray
    lengths: IntArray
    ends: IntArray

    def __len__(self) -> int:
        return len(self.ends) - 1

    def indices(self, draw: int) -> IntArray:
        """Return which bars one draw consists of, without the wrap."""
        own = slice(self.ends[draw], self.ends[draw + 1])
        pairs = zip(self.begins[own], self.lengths[own], strict=True)
        return np.concatenate([np.arange(b, b + n) for b, n in pairs])


def optimal_block_length(returns: FloatArray, kind: Kind = "circular") -> float:
    """Return how long blocks should be to keep the dependence of `returns`.

    Parameters
    ----------
    returns : float64 array of shape (n,)
        At least 10, no NaN.
    kind : {"circular", "stationary"}

    Returns
    -------
    float
        At least 1, at most a third of the series; 1 for returns that do not vary.

    References
    ----------
    .. [1] Politis & White (2004), "Automatic Block-Length Selection for the Dependent
       Bootstrap", Econometric Reviews 23(1); corrected by Patton, Politis & White 2009.
    """
    if np.ptp(returns) < STILL:
        return 1.0
    n = len(returns)
    covariance, reach = _autocovariances(returns)
    lags = np.arange(1, reach + 1)
    weights = 2.0 * np.minimum(1.0, 2.0 * (1.0 - lags / reach))
    bend = float(np.sum(weights * lags * covariance[lags]))
    variance = float(covariance[0] + np.sum(weights * covariance[lags]))
    constant = {"circular": 4.0 / 3.0, "stationary": 2.0}[kind]
    length = (2.0 * bend**2 / (constant * variance**2) * n) ** (1.0 / 3.0)
    longest = math.ceil(min(3.0 * math.sqrt(n), n / 3.0))
    return float(max(1.0, min(length, longest)))


def _autocovariances(returns: FloatArray) -> tuple[FloatArray, int]:
    """Return autocovariances by lag, and up to which lag they are worth weighing.

    Twice the first lag after which so many autocorrelations in a row are within the
    bounds of noise.
    """
    n = len(returns)
    gaps = returns - returns.mean()
    in_a_row = max(5, int(math.log10(n)))
    most = math.ceil(math.sqrt(n)) + in_a_row
    covariance, correlation = np.zeros(most + 1), np.zeros(most + 1)
    for lag in range(most + 1):
        product = gaps[lag:] @ gaps[: n - lag]
        later, earlier = gaps[lag + 1 :], gaps[: n - lag - 1]
        covariance[lag] = product / n
        scale = math.sqrt((later @ later) * (earlier @ earlier))
        correlation[lag] = abs(product) / scale if scale > 0.0 else 0.0
    quiet = correlation < 2.0 * math.sqrt(math.log10(n) / n)
    for lag in range(most - in_a_row + 1):
        if quiet[lag : lag + in_a_row].all():
            return covariance, min(2 * max(lag, 1), most)
    return covariance, most


def draw_blocks(
    n: int, n_draws: int, block: float, kind: Kind, rng: np.random.Generator
) -> Iterator[Blocks]:
    """Yield the blocks of all draws, batch by batch: the draws of ``arch.bootstrap``.

    Parameters
    ----------
    n : int
        Length of the series, and of each draw.
    n_draws : int
    block : float
        Length of a block; a whole number if circular, the mean if stationary.
    kind : {"circular", "stationary"}
    rng : Generator

    Raises
    ------
    StrategyError
        ``out_of_range``: a block below 1 or longer than the series.
    """
    _check_block(block, n)
    drawn = _circular if kind == "circular" else _stationary
    per_draw = math.ceil(n / block) if kind == "circular" else n
    for batch in batches(n_draws, per_draw):
        yield drawn(n, len(batch), block, rng)


def _check_block(block: float, n: int) -> None:
    if not 1 <= block <= n:
        raise StrategyError(
            f"block_size is {block:g}: it must be from 1 to the {n} returns.",
            code="out_of_range",
            field="block_size",
        )


def _circular(n: int, m: int, block: float, rng: np.random.Generator) -> Blocks:
    size = int(block)
    per_draw = -(-n // size)
    begins = rng.integers(n, size=(m, per_draw))
    lengths = np.full((m, per_draw), size)
    lengths[:, -1] = n - (per_draw - 1) * size
    ends = np.arange(m + 1) * per_draw
    return Blocks(begins.ravel(), lengths.ravel(), ends)


def _stationary(n: int, m: int, block: float, rng: np.random.Generator) -> Blocks:
    cut = resolve("strategies.kernels.resampling:stationary_blocks_nb")
    pairs = [cut(rng.integers(n, size=n), rng.random(n), 1.0 / block) for _ in range(m)]
    ends = np.cumsum([0, *(len(begins) for begins, _ in pairs)])
    begins, lengths = (np.concatenate(arrays) for arrays in zip(*pairs, strict=True))
    return Blocks(begins, lengths, ends)


@dataclass(frozen=True, slots=True)
class Moments:
    """Mean and standard deviation (ddof 1) of each draw; arrays of (n_draws,)."""

    mean: FloatArray
    spread: FloatArray

    def sharpe(self, ppy: float, rf_bar: float = 0.0) -> FloatArray:
        """Return the annual Sharpe ratio of each draw; NaN where nothing varies."""
        still = self.spread < STILL
        ratio = (self.mean - rf_bar) / np.where(still, np.nan, self.spread)
        return ratio * math.sqrt(ppy)


def bootstrap_moments(
    returns: FloatArray,
    n_draws: int,
    block: float,
    *,
    rng: np.random.Generator,
    kind: Kind = "circular",
) -> Moments:
    """Return mean and spread of resampled returns, without resampling them.

    Parameters
    ----------
    returns : float64 array of shape (n,)
        No NaN.
    n_draws : int
    block : float
    rng : Generator
    kind : {"circular", "stationary"}

    Raises
    ------
    StrategyError
        As `draw_blocks`.
    """
    n = len(returns)
    middle, running = _running(returns)
    if kind == "circular":
        _check_block(block, n)
        return _moments(_sums_of_equal(running, n_draws, int(block), rng), middle, n)
    drawn = draw_blocks(n, n_draws, block, kind, rng)
    sums = [_sums(running, blocks) for blocks in drawn]
    return _moments(np.concatenate(sums), middle, n)


def _running(returns: FloatArray) -> tuple[float, FloatArray]:
    """Return the mean, and running sums of the gaps to it and of their squares."""
    n, middle = len(returns), float(returns.mean())
    gaps = np.tile(returns - middle, 2)
    running = np.zeros((2 * n + 1, 2))
    np.cumsum(gaps, out=running[1:, 0])
    np.cumsum(gaps * gaps, out=running[1:, 1])
    return middle, running


def _sums(running: FloatArray, blocks: Blocks) -> FloatArray:
    out = np.empty((len(blocks), 2))
    drawn = (blocks.begins, blocks.lengths, blocks.ends)
    on_all_threads("block_sums_nb", len(blocks), running, *drawn, out)
    return out


def _sums_of_equal(
    running: FloatArray, n_draws: int, size: int, rng: np.random.Generator
) -> FloatArray:
    """As `_sums`, for blocks of one length but the last of each draw: looked up.

    Looking up is cheaper than drawing, and both are than laying out the blocks, or
    than waking a second thread.
    """
    n = len(running) // 2
    each = -(-n // size)
    rest = n - (each - 1) * size
    whole = running[size : size + n] - running[:n]
    last = running[rest : rest + n] - running[:n]
    sums = [
        _drawn_sums(whole, last, len(batch), each, rng)
        for batch in batches(n_draws, each)
    ]
    return np.concatenate(sums)


def _drawn_sums(
    whole: FloatArray, last: FloatArray, m: int, each: int, rng: np.random.Generator
) -> FloatArray:
    """Return the sums of `m` draws of blocks whose places ``rng.integers`` would draw.

    The generator's own numbers are cut up here, which takes half of the time; where
    one would be drawn again, which hardly ever happens, it is asked itself.
    """
    n, source = len(whole), rng.bit_generator
    if isinstance(source, np.random.PCG64) and n > 1 and m * each % 2 == 0:
        before = source.state
        if not before["has_uint32"]:
            drawn = resolve("strategies.kernels.resampling:drawn_block_sums_nb")
            sums, is_even = drawn(whole, last, source.random_raw(m * each // 2), m)
            if is_even:
                return np.asarray(sums)
            source.state = before
    add_up = resolve("strategies.kernels.resampling:equal_block_sums_nb")
    return np.asarray(add_up(whole, last, rng.integers(n, size=(m, each))))


def _moments(sums: FloatArray, middle: float, n: int) -> Moments:
    mean = sums[:, 0] / n
    squares = np.maximum(sums[:, 1] - sums[:, 0] * mean, 0.0)
    return Moments(middle + mean, np.sqrt(squares / max(1, n - 1)))


def bootstrap_paths(
    returns: FloatArray,
    n_draws: int,
    block: float,
    *,
    rng: np.random.Generator,
    kind: Kind = "circular",
) -> tuple[FloatArray, FloatArray]:
    """Return growth and deepest fall of resampled equity curves.

    Parameters
    ----------
    returns, n_draws, block, rng, kind
        As in `bootstrap_moments`; returns are at least −1.

    Returns
    -------
    growth : float64 array of shape (n_draws,)
        Equity at the end over that at the start.
    max_drawdown : float64 array of shape (n_draws,)
        Fractions in [−1, 0].
    """
    logs = _logs(returns)
    drawn = draw_blocks(len(returns), n_draws, block, kind, rng)
    return _of_paths(np.concatenate([_paths(logs, blocks) for blocks in drawn]))


def _logs(returns: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore"):
        return np.tile(np.log1p(returns), 2)


def _paths(logs: FloatArray, blocks: Blocks) -> FloatArray:
    out = np.empty((len(blocks), 2))
    drawn = (blocks.begins, blocks.lengths, blocks.ends)
    on_all_threads("block_paths_nb", len(blocks), logs, *drawn, out)
    return out


def _of_paths(paths: FloatArray) -> tuple[FloatArray, FloatArray]:
    return np.exp(paths[:, 0]), np.expm1(-paths[:, 1])


def block_bootstrap(
    evidence: Evidence,
    *,
    n: int,
    block_size: float | None,
    rng: np.random.Generator,
    kind: Kind = "circular",
) -> dict[str, Any]:
    """Return between which bounds the figures of a result lie.

    Parameters
    ----------
    evidence : Evidence
    n : int
        Draws.
    block_size : float or None
        None: `optimal_block_length` of the returns.
    rng : Generator
    kind : {"circular", "stationary"}

    Returns
    -------
    dict
        ``n``, ``block_size``, ``return_ci`` (of the growth per year) and, for each of
        ``statistics``, what was observed, its interval, quantiles and histogram.
    """
    nothing = evidence.too_little(bars=FEWEST_BARS)
    if nothing:
        return {"n": n, "block_size": block_size, **nothing}
    returns = evidence.bar_returns
    block = _block(block_size, returns, kind)
    middle, running = _running(returns)
    logs, sums, paths = _logs(returns), [], []
    for blocks in draw_blocks(len(returns), n, block, kind, rng):
        sums.append(_sums(running, blocks))
        paths.append(_paths(logs, blocks))
    moments = _moments(np.concatenate(sums), middle, len(returns))
    draws = _figures(moments, *_of_paths(np.concatenate(paths)), evidence)
    observed = _observed(evidence)
    return {
        "applicable": True,
        "n": n,
        "block_size": block,
        "block_size_is_automatic": block_size is None,
        "return_ci": {**interval(draws["cagr"]), "metric": "cagr"},
        "statistics": {
            key: {
                "observed": observed[key],
                **interval(values),
                **quantiles(values),
                "histogram": histogram(values),
            }
            for key, values in draws.items()
        },
        "share_losing": float(np.mean(draws["cagr"] < 0.0)),
    }


def _block(block_size: float | None, returns: FloatArray, kind: Kind) -> float:
    if block_size is not None:
        return int(block_size) if kind == "circular" else block_size
    length = min(optimal_block_length(returns, kind), float(len(returns)))
    return math.ceil(length) if kind == "circular" else length


def _figures(
    moments: Moments, growth: FloatArray, falls: FloatArray, evidence: Evidence
) -> dict[str, FloatArray]:
    ppy, n = evidence.ppy, len(evidence) - 1
    return {
        "cagr": growth ** (ppy / n) - 1.0,
        "sharpe": moments.sharpe(ppy, evidence.rf_bar),
        "volatility": moments.spread * math.sqrt(ppy),
        "max_drawdown": falls,
    }


def _observed(evidence: Evidence) -> dict[str, float | None]:
    """Return the figures of the returns as they came, by the same formulas."""
    n = len(evidence.bar_returns)
    whole = Blocks(np.array([0]), np.array([n]), np.array([0, 1]))
    middle, running = _running(evidence.bar_returns)
    moments = _moments(_sums(running, whole), middle, n)
    paths = _of_paths(_paths(_logs(evidence.bar_returns), whole))
    figures = _figures(moments, *paths, evidence)
    first = {key: float(values[0]) for key, values in figures.items()}
    return {
        key: value if math.isfinite(value) else None for key, value in first.items()
    }
