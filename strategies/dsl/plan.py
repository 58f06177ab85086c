"""In which order kernels run, and which cells share one pass over memory.

Nodes that have to become a whole matrix are *made*: those a window or a ranking reads,
and the answers. Everything between them is cells one by one and runs in fused programs,
registers only. What two expressions share is one node and is made once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from strategies.dsl.nodes import FIELD, Node
from strategies.dsl.primitives import PRIMITIVES

_KERNELS = frozenset(
    name for name, one in PRIMITIVES.items() if one.shape in ("columns", "rows")
)


@dataclass(frozen=True, slots=True)
class Step:
    """One kernel, or one fused program.

    Attributes
    ----------
    made : tuple of Node
        What it makes; a kernel makes one.
    reads : tuple of Node
        Matrices that have to be there.
    cells : tuple of Node
        What a fused program goes through, from what it reads to what it makes; a
        kernel has none.
    """

    made: tuple[Node, ...]
    reads: tuple[Node, ...]
    cells: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in order.

    Attributes
    ----------
    roots : tuple of Node
    steps : tuple of Step
    last_use : dict of Node to int
        After which step nothing needs a matrix any more; roots stay.
    peak : int
        How many matrices there are at most at one time.
    """

    roots: tuple[Node, ...]
    steps: tuple[Step, ...]
    last_use: dict[Node, int]
    peak: int


def is_kernel(one: Node) -> bool:
    """Whether a node is made by a kernel of its own."""
    return one.op in _KERNELS


@lru_cache(maxsize=20_000)
def is_plain(root: Node) -> bool:
    """Whether a tree is cells one by one, without a kernel anywhere."""
    return not is_kernel(root) and all(is_plain(arg) for arg in root.args)


def operands(one: Node) -> tuple[Node, ...]:
    """Return the arguments of a node that are values."""
    arguments = PRIMITIVES[one.op].arguments if one.op in PRIMITIVES else ()
    return tuple(
        arg
        for argument, arg in zip(arguments, one.args, strict=True)
        if argument.kind == "value"
    )


def planned(roots: Sequence[Node], there: Collection[Node] = ()) -> Plan:
    """Return how to make `roots`.

    Parameters
    ----------
    roots : sequence of Node
        Canonical trees, derived primitives written out.
    there : collection of Node
        What has been made before.
    """
    order = _needed(roots, there)
    wanted = set(roots)
    for one in order:
        if is_kernel(one):
            wanted.update(operands(one))
    steps: list[Step] = []
    waiting: list[Node] = []
    for one in order:
        if is_kernel(one):
            if not set(operands(one)).isdisjoint(waiting):
                steps.append(one_pass(waiting))
                waiting = []
            steps.append(Step((one,), operands(one)))
        elif one in wanted and one.op != FIELD:
            waiting.append(one)
    if waiting:
        steps.append(one_pass(waiting))
    return _plan(tuple(dict.fromkeys(roots)), tuple(steps), set(there))


def one_pass(made: Sequence[Node]) -> Step:
    """Return the step that makes all of these, which no kernel makes, in one pass."""
    cells = _reached(made, lambda one: () if one.op in _KERNELS else one.args)
    reads = [one for one in cells if one.op == FIELD or is_kernel(one)]
    return Step(tuple(made), tuple(reads), tuple(cells))


def _plan(roots: tuple[Node, ...], steps: tuple[Step, ...], there: set[Node]) -> Plan:
    last_use: dict[Node, int] = {}
    for place, step in enumerate(steps):
        for one in step.made:
            last_use[one] = place
        for one in step.reads:
            if one.op != FIELD and one not in there:
                last_use[one] = place
    for root in roots:
        last_use.pop(root, None)
    live = peak = 0
    for place, step in enumerate(steps):
        live += len(step.made)
        peak = max(peak, live)
        live -= sum(1 for at in last_use.values() if at == place)
    return Plan(roots, steps, last_use, peak)


def _needed(roots: Sequence[Node], there: Collection[Node]) -> list[Node]:
    """Return what has to be made, arguments first, nothing below what is there."""

    def below(one: Node) -> Iterable[Node]:
        args = operands(one) if one.op in _KERNELS else one.args
        return [arg for arg in args if arg not in there] if there else args

    return _reached([root for root in roots if root not in there], below)


def _reached(
    roots: Sequence[Node], below: Callable[[Node], Iterable[Node]]
) -> list[Node]:
    """Return every node below `roots` once, arguments before what reads them."""
    seen: set[Node] = set()
    order: list[Node] = []

    def visit(one: Node) -> None:
        seen.add(one)
        for arg in below(one):
            if arg not in seen:
                visit(arg)
        order.append(one)

    for root in roots:
        if root not in seen:
            visit(root)
    return order
