"""One number after another: what the fused programs of `strategies.kernels.fused` do.

Each takes stretches of `n` cells and fills `out`: bare addresses, indexed like arrays,
which compile and are called in half the time. A result that is not a finite number is
NaN; comparisons and logic give 1 and 0, and NaN where an operand is NaN.

`out` must be none of the operands: where the two may overlap, the compiler's loop goes
cell by cell and takes three times as long. For the same reason operands are read
before it is chosen between them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numba import njit

from strategies.types import FloatArray

_LARGEST = 1.7976931348623157e308

Kernel = TypeVar("Kernel", bound=Callable[..., None])


def inner(kernel: Kernel) -> Kernel:
    """Compile what only other kernels call: there is no way in from Python.

    What calls it keeps it in its own cache.
    """
    nothing: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    compiled: Kernel = njit(nogil=True, error_model="numpy", **nothing)(kernel)
    return compiled


@inner
def add_nb(x: FloatArray, y: FloatArray, out: FloatArray, n: int) -> None:
    """Fill `out` with the sum."""
    for i in range(n):
        value = x[i] + y[i]
        out[i] = value if abs(value) <= _LARGEST else np.nan


@inner
def subtract_nb(x: FloatArray, y: FloatArray, out: FloatArray, n: int) -> None:
    """Fill `out` with the difference."""
    for i in range(n):
        value = x[i] - y[i]
        out[i] = value if abs(value) <= _LARGEST else np.nan


@inner
def multiply_nb(x: FloatArray, y: FloatArray, out: FloatArray, n: int) -> None:
    """Fill `out` with the product."""
    for i in range(n):
        value = x[i] * y[i]
        out[i] = value if abs(value) <= _LARGEST else np.nan


@inner
def divide_nb(x: FloatArray, y: FloatArray, out: FloatArray, n: int) -> None:
    """Fill `out` with the quotient; NaN for a divisor of 0."""
    for i in range(n):
        value = x[i] / y[i]
        out[i] = value if abs(value) <= _LARGEST else np.nan


@inner
def negative_nb(x: FloatArray, out: FloatArray, n: int) -> None:
    """Fill `out` with the value with the other sign."""
    for i in range(n):
        out[i] = -x[i]


@inner
def abs_nb(x: FloatArray, out: FloatArray, n: int) -> None:
    """Fill `out` with the distance from 0."""
    for i in range(n):
        out[i] = abs(x[i])


@inner
def sign_nb(x: FloatArray, out: FloatArray, n: int) -> None:
    """Fill `out` with −1, 0 or 1."""
    for i in range(n):
        value = 1.0 if x[i] > 0.0 else (-1.0 if x[i] < 0.0 else 0.0)
        out[i] = value if x[i] == x[i] else np.nan


@inner
def less_nb(x: FloatArray, y: FloatArray, out: FloatArray, n: int) -> None:
    """Fill `out` with whether `x` is below `y`."""
    for i in range(n):
        value = 1.0 if x[i] < y[i] else 0.0
        known = x[i] == x[i] and y[i] == y[i]
        out[i] = value if known else np.nan


@inner
def less_equal_nb(x: FloatArray, y: FloatArray, out: FloatArray, n: int) -> None:
    """Fill `out` with whether `x` is at most `y`."""
    for i in range(n):
        value = 1.0 if x[i] <= y[i] else 0.0
        known = x[i] == x[i] and y[i] == y[i]
        out[i] = value if known else np.nan


@inner
def equal_nb(x: FloatArray, y: FloatArray, out: FloatArray, n: int) -> None:
    """Fill `out` with whether both are the same."""
    for i in range(n):
        value = 1.0 if x[i] == y[i] else 0.0
        known = x[i] == x[i] and y[i] == y[i]
        out[i] = value if known else np.nan


@inner
def not_equal_nb(x: FloatArray, y: FloatArray, out: FloatArray, n: int) -> None:
    """Fill `out` with whether they differ."""
    for i in range(n):
        value = 1.0 if x[i] != y[i] else 0.0
        known = x[i] == x[i] and y[i] == y[i]
        out[i] = value if known else np.nan


@inner
def and_nb(x: FloatArray, y: FloatArray, out: FloatArray, n: int) -> None:
    """Fill `out` with whether both are other than 0."""
    for i in range(n):
        value = 1.0 if x[i] != 0.0 and y[i] != 0.0 else 0.0
        known = x[i] == x[i] and y[i] == y[i]
        out[i] = value if known else np.nan


@inner
def or_nb(x: FloatArray, y: FloatArray, out: FloatArray, n: int) -> None:
    """Fill `out` with whether one is other than 0."""
    for i in range(n):
        value = 1.0 if x[i] != 0.0 or y[i] != 0.0 else 0.0
        known = x[i] == x[i] and y[i] == y[i]
        out[i] = value if known else np.nan


@inner
def xor_nb(x: FloatArray, y: FloatArray, out: FloatArray, n: int) -> None:
    """Fill `out` with whether exactly one is other than 0."""
    for i in range(n):
        value = 1.0 if (x[i] != 0.0) != (y[i] != 0.0) else 0.0
        known = x[i] == x[i] and y[i] == y[i]
        out[i] = value if known else np.nan


@inner
def not_nb(x: FloatArray, out: FloatArray, n: int) -> None:
    """Fill `out` with whether the value is 0."""
    for i in range(n):
        value = 1.0 if x[i] == 0.0 else 0.0
        out[i] = value if x[i] == x[i] else np.nan


@inner
def minimum_nb(x: FloatArray, y: FloatArray, out: FloatArray, n: int) -> None:
    """Fill `out` with the smaller one."""
    for i in range(n):
        value = x[i] if x[i] < y[i] else y[i]
        out[i] = value if x[i] == x[i] else np.nan


@inner
def maximum_nb(x: FloatArray, y: FloatArray, out: FloatArray, n: int) -> None:
    """Fill `out` with the larger one."""
    for i in range(n):
        value = x[i] if x[i] > y[i] else y[i]
        out[i] = value if x[i] == x[i] else np.nan


@inner
def where_nb(
    c: FloatArray, x: FloatArray, y: FloatArray, out: FloatArray, n: int
) -> None:
    """Fill `out` with `x` where `c` holds, else `y`."""
    for i in range(n):
        yes, no = x[i], y[i]
        value = yes if c[i] != 0.0 else no
        out[i] = value if c[i] == c[i] else np.nan


@inner
def where_less_nb(
    a: FloatArray, b: FloatArray, x: FloatArray, y: FloatArray, out: FloatArray, n: int
) -> None:
    """Fill `out` with `x` where `a` is below `b`, else `y`."""
    for i in range(n):
        yes, no = x[i], y[i]
        value = yes if a[i] < b[i] else no
        known = a[i] == a[i] and b[i] == b[i]
        out[i] = value if known else np.nan


@inner
def where_less_equal_nb(
    a: FloatArray, b: FloatArray, x: FloatArray, y: FloatArray, out: FloatArray, n: int
) -> None:
    """Fill `out` with `x` where `a` is at most `b`, else `y`."""
    for i in range(n):
        yes, no = x[i], y[i]
        value = yes if a[i] <= b[i] else no
        known = a[i] == a[i] and b[i] == b[i]
        out[i] = value if known else np.nan


@inner
def clip_nb(
    x: FloatArray, low: FloatArray, high: FloatArray, out: FloatArray, n: int
) -> None:
    """Fill `out` with `x`, but within `low` and `high`."""
    for i in range(n):
        value, least, most = x[i], low[i], high[i]
        value = least if value < least else value
        out[i] = most if value > most else value


@inner
def coalesce_nb(x: FloatArray, y: FloatArray, out: FloatArray, n: int) -> None:
    """Fill `out` with `x`, or `y` where `x` is NaN."""
    for i in range(n):
        one, other = x[i], y[i]
        out[i] = one if one == one else other


@inner
def is_nan_nb(x: FloatArray, out: FloatArray, n: int) -> None:
    """Fill `out` with whether there is no value."""
    for i in range(n):
        out[i] = 0.0 if x[i] == x[i] else 1.0


@inner
def inverse_nb(x: FloatArray, out: FloatArray, n: int) -> None:
    """Fill `out` with one over the value."""
    for i in range(n):
        value = 1.0 / x[i]
        out[i] = value if abs(value) <= _LARGEST else np.nan


@inner
def floor_nb(x: FloatArray, out: FloatArray, n: int) -> None:
    """Fill `out` with the largest whole number not above."""
    for i in range(n):
        out[i] = np.floor(x[i])


@inner
def ceil_nb(x: FloatArray, out: FloatArray, n: int) -> None:
    """Fill `out` with the smallest whole number not below."""
    for i in range(n):
        out[i] = np.ceil(x[i])


@inner
def round_nb(x: FloatArray, out: FloatArray, n: int) -> None:
    """Fill `out` with the nearest whole number, halves to the even one."""
    for i in range(n):
        out[i] = np.rint(x[i])


@inner
def power_nb(x: FloatArray, y: FloatArray, out: FloatArray, n: int) -> None:
    """Fill `out` with `x` to the power of `y`."""
    for i in range(n):
        value = x[i] ** y[i] if x[i] == x[i] and y[i] == y[i] else np.nan
        out[i] = value if abs(value) <= _LARGEST else np.nan


@inner
def signedpower_nb(x: FloatArray, y: FloatArray, out: FloatArray, n: int) -> None:
    """Fill `out` with |x| to the power of `y` with the sign of `x`."""
    for i in range(n):
        size = abs(x[i]) ** y[i] if x[i] == x[i] and y[i] == y[i] else np.nan
        value = np.copysign(size, x[i]) if x[i] != 0.0 else 0.0 * size
        out[i] = value if abs(value) <= _LARGEST else np.nan


@inner
def square_nb(x: FloatArray, out: FloatArray, n: int) -> None:
    """Fill `out` with the value times itself."""
    for i in range(n):
        value = x[i] * x[i]
        out[i] = value if abs(value) <= _LARGEST else np.nan


@inner
def sqrt_nb(x: FloatArray, out: FloatArray, n: int) -> None:
    """Fill `out` with the square root."""
    for i in range(n):
        out[i] = np.sqrt(x[i])


@inner
def sqrt_abs_nb(x: FloatArray, out: FloatArray, n: int) -> None:
    """Fill `out` with the square root of the distance from 0."""
    for i in range(n):
        out[i] = np.sqrt(abs(x[i]))


@inner
def log_nb(x: FloatArray, out: FloatArray, n: int) -> None:
    """Fill `out` with the natural logarithm; NaN from 0 down."""
    for i in range(n):
        out[i] = np.log(x[i]) if x[i] > 0.0 else np.nan


@inner
def log1p_nb(x: FloatArray, out: FloatArray, n: int) -> None:
    """Fill `out` with the natural logarithm of 1 + x."""
    for i in range(n):
        out[i] = np.log1p(x[i]) if x[i] > -1.0 else np.nan


@inner
def exp_nb(x: FloatArray, out: FloatArray, n: int) -> None:
    """Fill `out` with e to the power of the value."""
    for i in range(n):
        value = np.exp(x[i])
        out[i] = value if abs(value) <= _LARGEST else np.nan


@inner
def tanh_nb(x: FloatArray, out: FloatArray, n: int) -> None:
    """Fill `out` with the hyperbolic tangent."""
    for i in range(n):
        out[i] = np.tanh(x[i])


@inner
def sigmoid_nb(x: FloatArray, out: FloatArray, n: int) -> None:
    """Fill `out` with 1/(1+e^−x)."""
    for i in range(n):
        small = np.exp(-abs(x[i]))
        out[i] = (1.0 if x[i] >= 0.0 else small) / (1.0 + small)


@inner
def sin_nb(x: FloatArray, out: FloatArray, n: int) -> None:
    """Fill `out` with the sine."""
    for i in range(n):
        out[i] = np.sin(x[i])


@inner
def cos_nb(x: FloatArray, out: FloatArray, n: int) -> None:
    """Fill `out` with the cosine."""
    for i in range(n):
        out[i] = np.cos(x[i])


@inner
def arctan_nb(x: FloatArray, out: FloatArray, n: int) -> None:
    """Fill `out` with the inverse tangent."""
    for i in range(n):
        out[i] = np.arctan(x[i])


@inner
def copy_nb(x: FloatArray, out: FloatArray, n: int) -> None:
    """Fill `out` with the value itself."""
    for i in range(n):
        out[i] = x[i]
