"""Bars of Yahoo Finance, through the library yfinance.

Yahoo's prices are adjusted for splits, and it sends a factor for dividends beside them:
``split`` is what it sends, ``total`` multiplies all four prices by the factor, ``raw``
takes the splits out again. Only ``raw`` never changes with later splits and dividends.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from strategies.errors import StrategyError
from strategies.market.columns import PRICES
from strategies.market.providers.client import (
    Answer,
    Ask,
    ProviderError,
    Wanted,
    failed,
    no_network,
    rate_limited,
    unknown_symbol,
)
from strategies.market.roots import quant_home
from strategies.market.timeframe import DAY_MS, Timeframe
from strategies.types import FloatArray

if TYPE_CHECKING:
    import pandas as pd

WHO = "Yahoo"
# How far back Yahoo goes, and how much of it one request may be for.
REACH_DAYS = {"1m": 29, "5m": 59, "15m": 59, "30m": 59, "1h": 729}
REQUEST_DAYS = {"1m": 7}
TIMEOUT_S = 20
SETTLE_MS = 30 * 60_000  # its last prices are up to a quarter of an hour late
LOOK_UP = "Look the name up at finance.yahoo.com."
NEW_YORK = "America/New_York"
CALENDARS = {"CRYPTOCURRENCY": "24/7", "CURRENCY": "24/5", "FUTURE": "24/5"}
OTHER_EXCHANGE = (
    "the lab has no calendar of this exchange: days are compared with New York's, so "
    "its own holidays count as gaps."
)


class Yahoo:
    """Asks Yahoo; cookies and time zones it learns stay below the lab's caches."""

    def __init__(self) -> None:
        import yfinance

        self._library = yfinance
        yfinance.set_tz_cache_location(str(quant_home() / "cache" / "yfinance"))
        yfinance.config.debug.hide_exceptions = False

    def bars(
        self, wanted: Wanted, ask: Ask, on_bars: Callable[[int], object]
    ) -> Answer:
        """Return the bars from the start wanted until now.

        Raises
        ------
        ProviderError
            See `strategies.market.providers.fetch.fetch_symbol`.
        """
        _check(wanted)
        ticker = self._library.Ticker(wanted.symbol, session=open_session())
        parts: list[pd.DataFrame] = []
        for start_ms, end_ms in _requests(wanted):
            parts.append(ask(partial(_asked, ticker, wanted, start_ms, end_ms)))
            on_bars(sum(map(len, parts)))
        calendar, notes = _calendar(ticker.get_history_metadata(), wanted)
        return Answer(
            frame=_frame(parts, wanted),
            calendar=calendar,
            notes=(*_reach_notes(wanted), *notes),
            settle_ms=SETTLE_MS,
        )


def open_session() -> Any:
    """Return the HTTP session to ask through; None is the library's own."""
    return None


def _check(wanted: Wanted) -> None:
    if wanted.bar.intraday and wanted.adjustment == "total":
        raise StrategyError(
            "Yahoo adjusts bars shorter than a day for splits, not for dividends.",
            code="unknown_choice",
            field="adjustment",
            advice="Use split, or raw.",
        )


def _requests(wanted: Wanted) -> Iterator[tuple[int | None, int | None]]:
    """Return first and last moment of each request; None: no bound.

    The last one always ends now: splits that came later are needed for what was before.
    """
    reach = REACH_DAYS.get(wanted.bar.key)
    if reach is None:
        yield wanted.start_ms, None
        return
    earliest = wanted.now_ms - reach * DAY_MS
    start = max(earliest, wanted.start_ms or earliest)
    step = REQUEST_DAYS.get(wanted.bar.key, reach + 1) * DAY_MS
    while start + step < wanted.now_ms:
        yield start, start + step
        start += step
    yield start, None


def _reach_notes(wanted: Wanted) -> Iterator[str]:
    reach = REACH_DAYS.get(wanted.bar.key)
    start = wanted.start_ms
    if reach and start is not None and start < wanted.now_ms - (reach + 1) * DAY_MS:
        yield f"Yahoo keeps bars of {wanted.bar.words} for {reach} days only."


def _asked(
    ticker: Any, wanted: Wanted, start_ms: int | None, end_ms: int | None
) -> pd.DataFrame:
    asked: dict[str, Any] = {"period": "max"}
    if start_ms is not None:
        asked = {"start": _moment(start_ms, wanted.bar)}
        asked |= {} if end_ms is None else {"end": _moment(end_ms, wanted.bar)}
    with _said_plainly(wanted), warnings.catch_warnings():
        # It was not written for this pandas.
        warnings.filterwarnings("ignore", module="yfinance")
        frame: pd.DataFrame = ticker.history(
            interval=wanted.bar.key,
            auto_adjust=False,
            actions=True,
            timeout=TIMEOUT_S,
            **asked,
        )
    return frame


def _moment(stamp_ms: int, bar: Timeframe) -> datetime:
    """Return a time as yfinance takes it: a date is one on the exchange's own clock."""
    moment = datetime.fromtimestamp(stamp_ms / 1000, UTC)
    return moment if bar.intraday else moment.replace(tzinfo=None)


@contextmanager
def _said_plainly(wanted: Wanted) -> Iterator[None]:
    """Turn what the client raises into a sentence with a code."""
    from yfinance import exceptions
    from yfinance.data import YfData

    try:
        yield
    except exceptions.YFRateLimitError:
        raise rate_limited(WHO) from None
    except exceptions.YFTzMissingError:
        raise unknown_symbol(WHO, wanted.symbol, LOOK_UP) from None
    except exceptions.YFTickerMissingError as error:
        raise _missing(wanted, error) from None
    except (exceptions.YFException, ValueError, LookupError, TypeError) as error:
        YfData.cache_get.cache_clear()  # it would give the broken answer again
        why = "gave an answer that cannot be read"
        raise failed(WHO, why) from error
    except OSError as error:  # what curl and requests raise is one
        raise no_network(WHO) from error


def _missing(wanted: Wanted, error: Any) -> ProviderError:
    """Return what it means that there are no prices; Yahoo may say why."""
    reason = str(getattr(error, "yahoo_reason", None) or "")
    if "No data found" in reason:
        return unknown_symbol(WHO, wanted.symbol, LOOK_UP)
    why = f"says: {reason[:120].rstrip('.')}" if reason else "gave no bars"
    return failed(WHO, f"{why} ({wanted.symbol})")


def _frame(parts: list[pd.DataFrame], wanted: Wanted) -> pd.DataFrame:
    """Return the parts as one frame of ours, adjusted as wanted."""
    import pandas as pd

    whole = pd.concat([part for part in parts if len(part)] or parts[:1])
    whole = whole[~whole.index.duplicated(keep="last")].sort_index()
    index = pd.DatetimeIndex(whole.index)
    if not wanted.bar.intraday:
        index = index.tz_localize(None).normalize()
    prices, volume = _adjusted(whole, wanted.adjustment)
    ts = {"ts_utc": index.as_unit("ms").asi8}
    return pd.DataFrame(ts | prices | {"volume": volume})


def _adjusted(
    whole: pd.DataFrame, adjustment: str
) -> tuple[dict[str, FloatArray], FloatArray]:
    """Return prices and volume; what Yahoo sends is adjusted for splits."""
    factor: FloatArray = np.ones(len(whole))
    if adjustment == "total":
        factor = (whole["Adj Close"] / whole["Close"]).to_numpy(np.float64)
    volume = whole["Volume"].to_numpy(np.float64)
    if adjustment == "raw":
        ratios = whole["Stock Splits"].to_numpy(np.float64)
        ratios = np.where(ratios > 0.0, ratios, 1.0)
        after = np.cumprod(ratios[::-1])[::-1]
        factor = after / ratios  # of the splits after each bar
        volume = volume / factor
    prices = {
        name: whole[name.capitalize()].to_numpy(np.float64) * factor for name in PRICES
    }
    return prices, volume


def _calendar(meta: Any, wanted: Wanted) -> tuple[str, tuple[str, ...]]:
    """Return the calendar of a symbol, and what is doubtful about it."""
    kind, zone = meta.get("instrumentType"), meta.get("exchangeTimezoneName")
    if kind in CALENDARS:
        return CALENDARS[kind], ()
    if zone == NEW_YORK:
        return "XNYS", ()
    if wanted.bar.intraday:
        raise StrategyError(
            f"Bars of {wanted.bar.words} need the hours of the exchange of "
            f"{wanted.symbol}, which the lab does not know.",
            code="unknown_calendar",
            field="timeframe",
            advice="Fetch 1d.",
        )
    return "XNYS", (OTHER_EXCHANGE,)
