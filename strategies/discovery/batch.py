"""One generation of a search, as it is written down: a table and weekly returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strategies.candidates import HalfArray
from strategies.types import BoolArray

TEXTS = ("expr", "expr_hash", "origin", "rejected", "fingerprint")
WHOLE = ("index", "parent", "generation", "twin_of", "n")
NUMBERS = (
    "complexity",
    "fitness",
    "train_sharpe",
    "train_sharpe_bar",
    "skew",
    "kurtosis",
    "turnover_daily",
    "coverage",
    "rank_ic",
    "rank_ic_t",
    "validation_sharpe",
)
COLUMNS = (*WHOLE, *TEXTS, *NUMBERS)

Table = dict[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Batch:
    """One generation: what is written down, and read again when a search goes on.

    Attributes
    ----------
    number : int
        Place among all batches of the search, those of the placebo among them.
    is_placebo : bool
        Made on permuted bars: no trial, but what trials are held against.
    table : dict of str to array of shape (n_rows,)
        ``index`` (one count for the whole search), ``expr``, ``expr_hash``, ``origin``,
        ``parent`` and ``twin_of`` (an index, or −1), ``generation``, ``complexity``,
        ``fingerprint``, ``rejected``, ``fitness``, ``train_sharpe``,
        ``train_sharpe_bar``, ``skew``, ``kurtosis``, ``n`` (returns of the train span),
        ``turnover_daily``, ``coverage``, ``rank_ic``, ``rank_ic_t``,
        ``validation_sharpe``; NaN where undefined. A twin was not evaluated.
    weekly : tuple of int and float16 array of shape (n_rows, n_weeks)
        The first week, and the net returns of train and validation by week.
    """

    number: int
    is_placebo: bool
    table: Table
    weekly: tuple[int, HalfArray]

    def __len__(self) -> int:
        return len(self.table["index"])

    @property
    def is_trial(self) -> BoolArray:
        """Which rows are backtests that were made, shape (n_rows,)."""
        made: BoolArray = np.isfinite(self.table["train_sharpe"])
        return made

    @property
    def is_candidate(self) -> BoolArray:
        """Which rows passed every gate, shape (n_rows,)."""
        passed: BoolArray = self.is_trial & (self.table["rejected"] == "")
        return passed


def table_of(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Return the columns of rows that have a value of each."""
    kinds = dict.fromkeys(WHOLE, np.int64) | dict.fromkeys(NUMBERS, np.float64)
    return {
        name: np.array([row[name] for row in rows], dtype=kinds.get(name, np.str_))
        for name in COLUMNS
    }
