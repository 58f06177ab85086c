"""Bring the bars of a provider into the candle cache: only what is missing of them.

What is kept is compared with what the provider says of the newest of these bars now.
Where they agree, what is new is appended; where they do not, everything is fetched
again and becomes a version of its own: restated data cannot slip in.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version as installed_version
from pkgutil import resolve_name
from typing import Any, NamedTuple

import numpy as np

from strategies.market.cache import CandleCache, Kept, Version
from strategies.market.candles import Candles
from strategies.market.columns import PRICES
from strategies.market.intake.report import series_of
from strategies.market.providers import REMOTES
from strategies.market.providers.client import Ask, Client, ProviderError, Wanted
from strategies.market.providers.order import FetchOrder
from strategies.market.restated import joined
from strategies.market.sessions import in_hours, sessions_of
from strategies.market.timeframe import DAY_MS, Timeframe, timeframe_named
from strategies.types import BoolArray, IntArray

OVERLAP = 10  # bars that are asked for again
SAME = 1e-5  # relative: prices sent as 32-bit numbers differ by less
ALL = "all"


class Fetched(NamedTuple):
    """What came of one symbol.

    Attributes
    ----------
    candles : Candles
        All that is kept of it now.
    kept : Kept
    series : dict
        What its part of a report says.
    notes : tuple of str
    """

    candles: Candles
    kept: Kept
    series: dict[str, Any]
    notes: tuple[str, ...]


class _Came(NamedTuple):
    candles: Candles
    outside_hours: int
    notes: tuple[str, ...]


def client_of(order: FetchOrder) -> Client:
    """Return what asks the provider of an order; its library is imported here."""
    client: Client = resolve_name(REMOTES[order.provider].client)()
    return client


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """One order at work.

    Attributes
    ----------
    order : FetchOrder
    client : Client
    ask : Ask
        Makes each request; see `retry.Retries`.
    now_ms : callable
        No bar that is not over by then is taken.
    on_bars : callable
        Told how many bars of a symbol came, after each request; may raise.
    """

    order: FetchOrder
    client: Client
    ask: Ask
    now_ms: Callable[[], int] = lambda: int(time.time() * 1000)
    on_bars: Callable[[int], object] = lambda n: None

    def symbol(self, symbol: str) -> Fetched:
        """Fetch what is missing of one symbol, and keep it.

        Raises
        ------
        ProviderError
            ``no_network``, ``rate_limited`` or ``provider_error`` after some tries;
            ``unknown_symbol``; ``no_bars`` if none is over in the window asked for.
        StrategyError
            ``unknown_timeframe``, ``unknown_choice`` or ``unknown_calendar`` for what
            the provider does not have.
        CandleError
            As `Candles.from_frame`, for bars that cannot be.
        """
        order = self.order
        known = CandleCache().current(order.provider, symbol, order.timeframe)
        if known is None or known.adjustment != order.adjustment:
            return self._keep(self._came(symbol, order.start_ms), order.start_ms)
        before, since = CandleCache().load(known), _asked_since(known)
        if not _reaches_back(since, order.start_ms):
            came = self._came(symbol, order.start_ms)
            return self._keep(_beside(before, came), order.start_ms)
        if order.end_ms is not None and order.end_ms <= known.end_ms:
            return _unchanged(known)
        came = self._came(symbol, int(before.ts[-OVERLAP:][0]))
        if _differing(before, came.candles).any():
            came = self._came(symbol, since)
        return self._keep(_beside(before, came), since)

    def there(self, symbol: str) -> Fetched | None:
        """Return the newest that is kept of a symbol already, adjusted as ordered."""
        order = self.order
        known = CandleCache().versions(order.provider, symbol, order.timeframe)
        alike = [one for one in known if one.adjustment == order.adjustment]
        return _unchanged(alike[-1]) if alike else None

    def _came(self, symbol: str, start_ms: int | None) -> _Came:
        """Return the bars of the window that are over and in the regular session."""
        order, bar = self.order, timeframe_named(self.order.timeframe)
        now_ms = self.now_ms()
        end_ms = now_ms if order.end_ms is None else min(order.end_ms, now_ms)
        wanted = Wanted(
            symbol=symbol,
            bar=bar,
            adjustment=order.adjustment,
            start_ms=start_ms,
            end_ms=end_ms,
            now_ms=now_ms,
        )
        answer = self.client.bars(wanted, self.ask, self.on_bars)
        ts = answer.frame["ts_utc"].to_numpy(np.int64)
        wanted_bars = (ts <= end_ms) & (ts >= (start_ms or 0))
        wanted_bars &= _are_over(ts, bar, answer.calendar, now_ms - answer.settle_ms)
        inside = in_hours(ts, answer.calendar, bar.key)
        if not (wanted_bars & inside).any():
            raise ProviderError(
                f"There are no bars of {symbol} in this window.",
                code="no_bars",
                field="start",
                advice="Choose an earlier start or a later end.",
            )
        candles = Candles.from_frame(
            answer.frame[wanted_bars & inside],
            symbol=symbol,
            timeframe=bar.key,
            calendar=answer.calendar,
            provider=order.provider,
        )
        outside = int((wanted_bars & ~inside).sum())
        return _Came(candles, outside, answer.notes)

    def _keep(self, came: _Came, since: int | None) -> Fetched:
        name = self.order.provider
        series = _series(came)
        kept = CandleCache().put(
            came.candles,
            source_version=f"{name} {installed_version(name)} since {since or ALL}",
            adjustment=self.order.adjustment,
            quality=series["quality"],
        )
        return Fetched(came.candles, kept, series, came.notes)


def _unchanged(known: Version) -> Fetched:
    there = _Came(CandleCache().load(known), 0, ())
    return Fetched(there.candles, Kept(known, "same", 0, 0), _series(there), ())


def _series(came: _Came) -> dict[str, Any]:
    return series_of(came.candles, {"outside_hours": came.outside_hours})


def _asked_since(version: Version) -> int | None:
    """Return since when bars of a version were asked for; None: since the first."""
    said = version.source_version.rpartition(" ")[2]
    return None if said == ALL else int(said)


def _reaches_back(since: int | None, start_ms: int | None) -> bool:
    return since is None or (start_ms is not None and since <= start_ms)


def _differing(before: Candles, came: Candles) -> BoolArray:
    """Return which of the bars that both have are not the same."""
    _, old, new = np.intersect1d(
        before.ts, came.ts, assume_unique=True, return_indices=True
    )
    differ = np.zeros(old.shape[0], dtype=np.bool_)
    for name in (*PRICES, "volume"):
        a, b = getattr(before, name)[old], getattr(came, name)[new]
        differ |= ~np.isclose(a, b, rtol=SAME, atol=0.0, equal_nan=True)
    return differ


def _beside(before: Candles, came: _Came) -> _Came:
    """Return what came with what was there, unless they contradict each other.

    Equal bars keep the values they had: a provider's last digits may dance.
    """
    new = came.candles
    if before.calendar != new.calendar or _differing(before, new).any():
        if new.ts[0] == before.ts[0]:
            return came
        lost = f"bars before {_day(new)} are in an earlier version only."
        return came._replace(notes=(*came.notes, lost))
    fresh = ~np.isin(new.ts, before.ts)
    return came._replace(candles=joined(before, _chosen(new, fresh)))


def _chosen(candles: Candles, rows: BoolArray) -> Candles:
    values = {name: getattr(candles, name)[rows] for name in (*PRICES, "volume")}
    return replace(candles, ts=candles.ts[rows], **values)


def _are_over(ts: IntArray, bar: Timeframe, calendar: str, now_ms: int) -> BoolArray:
    """Return which bars had closed; a day of shares closes with their exchange."""
    closes = ts + bar.ms
    if not bar.intraday and calendar != "24/7":
        sessions = sessions_of(calendar)
        at = np.searchsorted(sessions.days, ts // DAY_MS, side="right") - 1
        is_session = sessions.days[at] == ts // DAY_MS
        closes = np.where(is_session, sessions.closes[at], closes)
    return np.asarray(closes <= now_ms)


def _day(candles: Candles) -> str:
    return str(candles.ts[0].astype("datetime64[ms]").astype("datetime64[D]"))
