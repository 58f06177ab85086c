"""One panel that expressions are evaluated on: its matrices, threads and limits."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from functools import cached_property, partial
from types import MappingProxyType
from typing import Any

import numpy as np

from strategies.compute import n_threads
from strategies.dsl.derived import MEMBER
from strategies.dsl.limits import MEMORY_MB, SECONDS, Limits
from strategies.dsl.nodes import FIELD, Node, walk
from strategies.dsl.plan import Plan, Step, is_kernel, is_plain, one_pass, planned
from strategies.dsl.primitives import PRIMITIVES
from strategies.dsl.program import program_of
from strategies.errors import StrategyError
from strategies.kernels import resolve
from strategies.market.panel import Panel
from strategies.types import BoolArray, FloatArray

# Columns that one call of a kernel works on: long stretches of a bar for the memory,
# and yet some hundred bars of them fit the cache.
COLUMNS = 512
# Cells of a line of the cache: what begins on one is filled without reaching into two.
LINE = 8
# Fewer cells than this are not worth a second thread.
FEW_CELLS = 16_384
# How many expressions are looked at together for what they share: few enough that
# their matrices stay few too, as fetching memory costs more than sharing saves.
TOGETHER = 4

NONE: Mapping[str, FloatArray] = MappingProxyType({})

# Roots, as often as they are asked for, and the matrix of each.
Chunk = tuple[Sequence[Node], dict[Node, FloatArray]]


class Work:
    """Everything that happens on one panel."""

    def __init__(
        self,
        panel: Panel,
        pool: Executor,
        limits: Limits,
        columns: Mapping[str, FloatArray] = NONE,
        members: BoolArray | None = None,
    ) -> None:
        self._pool, self._limits = pool, limits
        if members is not None:
            columns = {**columns, MEMBER: np.where(members, 1.0, np.nan)}
        self._columns = {**panel.fields, **columns}
        self._shape = (len(panel), len(panel.symbols))
        self._cells = self._shape[0] * self._shape[1]
        self.threads = n_threads() if self._cells > FEW_CELLS else 1
        room = int(limits.memory_bytes // max(1, 8 * self._cells))
        self._room = max(0, room - len(columns))
        self._deadline = time.monotonic() + limits.seconds
        self._free: list[FloatArray] = []
        self._kept: dict[Node, FloatArray] = {}
        self._needs: dict[Node, list[Node]] = {}
        self._expected: Counter[Node] = Counter()
        self._groups = {k.casefold(): v.codes for k, v in panel.groups.items()}

    def expect(self, roots: Sequence[Node]) -> None:
        """Say what is going to be asked for, so that what it shares can be kept."""
        self._needs = {root: _kernels(root) for root in dict.fromkeys(roots)}
        self._expected = Counter(one for root in roots for one in self._needs[root])

    def take(self, most: int) -> list[FloatArray]:
        """Return as many matrices as there is room for, at least one."""
        room = min(most, self._room - len(self._kept))
        return [self._matrix() for _ in range(max(1, room))]

    def give(self, matrices: Iterable[FloatArray]) -> None:
        """Have matrices back that nobody looks at any more."""
        self._free.extend(matrices)

    def alone(self, roots: Sequence[Node], matrices: Sequence[FloatArray]) -> None:
        """Fill a matrix with each of some plain roots, on the thread that calls."""
        self._in_time()
        made = dict(zip(roots, matrices, strict=True))
        for root in roots:
            if root.op == FIELD:
                made[root][:] = self._field(root)
        cells = [root for root in roots if root.op != FIELD]
        if cells:
            self._program(one_pass(cells), made)(0, self._cells)

    def together(self, roots: Sequence[Node]) -> Iterator[Chunk]:
        """Yield roots and their matrices, as many at a time as there is room for.

        The matrices of one chunk that are still in it when the next but one is asked
        for are written over. An empty chunk comes where there is no room beside them.
        """
        # Each of those that are made together takes a matrix at least.
        most = max(1, min(TOGETHER, self._room // 2))
        start = 0
        read: dict[Node, FloatArray] = {}
        while start < len(roots):
            plan, count = self._planned_beside(roots[start : start + most], len(read))
            chunk = roots[start : start + count]
            for root in chunk:
                self._expected.subtract(self._needs[root])
            made = self.run(plan, {}) if count else {}
            for one in [one for one in self._kept if not self._expected[one]]:
                self._free.append(self._kept.pop(one))
            yield chunk, made
            self._free.extend(read.values())
            start, read = start + count, made

    def _planned_beside(self, roots: Sequence[Node], held: int) -> tuple[Plan, int]:
        """Return a plan for as many expressions as half of the room takes, or for one.

        None at all if even one needs the room of the `held` matrices.
        """
        count = len(roots)
        while True:
            plan = planned(roots[:count], self._kept)
            needed = plan.peak + len(self._kept)
            if needed <= self._room // 2 or (
                count == 1 and needed + held <= self._room
            ):
                return plan, count
            if count > 1:
                count = (count + 1) // 2
            elif self._kept:
                self._free.extend(self._kept.values())
                self._kept.clear()
            else:
                return (plan, 0) if held else (self.planned(roots[:1]), 1)

    def planned(self, roots: Sequence[Node]) -> Plan:
        """Return a plan, if there is room for it."""
        plan = planned(roots, self._kept)
        if plan.peak > self._room:
            needed = plan.peak * self._cells * 8
            allowed = self._limits.memory_bytes
            raise StrategyError(
                f"The expression needs {needed / 2**20:,.1f} MB on these data; "
                f"{allowed / 2**20:,.1f} MB are allowed.",
                code="too_large",
                field="expr",
                advice="Take fewer symbols or bars, or a simpler expression; "
                f"{MEMORY_MB} sets the limit.",
            )
        return plan

    def run(self, plan: Plan, given: dict[Node, FloatArray]) -> dict[Node, FloatArray]:
        """Return the matrices of the roots; `given` ones are filled."""
        made = dict(self._kept)
        for place, step in enumerate(plan.steps):
            self._in_time()
            for one in step.made:
                made[one] = given[one] if one in given else self._matrix()
            (self._fused if step.cells else self._kernel)(step, made)
            for one in [*step.made, *step.reads]:
                if plan.last_use.get(one) == place and one in made:
                    self._done_with(one, made)
        return {root: self._answer(root, made, given) for root in plan.roots}

    def _matrix(self) -> FloatArray:
        """Return one that nobody uses, or a new one that begins on a cache line."""
        if self._free:
            return self._free.pop()
        memory = np.empty(self._cells + LINE)
        skipped = -(_start(memory) // 8) % LINE
        return memory[skipped : skipped + self._cells].reshape(self._shape)

    def _done_with(self, one: Node, made: dict[Node, FloatArray]) -> None:
        matrix = made.pop(one)
        if one in self._kept:
            return
        if self._expected[one] and len(self._kept) < self._room // 4:
            self._kept[one] = matrix
        else:
            self._free.append(matrix)

    def _answer(
        self, root: Node, made: dict[Node, FloatArray], given: dict[Node, FloatArray]
    ) -> FloatArray:
        """Return the matrix of a root, never one that belongs to somebody else."""
        if root in made and root not in self._kept:
            return made[root]
        values = given.get(root)
        values = self._matrix() if values is None else values
        values[:] = self._kept[root] if root in self._kept else self._field(root)
        return values

    @cached_property
    def _starts(self) -> dict[str, int]:
        return {name: _start(one) for name, one in self._columns.items()}

    def _field(self, one: Node) -> FloatArray:
        return self._columns[one.name]

    def _in_time(self) -> None:
        if time.monotonic() > self._deadline:
            raise StrategyError(
                f"Evaluating took more than {self._limits.seconds:g} seconds.",
                code="too_slow",
                field="expr",
                advice="Take fewer symbols or bars, or shorter windows; "
                f"{SECONDS} sets the limit.",
            )

    def _read(self, one: Node, made: dict[Node, FloatArray]) -> FloatArray:
        """Return a matrix as kernels take it: read-only, one kind for all."""
        values = self._field(one) if one.op == FIELD else made[one]
        values = values.view()
        values.flags.writeable = False
        return values

    def _kernel(self, step: Step, made: dict[Node, FloatArray]) -> None:
        one = step.made[0]
        primitive = PRIMITIVES[one.op]
        args: list[Any] = []
        for argument, arg in zip(primitive.arguments, one.args, strict=True):
            if argument.kind == "value":
                args.append(self._read(arg, made))
            elif argument.kind == "group":
                args.append(self._groups[arg.name])
            else:
                args.append(
                    int(arg.number) if argument.kind == "window" else arg.number
                )
        args.append(made[one])
        if primitive.shape == "columns":
            self._share(resolve(primitive.kernel), args, self._shape[1], COLUMNS)
        else:
            self._share(resolve(primitive.kernel), args, self._shape[0], 256)

    def _fused(self, step: Step, made: dict[Node, FloatArray]) -> None:
        self._share(self._program(step, made), (), self._cells, 32_768)

    def _program(self, step: Step, made: dict[Node, FloatArray]) -> Any:
        """Return the fused kernel of a step, to be given a stretch of cells."""
        program = program_of(step)
        return partial(
            resolve("strategies.kernels.fused:run_nb"),
            program.code,
            program.constants,
            program.n_registers,
            np.array(
                [
                    self._starts[one.name] if one.op == FIELD else _start(made[one])
                    for one in (*step.reads, *step.made)
                ],
                dtype=np.int64,
            ),
        )

    def _share(self, kernel: Any, args: Sequence[Any], count: int, most: int) -> None:
        """Call a kernel on stretches of at most `most`, on all threads."""
        if self.threads == 1:
            for lo in range(0, count, most):
                kernel(*args, lo, min(lo + most, count))
            return
        most = max(1, min(most, -(-count // self.threads)))
        starts = range(0, count, most)
        done = [
            self._pool.submit(partial(kernel, *args, lo, min(lo + most, count)))
            for lo in starts
        ]
        for one in done:
            one.result()


def _start(matrix: FloatArray) -> int:
    """Return the address of the first cell."""
    start: int = matrix.__array_interface__["data"][0]
    return start


def _kernels(root: Node) -> list[Node]:
    return [] if is_plain(root) else [one for one in walk(root) if is_kernel(one)]
