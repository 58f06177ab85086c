"""Expressions that say the same in other words, found by what they come to.

Canonical form merges what algebra can see cheaply; ``a - b * 1`` is ``a - b``. That
``rank(2 * x)`` is ``rank(x)`` is seen here, on a small part of the panel.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from strategies.dsl.expression import Expression
from strategies.dsl.limits import LIMITS
from strategies.dsl.population import evaluate_population
from strategies.market.panel import Group, Panel
from strategies.types import BoolArray, FloatArray

MOST_SYMBOLS, MOST_BARS = 64, 300
N_SKETCHES = 4
DIGITS = 6  # of what is hashed: rounding of 1e-9 hardly ever crosses a boundary
SEED = 20_240_117
SAMPLE = 1_024  # cells that say how large values usually are
UNHURRIED = replace(LIMITS, seconds=math.inf)  # kernels may have to be compiled
NOTHING = 1e-14  # of the largest value: what rounding leaves of a zero
LEAST_KNOWN = 0.1

Made = Callable[[FloatArray], FloatArray]


def probe_of(panel: Panel, rows: slice = slice(None)) -> Panel:
    """Return the part of a panel on which expressions are told apart.

    Parameters
    ----------
    panel : Panel
    rows : slice
        The bars that may be looked at.

    Returns
    -------
    Panel
        Of at most 64 symbols, those with most closes, and the last 300 of those bars.
    """
    first, last, _ = rows.indices(len(panel))
    rows = slice(max(first, last - MOST_BARS), last)
    known = np.isfinite(panel.fields["close"][rows]).sum(axis=0)
    columns = np.sort(np.argsort(-known, kind="stable")[:MOST_SYMBOLS])
    return Panel(
        symbols=tuple(panel.symbols[column] for column in columns),
        timeframe=panel.timeframe,
        calendar=panel.calendar,
        provider=panel.provider,
        ts=panel.ts[rows],
        fields={name: some[rows][:, columns] for name, some in panel.fields.items()},
        groups={
            name: Group(group.labels, group.codes[rows][:, columns])
            for name, group in panel.groups.items()
        },
    )


class Twins:
    """Tells expressions apart by their values on a probe.

    Parameters
    ----------
    probe : Panel
        As `probe_of` gives it.
    made : callable ``(values) -> values``, optional
        What is compared in place of the values themselves: the weights made of them,
        say. It returns an array of the same shape and may write over the given one.

    Notes
    -----
    Values that are equal to 1e-9 of their usual size on every cell have equal
    fingerprints; those that differ by 1e-5 of it on most cells, or clearly on one, have
    different ones. Nothing is normalised, so that ``x``, ``-x`` and ``2 * x`` are
    three, but ``rank(x)`` and ``rank(2 * x)`` are one. Where the probe tells little,
    because less than a tenth of the values are known or all are the same, the
    fingerprint is the hash of the expression: no twin of any other.
    """

    def __init__(self, probe: Panel, made: Made | None = None) -> None:
        self._probe, self._made = probe, made
        n_cells = len(probe) * len(probe.symbols)
        rng = np.random.default_rng(SEED)
        self._weights = rng.normal(size=(N_SKETCHES, n_cells)) / np.sqrt(n_cells or 1)
        self._sample = slice(None, None, max(1, n_cells // SAMPLE))

    def fingerprints(self, exprs: Sequence[Expression]) -> list[bytes]:
        """Return 16 bytes for each expression, equal for those that say the same.

        Raises
        ------
        DslError, StrategyError
            As `strategies.evaluate`.
        """
        values = evaluate_population(exprs, self._probe, reuse=True, limits=UNHURRIED)
        return [
            self._fingerprint(matrix) or _digest(one.expr_hash.encode())
            for one, (_, matrix) in zip(exprs, values, strict=True)
        ]

    def _fingerprint(self, matrix: FloatArray) -> bytes | None:
        """Return what the values say, None if that is too little."""
        if self._made is not None:
            matrix = self._made(matrix)
        values = matrix.ravel()
        known = np.isfinite(values)
        some = values[known]
        if some.size < max(2, LEAST_KNOWN * values.size) or some.min() == some.max():
            return None
        return _digest(np.packbits(known).tobytes(), *self._sketch(values, known))

    def _sketch(self, values: FloatArray, known: BoolArray) -> tuple[bytes, ...]:
        """Return a few rounded numbers that all the values have a part in.

        Each value is bent to within ±1 first, around the usual size of all of them:
        so a few huge ones do not hide the others.
        """
        # A quarter of each, so that the largest and the usual one can be added.
        filled = np.where(known, 0.25 * values, 0.0)
        size = np.abs(filled)
        usual = _usual(size[self._sample], float(size.max()))
        size += usual
        filled /= size
        sums = np.round(self._weights @ filled, DIGITS) + 0.0
        return f"{usual * np.pi:.{DIGITS - 1}e}".encode(), sums.tobytes()


def _usual(size: FloatArray, largest: float) -> float:
    """Return the middle of those sizes that are more than nothing."""
    counted = size[size > NOTHING * largest]
    return float(np.median(counted)) if counted.size else largest


def _digest(*parts: bytes) -> bytes:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.digest()[:16]
