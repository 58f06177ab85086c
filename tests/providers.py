"""A server on this machine that answers as Yahoo and Binance do, and fails to order.

The real client libraries talk to it; only the addresses they ask are others.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

DAY_MS = 86_400_000
MARKETS = {"BTCUSDT": ("BTC", "USDT"), "ETHUSDT": ("ETH", "USDT")}
NOT_FOUND = {"code": "Not Found", "description": "No data found"}


@dataclass
class Instrument:
    """Closes by opens on the local clock, and what else Yahoo says of a symbol."""

    closes: pd.Series
    zone: str = "America/New_York"
    kind: str = "EQUITY"
    splits: dict[str, tuple[int, int]] = field(default_factory=dict)
    dividends: dict[str, float] = field(default_factory=dict)


@dataclass
class Provider:
    """What the server says, and what it was asked."""

    yahoo: dict[str, Instrument] = field(default_factory=dict)
    binance: dict[str, np.ndarray] = field(default_factory=dict)  # (n, 6), ms and OHLCV
    faults: list[int | str] = field(default_factory=list)  # of the next bars asked for
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    url: str = ""

    def counts(self) -> Counter[str]:
        return Counter(path for path, _ in self.asked)

    def answer(self, path: str, query: dict[str, str]) -> tuple[int, bytes]:
        self.asked.append((path, query))
        if "/chart/" in path or path.endswith("/klines"):
            fault = self.faults.pop(0) if self.faults else None
            if isinstance(fault, int) and fault:
                return fault, b'{"msg": "Too much"}'
            body = self._bars(path, query)
            text = json.dumps(body[1]).encode()
            return body[0], text[: len(text) // 2] if fault == "cut" else text
        if path.endswith("/exchangeInfo"):
            return 200, json.dumps(_markets(path)).encode()
        return 404, b"{}"  # cookies and crumbs: not needed

    def _bars(self, path: str, query: dict[str, str]) -> tuple[int, Any]:
        if path.endswith("/klines"):
            return 200, _klines(self.binance[query["symbol"]], query)
        name = path.rpartition("/")[2].replace("%3D", "=")
        if name not in self.yahoo:
            return 404, {"chart": {"result": None, "error": NOT_FOUND}}
        return 200, _chart(name, self.yahoo[name], query)


@contextmanager
def serving() -> Iterator[Provider]:
    """Start the server; it is gone afterwards."""
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = urlsplit(self.path)
            query = {k: v[0] for k, v in parse_qs(address.query).items()}
            status, body = provider.answer(address.path, query)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        provider.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield provider
        finally:
            server.shutdown()
            thread.join()


def session_to(url: str) -> Any:
    """Return a session of curl_cffi that asks `url` whatever it is asked for."""
    from curl_cffi import requests

    class Session(requests.Session):
        def request(self, method: str, address: str, **options: Any) -> Any:
            there = urlsplit(address)
            return super().request(
                method, f"{url}/{there.netloc}{there.path}", **options
            )

        def get(self, url: str, **options: Any) -> Any:
            return self.request("GET", url, **options)

        def post(self, url: str, **options: Any) -> Any:
            return self.request("POST", url, **options)

    return Session()


def _chart(name: str, one: Instrument, query: dict[str, str]) -> Any:
    """Return what /v8/finance/chart says: prices adjusted for splits, and a factor."""
    local = pd.DatetimeIndex(one.closes.index).tz_localize(one.zone)
    seconds = local.as_unit("s").asi8
    first, last = int(query.get("period1", 0)), int(query.get("period2", 1 << 40))
    shown = (seconds >= first) & (seconds <= last)
    closes, stamps = one.closes.to_numpy()[shown], seconds[shown]
    factor = np.ones(len(closes))
    for day, paid in one.dividends.items():
        before = local[shown] < pd.Timestamp(day, tz=one.zone)
        factor[before] *= 1 - paid / 100
    quote = {
        "open": (closes * 0.99).tolist(),
        "high": (closes * 1.02).tolist(),
        "low": (closes * 0.98).tolist(),
        "close": closes.tolist(),
        "volume": [1200] * len(closes),
    }
    meta = {
        "symbol": name,
        "currency": "USD",
        "instrumentType": one.kind,
        "exchangeTimezoneName": one.zone,
        "timezone": "EST",
        "gmtoffset": -18000,
        "priceHint": 2,
        "validRanges": ["1d", "max"],
        "dataGranularity": query["interval"],
    }
    if query["interval"] != "1d":
        meta["tradingPeriods"] = _periods(one)
    result = {
        "meta": meta,
        "timestamp": stamps.tolist(),
        "indicators": {
            "quote": [quote],
            "adjclose": [{"adjclose": (closes * factor).tolist()}],
        },
        "events": _events(one),
    }
    return {"chart": {"result": [result], "error": None}}


def _periods(one: Instrument) -> list[list[dict[str, Any]]]:
    days = sorted({stamp.normalize() for stamp in one.closes.index})
    zone = ZoneInfo(one.zone)
    return [
        [
            {
                "timezone": "EST",
                "gmtoffset": -18000,
                "start": int(
                    (day + pd.Timedelta("9h30m")).tz_localize(zone).timestamp()
                ),
                "end": int((day + pd.Timedelta("16h")).tz_localize(zone).timestamp()),
            }
        ]
        for day in days
    ]


def _events(one: Instrument) -> dict[str, Any]:
    def stamp(day: str) -> int:
        return int(pd.Timestamp(f"{day} 09:30", tz=one.zone).timestamp())

    return {
        "splits": {
            str(stamp(day)): {
                "date": stamp(day),
                "numerator": new,
                "denominator": old,
                "splitRatio": f"{new}:{old}",
            }
            for day, (new, old) in one.splits.items()
        },
        "dividends": {
            str(stamp(day)): {"date": stamp(day), "amount": paid}
            for day, paid in one.dividends.items()
        },
    }


def _klines(bars: np.ndarray, query: dict[str, str]) -> Any:
    """Return at most `limit` bars from `startTime`, prices as text."""
    since, limit = int(query.get("startTime", 0)), int(query.get("limit", 500))
    rows = bars[bars[:, 0] >= since][:limit]
    return [[int(row[0]), *map(str, row[1:]), int(row[0]) + 1] for row in rows]


def _markets(path: str) -> Any:
    if not path.startswith("/api.binance.com"):
        return {"symbols": []}
    return {
        "timezone": "UTC",
        "symbols": [
            {
                "symbol": name,
                "status": "TRADING",
                "baseAsset": base,
                "quoteAsset": quote,
                "isSpotTradingAllowed": True,
                "permissions": ["SPOT"],
                "permissionSets": [["SPOT"]],
                "orderTypes": ["LIMIT"],
                "filters": [],
                "baseAssetPrecision": 8,
                "quotePrecision": 8,
            }
            for name, (base, quote) in MARKETS.items()
        ],
    }
