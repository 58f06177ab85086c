"""Providers: real clients against a server that answers as Yahoo and Binance do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from strategies.errors import StrategyError
from strategies.market import sources
from strategies.market.cache import CandleCache
from strategies.market.providers import REMOTES, crypto, yahoo
from strategies.market.providers.fetch import Fetch, client_of
from strategies.market.providers.order import FetchOrder
from strategies.market.providers.retry import Retries
from tests.providers import Instrument, serving, session_to

DAY = 86_400_000


def ms(text: str) -> int:
    return int(pd.Timestamp(text).value // 10**6)


@pytest.fixture(scope="module")
def server():
    with serving() as provider:
        yield provider


@pytest.fixture(autouse=True)
def _asked_here(server, monkeypatch, home):
    server.yahoo, server.binance, server.faults, server.asked = {}, {}, [], []
    monkeypatch.setattr(yahoo, "open_session", lambda: session_to(server.url))
    connect = crypto.open_exchange

    def open_exchange(name):
        exchange = connect(name)
        apis = exchange.urls["api"].items()
        moved = {k: v.replace("https:/", server.url) for k, v in apis}
        exchange.urls["api"] = moved
        exchange.enableRateLimit = False
        return exchange

    monkeypatch.setattr(crypto, "open_exchange", open_exchange)


def fetch(now="2024-03-01 22:00", waits=None, **asked):
    """Return what fetching one symbol comes to."""
    order = FetchOrder.of({"provider": "yfinance", "symbols": ["ACME"]} | asked)
    ask = Retries(
        rng=np.random.default_rng(0), sleep=(waits if waits is not None else []).append
    )
    made = Fetch(order=order, client=client_of(order), ask=ask, now_ms=lambda: ms(now))
    return made.symbol(order.symbols[0])


def refusal(**asked):
    with pytest.raises(StrategyError) as refused:
        fetch(**asked)
    return refused.value


def days(first="2024-01-02", last="2024-03-01", at="9h30m", **facts) -> Instrument:
    """Return sessions whose closes are 100, 101, …"""
    index = pd.bdate_range(first, last) + pd.Timedelta(at)
    return Instrument(pd.Series(np.arange(100.0, 100.0 + len(index)), index), **facts)


def minutes(n: int, step_ms=DAY, first="2024-01-01") -> np.ndarray:
    """Return rows of Binance: opens in ms, and prices of about 100."""
    rows = np.full((n, 6), 100.0)
    rows[:, 0] = ms(first) + step_ms * np.arange(n)
    rows[:, 2], rows[:, 3], rows[:, 4] = 103.0, 97.0, 99.0 + np.arange(n) % 4
    return rows


def test_days_of_yahoo_are_stamped_by_their_date_and_appended(server):
    server.yahoo["ACME"] = days(last="2024-02-29")
    first = fetch(now="2024-02-29 22:00")
    calls = len(server.asked)

    assert first.kept.outcome == "new"
    assert first.candles.ts[0] == ms("2024-01-02")  # not 14:30 UTC, not 05:00
    assert first.candles.ts[-1] == ms("2024-02-29")
    assert (first.candles.calendar, first.candles.close[0]) == ("XNYS", 100.0)
    assert sources.describe("yfinance", "ACME", "1w").rows == 8

    server.yahoo["ACME"] = days(last="2024-03-08")
    second = fetch(now="2024-03-08 22:00")
    asked = [query for path, query in server.asked[calls:] if "/chart/" in path]
    assert second.kept[1:] == ("extended", 6, 0)
    assert {query.get("period1") for query in asked} <= {"1708059600", None}  # 16 Feb
    assert len(CandleCache().load(second.kept.version)) == len(second.candles) == 49
    assert fetch(now="2024-03-08 23:00").kept.outcome == "same"


def test_a_bar_is_taken_once_it_is_over(server):
    server.yahoo["ACME"] = days(last="2024-03-01")

    # New York closes at 21:00 UTC; Yahoo's prices are late by a quarter of an hour.
    ends = [fetch(now=f"2024-03-01 {t}").candles.ts[-1] for t in ("21:20", "21:31")]
    assert ends == [ms("2024-02-29"), ms("2024-03-01")]

    server.binance["BTCUSDT"] = minutes(50, 3_600_000)
    found = fetch(
        provider="ccxt", symbols="binance:BTC/USDT", timeframe="1h", start="2024-01-01",
        now="2024-01-02 03:59",
    )  # fmt: skip
    assert found.candles.ts[-1] == ms("2024-01-02 02:00")


def test_adjustments_differ_by_splits_and_dividends(server):
    server.yahoo["ACME"] = days(
        splits={"2024-02-01": (2, 1)}, dividends={"2024-02-15": 10.0}
    )
    split = fetch(adjustment="split").candles
    raw = fetch(adjustment="raw")
    total = fetch()

    at, ex = np.searchsorted(split.ts, [ms("2024-02-01"), ms("2024-02-15")])
    assert split.close[at - 1] == 100.0 + at - 1
    # Two for one: before it twice the price was paid, for half the shares.
    np.testing.assert_array_equal(raw.candles.close[:at], 2 * split.close[:at])
    np.testing.assert_array_equal(raw.candles.close[at:], split.close[at:])
    assert (raw.candles.volume[at - 1], raw.candles.volume[at]) == (600.0, 1200.0)
    # The factor of a dividend of a tenth, on every price before the day it went ex.
    np.testing.assert_allclose(total.candles.low[:ex], 0.9 * split.low[:ex])
    np.testing.assert_array_equal(total.candles.low[ex:], split.low[ex:])
    assert total.candles.quality["inconsistent_rows"] == 0
    assert total.kept.outcome == "restated"  # other prices than those kept before
    assert [raw.kept.version.adjustment, total.kept.version.adjustment] == [
        "raw", "total",
    ]  # fmt: skip
    [suspect] = raw.series["quality"]["suspected_splits"]
    assert (suspect["ratio"], suspect["ts"]) == ("2:1", ms("2024-02-01"))


def test_restated_data_are_noticed_and_both_versions_kept(server):
    server.yahoo["ACME"] = days(last="2024-02-29")
    first = fetch(now="2024-02-29 22:00")
    # A dividend: what was total before is not any more, from the first bar on.
    server.yahoo["ACME"] = days(dividends={"2024-03-01": 1.0})
    second = fetch()

    assert second.kept.outcome == "restated"
    assert (second.kept.added, second.kept.changed) == (1, len(first.candles))
    assert second.candles.ts[0] == first.candles.ts[0]
    versions = CandleCache().versions("yfinance", "ACME", "1d")
    assert [v.content_sha for v in versions] == [
        first.candles.fingerprint, second.candles.fingerprint,
    ]  # fmt: skip
    # Digits that dance are no restatement, and the old ones stay.
    server.yahoo["ACME"].closes *= 1 + 1e-7
    assert fetch().kept.outcome == "same"


def test_an_earlier_start_brings_older_bars(server):
    server.yahoo["ACME"] = days()
    late = fetch(start="2024-02-01")
    early = fetch(start="2024-01-15")

    assert late.candles.ts[0] == ms("2024-02-01")
    assert early.kept[1:] == ("extended", 13, 0)
    n_asked = len(server.asked)
    assert fetch(start="2024-01-20", end="2024-02-20").kept.outcome == "same"
    assert len(server.asked) == n_asked  # all of that is here
    assert fetch().candles.ts[0] == ms("2024-01-02")  # all there is


def test_hours_follow_new_yorks_clock_and_leave_out_the_rest(server):
    index = pd.DatetimeIndex(
        pd.Timestamp(f"{day} {hour}:30")
        for day in ("2024-03-08", "2024-03-11")  # clocks went forward on the 10th
        for hour in ("08", "09", "10", "11", "12", "13", "14", "15", "16")
    )
    server.yahoo["ACME"] = Instrument(pd.Series(100.0, index=index))
    found = fetch(
        timeframe="1h", adjustment="split", start="2024-03-08", now="2024-03-12 12:00"
    )

    opens = pd.DatetimeIndex(found.candles.ts.astype("datetime64[ms]"))
    assert [f"{t:%d %H:%M}" for t in opens[[0, 6, 7, 13]]] == [
        "08 14:30", "08 20:30", "11 13:30", "11 19:30",
    ]  # fmt: skip
    assert len(opens) == 14  # seven an open day: nothing before or after it
    assert found.series["coverage"] == 1.0
    made = sources.load_symbol("yfinance", "ACME", "1d")
    assert made.ts.tolist() == [ms("2024-03-08"), ms("2024-03-11")]


def test_other_markets_have_other_calendars(server):
    weekend = pd.date_range("2024-01-05", "2024-01-14")
    found = {}
    for name, kind in (("BTC-USD", "CRYPTOCURRENCY"), ("EURUSD=X", "CURRENCY")):
        index = weekend if kind != "CURRENCY" else weekend[weekend.day_of_week < 5]
        server.yahoo[name] = Instrument(
            pd.Series(1.0 + np.arange(len(index)), index), zone="UTC", kind=kind
        )
        found[name] = fetch(symbols=name, now="2024-01-15 00:00")

    assert found["BTC-USD"].candles.calendar == "24/7"
    # The day of the 14th is over at midnight, and settled half an hour later.
    assert found["BTC-USD"].candles.ts[-1] == ms("2024-01-13")
    assert found["EURUSD=X"].candles.calendar == "24/5"
    assert found["EURUSD=X"].series["coverage"] == 1.0
    server.yahoo["SAP.DE"] = days(at="9h", zone="Europe/Berlin")
    assert "no calendar of this exchange" in fetch(symbols="sap.de").notes[0]
    error = refusal(symbols="SAP.DE", timeframe="1h", adjustment="split")
    assert (error.code, error.advice) == ("unknown_calendar", "Fetch 1d.")


def test_an_exchange_is_asked_page_by_page(server):
    server.binance["BTCUSDT"] = minutes(2_500, 60_000)
    asked = {
        "provider": "ccxt", "symbols": "binance:BTC/USDT", "timeframe": "1m",
        "start": "2024-01-01",
    }  # fmt: skip
    found = fetch(now="2024-01-02 17:00", **asked)

    assert (found.kept.outcome, len(found.candles)) == ("new", 2_460)
    since = [
        int(query["startTime"]) for path, query in server.asked if "klines" in path
    ]
    assert since == [ms("2024-01-01") + k * 60_000_000 for k in (0, 1, 2)]
    assert found.candles.symbol == "binance.BTC-USDT"
    assert found.kept.version.key.startswith("candles/ccxt/binance.BTC-USDT/1m/")

    more = fetch(now="2024-01-02 17:10", **asked)
    assert more.kept[1:] == ("extended", 10, 0)
    older = fetch(now="2024-01-03", **asked | {"start": "2023-12-01"})
    assert older.notes == ("the exchange has no bars as old as asked for.",)
    # All there is: from before the first bar, or of what is answered without a date.
    assert len(fetch(now="2024-01-03", **asked | {"start": None}).candles) == 2_500


def test_what_may_pass_is_tried_again_and_then_said(server):
    server.binance["BTCUSDT"] = minutes(60)
    crypto = {"provider": "ccxt", "symbols": "binance:BTC/USDT", "start": "2024-01-01"}
    server.yahoo["ACME"] = days()
    waits = []
    server.faults = [500, "cut", 429]
    assert fetch(waits=waits, now="2024-02-01", **crypto).kept.outcome == "new"
    assert [0.5 * 2**k <= wait <= 1.5 * 2**k for k, wait in enumerate(waits)] == [
        True, True, True,
    ]  # fmt: skip
    server.faults = [500, 500, "cut", "cut"]  # this client asks each twice
    assert fetch().kept.outcome == "new"

    for faults, code in (([429] * 20, "rate_limited"), ([500] * 20, "provider_error")):
        for asked in ({"end": "2024-12-01"}, crypto):
            server.faults = list(faults)
            error = refusal(now="2024-06-01", **asked)
            assert (error.code, bool(error.advice)) == (code, True)
    server.faults = []
    assert len(CandleCache().versions("yfinance", "ACME", "1d")) == 1


def test_without_a_network_it_is_said(server, monkeypatch):
    closed = "http://127.0.0.1:1"
    monkeypatch.setattr(server, "url", closed)
    monkeypatch.setattr(yahoo, "open_session", lambda: session_to(closed))
    waits = []
    for asked in ({}, {"provider": "ccxt", "symbols": "binance:BTC/USDT"}):
        error = refusal(waits=waits, **asked)
        assert error.code == "no_network"
        assert error.advice.startswith("Check the connection")
    assert len(waits) == 6


def test_names_that_are_none_are_refused_with_advice(server):
    server.yahoo["ACME"] = days()
    ccxt = {"provider": "ccxt"}
    for asked, code, advice in (
        ({"symbols": "NOPE"}, "unknown_symbol", "Look the name up"),
        ({"start": "2030-01-01"}, "no_bars", "Choose an earlier start"),
        ({"symbols": "../../etc"}, "unknown_symbol", "As Yahoo writes them"),
        ({"symbols": "a/b"}, "unknown_symbol", "As Yahoo writes them"),
        ({"symbols": []}, "invalid_value", "Name 1 to 50."),
        ({"timeframe": "1w"}, "unknown_timeframe", "Fetch 1d"),
        ({"timeframe": "1h"}, "unknown_choice", "Use split, or raw."),
        ({"adjustment": "best"}, "invalid_value", "Use one of: total"),
        ({"start": "soon"}, "invalid_value", "Leave it out"),
        ({"start": "2024-02-02", "end": "2024-02-01"}, "invalid_value", "Exchange"),
        ({"provider": "yfinanc"}, "unknown_provider", "Did you mean 'yfinance'?"),
        (ccxt | {"symbols": "binance:BTC/USDD"}, "unknown_symbol", "Did you mean"),
        (ccxt | {"symbols": "bynance:BTC/USDT"}, "unknown_symbol", "Begin with"),
        (ccxt | {"symbols": "base:exchange"}, "unknown_symbol", "Begin with"),
        (ccxt | {"symbols": "../x:BTC/USDT"}, "unknown_symbol", "Exchange and market"),
        (ccxt | {"symbols": "binance:../../x"}, "unknown_symbol", "Exchange and"),
    ):
        error = refusal(**asked)
        assert (error.code, error.advice[: len(advice)]) == (code, advice), asked


def test_runs_are_told_to_fetch_first_and_extras_how_to_install(monkeypatch, home):
    with pytest.raises(StrategyError) as refused:
        sources.load_symbol("yfinance", "ACME", "1d")
    assert (refused.value.code, refused.value.field) == ("not_fetched", "symbol")
    monkeypatch.setattr(
        "strategies.market.providers.find_spec", lambda name: None, raising=True
    )
    error = refusal()
    assert (error.code, error.field) == ("not_installed", "provider")
    assert "'.[yahoo]'" in error.advice
    assert [remote.is_installed for remote in REMOTES.values()] == [False, False]
