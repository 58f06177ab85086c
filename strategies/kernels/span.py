"""The lowest and the highest of many numbers, many at a time.

Compilers do not look for the extremes of floats side by side, because of NaN. Their
bits, read as whole numbers, stand in the order of the numbers once those below 0 are
turned around; NaN then stands beyond both infinities and is an extreme itself.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from strategies.types import FloatArray

ALL_BUT_SIGN = np.int64(0x7FFFFFFFFFFFFFFF)


@njit(cache=True)
def span_nb(values: FloatArray) -> tuple[float, float]:
    """Return the lowest and the highest of `values`, shape (n,), n >= 1.

    Returns
    -------
    lowest, highest : float
        One of them, or both, is NaN if one value is.
    """
    bits, ends = values.view(np.int64), np.empty(2, dtype=np.int64)
    lowest, highest = ALL_BUT_SIGN, ~ALL_BUT_SIGN
    for i in range(bits.shape[0]):
        rank = bits[i] ^ ((bits[i] >> 63) & ALL_BUT_SIGN)
        lowest, highest = min(lowest, rank), max(highest, rank)
    ends[0] = lowest ^ ((lowest >> 63) & ALL_BUT_SIGN)
    ends[1] = highest ^ ((highest >> 63) & ALL_BUT_SIGN)
    low, high = ends.view(np.float64)
    return low, high
