"""Programs over cells: an expression without windows runs in one pass over memory.

A program is a table of instructions on places. A place is a matrix, of which an
instruction sees the next `TILE` cells, or a register, a stretch of `TILE` cells that
stays in the cache: a chain of operations reads its inputs once and writes its answer
once, whatever is in between. What several expressions share is computed once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

from strategies.kernels import elementwise as cells
from strategies.types import FloatArray, IntArray

# Long enough that reading an instruction costs little beside running it, short enough
# for a dozen registers in the first cache.
TILE = 512
# Cells of one line of the cache: what begins on a line is read and written in one go,
# and registers a line further apart than they are long do not fight for its places.
LINE = 8
STRIDE = TILE + LINE

# An instruction's code is 8 · (family + 1) + place in its family.
FAMILIES = (
    ("add", "subtract", "multiply", "divide", "negative", "abs", "sign"),
    ("less", "less_equal", "equal", "not_equal", "and", "or", "xor"),
    ("not", "minimum", "maximum", "where", "clip", "coalesce", "is_nan"),
    ("inverse", "floor", "ceil", "round", "power", "signedpower", "square"),
    ("sqrt", "log", "log1p", "exp", "tanh", "sigmoid"),
    ("sin", "cos", "arctan", "copy"),
    ("where_less", "where_less_equal", "sqrt_abs"),
)
# What becomes one instruction with its first operand: that needs no register.
COMBINED = {
    "where": {"less": "where_less", "less_equal": "where_less_equal"},
    "sqrt": {"abs": "sqrt_abs"},
}
CODES = {
    name: 8 * (family + 1) + place
    for family, names in enumerate(FAMILIES)
    for place, name in enumerate(names)
}


def _pointer(context: Any, address: Any) -> Any:
    """Turn the address of a matrix into a pointer."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = context.get_value_type(signature.return_type)
        return builder.inttoptr(args[0], kind)

    floats: Any = types.CPointer
    return floats(types.float64)(types.int64), codegen


_floats_at: Any = intrinsic(_pointer)


@cells.inner
def _arithmetic_nb(
    code: int, a: FloatArray, b: FloatArray, c: FloatArray, out: FloatArray, n: int
) -> None:
    if code == 0:
        cells.add_nb(a, b, out, n)
    elif code == 1:
        cells.subtract_nb(a, b, out, n)
    elif code == 2:
        cells.multiply_nb(a, b, out, n)
    elif code == 3:
        cells.divide_nb(a, b, out, n)
    elif code == 4:
        cells.negative_nb(a, out, n)
    elif code == 5:
        cells.abs_nb(a, out, n)
    else:
        cells.sign_nb(a, out, n)


@cells.inner
def _logic_nb(
    code: int, a: FloatArray, b: FloatArray, c: FloatArray, out: FloatArray, n: int
) -> None:
    if code == 0:
        cells.less_nb(a, b, out, n)
    elif code == 1:
        cells.less_equal_nb(a, b, out, n)
    elif code == 2:
        cells.equal_nb(a, b, out, n)
    elif code == 3:
        cells.not_equal_nb(a, b, out, n)
    elif code == 4:
        cells.and_nb(a, b, out, n)
    elif code == 5:
        cells.or_nb(a, b, out, n)
    else:
        cells.xor_nb(a, b, out, n)


@cells.inner
def _choice_nb(
    code: int, a: FloatArray, b: FloatArray, c: FloatArray, out: FloatArray, n: int
) -> None:
    if code == 0:
        cells.not_nb(a, out, n)
    elif code == 1:
        cells.minimum_nb(a, b, out, n)
    elif code == 2:
        cells.maximum_nb(a, b, out, n)
    elif code == 3:
        cells.where_nb(a, b, c, out, n)
    elif code == 4:
        cells.clip_nb(a, b, c, out, n)
    elif code == 5:
        cells.coalesce_nb(a, b, out, n)
    else:
        cells.is_nan_nb(a, out, n)


@cells.inner
def _powers_nb(
    code: int, a: FloatArray, b: FloatArray, c: FloatArray, out: FloatArray, n: int
) -> None:
    if code == 0:
        cells.inverse_nb(a, out, n)
    elif code == 1:
        cells.floor_nb(a, out, n)
    elif code == 2:
        cells.ceil_nb(a, out, n)
    elif code == 3:
        cells.round_nb(a, out, n)
    elif code == 4:
        cells.power_nb(a, b, out, n)
    elif code == 5:
        cells.signedpower_nb(a, b, out, n)
    else:
        cells.square_nb(a, out, n)


@cells.inner
def _curves_nb(
    code: int, a: FloatArray, b: FloatArray, c: FloatArray, out: FloatArray, n: int
) -> None:
    if code == 0:
        cells.sqrt_nb(a, out, n)
    elif code == 1:
        cells.log_nb(a, out, n)
    elif code == 2:
        cells.log1p_nb(a, out, n)
    elif code == 3:
        cells.exp_nb(a, out, n)
    elif code == 4:
        cells.tanh_nb(a, out, n)
    else:
        cells.sigmoid_nb(a, out, n)


@cells.inner
def _angles_nb(
    code: int, a: FloatArray, b: FloatArray, c: FloatArray, out: FloatArray, n: int
) -> None:
    if code == 0:
        cells.sin_nb(a, out, n)
    elif code == 1:
        cells.cos_nb(a, out, n)
    elif code == 2:
        cells.arctan_nb(a, out, n)
    else:
        cells.copy_nb(a, out, n)


@cells.inner
def _combined_nb(
    code: int,
    a: FloatArray,
    b: FloatArray,
    c: FloatArray,
    d: FloatArray,
    out: FloatArray,
    n: int,
) -> None:
    if code == 0:
        cells.where_less_nb(a, b, c, d, out, n)
    elif code == 1:
        cells.where_less_equal_nb(a, b, c, d, out, n)
    else:
        cells.sqrt_abs_nb(a, out, n)


@cells.inner
def _step_nb(
    op: int,
    a: FloatArray,
    b: FloatArray,
    c: FloatArray,
    d: FloatArray,
    out: FloatArray,
    n: int,
) -> None:
    """Fill `out` with the result of one instruction."""
    family, code = (op >> 3) - 1, op & 7
    if family == 0:
        _arithmetic_nb(code, a, b, c, out, n)
    elif family == 1:
        _logic_nb(code, a, b, c, out, n)
    elif family == 2:
        _choice_nb(code, a, b, c, out, n)
    elif family == 3:
        _powers_nb(code, a, b, c, out, n)
    elif family == 4:
        _curves_nb(code, a, b, c, out, n)
    elif family == 5:
        _angles_nb(code, a, b, c, out, n)
    else:
        _combined_nb(code, a, b, c, d, out, n)


@njit(cache=True, nogil=True)
def run_nb(
    program: IntArray,
    constants: FloatArray,
    n_registers: int,
    matrices: IntArray,
    lo: int,
    hi: int,
) -> None:
    """Run a program over the cells from `lo` up to `hi`.

    Parameters
    ----------
    program : int64 array of shape (n_instructions, 6)
        Code, place of the result, places of up to four operands. The first places
        are the matrices, those after them registers.
    constants : float64 array of shape (n_constants,)
        What the first registers hold.
    n_registers : int
    matrices : int64 array
        Addresses of contiguous float64 matrices with at least `hi` cells, which are
        read and written where they are.
    """
    memory = np.empty(n_registers * STRIDE + LINE)
    skipped = -(memory.ctypes.data // 8) % LINE
    for k in range(constants.shape[0]):
        start = skipped + k * STRIDE
        memory[start : start + TILE] = constants[k]
    n_matrices = matrices.shape[0]
    # Where each place starts, and how many bytes it moves on with each cell.
    starts = np.empty(n_matrices + n_registers, np.int64)
    moves = np.zeros(starts.shape[0], np.int64)
    starts[:n_matrices] = matrices
    moves[:n_matrices] = 8
    for k in range(n_registers):
        starts[n_matrices + k] = memory.ctypes.data + 8 * (skipped + k * STRIDE)
    for first in range(lo, hi, TILE):
        n = min(TILE, hi - first)
        for step in range(program.shape[0]):
            to, a, b = program[step, 1], program[step, 2], program[step, 3]
            c, d = program[step, 4], program[step, 5]
            _step_nb(
                program[step, 0],
                _floats_at(starts[a] + moves[a] * first),
                _floats_at(starts[b] + moves[b] * first),
                _floats_at(starts[c] + moves[c] * first),
                _floats_at(starts[d] + moves[d] * first),
                _floats_at(starts[to] + moves[to] * first),
                n,
            )
    # Their memory is used by address alone and would be let go before the loop.
    memory[:1] = 0.0
