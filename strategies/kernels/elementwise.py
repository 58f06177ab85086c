"""One number after another: what the fused programs of `strategies.kernels.fused` do.

Each takes stretches of one length and fills `out`. A result that is not a finite number
is NaN; comparisons and logic give 1 and 0, and NaN where an operand is NaN.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from strategies.types import FloatArray

_LARGEST = 1.7976931348623157e308


@njit(cache=True, nogil=True, error_model="numpy")
def add_nb(x: FloatArray, y: FloatArray, out: FloatArray) -> None:
    """Fill `out` with the sum."""
    for i in range(out.shape[0]):
        value = x[i] + y[i]
        out[i] = value if abs(value) <= _LARGEST else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def subtract_nb(x: FloatArray, y: FloatArray, out: FloatArray) -> None:
    """Fill `out` with the difference."""
    for i in range(out.shape[0]):
        value = x[i] - y[i]
        out[i] = value if abs(value) <= _LARGEST else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def multiply_nb(x: FloatArray, y: FloatArray, out: FloatArray) -> None:
    """Fill `out` with the product."""
    for i in range(out.shape[0]):
        value = x[i] * y[i]
        out[i] = value if abs(value) <= _LARGEST else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def divide_nb(x: FloatArray, y: FloatArray, out: FloatArray) -> None:
    """Fill `out` with the quotient; NaN for a divisor of 0."""
    for i in range(out.shape[0]):
        value = x[i] / y[i]
        out[i] = value if abs(value) <= _LARGEST else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def negative_nb(x: FloatArray, out: FloatArray) -> None:
    """Fill `out` with the value with the other sign."""
    for i in range(out.shape[0]):
        out[i] = -x[i]


@njit(cache=True, nogil=True, error_model="numpy")
def abs_nb(x: FloatArray, out: FloatArray) -> None:
    """Fill `out` with the distance from 0."""
    for i in range(out.shape[0]):
        out[i] = abs(x[i])


@njit(cache=True, nogil=True, error_model="numpy")
def sign_nb(x: FloatArray, out: FloatArray) -> None:
    """Fill `out` with −1, 0 or 1."""
    for i in range(out.shape[0]):
        value = 1.0 if x[i] > 0.0 else (-1.0 if x[i] < 0.0 else 0.0)
        out[i] = value if x[i] == x[i] else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def less_nb(x: FloatArray, y: FloatArray, out: FloatArray) -> None:
    """Fill `out` with whether `x` is below `y`."""
    for i in range(out.shape[0]):
        value = 1.0 if x[i] < y[i] else 0.0
        known = x[i] == x[i] and y[i] == y[i]
        out[i] = value if known else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def less_equal_nb(x: FloatArray, y: FloatArray, out: FloatArray) -> None:
    """Fill `out` with whether `x` is at most `y`."""
    for i in range(out.shape[0]):
        value = 1.0 if x[i] <= y[i] else 0.0
        known = x[i] == x[i] and y[i] == y[i]
        out[i] = value if known else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def equal_nb(x: FloatArray, y: FloatArray, out: FloatArray) -> None:
    """Fill `out` with whether both are the same."""
    for i in range(out.shape[0]):
        value = 1.0 if x[i] == y[i] else 0.0
        known = x[i] == x[i] and y[i] == y[i]
        out[i] = value if known else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def not_equal_nb(x: FloatArray, y: FloatArray, out: FloatArray) -> None:
    """Fill `out` with whether they differ."""
    for i in range(out.shape[0]):
        value = 1.0 if x[i] != y[i] else 0.0
        known = x[i] == x[i] and y[i] == y[i]
        out[i] = value if known else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def and_nb(x: FloatArray, y: FloatArray, out: FloatArray) -> None:
    """Fill `out` with whether both are other than 0."""
    for i in range(out.shape[0]):
        value = 1.0 if x[i] != 0.0 and y[i] != 0.0 else 0.0
        known = x[i] == x[i] and y[i] == y[i]
        out[i] = value if known else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def or_nb(x: FloatArray, y: FloatArray, out: FloatArray) -> None:
    """Fill `out` with whether one is other than 0."""
    for i in range(out.shape[0]):
        value = 1.0 if x[i] != 0.0 or y[i] != 0.0 else 0.0
        known = x[i] == x[i] and y[i] == y[i]
        out[i] = value if known else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def xor_nb(x: FloatArray, y: FloatArray, out: FloatArray) -> None:
    """Fill `out` with whether exactly one is other than 0."""
    for i in range(out.shape[0]):
        value = 1.0 if (x[i] != 0.0) != (y[i] != 0.0) else 0.0
        known = x[i] == x[i] and y[i] == y[i]
        out[i] = value if known else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def not_nb(x: FloatArray, out: FloatArray) -> None:
    """Fill `out` with whether the value is 0."""
    for i in range(out.shape[0]):
        value = 1.0 if x[i] == 0.0 else 0.0
        out[i] = value if x[i] == x[i] else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def minimum_nb(x: FloatArray, y: FloatArray, out: FloatArray) -> None:
    """Fill `out` with the smaller one."""
    for i in range(out.shape[0]):
        value = x[i] if x[i] < y[i] else y[i]
        out[i] = value if x[i] == x[i] else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def maximum_nb(x: FloatArray, y: FloatArray, out: FloatArray) -> None:
    """Fill `out` with the larger one."""
    for i in range(out.shape[0]):
        value = x[i] if x[i] > y[i] else y[i]
        out[i] = value if x[i] == x[i] else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def where_nb(c: FloatArray, x: FloatArray, y: FloatArray, out: FloatArray) -> None:
    """Fill `out` with `x` where `c` holds, else `y`."""
    for i in range(out.shape[0]):
        value = x[i] if c[i] != 0.0 else y[i]
        out[i] = value if c[i] == c[i] else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def clip_nb(x: FloatArray, low: FloatArray, high: FloatArray, out: FloatArray) -> None:
    """Fill `out` with `x`, but within `low` and `high`."""
    for i in range(out.shape[0]):
        value = low[i] if x[i] < low[i] else x[i]
        out[i] = high[i] if value > high[i] else value


@njit(cache=True, nogil=True, error_model="numpy")
def coalesce_nb(x: FloatArray, y: FloatArray, out: FloatArray) -> None:
    """Fill `out` with `x`, or `y` where `x` is NaN."""
    for i in range(out.shape[0]):
        out[i] = x[i] if x[i] == x[i] else y[i]


@njit(cache=True, nogil=True, error_model="numpy")
def is_nan_nb(x: FloatArray, out: FloatArray) -> None:
    """Fill `out` with whether there is no value."""
    for i in range(out.shape[0]):
        out[i] = 0.0 if x[i] == x[i] else 1.0


@njit(cache=True, nogil=True, error_model="numpy")
def inverse_nb(x: FloatArray, out: FloatArray) -> None:
    """Fill `out` with one over the value."""
    for i in range(out.shape[0]):
        value = 1.0 / x[i]
        out[i] = value if abs(value) <= _LARGEST else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def floor_nb(x: FloatArray, out: FloatArray) -> None:
    """Fill `out` with the largest whole number not above."""
    for i in range(out.shape[0]):
        out[i] = np.floor(x[i])


@njit(cache=True, nogil=True, error_model="numpy")
def ceil_nb(x: FloatArray, out: FloatArray) -> None:
    """Fill `out` with the smallest whole number not below."""
    for i in range(out.shape[0]):
        out[i] = np.ceil(x[i])


@njit(cache=True, nogil=True, error_model="numpy")
def round_nb(x: FloatArray, out: FloatArray) -> None:
    """Fill `out` with the nearest whole number, halves to the even one."""
    for i in range(out.shape[0]):
        out[i] = np.rint(x[i])


@njit(cache=True, nogil=True, error_model="numpy")
def power_nb(x: FloatArray, y: FloatArray, out: FloatArray) -> None:
    """Fill `out` with `x` to the power of `y`."""
    for i in range(out.shape[0]):
        value = x[i] ** y[i] if x[i] == x[i] and y[i] == y[i] else np.nan
        out[i] = value if abs(value) <= _LARGEST else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def signedpower_nb(x: FloatArray, y: FloatArray, out: FloatArray) -> None:
    """Fill `out` with |x| to the power of `y` with the sign of `x`."""
    for i in range(out.shape[0]):
        size = abs(x[i]) ** y[i] if x[i] == x[i] and y[i] == y[i] else np.nan
        value = np.copysign(size, x[i]) if x[i] != 0.0 else 0.0 * size
        out[i] = value if abs(value) <= _LARGEST else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def square_nb(x: FloatArray, out: FloatArray) -> None:
    """Fill `out` with the value times itself."""
    for i in range(out.shape[0]):
        value = x[i] * x[i]
        out[i] = value if abs(value) <= _LARGEST else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def sqrt_nb(x: FloatArray, out: FloatArray) -> None:
    """Fill `out` with the square root."""
    for i in range(out.shape[0]):
        out[i] = np.sqrt(x[i])


@njit(cache=True, nogil=True, error_model="numpy")
def log_nb(x: FloatArray, out: FloatArray) -> None:
    """Fill `out` with the natural logarithm; NaN from 0 down."""
    for i in range(out.shape[0]):
        out[i] = np.log(x[i]) if x[i] > 0.0 else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def log1p_nb(x: FloatArray, out: FloatArray) -> None:
    """Fill `out` with the natural logarithm of 1 + x."""
    for i in range(out.shape[0]):
        out[i] = np.log1p(x[i]) if x[i] > -1.0 else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def exp_nb(x: FloatArray, out: FloatArray) -> None:
    """Fill `out` with e to the power of the value."""
    for i in range(out.shape[0]):
        value = np.exp(x[i])
        out[i] = value if abs(value) <= _LARGEST else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def tanh_nb(x: FloatArray, out: FloatArray) -> None:
    """Fill `out` with the hyperbolic tangent."""
    for i in range(out.shape[0]):
        out[i] = np.tanh(x[i])


@njit(cache=True, nogil=True, error_model="numpy")
def sigmoid_nb(x: FloatArray, out: FloatArray) -> None:
    """Fill `out` with 1/(1+e^−x)."""
    for i in range(out.shape[0]):
        small = np.exp(-abs(x[i]))
        out[i] = (1.0 if x[i] >= 0.0 else small) / (1.0 + small)


@njit(cache=True, nogil=True, error_model="numpy")
def sin_nb(x: FloatArray, out: FloatArray) -> None:
    """Fill `out` with the sine."""
    for i in range(out.shape[0]):
        out[i] = np.sin(x[i])


@njit(cache=True, nogil=True, error_model="numpy")
def cos_nb(x: FloatArray, out: FloatArray) -> None:
    """Fill `out` with the cosine."""
    for i in range(out.shape[0]):
        out[i] = np.cos(x[i])


@njit(cache=True, nogil=True, error_model="numpy")
def arctan_nb(x: FloatArray, out: FloatArray) -> None:
    """Fill `out` with the inverse tangent."""
    for i in range(out.shape[0]):
        out[i] = np.arctan(x[i])
