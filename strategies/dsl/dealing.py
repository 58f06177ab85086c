"""Plain expressions, dealt out to threads: each is made by one of them.

The thread that asks makes some itself instead of waiting. An answer is looked at soon
after it was made, while it is in the cache; handing parts of one expression to several
threads costs more than the part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from threading import Condition, Thread

import numpy as np

from strategies.dsl.nodes import Node
from strategies.dsl.work import TOGETHER, Work
from strategies.types import FloatArray

# Expressions are made in one pass if that spares this part of their operations.
WORTH_SHARING = 0.2

_Piece = Sequence[Node]


def dealt(work: Work, roots: Sequence[Node], reuse: bool) -> Iterator[FloatArray]:
    """Yield the matrix of each root in order; all are plain and expected.

    Parameters
    ----------
    work : Work
    roots : sequence of Node
    reuse : bool
        Each matrix is good until the next is asked for, and written over later.
    """
    matrices = work.take((work.threads + 1) * TOGETHER)
    pieces = _pieces(roots, min(TOGETHER, len(matrices)))
    table = _Table(work, pieces, matrices, reuse)
    helpers = [Thread(target=table.help, daemon=True) for _ in range(work.threads - 1)]
    for helper in helpers:
        helper.start()
    try:
        yield from table.answers()
    finally:
        table.close()
        for helper in helpers:
            helper.join()
        work.give(table.free)


def _pieces(roots: Sequence[Node], most: int) -> Iterator[_Piece]:
    """Yield different roots next to each other that have much in common."""
    piece: list[Node] = []
    known: set[Node] = set()
    for root in roots:
        own = _operations(root)
        alike = len(known & own) >= WORTH_SHARING * (len(known) + len(own))
        if piece and (not alike or root in piece or len(piece) == most):
            yield piece
            piece, known = [], set()
        piece.append(root)
        known |= own
    if piece:
        yield piece


def _operations(root: Node) -> set[Node]:
    found: set[Node] = set()
    stack = [root]
    while stack:
        one = stack.pop()
        if one.args and one not in found:
            found.add(one)
            stack.extend(one.args)
    return found


class _Table:
    """Pieces in order, matrices to make them in, and what has been made.

    Attributes
    ----------
    free : list of float64 array
        Matrices that nobody fills or looks at.
    """

    def __init__(
        self,
        work: Work,
        pieces: Iterator[_Piece],
        matrices: Sequence[FloatArray],
        reuse: bool,
    ) -> None:
        self.free = list(matrices)
        self._work, self._pieces, self._reuse = work, pieces, reuse
        self._next = next(pieces, None)
        self._claimed = 0
        self._made: dict[int, list[FloatArray] | BaseException] = {}
        self._changed = Condition()

    def help(self) -> None:
        """Make pieces until there are none left."""
        while True:
            with self._changed:
                while (claimed := self._claim()) is None:
                    if self._next is None:
                        return
                    self._changed.wait()
            self._make(*claimed)

    def answers(self) -> Iterator[FloatArray]:
        """Yield matrices in order, making pieces while the next is not there."""
        place = 0
        while (made := self._of(place)) is not None:
            for at, values in enumerate(made):
                yield values
                if not self._reuse:
                    made[at] = np.empty_like(values)
            place += 1
            with self._changed:
                self.free.extend(made)
                self._changed.notify_all()

    def close(self) -> None:
        """Let nobody begin another piece."""
        with self._changed:
            self._next = None
            self._changed.notify_all()

    def _of(self, place: int) -> list[FloatArray] | None:
        """Return what a piece has become; None if there is no such piece."""
        while True:
            with self._changed:
                if place in self._made:
                    made = self._made.pop(place)
                    break
                claimed = self._claim()
                if claimed is None:
                    if place == self._claimed:
                        return None
                    self._changed.wait()
                    continue
            self._make(*claimed)
        if isinstance(made, BaseException):
            raise made
        return made

    def _claim(self) -> tuple[int, _Piece, list[FloatArray]] | None:
        """Return the next piece and matrices for it, if there are enough."""
        piece = self._next
        if piece is None or len(self.free) < len(piece):
            return None
        self._next = next(self._pieces, None)
        self._claimed += 1
        return self._claimed - 1, piece, [self.free.pop() for _ in piece]

    def _make(self, place: int, piece: _Piece, matrices: list[FloatArray]) -> None:
        made: list[FloatArray] | BaseException = matrices
        try:
            self._work.alone(piece, matrices)
        except BaseException as error:  # raised again where it is asked for
            made = error
        with self._changed:
            self._made[place] = made
            self._changed.notify_all()
