"""Resampling kernels: drawn blocks or drawn trades in, one figure per draw out.

Where a draw takes long, a kernel is given the draws from `first` to `last`, writes
their rows of `out` and lets go of the interpreter's lock, so that threads share the
draws. Nothing is drawn here.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from strategies.types import FloatArray, IntArray

LOWER, HALF = 2**32 - 1, np.uint64(32)


@njit(cache=True, nogil=True)
def block_sums_nb(
    first: int,
    last: int,
    running: FloatArray,
    begins: IntArray,
    lengths: IntArray,
    ends: IntArray,
    out: FloatArray,
) -> None:
    """Add up two columns over the blocks of each draw.

    Parameters
    ----------
    running : float64 array of shape (2 * n + 1, 2)
        Running sums of the two columns, laid end to end twice; the first row is 0.
    begins, lengths : int64 arrays of shape (n_blocks,)
        Of all draws, one after the other; ``begins < n`` and ``lengths <= n``.
    ends : int64 array of shape (n_draws + 1,)
        Where the blocks of each draw end; the first is 0.
    out : float64 array of shape (n_draws, 2)
    """
    for draw in range(first, last):
        a, b = 0.0, 0.0
        for block in range(ends[draw], ends[draw + 1]):
            begin, end = begins[block], begins[block] + lengths[block]
            a += running[end, 0] - running[begin, 0]
            b += running[end, 1] - running[begin, 1]
        out[draw, 0], out[draw, 1] = a, b


@njit(cache=True)
def equal_block_sums_nb(
    whole: FloatArray, rest: FloatArray, begins: IntArray
) -> FloatArray:
    """Add up two columns over blocks of one length, the last of a draw of another.

    Parameters
    ----------
    whole, rest : float64 arrays of shape (n, 2)
        The sums over a block, and over a last one, by where it begins.
    begins : int64 array of shape (n_draws, n_blocks)

    Returns
    -------
    float64 array of shape (n_draws, 2)
    """
    n_draws, n_blocks = begins.shape
    out = np.empty((n_draws, 2))
    for draw in range(n_draws):
        end = begins[draw, n_blocks - 1]
        a, b = rest[end, 0], rest[end, 1]
        for block in range(n_blocks - 1):
            begin = begins[draw, block]
            a += whole[begin, 0]
            b += whole[begin, 1]
        out[draw, 0], out[draw, 1] = a, b
    return out


@njit(cache=True)
def scaled_nb(raw: NDArray[np.uint64], k: int, n: np.uint64) -> np.uint64:
    """Return the k-th number of 32 bits times `n`: its upper half is below `n`."""
    word = raw[k // 2]
    scaled: np.uint64 = n * (word >> HALF if k % 2 == 1 else word & np.uint64(LOWER))
    return scaled


@njit(cache=True, nogil=True)
def drawn_block_sums_nb(
    whole: FloatArray, rest: FloatArray, raw: NDArray[np.uint64], n_draws: int
) -> tuple[FloatArray, bool]:
    """Draw where blocks begin, and add them up as `equal_block_sums_nb`.

    Parameters
    ----------
    whole, rest : float64 arrays of shape (n, 2)
    raw : uint64 array of shape (n_draws · n_blocks / 2,)
        What a generator of 64 bits yields: each gives two numbers, the lower half
        first.
    n_draws : int

    Returns
    -------
    sums : float64 array of shape (n_draws, 2)
    is_even : bool
        False where a number would have to be drawn again, so that none is more likely
        than another: nothing else is to be used then.

    References
    ----------
    .. [1] Lemire (2019), "Fast Random Integer Generation in an Interval", ACM
       Transactions on Modeling and Computer Simulation 29(1).
    """
    n, lower = np.uint64(whole.shape[0]), np.uint64(LOWER)
    n_blocks = 2 * raw.shape[0] // n_draws
    out, least = np.empty((n_draws, 2)), lower
    for draw in range(n_draws):
        k, end = draw * n_blocks, (draw + 1) * n_blocks - 1
        scaled = scaled_nb(raw, end, n)
        least = min(least, scaled & lower)
        begin = scaled >> HALF
        a, b = rest[begin, 0], rest[begin, 1]
        if k % 2 == 1 and k < end:  # the draw before took the other half of this word
            scaled = scaled_nb(raw, k, n)
            least = min(least, scaled & lower)
            begin, k = scaled >> HALF, k + 1
            a, b = a + whole[begin, 0], b + whole[begin, 1]
        for word in raw[k // 2 : end // 2]:
            first, second = (word & lower) * n, (word >> HALF) * n
            fewest = min(first & lower, second & lower)
            least = min(least, fewest)
            begin = first >> HALF
            a, b = a + whole[begin, 0], b + whole[begin, 1]
            begin = second >> HALF
            a, b = a + whole[begin, 0], b + whole[begin, 1]
        if end % 2 == 1 and k < end:
            scaled = scaled_nb(raw, end - 1, n)
            least = min(least, scaled & lower)
            begin = scaled >> HALF
            a, b = a + whole[begin, 0], b + whole[begin, 1]
        out[draw, 0], out[draw, 1] = a, b
    return out, bool(least >= (lower + np.uint64(1) - n) % n)


@njit(cache=True, nogil=True)
def block_paths_nb(
    first: int,
    last: int,
    logs: FloatArray,
    begins: IntArray,
    lengths: IntArray,
    ends: IntArray,
    out: FloatArray,
) -> None:
    """Follow the equity of each draw bar by bar.

    Parameters
    ----------
    logs : float64 array of shape (2 * n,)
        ``log(1 + r)`` of each bar, laid end to end twice; -inf where all is lost.
    begins, lengths, ends
        As in `block_sums_nb`.
    out : float64 array of shape (n_draws, 2)
        Log growth, and the deepest fall from the running peak in logs (>= 0).
    """
    for draw in range(first, last):
        level, peak, deepest = 0.0, 0.0, 0.0
        for block in range(ends[draw], ends[draw + 1]):
            begin = begins[block]
            for i in range(begin, begin + lengths[block]):
                level += logs[i]
                peak = max(peak, level)
                deepest = max(deepest, peak - level)
        out[draw, 0], out[draw, 1] = level, deepest


@njit(cache=True, nogil=True)
def trade_paths_nb(
    first: int,
    last: int,
    changes: FloatArray,
    picks: IntArray,
    additive: bool,
    marks: IntArray,
    out: FloatArray,
    fan: FloatArray,
) -> None:
    """Follow the account of each draw trade by trade.

    Parameters
    ----------
    changes : float64 array of shape (n_trades,)
        What each trade does to the account: a fraction of what it finds, or of the
        starting cash if `additive`.
    picks : int64 array of shape (n_draws, n_trades)
        Which trades, in which order.
    additive : bool
    marks : int64 array of shape (n_marks,)
        After how many trades the account is noted, ascending.
    out : float64 array of shape (n_draws, 3)
        Of an account that starts with 1: its end, its lowest value, and its deepest
        fall from the running peak (a fraction in [-1, 0]). One that is empty stays so.
    fan : float64 array of shape (n_draws, n_marks)
        The account at the marks.
    """
    n_trades = picks.shape[1]
    for draw in range(first, last):
        level, peak, lowest, deepest, mark = 1.0, 1.0, 1.0, 0.0, 0
        for i in range(n_trades + 1):
            if i > 0 and level > 0.0:
                change = changes[picks[draw, i - 1]]
                level = max(0.0, level + (change if additive else level * change))
                lowest, peak = min(lowest, level), max(peak, level)
                deepest = min(deepest, level / peak - 1.0)
            if mark < marks.shape[0] and marks[mark] == i:
                fan[draw, mark] = level
                mark += 1
        out[draw, 0], out[draw, 1], out[draw, 2] = level, lowest, deepest


@njit(cache=True)
def stationary_blocks_nb(
    wishes: IntArray, coins: FloatArray, end_chance: float
) -> tuple[IntArray, IntArray]:
    """Return the blocks that one stationary draw consists of.

    Parameters
    ----------
    wishes : int64 array of shape (n,)
        Where a block would begin, were it to begin at this bar.
    coins : float64 array of shape (n,)
        Uniform in [0, 1): a block goes on where the coin is above `end_chance`.
    end_chance : float
        One over the mean length of a block.

    Returns
    -------
    begins, lengths : int64 arrays of shape (n_blocks,)
    """
    n = wishes.shape[0]
    begins = np.empty(n, dtype=np.int64)
    lengths = np.empty(n, dtype=np.int64)
    count = 0
    for i in range(n):
        if i == 0 or coins[i] <= end_chance:
            begins[count], lengths[count] = wishes[i], 0
            count += 1
        lengths[count - 1] += 1
    return begins[:count].copy(), lengths[:count].copy()
