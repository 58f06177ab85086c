"""Providers that are asked over the network; runs read only what the cache kept.

Importing this room imports no client library: one is loaded when bars are fetched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """What is said of a provider before it is asked.

    Attributes
    ----------
    name : str
        As configs and the cache call it, which is also the name of its library.
    label : str
        For people.
    extra : str
        The extra of this package that installs its client library.
    client : str
        "module:class" of its `Client`, resolved when bars are fetched.
    adjustments : tuple of str
        What its prices can be adjusted for; the first is the default.
    symbols : str
        How its symbols are written, one sentence.
    example : str
    """

    name: str
    label: str
    extra: str
    client: str
    adjustments: tuple[str, ...]
    symbols: str
    example: str

    @property
    def is_installed(self) -> bool:
        """Whether its client library is there; nothing is imported."""
        return find_spec(self.name) is not None

    @property
    def how(self) -> str:
        """Return what to do where it is not installed."""
        return f"Install it with .venv/bin/pip install '.[{self.extra}]'."


REMOTES: Mapping[str, Remote] = {
    remote.name: remote
    for remote in (
        Remote(
            name="yfinance",
            label="Yahoo Finance",
            extra="yahoo",
            client="strategies.market.providers.yahoo:Yahoo",
            adjustments=("total", "split", "raw"),
            symbols="As Yahoo writes them: AAPL, BRK-B, ^GSPC, EURUSD=X, BTC-USD.",
            example="AAPL",
        ),
        Remote(
            name="ccxt",
            label="Crypto exchanges",
            extra="crypto",
            client="strategies.market.providers.crypto:Crypto",
            adjustments=("raw",),
            symbols="Exchange and market: binance:BTC/USDT, kept as binance.BTC-USDT.",
            example="binance:BTC/USDT",
        ),
    )
}
