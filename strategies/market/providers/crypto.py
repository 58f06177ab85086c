"""Bars of crypto exchanges, through the library ccxt.

A symbol names exchange and market: ``binance:BTC/USDT`` is written
``binance.BTC-USDT``, a perpetual ``binance:BTC/USDT:USDT`` is
``binance.BTC-USDT=USDT``, so that a path may contain it.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from strategies.errors import StrategyError, did_you_mean
from strategies.market.columns import PRICES
from strategies.market.providers.client import (
    Answer,
    Ask,
    Wanted,
    failed,
    no_network,
    rate_limited,
    unknown_symbol,
)
from strategies.market.providers.order import kept_market
from strategies.market.timeframe import DAY_MS

if TYPE_CHECKING:
    import pandas as pd

Row = list[float]

EXCHANGE = re.compile(r"[a-z0-9]{2,30}")
TIMEOUT_MS = 20_000
BARS_PER_REQUEST = 1000
LONG_AGO_MS = 1_262_304_000_000  # 2010-01-01, before the first exchange
MOST_EMPTY = 50  # answers in a row without a bar


class Crypto:
    """Asks exchanges, no faster than each of them allows."""

    def __init__(self) -> None:
        self._open: dict[str, Any] = {}

    def bars(
        self, wanted: Wanted, ask: Ask, on_bars: Callable[[int], object]
    ) -> Answer:
        """Return the bars from the start wanted until the end wanted.

        Raises
        ------
        ProviderError
            See `strategies.market.providers.fetch.fetch_symbol`.
        """
        name, _, market = wanted.symbol.partition(".")
        if name not in self._open:
            self._open[name] = open_exchange(name)
        exchange = self._open[name]

        def asked(method: Callable[..., Any], *arguments: Any) -> Any:
            def request() -> Any:
                with _said_plainly(exchange):
                    return method(*arguments)

            return ask(request)

        _check_timeframe(exchange, wanted)
        asked(exchange.load_markets)
        theirs = _market(exchange, market)

        def page(since_ms: int | None) -> list[Row]:
            rows = exchange.fetch_ohlcv(
                theirs, wanted.bar.key, since_ms, BARS_PER_REQUEST
            )
            return [[float("nan") if x is None else x for x in row] for row in rows]

        rows = _walked(lambda since_ms: asked(page, since_ms), wanted, on_bars)
        frame = _frame(rows)
        if not wanted.bar.intraday and (frame["ts_utc"] % DAY_MS).any():
            why = "has days that do not begin at 00:00 UTC"
            raise failed(exchange.name, why, may_pass=False)
        return Answer(frame=frame, calendar="24/7", notes=_notes(frame, wanted))


def open_exchange(name: str) -> Any:
    """Return a connection to an exchange; nothing is asked yet.

    Raises
    ------
    ProviderError
        ``unknown_symbol`` if there is no such exchange, or it offers no bars.
    """
    module = _exchange_module(name) if EXCHANGE.fullmatch(name) else None
    found = getattr(module, name, None)
    if not isinstance(found, type):
        raise unknown_symbol(
            "ccxt",
            name,
            "Begin with the name of an exchange: binance:BTC/USDT, kraken:ETH/EUR.",
        )
    exchange = found({"enableRateLimit": True, "timeout": TIMEOUT_MS})
    if not exchange.has["fetchOHLCV"]:
        raise failed(exchange.name, "offers no bars", may_pass=False)
    exchange.fetch = _whole(exchange.fetch)
    return exchange


def _whole(fetch: Callable[..., Any]) -> Callable[..., Any]:
    """Return `fetch` without its kindness to JSON that is cut off.

    ccxt hands it on as text, of which no bars can be made: a hole nobody hears of.
    """

    def checked(*arguments: Any, **options: Any) -> Any:
        answer = fetch(*arguments, **options)
        if isinstance(answer, str):
            raise ValueError("not JSON")
        return answer

    return checked


def _exchange_module(name: str) -> ModuleType | None:
    """Import one exchange of ccxt; `import ccxt` would import all hundred of them."""
    if "ccxt" in sys.modules:
        return _imported(f"ccxt.{name}")
    spec = find_spec("ccxt")
    package = ModuleType("ccxt")
    package.__path__ = list((spec and spec.submodule_search_locations) or ())
    sys.modules["ccxt"] = package
    try:
        return _imported(f"ccxt.{name}")
    finally:
        del sys.modules["ccxt"]  # whoever imports all of it gets all of it


def _imported(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        return None


def _check_timeframe(exchange: Any, wanted: Wanted) -> None:
    offered = exchange.timeframes or {}
    if wanted.bar.key not in offered:
        raise StrategyError(
            f"{exchange.name} has no bars of {wanted.bar.words}.",
            code="unknown_timeframe",
            field="timeframe",
            advice=f"It has {', '.join(offered)}. Longer bars can be had of shorter.",
        )


def _market(exchange: Any, name: str) -> str:
    """Return what the exchange calls a market."""
    known: dict[str, str] = {kept_market(one): one for one in exchange.markets}
    if name not in known:
        guess = did_you_mean(name, known)
        advice = guess or f"Write {exchange.id}:BTC/USDT, base and quote."
        raise unknown_symbol(exchange.name, name, advice)
    return known[name]


def _walked(
    page: Callable[[int | None], list[Row]],
    wanted: Wanted,
    on_bars: Callable[[int], object],
) -> list[Row]:
    """Return all bars from the start wanted, request by request.

    An answer may hold fewer bars than asked for, begin later, or be empty where the
    market did not exist yet; it always is in order.
    """
    rows: list[Row] = []
    since = wanted.start_ms
    if since is None:
        since = LONG_AGO_MS
        if not page(since):  # an exchange that answers for a window only
            return page(None)
    n_empty = 0
    while since <= wanted.end_ms and n_empty < MOST_EMPTY:
        new = [row for row in page(since) if row[0] >= since]
        rows += new
        on_bars(len(rows))
        n_empty = 0 if new else n_empty + 1
        if not new and rows:
            break
        step = wanted.bar.ms
        since = int(new[-1][0]) + step if new else since + BARS_PER_REQUEST * step
    return rows


def _frame(rows: list[Row]) -> pd.DataFrame:
    import pandas as pd

    table = np.array([row[:6] for row in rows], dtype=np.float64).reshape(-1, 6)
    frame = pd.DataFrame(table, columns=["ts_utc", *PRICES, "volume"])
    return frame.astype({"ts_utc": np.int64})


def _notes(frame: pd.DataFrame, wanted: Wanted) -> tuple[str, ...]:
    start = wanted.start_ms
    if start is None or not len(frame) or frame["ts_utc"].iloc[0] < start + DAY_MS:
        return ()
    return ("the exchange has no bars as old as asked for.",)


@contextmanager
def _said_plainly(exchange: Any) -> Iterator[None]:
    """Turn what the client raises into a sentence with a code."""
    from ccxt.base import errors

    who = exchange.name
    try:
        yield
    except (errors.RateLimitExceeded, errors.DDoSProtection):
        raise rate_limited(who) from None
    except (errors.ExchangeNotAvailable, errors.RequestTimeout) as error:
        raise failed(who, "does not answer as it should") from error
    except errors.NetworkError as error:
        raise no_network(who) from error
    except errors.BaseError as error:
        why = f"refused the request: {str(error)[:120]}"
        raise failed(who, why, may_pass=False) from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise failed(who, "gave an answer that cannot be read") from error
