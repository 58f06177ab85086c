"""Many expressions on one panel, one after the other, in bounded memory.

What needs windows or the market is made by all threads together, and what several share
is kept. What is cells one by one costs less than handing it over: each is made by one
thread, the caller's included.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

from strategies.compute import executor
from strategies.dsl.dealing import dealt
from strategies.dsl.evaluate import ready, told_apart
from strategies.dsl.expression import Expression, as_expression
from strategies.dsl.limits import LIMITS, Limits
from strategies.dsl.nodes import Node
from strategies.dsl.plan import is_plain
from strategies.dsl.work import Chunk, Work
from strategies.market.panel import Panel
from strategies.types import BoolArray, FloatArray


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
    members = told_apart(members, panel)
    roots = [ready(one, panel, members=members) for one in expressions]
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
        work = Work(panel, pool, limits, members=members)
        work.expect(roots)
        texts = (one.text for one in expressions)
        for light, stretch in _stretches(work, roots):
            made = (
                dealt(work, stretch, reuse) if light else _shared(work, stretch, reuse)
            )
            for values, text in zip(made, texts, strict=False):
                yield text, values


def _stretches(
    work: Work, roots: Sequence[Node]
) -> Iterator[tuple[bool, Sequence[Node]]]:
    """Yield roots next to each other, and whether they are dealt out."""
    start = 0
    for plain, found in groupby(roots, is_plain):
        stretch = roots[start : start + len(list(found))]
        start += len(stretch)
        yield plain and work.threads > 1 and len(stretch) > work.threads, stretch


def _shared(work: Work, roots: Sequence[Node], reuse: bool) -> Iterator[FloatArray]:
    made = work.together(roots)
    answers: dict[Node, FloatArray] = {}
    for chunk, answers in _ahead(made) if work.threads > 1 else made:
        for at, root in enumerate(chunk):
            values = answers[root]
            yield values if reuse or root not in chunk[at + 1 :] else values.copy()
        if not reuse:
            answers.clear()
    work.give(answers.values())


def _ahead(made: Iterator[Chunk]) -> Iterator[Chunk]:
    """Yield what comes; the next is being made while one is looked at."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        coming = pool.submit(next, made, None)
        while (chunk := coming.result()) is not None:
            coming = pool.submit(next, made, None)
            yield chunk
