"""The rows of a dataset as arrays: what was known, what came after, and when."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from strategies.errors import StrategyError
from strategies.features.dataset import LABEL, OWN_COLUMNS, Label
from strategies.types import BoolArray, FloatArray, IntArray

NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, eq=False)
class Samples:
    """Rows of a dataset, symbol after symbol, each oldest first.

    Attributes
    ----------
    columns : tuple of str
        Names of the features.
    features : float64 array of shape (n_rows, n_features)
        NaN where unknown.
    label : float64 array of shape (n_rows,)
        What came after; NaN where that is not known.
    ts : int64 array of shape (n_rows,)
        Opens of the bars, ms UTC.
    known_ts : int64 array of shape (n_rows,)
        Open of the bar whose close tells the label: the horizon later in the same
        symbol, however long that took. `NEVER` where there is none.
    symbol : int64 array of shape (n_rows,)
        Place in `symbols`.
    symbols : tuple of str
    target : Label
        What the labels are.
    dataset_hash : str
        sha256 of the file.
    """

    columns: tuple[str, ...]
    features: FloatArray
    label: FloatArray
    ts: IntArray
    known_ts: IntArray
    symbol: IntArray
    symbols: tuple[str, ...]
    target: Label
    dataset_hash: str

    def __len__(self) -> int:
        return int(self.ts.shape[0])

    @cached_property
    def usable(self) -> BoolArray:
        """Rows of which every feature is known: those that can be predicted."""
        return np.asarray(np.isfinite(self.features).all(axis=1))

    @cached_property
    def labelled(self) -> BoolArray:
        """Usable rows of which it is known what came after: those that teach."""
        return np.asarray(self.usable & np.isfinite(self.label))

    @cached_property
    def rises(self) -> BoolArray:
        """Rows after which the price was higher: what is predicted."""
        return np.asarray(self.label > 0.0)

    @cached_property
    def weights(self) -> FloatArray:
        """How much each row counts: as much as it moved, or all the same."""
        if self.target.kind == "sign":
            return np.ones(len(self))
        return np.where(np.isfinite(self.label), np.abs(self.label), 0.0)

    @cached_property
    def stamps(self) -> IntArray:
        """Opens of all bars that can be predicted, each once, ascending."""
        return np.unique(self.ts[self.usable])


def read_samples(path: Path, *, target: Label, dataset_hash: str) -> Samples:
    """Return the rows of a dataset's file.

    Parameters
    ----------
    path : Path
        As `strategies.features.dataset.DatasetFile` wrote it.
    target : Label
        What its labels are.
    dataset_hash : str
        sha256 of the file, which names it.

    Raises
    ------
    StrategyError
        ``bad_dataset`` if columns are missing, or a symbol's rows are not in order.
    """
    import pyarrow.parquet as pq

    table = pq.ParquetFile(path, pre_buffer=False).read(use_threads=False)
    missing = set(OWN_COLUMNS) - set(table.column_names)
    names = tuple(name for name in table.column_names if name not in OWN_COLUMNS)
    if missing or not names:
        raise _bad_dataset("has no features" if not missing else f"lacks {missing}")
    words = table.column("symbol").combine_chunks().dictionary_encode()
    code = np.asarray(words.indices.to_numpy(), dtype=np.int64)
    ts = np.asarray(table.column("ts_utc").to_numpy(), dtype=np.int64)
    inside = np.diff(code) == 0
    if (np.diff(code) < 0).any() or (np.diff(ts)[inside] <= 0).any():
        raise _bad_dataset("is not sorted by symbol and time")
    columns = [np.asarray(table.column(name).to_numpy(), np.float64) for name in names]
    return Samples(
        columns=names,
        features=np.ascontiguousarray(np.column_stack(columns)),
        label=np.asarray(table.column(LABEL).to_numpy(), dtype=np.float64),
        ts=ts,
        known_ts=told_at(ts, code, target.horizon_bars),
        symbol=code,
        symbols=tuple(map(str, words.dictionary.to_pylist())),
        target=target,
        dataset_hash=dataset_hash,
    )


def told_at(ts: IntArray, symbol: IntArray, horizon: int) -> IntArray:
    """Return the bar at whose close each row's label is known.

    Parameters
    ----------
    ts, symbol : int64 arrays of shape (n_rows,)
        Symbol after symbol, each oldest first.
    horizon : int
        Bars from a row to the end of what its label spans.

    Returns
    -------
    int64 array of shape (n_rows,)
        Its open, ms UTC; `NEVER` for the last rows of a symbol.
    """
    told = np.full(ts.shape[0], NEVER, dtype=np.int64)
    if horizon < ts.shape[0]:
        same = symbol[horizon:] == symbol[:-horizon]
        told[:-horizon] = np.where(same, ts[horizon:], NEVER)
    return told


def _bad_dataset(why: str) -> StrategyError:
    return StrategyError(
        f"The dataset {why}.",
        code="bad_dataset",
        field="dataset_id",
        advice="Build it again.",
    )
