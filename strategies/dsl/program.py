"""A fused step as instructions on registers: see `strategies.kernels.fused`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from importlib import import_module

import numpy as np

from strategies.dsl.nodes import NUMBER
from strategies.dsl.plan import Step
from strategies.types import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Program:
    """What the fused kernel runs.

    Attributes
    ----------
    code : int64 array of shape (n_instructions, 5)
        Places are counted through: matrices read, matrices made, registers.
    constants : float64 array of shape (n_constants,)
    n_registers : int
    """

    code: IntArray
    constants: FloatArray
    n_registers: int


class _Registers:
    """Hands out the one used last, so that few are used and stay in the cache."""

    def __init__(self, first: int) -> None:
        self._first = self.end = first
        self._free: list[int] = []

    def take(self) -> int:
        if self._free:
            return self._free.pop()
        self.end += 1
        return self.end - 1

    def give(self, place: int) -> None:
        if place >= self._first:
            self._free.append(place)


def program_of(step: Step) -> Program:
    """Return the instructions that make what a fused step makes."""
    codes: dict[str, int] = import_module("strategies.kernels.fused").CODES
    numbers = [one for one in step.cells if one.op == NUMBER]
    matrices = {one: place for place, one in enumerate((*step.reads, *step.made))}
    first = len(matrices)
    at = {one: first + place for place, one in enumerate(numbers)}
    registers = _Registers(first + len(numbers))
    code: list[tuple[int, ...]] = [
        (codes["copy"], matrices[one], at[one], 0, 0) for one in step.made if one in at
    ]
    at = matrices | at
    known = {*numbers, *step.reads}
    made = [one for one in step.cells if one not in known]
    uses = Counter(arg for one in made for arg in one.args)
    for one in made:
        places = [at[arg] for arg in one.args]
        # Before the operands give theirs back: a result is never one of them.
        to = at[one] = matrices[one] if one in matrices else registers.take()
        for arg in one.args:
            uses[arg] -= 1
            if uses[arg] == 0:
                registers.give(at[arg])
        code.append((codes[one.op], to, *(*places, 0, 0)[:3]))
    return Program(
        np.array(code, dtype=np.int64),
        np.array([one.number for one in numbers], dtype=np.float64),
        registers.end - first,
    )
