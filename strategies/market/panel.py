"""Panel: the bars of many symbols on one time line, as matrices."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from strategies.errors import CandleError
from strategies.market.calendar import bars_per_year, calendar_named, infer_calendar
from strategies.market.candles import Candles, frozen, last_valid
from strategies.market.columns import PRICES
from strategies.market.timeframe import timeframe_named
from strategies.types import FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

COUNTED = (
    "unsorted",
    "duplicates",
    "missing_bars",
    "nan_rows",
    "inconsistent_rows",
    "zero_volume",
)


class Group(NamedTuple):
    """To which of some labels each symbol belongs, bar by bar.

    Attributes
    ----------
    labels : tuple of str
    codes : int64 array of shape (n_bars, n_symbols)
        Index of `labels`; −1 before a first label was seen. A label stays until
        another one is seen.
    """

    labels: tuple[str, ...]
    codes: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """The bars of several symbols on the union of their stamps, oldest first.

    The constructor trusts that prices were checked (`from_frame` does) and verifies
    shapes and order only. Arrays are made C-contiguous and read-only.

    Attributes
    ----------
    symbols : tuple of str
        One for each column, in alphabetical order, no two alike.
    timeframe, calendar, provider : str
    ts : int64 array of shape (n_bars,)
        Opens of the bars, ms UTC, strictly ascending.
    fields : mapping of str to float64 array of shape (n_bars, n_symbols)
        ``open high low close volume`` and further numeric columns; NaN where a symbol
        has no bar or no value.
    groups : mapping of str to Group
        Labels such as sectors.
    quality : mapping of str to int
        What was found and kept: as for `Candles`, without ``gaps``, and
        ``missing_bars``: stamps at which a symbol has no bar.
    fingerprint : str
        sha256 of names, symbols and bytes of all of these.
    memo : dict
        What was worked out from these bars alone, kept with them.

    Raises
    ------
    CandleError
        Code ``bad_shape``, ``unsorted``, ``missing_column`` or ``duplicate_column``.
    """

    symbols: tuple[str, ...]
    timeframe: str
    calendar: str
    provider: str
    ts: IntArray
    fields: Mapping[str, FloatArray]
    groups: Mapping[str, Group] = field(default_factory=dict)
    quality: Mapping[str, int] = field(default_factory=dict)
    fingerprint: str = field(init=False)
    memo: dict[Any, Any] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._set("symbols", tuple(self.symbols))
        self._set("timeframe", timeframe_named(self.timeframe).key)
        calendar_named(self.calendar)
        self._set("ts", frozen(self.ts, np.int64))
        matrices = {k: frozen(v, np.float64) for k, v in self.fields.items()}
        self._set("fields", MappingProxyType(matrices))
        groups = {
            name: Group(tuple(labels), frozen(codes, np.int64))
            for name, (labels, codes) in sorted(self.groups.items())
        }
        self._set("groups", MappingProxyType(groups))
        self._set("quality", MappingProxyType(dict(self.quality)))
        self._check()
        self._set("fingerprint", self._hash())
        self._set("memo", {})

    def __len__(self) -> int:
        return int(self.ts.shape[0])

    def __repr__(self) -> str:
        return (
            f"Panel({len(self.symbols)} symbols, {self.timeframe!r}, "
            f"n_bars={len(self)}, provider={self.provider!r}, "
            f"calendar={self.calendar!r})"
        )

    @classmethod
    def from_frame(
        cls,
        df: pd.DataFrame,
        *,
        timeframe: str | None = None,
        calendar: str | None = None,
        provider: str = "frame",
        where: Callable[[int], str] | None = None,
    ) -> Panel:
        """Return the panel that a long data frame holds.

        Parameters
        ----------
        df : DataFrame of shape (n_rows, n_columns)
            One row for each symbol and bar, in any order: ``symbol open high low
            close`` and optionally ``volume``, in any case of letters; times as for
            `Candles.from_frame`. Further numeric columns become fields, columns of
            text become groups.
        timeframe : str, optional
            The usual step between stamps if left out.
        calendar : str, optional
            Inferred from the weekdays if left out.
        provider : str
        where : callable, optional
            Names the row at a position in messages; "row 1" is the first.

        Returns
        -------
        Panel
            On the union of all stamps: a bar that a symbol does not have is NaN.
            Identical duplicates are dropped, rows with NaN kept.

        Raises
        ------
        CandleError
            ``empty_data``, ``missing_column``, ``duplicate_column``, ``bad_cell``,
            ``non_positive_price``, ``conflicting_rows``.
        StrategyError
            ``unknown_timeframe``, ``unknown_calendar``.
        """
        from strategies.market.panel_frame import parse_panel

        parsed = parse_panel(df, timeframe, where or (lambda row: f"row {row + 1}"))
        return cls(
            symbols=parsed.symbols,
            timeframe=parsed.timeframe,
            calendar=calendar or infer_calendar(parsed.ts),
            provider=provider,
            ts=parsed.ts,
            fields=parsed.fields,
            groups={name: Group(*group) for name, group in parsed.groups.items()},
            quality=parsed.quality,
        )

    @classmethod
    def of(cls, candles: Sequence[Candles]) -> Panel:
        """Return several candles side by side, on the union of their stamps.

        Raises
        ------
        CandleError
            ``empty_data`` without any; ``candles_differ`` if timeframe, calendar or
            provider do; ``duplicate_column`` if two are of one symbol.
        """
        _check_alike(candles)
        candles = sorted(candles, key=lambda one: one.symbol)
        ts = np.unique(np.concatenate([one.ts for one in candles]))
        names = [
            *PRICES,
            "volume",
            *sorted({c for one in candles for c in one.columns}),
        ]
        fields = {name: np.full((ts.shape[0], len(candles)), np.nan) for name in names}
        for column, one in enumerate(candles):
            rows = np.searchsorted(ts, one.ts)
            for name in (*PRICES, "volume"):
                fields[name][rows, column] = getattr(one, name)
            for name, values in one.columns.items():
                fields[name][rows, column] = values
        found = sum(len(one) for one in candles)
        counts = {k: sum(one.quality.get(k, 0) for one in candles) for k in COUNTED}
        first = candles[0]
        return cls(
            symbols=tuple(one.symbol for one in candles),
            timeframe=first.timeframe,
            calendar=first.calendar,
            provider=first.provider,
            ts=ts,
            fields=fields,
            quality=counts | {"missing_bars": ts.shape[0] * len(candles) - found},
        )

    @property
    def ppy(self) -> float:
        """Bars per year."""
        return bars_per_year(self.calendar, self.timeframe)

    @property
    def mark(self) -> FloatArray:
        """Prices at which positions are valued: last valid closes, 0 before them."""
        return np.column_stack([last_valid(one) for one in self.fields["close"].T])

    def rows(self, start_ms: int | None, end_ms: int | None) -> slice:
        """Return where the bars lie that open in ``[start_ms, end_ms]``."""
        first = 0 if start_ms is None else int(np.searchsorted(self.ts, start_ms))
        last = len(self)
        if end_ms is not None:
            last = max(first, int(np.searchsorted(self.ts, end_ms, side="right")))
        return slice(first, last)

    def between(self, start_ms: int | None, end_ms: int | None) -> Panel:
        """Return the bars that open in ``[start_ms, end_ms]``; None = no bound."""
        rows = self.rows(start_ms, end_ms)
        if rows == slice(0, len(self)):
            return self
        return replace(
            self,
            ts=self.ts[rows],
            fields={name: matrix[rows] for name, matrix in self.fields.items()},
            groups={
                name: Group(group.labels, group.codes[rows])
                for name, group in self.groups.items()
            },
        )

    def candles(self, symbol: str) -> Candles:
        """Return one symbol on the stamps of the panel, NaN where it has no bar."""
        key = (Panel.candles, symbol)
        if key not in self.memo:
            self.memo[key] = self._candles(symbol)
        known: Candles = self.memo[key]
        return known

    def _candles(self, symbol: str) -> Candles:
        column = self.symbols.index(symbol)
        values = {name: matrix[:, column] for name, matrix in self.fields.items()}
        return Candles(
            symbol=symbol,
            timeframe=self.timeframe,
            calendar=self.calendar,
            provider=self.provider,
            ts=self.ts,
            open=values.pop("open"),
            high=values.pop("high"),
            low=values.pop("low"),
            close=values.pop("close"),
            volume=values.pop("volume"),
            columns=values,
        )

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def _check(self) -> None:
        shape = (len(self), len(self.symbols))
        missing = [n for n in (*PRICES, "volume") if n not in self.fields]
        if missing:
            raise CandleError(
                f"A panel needs the field {missing[0]}.",
                code="missing_column",
                field=missing[0],
            )
        codes = {name: group.codes for name, group in self.groups.items()}
        for name, values in [*self.fields.items(), *codes.items()]:
            if values.shape != shape:
                raise CandleError(
                    f"{name} has shape {values.shape}; bars and symbols are {shape}.",
                    code="bad_shape",
                    advice="Give every field one row per bar, one column per symbol.",
                )
        if np.any(np.diff(self.ts) <= 0):
            raise CandleError("ts does not ascend.", code="unsorted")
        if len(set(self.symbols)) < len(self.symbols):
            raise _twice(self.symbols)

    def _hash(self) -> str:
        digest = hashlib.sha256("\n".join(self.symbols).encode())
        codes = {f"group {name}": group.codes for name, group in self.groups.items()}
        labels = {name: group.labels for name, group in self.groups.items()}
        digest.update(repr(labels).encode())
        arrays: dict[str, Any] = {"ts": self.ts, **self.fields, **codes}
        for name in sorted(arrays):
            digest.update(f"{name}:{arrays[name].shape}:".encode())
            kind = arrays[name].dtype.newbyteorder("<")
            digest.update(arrays[name].astype(kind, copy=False).data)
        return digest.hexdigest()


def _check_alike(candles: Sequence[Candles]) -> None:
    if not candles:
        raise CandleError("A panel needs at least one symbol.", code="empty_data")
    for name in ("timeframe", "calendar", "provider"):
        found = sorted({getattr(one, name) for one in candles})
        if len(found) > 1:
            raise CandleError(
                f"The candles differ in {name}: {', '.join(found)[:200]}.",
                code="candles_differ",
                field=name,
                advice="Put only bars of one kind side by side.",
            )
    symbols = [one.symbol for one in candles]
    if len(set(symbols)) < len(symbols):
        raise _twice(symbols)


def _twice(symbols: Sequence[str]) -> CandleError:
    twice = sorted({name for name in symbols if list(symbols).count(name) > 1})
    return CandleError(
        f"There are two columns of the symbol {twice[0]}.",
        code="duplicate_column",
        field="symbol",
        advice="Give every symbol once.",
    )
