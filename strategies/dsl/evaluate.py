"""Expressions on a panel: one value for each bar and symbol.

Row ``t`` of an answer depends on the bars up to ``t`` only. Work is shared out to
threads by columns, rows or cells; results do not depend on how many there are.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np

from strategies.compute import executor, n_threads
from strategies.dsl.derived import MEMBER, among_members, compares, written_out
from strategies.dsl.expression import Expression, as_expression
from strategies.dsl.limits import LIMITS, MEMORY_MB, SECONDS, Limits
from strategies.dsl.named import formula_of, registered_names
from strategies.dsl.nodes import FIELD, Node, walk
from strategies.dsl.plan import Plan, Step, is_kernel, planned
from strategies.dsl.primitives import FIELD_FORMULAS, PRIMITIVES
from strategies.dsl.program import program_of
from strategies.errors import StrategyError, did_you_mean
from strategies.kernels import resolve
from strategies.market.panel import Panel
from strategies.types import BoolArray, FloatArray, IntArray

# Columns that one call of a kernel works on: long stretches of a bar for the memory,
# and yet some hundred bars of them fit the cache.
COLUMNS = 512
# Fewer cells than this are not worth a second thread.
FEW_CELLS = 16_384
# How many expressions are looked at together for what they share: few enough that
# their matrices stay few too, as fetching memory costs more than sharing saves.
TOGETHER = 4

NONE: Mapping[str, FloatArray] = MappingProxyType({})

# Roots, as often as they are asked for, and the matrix of each.
_Chunk = tuple[Sequence[Node], dict[Node, FloatArray]]


class Kept(Protocol):
    """Where matrices of one panel are kept, by the canonical form of an expression."""

    def get(self, key: str) -> FloatArray | None:
        """Return what is kept under this key, or None."""

    def put(self, key: str, array: FloatArray) -> None:
        """Keep `array`, or decide not to."""


def evaluate(
    expr: str | Expression,
    panel: Panel,
    *,
    members: BoolArray | None = None,
    out: FloatArray | None = None,
    limits: Limits = LIMITS,
    cache: Kept | None = None,
) -> FloatArray:
    """Return what an expression comes to on every bar of every symbol.

    Parameters
    ----------
    expr : str or Expression
    panel : Panel
    members : bool array of shape (n_bars, n_symbols), optional
        Who is in the universe at each close; without it, everyone is. Primitives
        across the market or a group compare members only: whoever is none has no
        value there and changes nobody else's. Everything else sees all bars.
    out : float64 array of shape (n_bars, n_symbols), optional
        Filled and returned; C-contiguous. A new array if left out.
    limits : Limits
    cache : Kept, optional
        Where the features that it names are looked for, and kept once computed.

    Returns
    -------
    float64 array of shape (n_bars, n_symbols)
        NaN where there is no value: windows not full yet, bars that are missing,
        results that are not finite numbers. Booleans are 1 and 0.

    Raises
    ------
    DslError
        Those of `parse`; ``unknown_field``, ``unknown_group``, ``open_brace``.
    StrategyError
        ``too_large``, ``too_slow``; ``bad_shape`` for `out` or `members`.

    Examples
    --------
    >>> evaluate("rank(delta(close, 5))", panel)  # doctest: +SKIP
    """
    expression = as_expression(expr)
    _check_out(out, panel)
    members = _told_apart(members, panel)
    columns: Mapping[str, FloatArray] = NONE
    if cache is not None:
        columns = _columns(expression, panel, members, limits, cache)
    root = _ready(expression, panel, columns, members)
    with executor() as pool:
        work = _Work(panel, pool, limits, columns, members)
        plan = work.planned([root])
        return work.run(plan, {} if out is None else {root: out})[root]


def evaluate_population(
    exprs: Iterable[str | Expression],
    panel: Panel,
    *,
    members: BoolArray | None = None,
    reuse: bool = False,
    limits: Limits = LIMITS,
) -> Iterator[tuple[str, FloatArray]]:
    """Yield each expression's text and what it comes to, in the order given.

    What the expressions share is computed once and kept while there is room, and the
    next answers are made while one is looked at. Memory is bounded by
    ``limits.memory_bytes``, not by how many there are.

    Parameters
    ----------
    exprs : iterable of str or Expression
        All are parsed and checked before the first is evaluated.
    panel : Panel
    members : bool array of shape (n_bars, n_symbols), optional
        As in `evaluate`.
    reuse : bool
        Yield arrays that are written over later: each is good until the next is asked
        for, and no memory is fetched anew.
    limits : Limits

    Raises
    ------
    DslError, StrategyError
        As `evaluate`.
    """
    expressions = [as_expression(expr) for expr in exprs]
    members = _told_apart(members, panel)
    roots = [_ready(one, panel, members=members) for one in expressions]
    return _each(expressions, roots, panel, members, reuse, limits)


def _each(
    expressions: Sequence[Expression],
    roots: Sequence[Node],
    panel: Panel,
    members: BoolArray | None,
    reuse: bool,
    limits: Limits,
) -> Iterator[tuple[str, FloatArray]]:
    with executor() as pool:
        work = _Work(panel, pool, limits, members=members)
        made = work.together(roots)
        place = 0
        for chunk, answers in _ahead(made) if work.threads > 1 else made:
            for at, root in enumerate(chunk):
                values = answers[root]
                if not reuse and root in chunk[at + 1 :]:
                    values = values.copy()
                yield expressions[place].text, values
                place += 1
            if not reuse:
                answers.clear()


def _ahead(made: Iterator[_Chunk]) -> Iterator[_Chunk]:
    """Yield what comes; the next is being made while one is looked at."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        coming = pool.submit(next, made, None)
        while (chunk := coming.result()) is not None:
            coming = pool.submit(next, made, None)
            yield chunk


def _told_apart(members: BoolArray | None, panel: Panel) -> BoolArray | None:
    """Return who is a member, or None where nobody is told apart by it."""
    if members is None:
        return None
    shape = (len(panel), len(panel.symbols))
    if members.shape != shape:
        raise StrategyError(
            f"members has shape {members.shape}; bars and symbols are {shape}.",
            code="bad_shape",
            field="members",
            advice="Give one row per bar, one column per symbol.",
        )
    return None if members.all() else members


def _ready(
    expression: Expression,
    panel: Panel,
    columns: Mapping[str, FloatArray] = NONE,
    members: BoolArray | None = None,
) -> Node:
    """Return the tree that is evaluated, once panel and columns have all it reads."""
    if expression.braces:
        expression.refuse_leaf(expression.braces[0], "open_brace", "has no value", "")
    for name in expression.fields:
        if name not in panel.fields and formula_of(name) is None:
            known = sorted(panel.fields)
            advice = did_you_mean(name, [*known, *registered_names()])
            advice = advice or f"It has {', '.join(known)[:200]}."
            why = "is not a column of these data"
            expression.refuse_leaf(name, "unknown_field", why, advice)
    for name in expression.groups:
        if name not in {group.casefold() for group in panel.groups}:
            known = sorted(panel.groups)
            advice = did_you_mean(name, known)
            advice = advice or f"Groups: {', '.join(known)[:200] or 'none'}."
            why = "is not a group of these data"
            expression.refuse_leaf(name, "unknown_group", why, advice)
    brought = {name for name in (*panel.fields, *columns) if formula_of(name)}
    root = written_out(expression.root, frozenset(brought - {"returns"}))
    return root if members is None else among_members(root)


def _check_out(out: FloatArray | None, panel: Panel) -> None:
    if out is None:
        return
    shape = (len(panel), len(panel.symbols))
    good = out.shape == shape and out.dtype == np.float64 and out.flags.c_contiguous
    if not (good and out.flags.writeable):
        raise StrategyError(
            f"out has shape {out.shape} and kind {out.dtype}.",
            code="bad_shape",
            field="out",
            advice=f"Give a contiguous float64 array of shape {shape}.",
        )


def _columns(
    expression: Expression,
    panel: Panel,
    members: BoolArray | None,
    limits: Limits,
    cache: Kept,
) -> dict[str, FloatArray]:
    """Return what the features that an expression names come to, by name.

    Without those whose value depends on who is a member: they are not kept.
    """
    columns: dict[str, FloatArray] = {}
    for name in expression.fields:
        text = formula_of(name)
        if text is None or name in FIELD_FORMULAS or name in panel.fields:
            continue
        feature = as_expression(text)
        if members is not None and compares(feature.root):
            continue
        values = cache.get(feature.canonical)
        if values is None:
            values = evaluate(feature, panel, limits=limits)
            cache.put(feature.canonical, values)
        columns[name] = values
    return columns


class _Work:
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
        self._expected: Counter[Node] = Counter()
        self._groups = {k.casefold(): v.codes for k, v in panel.groups.items()}

    def together(self, roots: Sequence[Node]) -> Iterator[_Chunk]:
        """Yield roots and their matrices, as many at a time as there is room for.

        The matrices of one chunk that are still in it when the next but one is asked
        for are written over. An empty chunk comes where there is no room beside them.
        """
        needs = {root: _kernels(root) for root in dict.fromkeys(roots)}
        self._expected = Counter(one for root in roots for one in needs[root])
        # Each of those that are made together takes a matrix at least.
        most = max(1, min(TOGETHER, self._room // 2))
        start = 0
        read: dict[Node, FloatArray] = {}
        while start < len(roots):
            plan, count = self._planned_beside(roots[start : start + most], len(read))
            chunk = roots[start : start + count]
            for root in chunk:
                self._expected.subtract(needs[root])
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
        return self._free.pop() if self._free else np.empty(self._shape)

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
        program = program_of(step)
        args = [
            program.code,
            program.constants,
            program.n_registers,
            _addresses(
                [*(self._read(one, made) for one in step.reads)],
                [*(made[one] for one in step.made)],
            ),
        ]
        self._share(
            resolve("strategies.kernels.fused:run_nb"), args, self._cells, 32_768
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


def _addresses(*matrices: Sequence[FloatArray]) -> IntArray:
    found = [one.__array_interface__["data"][0] for some in matrices for one in some]
    return np.array(found, dtype=np.int64)


def _kernels(root: Node) -> list[Node]:
    return [one for one in walk(root) if is_kernel(one)]
