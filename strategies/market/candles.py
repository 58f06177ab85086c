"""Candles: the bars of one symbol as read-only arrays, with a fingerprint."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from strategies.errors import CandleError
from strategies.market.calendar import (
    bars_per_year,
    calendar_named,
    gap_flags,
    infer_calendar,
)
from strategies.market.columns import PRICES
from strategies.market.timeframe import timeframe_named
from strategies.types import FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False)
class Candles:
    """The bars of one symbol, oldest first.

    The constructor trusts that prices were checked (`from_frame` does) and verifies
    shapes and order only. Arrays are made float64, C-contiguous and read-only.

    Attributes
    ----------
    symbol, timeframe, calendar, provider : str
        `timeframe` is the canonical name.
    ts : int64 array of shape (n_bars,)
        Opens of the bars, ms UTC, strictly ascending.
    open, high, low, close : float64 arrays of shape (n_bars,)
        Prices in quote currency; NaN where the bar has none.
    volume : float64 array of shape (n_bars,)
        Traded units; NaN where unknown.
    columns : mapping of str to float64 array of shape (n_bars,)
        Further numeric columns, ``vwap`` among them.
    quality : mapping of str to int
        What was found and kept: ``nan_rows``, ``inconsistent_rows`` (high or low
        contradict open or close, or a negative volume), ``zero_volume``, ``gaps``;
        and in the source, before any cut: ``unsorted``, ``duplicates`` (dropped).
    fingerprint : str
        sha256 of names and bytes of `ts`, prices, `volume` and `columns`.
    mark : float64 array of shape (n_bars,)
        The price at which a position is valued: the last valid close, 0 before it.
    memo : dict
        What was worked out from these bars alone, kept with them.

    Raises
    ------
    CandleError
        Code ``bad_shape`` or ``unsorted``.
    """

    symbol: str
    timeframe: str
    calendar: str
    provider: str
    ts: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    columns: Mapping[str, FloatArray] = field(default_factory=dict)
    quality: Mapping[str, int] = field(default_factory=dict)
    fingerprint: str = field(init=False)
    mark: FloatArray = field(init=False, repr=False)
    memo: dict[Any, Any] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("ts", *PRICES, "volume"):
            kind = np.int64 if name == "ts" else np.float64
            self._set(name, frozen(getattr(self, name), kind))
        further = {k: frozen(v, np.float64) for k, v in sorted(self.columns.items())}
        self._set("columns", MappingProxyType(further))
        self._set("timeframe", timeframe_named(self.timeframe).key)
        calendar_named(self.calendar)
        self._check_shapes()
        found = {"unsorted": 0, "duplicates": 0, **self.quality, **self._count()}
        self._set("quality", MappingProxyType(found))
        self._set("fingerprint", self._hash())
        self._set("mark", frozen(last_valid(self.close), np.float64))
        self._set("memo", {})

    def __len__(self) -> int:
        return int(self.ts.shape[0])

    def __repr__(self) -> str:
        return (
            f"Candles({self.symbol!r}, {self.timeframe!r}, n_bars={len(self)}, "
            f"provider={self.provider!r}, calendar={self.calendar!r})"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        # A mapping proxy cannot be copied or sent to another process; a dict can.
        plain = [getattr(self, name) for name in ("ts", *PRICES, "volume")]
        labels = (self.symbol, self.timeframe, self.calendar, self.provider)
        return Candles, (*labels, *plain, dict(self.columns), dict(self.quality))

    @classmethod
    def from_frame(
        cls,
        df: pd.DataFrame,
        *,
        symbol: str,
        timeframe: str,
        calendar: str | None = None,
        provider: str = "frame",
        where: Callable[[int], str] | None = None,
    ) -> Candles:
        """Return the candles that a data frame holds.

        Parameters
        ----------
        df : DataFrame of shape (n_rows, n_columns)
            ``open high low close`` and optionally ``volume``, in any case of letters;
            times in a column ``ts_utc`` (ms UTC), ``timestamp``, ``datetime`` or
            ``date``, else in a DatetimeIndex. Times without a zone are UTC; bars of a
            day or longer keep the date on their own clock. Further numeric columns
            are kept, others ignored.
        symbol, timeframe : str
        calendar : str, optional
            Inferred from the weekdays if left out.
        provider : str
        where : callable, optional
            Names the row at a position in messages; "row 1" is the first.

        Returns
        -------
        Candles
            Sorted by time, identical duplicates dropped, rows with NaN kept. Without
            ``volume`` that column is NaN.

        Raises
        ------
        CandleError
            ``empty_data``, ``missing_column``, ``duplicate_column``,
            ``several_symbols``, ``bad_cell``, ``non_positive_price``,
            ``conflicting_rows``.
        StrategyError
            ``unknown_timeframe``, ``unknown_calendar``.
        """
        from strategies.market.frame import parse_frame

        bar = timeframe_named(timeframe)
        parsed = parse_frame(df, bar, where or (lambda row: f"row {row + 1}"))
        values = dict(parsed.values)
        return cls(
            symbol=symbol,
            timeframe=bar.key,
            calendar=calendar or infer_calendar(parsed.ts),
            provider=provider,
            ts=parsed.ts,
            open=values.pop("open"),
            high=values.pop("high"),
            low=values.pop("low"),
            close=values.pop("close"),
            volume=values.pop("volume", np.full(parsed.ts.shape[0], np.nan)),
            columns=values,
            quality={"unsorted": parsed.unsorted, "duplicates": parsed.duplicates},
        )

    @property
    def ppy(self) -> float:
        """Bars per year."""
        return bars_per_year(self.calendar, self.timeframe)

    def between(self, start_ms: int | None, end_ms: int | None) -> Candles:
        """Return the bars that open in ``[start_ms, end_ms]``; None = no bound.

        Possibly none at all. The arrays are views of these.
        """
        first = 0 if start_ms is None else int(np.searchsorted(self.ts, start_ms))
        last = len(self)
        if end_ms is not None:
            last = max(first, int(np.searchsorted(self.ts, end_ms, side="right")))
        if (first, last) == (0, len(self)):
            return self
        window = slice(first, last)
        arrays = {name: getattr(self, name)[window] for name in (*PRICES, "volume")}
        columns = {name: values[window] for name, values in self.columns.items()}
        return replace(self, ts=self.ts[window], columns=columns, **arrays)

    def on_stamps(self, ts: IntArray) -> Candles:
        """Return these bars on the stamps `ts`; a stamp without a bar becomes NaN.

        Used to lay a benchmark beside a run: nothing is carried forward, so a bar
        that is missing cannot be traded.
        """
        place = np.minimum(np.searchsorted(self.ts, ts), max(len(self) - 1, 0))
        found = np.zeros(ts.shape[0], dtype=bool)
        if len(self):
            found = self.ts[place] == ts
        arrays: dict[str, Any] = {}
        for name in (*PRICES, "volume"):
            arrays[name] = np.full(ts.shape[0], np.nan)
            arrays[name][found] = getattr(self, name)[place[found]]
        return replace(self, ts=ts, columns={}, **arrays)

    def frame(self) -> pd.DataFrame:
        """Return a data frame of shape (n_bars, 5 + further columns).

        Its index is UTC time; `from_frame` turns it into equal candles again.
        """
        import pandas as pd

        stamps = self.ts.astype("datetime64[ms]")
        index = pd.DatetimeIndex(stamps, tz="UTC", name="datetime")
        values = {name: getattr(self, name) for name in (*PRICES, "volume")}
        return pd.DataFrame({**values, **self.columns}, index=index)

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def _check_shapes(self) -> None:
        arrays = {name: getattr(self, name) for name in ("ts", *PRICES, "volume")}
        arrays.update(self.columns)
        for name, values in arrays.items():
            if values.shape != (len(self),):
                raise CandleError(
                    f"{name} has shape {values.shape}, ts has {len(self)} bars.",
                    code="bad_shape",
                    advice="Give every column one value per bar.",
                )
        backwards = np.flatnonzero(self.ts[1:] <= self.ts[:-1])
        if backwards.size:
            raise CandleError(
                f"ts[{backwards[0] + 1}] is not later than the one before.",
                code="unsorted",
                advice="Candles.from_frame sorts rows and drops identical ones.",
            )

    def _count(self) -> dict[str, int]:
        return {
            **odd_bars(self.open, self.high, self.low, self.close, self.volume),
            "gaps": int(gap_flags(self.ts, self.calendar, self.timeframe).sum()),
        }

    def _hash(self) -> str:
        digest = hashlib.sha256()
        names = ("ts", *PRICES, "volume")
        arrays = {name: getattr(self, name) for name in names} | dict(self.columns)
        for name, values in arrays.items():
            digest.update(f"{name}:{values.shape[0]}:".encode())
            digest.update(
                values.astype(values.dtype.newbyteorder("<"), copy=False).data
            )
        return digest.hexdigest()


def odd_bars(
    open_: FloatArray,
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    volume: FloatArray,
) -> dict[str, int]:
    """Count bars that are kept although something about them is odd."""
    with np.errstate(invalid="ignore"):
        wrong = high < np.maximum(open_, close)
        wrong |= low > np.minimum(open_, close)
        wrong |= (high < low) | (volume < 0.0)
    missing = np.isnan(open_)
    for price in (high, low, close):
        missing |= np.isnan(price)
    return {
        "nan_rows": int(missing.sum()),
        "inconsistent_rows": int(wrong.sum()),
        "zero_volume": int((volume == 0.0).sum()),
    }


def last_valid(close: FloatArray) -> FloatArray:
    """Return `close` with each NaN replaced by the last valid value before it.

    Leading NaN become 0: nothing can be held before a first price was seen.
    """
    missing = np.isnan(close)
    if not missing.any():
        return close
    source = np.arange(close.shape[0])
    source[missing] = -1
    np.maximum.accumulate(source, out=source)
    filled = close[source]
    filled[source < 0] = 0.0
    return filled


def frozen(values: Any, kind: type[np.generic]) -> NDArray[Any]:
    """Return `values` as a contiguous array that nobody can write to."""
    if isinstance(values, np.ndarray) and not values.flags.writeable:
        array = np.ascontiguousarray(values, dtype=kind)
    else:
        array = np.array(values, dtype=kind, order="C")
    array.setflags(write=False)
    return array
