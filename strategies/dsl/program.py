"""A fused step as instructions on registers: see `strategies.kernels.fused`."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

import numpy as np

from strategies.dsl.nodes import NUMBER, Node
from strategies.dsl.plan import Step
from strategies.types import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Program:
    """What the fused kernel runs.

    Attributes
    ----------
    code : int64 array of shape (n_instructions, 6)
        Places are counted through: matrices read, matrices made, registers.
    constants : float64 array of shape (n_constants,)
    n_registers : int
    """

    code: IntArray
    constants: FloatArray
    n_registers: int


# What stands for the operands that an instruction does not have.
_NOTHING = tuple((0,) * (4 - count) for count in range(5))


class _Places:
    """Where each node is, and which registers are free.

    The register used last is handed out first, so that few are used and stay in the
    cache.

    Attributes
    ----------
    at : dict of Node to int
    uses : dict of Node to int
        How many operands that have not been read yet each node is.
    end : int
        The place behind the last one.
    """

    def __init__(self, at: dict[Node, int], uses: dict[Node, int], first: int) -> None:
        self.at, self.uses = at, uses
        self._first = self.end = first
        self._free: list[int] = []

    def of_result(self, one: Node) -> int:
        """Return where a node goes: its own matrix, or a register."""
        place = self.at.get(one)
        if place is None:
            if self._free:
                place = self._free.pop()
            else:
                place, self.end = self.end, self.end + 1
            self.at[one] = place
        return place

    def of_operand(self, one: Node) -> int:
        """Return where a node is; its register is free after its last use."""
        place = self.at[one]
        self.uses[one] -= 1
        if not self.uses[one] and place >= self._first:
            self._free.append(place)
        return place


def program_of(step: Step) -> Program:
    """Return the instructions that make what a fused step makes."""
    fused = import_module("strategies.kernels.fused")
    codes: dict[str, int] = fused.CODES
    combined: dict[str, dict[str, str]] = fused.COMBINED
    at = {one: place for place, one in enumerate((*step.reads, *step.made))}
    first, read = len(at), set(step.reads)
    cells = [one for one in step.cells if one not in read]
    numbers = [one for one in cells if one.op == NUMBER]
    code: list[int] = []
    for one in at.keys() & numbers:
        code += (codes["copy"], at[one], first + numbers.index(one), 0, 0, 0)
    at |= {one: first + place for place, one in enumerate(numbers)}
    uses = _uses(cells)
    inside = _inside(cells, uses, combined) - at.keys()
    places = _Places(at, uses, first + len(numbers))
    for one in cells:
        if not one.args or one in inside:
            continue
        op, args = one.op, one.args
        if args[0] in inside:
            op, args = combined[op][args[0].op], (*args[0].args, *args[1:])
        # Before the operands give theirs back: a result is never one of them.
        code += (codes[op], places.of_result(one))
        code += [places.of_operand(arg) for arg in args]
        code += _NOTHING[len(args)]
    return Program(
        np.array(code, dtype=np.int64).reshape(-1, 6),
        np.array([one.number for one in numbers], dtype=np.float64),
        places.end - first,
    )


def _uses(cells: list[Node]) -> dict[Node, int]:
    """Return how many of these nodes' operands each node is."""
    uses: dict[Node, int] = {}
    for one in cells:
        for arg in one.args:
            uses[arg] = uses.get(arg, 0) + 1
    return uses


def _inside(
    cells: list[Node], uses: dict[Node, int], combined: dict[str, dict[str, str]]
) -> set[Node]:
    """Return the nodes that become one instruction with the one that reads them."""
    outer = [one for one in cells if one.op in combined]
    inner = {one.args[0] for one in outer if one.args[0].op in combined[one.op]}
    return {one for one in inner if uses[one] == 1}
