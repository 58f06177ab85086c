"""A fused step as instructions on registers: see `strategies.kernels.fused`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from strategies.dsl.nodes import NUMBER
from strategies.dsl.plan import Step, cells
from strategies.types import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Program:
    """What the fused kernel runs.

    Attributes
    ----------
    code : int64 array of shape (n_instructions, 5)
    constants : float64 array of shape (n_constants,)
    n_registers : int
    """

    code: IntArray
    constants: FloatArray
    n_registers: int


class _Registers:
    """Hands out the lowest free one, so that few are used and stay in the cache."""

    def __init__(self, first: int) -> None:
        self._free: list[int] = []
        self.count = first

    def take(self) -> int:
        if self._free:
            return self._free.pop()
        self.count += 1
        return self.count - 1

    def give(self, register: int) -> None:
        self._free.append(register)


def program_of(step: Step) -> Program:
    """Return the instructions that make what a fused step makes."""
    fused: Any = import_module("strategies.kernels.fused")
    order = cells(step.made)
    numbers = [one for one in order if one.op == NUMBER]
    sources = {one: place for place, one in enumerate(step.reads)}
    targets = {one: place for place, one in enumerate(step.made)}
    at = {one: place for place, one in enumerate(numbers)}
    uses = Counter(arg for one in order if one not in sources for arg in one.args)
    registers = _Registers(len(numbers))
    code: list[tuple[int, ...]] = []
    for one in order:
        args = () if one in sources else one.args
        places = tuple(at[arg] for arg in args)
        if one.op != NUMBER:
            # An operand may be written over by the result: cells do not mix.
            for arg in dict.fromkeys(args):
                uses[arg] -= args.count(arg)
                if uses[arg] == 0 and arg.op != NUMBER:
                    registers.give(at[arg])
            at[one] = registers.take()
            if one in sources:
                code.append((fused.LOAD, at[one], sources[one], 0, 0))
            else:
                code.append((fused.CODES[one.op], at[one], *(*places, 0, 0)[:3]))
        if one in targets:
            code.append((fused.STORE, targets[one], at[one], 0, 0))
            if one.op != NUMBER and uses[one] == 0:
                registers.give(at[one])
    return Program(
        np.array(code, dtype=np.int64),
        np.array([one.number for one in numbers], dtype=np.float64),
        max(1, registers.count),
    )
