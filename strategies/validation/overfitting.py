"""Is the best of many better than doing nothing clever? Reality check, SPA, StepM.

The draws are those of ``arch.bootstrap``, number for number. The mean of a draw is a
weighted mean of the bars, so that all draws of all models are one product of matrices.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from strategies.errors import StrategyError
from strategies.types import BoolArray, FloatArray
from strategies.validation.bootstrap import Blocks, draw_blocks

FEWEST_BARS = 16  # log(log(n)) needs 3; with fewer than this nothing can be told
LEAST_DRAWS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Superiority:
    """How the models of a search do against one benchmark; p-values are never 0.

    Attributes
    ----------
    n_models, n_bars, n_draws : int
    block_size : int
        Mean length of the blocks, in bars.
    best : int
        The column with the highest mean return over the benchmark.
    best_excess : float
        That mean, per bar.
    lower, consistent, upper : float
        Hansen's three p-values of "no model beats the benchmark". `upper` is the one
        of White's reality check: it takes every model to be as good as the benchmark.
    superior : tuple of int
        The columns that StepM calls better, at `alpha` for all of them together.
    alpha : float
    """

    n_models: int
    n_bars: int
    n_draws: int
    block_size: int
    best: int
    best_excess: float
    lower: float
    consistent: float
    upper: float
    superior: tuple[int, ...]
    alpha: float

    @property
    def reality_check(self) -> float:
        """White's p-value."""
        return self.upper


def superiority(
    models: FloatArray,
    benchmark: FloatArray | float = 0.0,
    *,
    rng: np.random.Generator,
    draws: int = 1_000,
    block_size: int | None = None,
    alpha: float = 0.05,
) -> Superiority:
    """Return whether the best of many models beats a benchmark by more than chance.

    Parameters
    ----------
    models : float64 array of shape (n_bars, n_models)
        Finite returns per bar, one column per model: all that were tried, not only
        those that look good.
    benchmark : float64 array of shape (n_bars,) or float
        Returns of buy & hold on the same bars; 0 asks whether any model earns at all.
    rng : numpy Generator
    draws : int
        Of the stationary bootstrap, at least 20.
    block_size : int, optional
        Mean length of its blocks, from 1 to n_bars; ``⌊√n_bars⌋`` if left out.
    alpha : float
        Accepted chance of calling any model superior that is not.

    Returns
    -------
    Superiority

    Raises
    ------
    StrategyError
        ``bad_returns``, ``too_few_bars`` or ``out_of_range``, naming the field.

    Notes
    -----
    Equal to ``arch.bootstrap.SPA`` and ``StepM``, but for p-values that are
    ``(1 + #{null ≥ observed}) / (1 + draws)`` and for StepM's last step: arch 8.0.0
    raises once every model is rejected.

    References
    ----------
    .. [1] White (2000), "A Reality Check for Data Snooping", Econometrica 68(5).
    .. [2] Hansen (2005), "A Test for Superior Predictive Ability", Journal of Business
       & Economic Statistics 23(4).
    .. [3] Romano & Wolf (2005), "Stepwise Multiple Testing as Formalized Data
       Snooping", Econometrica 73(4).
    """
    excess = _excess(models, benchmark)
    n_bars, n_models = excess.shape
    block = math.isqrt(n_bars) if block_size is None else block_size
    _check(n_bars, block, draws, alpha)
    mean = excess.mean(axis=0)
    drawn = _drawn_means(excess, block, draws, rng)
    is_near = mean >= -np.sqrt(_variance(excess, block) / n_bars * _slack(n_bars))
    centres = {
        "lower": np.maximum(mean, 0.0),
        "consistent": np.where(is_near, mean, 0.0),
        "upper": mean,
    }
    observed = mean.max()
    p_values = {
        name: (1 + int(np.count_nonzero((drawn - centre).max(axis=1) >= observed)))
        / (1 + draws)
        for name, centre in centres.items()
    }
    return Superiority(
        n_models=n_models,
        n_bars=n_bars,
        n_draws=draws,
        block_size=block,
        best=int(mean.argmax()),
        best_excess=float(observed),
        superior=_step_by_step(mean, drawn - centres["consistent"], alpha),
        alpha=alpha,
        **p_values,
    )


def _step_by_step(mean: FloatArray, null: FloatArray, alpha: float) -> tuple[int, ...]:
    """Return the models above what chance reaches, again without those found."""
    is_left: BoolArray = np.ones(len(mean), dtype=np.bool_)
    while is_left.any():
        bar = np.percentile(null[:, is_left].max(axis=1), 100.0 * (1.0 - alpha))
        found = is_left & (mean > bar)
        if not found.any():
            break
        is_left &= ~found
    return tuple(int(i) for i in np.flatnonzero(~is_left))


def _drawn_means(
    excess: FloatArray, block: int, draws: int, rng: np.random.Generator
) -> FloatArray:
    """Return the mean of every model in every draw, shape (draws, n_models)."""
    n_bars = len(excess)
    batches = draw_blocks(n_bars, draws, block, "stationary", rng)
    means = [_weights(blocks, n_bars) @ excess / n_bars for blocks in batches]
    return np.concatenate(means)


def _weights(blocks: Blocks, n_bars: int) -> FloatArray:
    """Return how often each draw has each bar, shape (n_draws, n_bars)."""
    draw = np.repeat(np.arange(len(blocks)), np.diff(blocks.ends))
    steps = np.zeros((len(blocks), 2 * n_bars + 1))  # bars laid end to end twice
    np.add.at(steps, (draw, blocks.begins), 1.0)
    np.add.at(steps, (draw, blocks.begins + blocks.lengths), -1.0)
    often = steps.cumsum(axis=1)
    weights: FloatArray = often[:, :n_bars] + often[:, n_bars : 2 * n_bars]
    return weights


def _variance(excess: FloatArray, block: int) -> FloatArray:
    """Return the variance of √n times the mean under the stationary bootstrap."""
    n = len(excess)
    gaps = excess - excess.mean(axis=0)
    spectrum = np.fft.rfft(gaps, 2 * n, axis=0)
    products = np.fft.irfft(np.abs(spectrum) ** 2, 2 * n, axis=0)[:n] / n
    lag = np.arange(n)
    p = 1.0 / block
    kernel = (1.0 - lag / n) * (1.0 - p) ** lag + lag / n * (1.0 - p) ** (n - lag)
    kernel[1:] *= 2.0
    kernel[0] = 1.0
    variance: FloatArray = np.maximum(kernel @ products, 0.0)
    return variance


def _slack(n_bars: int) -> float:
    """Return Hansen's bound: models further below cannot matter in the limit."""
    return 2.0 * math.log(math.log(n_bars))


def _excess(models: FloatArray, benchmark: FloatArray | float) -> FloatArray:
    models = np.asarray(models, dtype=np.float64)
    held = np.asarray(benchmark, dtype=np.float64)
    fits = models.ndim == 2 and models.size and held.shape in ((), models.shape[:1])
    if not fits or not np.isfinite(models).all() or not np.isfinite(held).all():
        raise StrategyError(
            "The returns must be finite, one column per model, and the benchmark's as "
            f"long (shapes {models.shape} and {held.shape}).",
            code="bad_returns",
            field="models",
        )
    return models - (held[:, np.newaxis] if held.ndim else held)


def _check(n_bars: int, block: int, draws: int, alpha: float) -> None:
    if n_bars < FEWEST_BARS:
        raise StrategyError(
            f"{n_bars} bars are too few to tell; it takes {FEWEST_BARS}.",
            code="too_few_bars",
            field="models",
        )
    limits = {
        "block_size": (block, 1, n_bars),
        "draws": (draws, LEAST_DRAWS, 1_000_000),
        "alpha": (alpha, 1e-6, 0.5),
    }
    for name, (value, low, high) in limits.items():
        if not low <= value <= high:
            raise StrategyError(
                f"{name} is {value}: it must lie from {low} to {high}.",
                code="out_of_range",
                field=name,
            )
