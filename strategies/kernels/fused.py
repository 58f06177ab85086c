"""Programs over cells: an expression without windows runs in one pass over memory.

A program is a table of instructions on registers, each a stretch of `TILE` cells that
stays in the innermost cache: a chain of operations reads its inputs once and writes its
answer once, whatever is in between. What several expressions share is computed once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import intrinsic
from numba.np.numpy_support import carray

from strategies.kernels import elementwise as cells
from strategies.types import FloatArray, IntArray

TILE = 1024
LOAD, STORE = 0, 1

# An instruction's code is 8 · (family + 1) + place in its family.
FAMILIES = (
    ("add", "subtract", "multiply", "divide", "negative", "abs", "sign"),
    ("less", "less_equal", "equal", "not_equal", "and", "or", "xor"),
    ("not", "minimum", "maximum", "where", "clip", "coalesce", "is_nan"),
    ("inverse", "floor", "ceil", "round", "power", "signedpower", "square"),
    ("sqrt", "log", "log1p", "exp", "tanh", "sigmoid"),
    ("sin", "cos", "arctan"),
)
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


@njit(cache=True, nogil=True)
def _arithmetic_nb(
    code: int, a: FloatArray, b: FloatArray, c: FloatArray, out: FloatArray
) -> None:
    if code == 0:
        cells.add_nb(a, b, out)
    elif code == 1:
        cells.subtract_nb(a, b, out)
    elif code == 2:
        cells.multiply_nb(a, b, out)
    elif code == 3:
        cells.divide_nb(a, b, out)
    elif code == 4:
        cells.negative_nb(a, out)
    elif code == 5:
        cells.abs_nb(a, out)
    else:
        cells.sign_nb(a, out)


@njit(cache=True, nogil=True)
def _logic_nb(
    code: int, a: FloatArray, b: FloatArray, c: FloatArray, out: FloatArray
) -> None:
    if code == 0:
        cells.less_nb(a, b, out)
    elif code == 1:
        cells.less_equal_nb(a, b, out)
    elif code == 2:
        cells.equal_nb(a, b, out)
    elif code == 3:
        cells.not_equal_nb(a, b, out)
    elif code == 4:
        cells.and_nb(a, b, out)
    elif code == 5:
        cells.or_nb(a, b, out)
    else:
        cells.xor_nb(a, b, out)


@njit(cache=True, nogil=True)
def _choice_nb(
    code: int, a: FloatArray, b: FloatArray, c: FloatArray, out: FloatArray
) -> None:
    if code == 0:
        cells.not_nb(a, out)
    elif code == 1:
        cells.minimum_nb(a, b, out)
    elif code == 2:
        cells.maximum_nb(a, b, out)
    elif code == 3:
        cells.where_nb(a, b, c, out)
    elif code == 4:
        cells.clip_nb(a, b, c, out)
    elif code == 5:
        cells.coalesce_nb(a, b, out)
    else:
        cells.is_nan_nb(a, out)


@njit(cache=True, nogil=True)
def _powers_nb(
    code: int, a: FloatArray, b: FloatArray, c: FloatArray, out: FloatArray
) -> None:
    if code == 0:
        cells.inverse_nb(a, out)
    elif code == 1:
        cells.floor_nb(a, out)
    elif code == 2:
        cells.ceil_nb(a, out)
    elif code == 3:
        cells.round_nb(a, out)
    elif code == 4:
        cells.power_nb(a, b, out)
    elif code == 5:
        cells.signedpower_nb(a, b, out)
    else:
        cells.square_nb(a, out)


@njit(cache=True, nogil=True)
def _curves_nb(
    code: int, a: FloatArray, b: FloatArray, c: FloatArray, out: FloatArray
) -> None:
    if code == 0:
        cells.sqrt_nb(a, out)
    elif code == 1:
        cells.log_nb(a, out)
    elif code == 2:
        cells.log1p_nb(a, out)
    elif code == 3:
        cells.exp_nb(a, out)
    elif code == 4:
        cells.tanh_nb(a, out)
    else:
        cells.sigmoid_nb(a, out)


@njit(cache=True, nogil=True)
def _angles_nb(
    code: int, a: FloatArray, b: FloatArray, c: FloatArray, out: FloatArray
) -> None:
    if code == 0:
        cells.sin_nb(a, out)
    elif code == 1:
        cells.cos_nb(a, out)
    else:
        cells.arctan_nb(a, out)


@njit(cache=True, nogil=True)
def _step_nb(
    op: int, a: FloatArray, b: FloatArray, c: FloatArray, out: FloatArray
) -> None:
    """Fill `out` with the result of one instruction."""
    family, code = op // 8 - 1, op % 8
    if family == 0:
        _arithmetic_nb(code, a, b, c, out)
    elif family == 1:
        _logic_nb(code, a, b, c, out)
    elif family == 2:
        _choice_nb(code, a, b, c, out)
    elif family == 3:
        _powers_nb(code, a, b, c, out)
    elif family == 4:
        _curves_nb(code, a, b, c, out)
    else:
        _angles_nb(code, a, b, c, out)


@njit(cache=True, nogil=True)
def run_nb(
    program: IntArray,
    constants: FloatArray,
    n_registers: int,
    sources: IntArray,
    targets: IntArray,
    lo: int,
    hi: int,
) -> None:
    """Run a program over the cells from `lo` up to `hi`.

    Parameters
    ----------
    program : int64 array of shape (n_instructions, 5)
        Code, register of the result, registers of up to three operands. `LOAD` takes
        the number of a source, `STORE` gives to the number of a target.
    constants : float64 array of shape (n_constants,)
        What the first registers hold.
    n_registers : int
    sources, targets : int64 arrays
        Addresses of contiguous float64 matrices with at least `hi` cells.
    """
    registers = np.empty((n_registers, TILE))
    for k in range(constants.shape[0]):
        registers[k] = constants[k]
    for start in range(lo, hi, TILE):
        n = min(TILE, hi - start)
        for step in range(program.shape[0]):
            op, to, one = program[step, 0], program[step, 1], program[step, 2]
            if op == LOAD:
                given = carray(_floats_at(sources[one] + 8 * start), n)
                registers[to, :n] = given
            elif op == STORE:
                taken = carray(_floats_at(targets[to] + 8 * start), n)
                taken[:] = registers[one, :n]
            else:
                b, c = program[step, 3], program[step, 4]
                _step_nb(
                    op,
                    registers[one, :n],
                    registers[b, :n],
                    registers[c, :n],
                    registers[to, :n],
                )
