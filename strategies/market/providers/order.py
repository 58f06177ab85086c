"""What somebody wants to have fetched, checked before anybody is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from strategies.config import epoch_ms
from strategies.errors import StrategyError, did_you_mean
from strategies.market.providers import REMOTES, Remote
from strategies.market.symbol import is_symbol
from strategies.market.timeframe import timeframe_named

MOST_SYMBOLS = 50
TIMEFRAMES = ("1m", "5m", "15m", "30m", "1h", "1d")  # runs make longer ones of these


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchOrder:
    """Whose bars of what, from when to when.

    Attributes
    ----------
    provider : str
        A key of `REMOTES`.
    symbols : tuple of str
        As the lab keeps them, 1 to 50, each once.
    timeframe : str
        ``1m`` to ``1d``.
    adjustment : {"raw", "split", "total"}
    start_ms, end_ms : int or None
        Opens of the first and last bar; None: all there is.
    """

    provider: str
    symbols: tuple[str, ...]
    timeframe: str
    adjustment: str
    start_ms: int | None = None
    end_ms: int | None = None

    @classmethod
    def of(cls, asked: Mapping[str, Any]) -> FetchOrder:
        """Return what was asked for, defaults filled in.

        Parameters
        ----------
        asked : mapping
            ``provider`` and ``symbols``; ``timeframe``, ``adjustment``, ``start`` and
            ``end`` may be left out.

        Raises
        ------
        StrategyError
            Naming the field; ``not_installed`` where the provider's library is not.
        """
        remote = _remote(asked.get("provider") or "")
        said = {name: asked.get(name) or "" for name in ("timeframe", "adjustment")}
        start_ms, end_ms = _moment(asked, "start"), _moment(asked, "end")
        if start_ms is not None and end_ms is not None and start_ms > end_ms:
            raise _refusal("start", "start lies after end.", "Exchange the two.")
        return cls(
            provider=remote.name,
            symbols=_symbols(remote, asked.get("symbols") or ()),
            timeframe=_timeframe(said["timeframe"] or "1d"),
            adjustment=_adjustment(remote, said["adjustment"]),
            start_ms=start_ms,
            end_ms=end_ms,
        )

    def document(self) -> dict[str, Any]:
        """Return the order as plain values, from which `again` makes an equal one."""
        return asdict(self) | {"symbols": list(self.symbols)}

    @classmethod
    def again(cls, document: Mapping[str, Any]) -> FetchOrder:
        """Return the order that a document was made of."""
        return cls(**{**document, "symbols": tuple(document["symbols"])})


def kept_symbol(provider: str, text: str) -> str:
    """Return the name under which bars are kept: ``binance.BTC-USDT``, ``AAPL``."""
    if provider != "ccxt":
        return text.upper()
    exchange, colon, market = text.partition(":")
    return f"{exchange}.{kept_market(market)}" if colon else text


def kept_market(name: str) -> str:
    """Return the market of an exchange as a path may contain it."""
    return name.replace("/", "-").replace(":", "=")


def _remote(name: str) -> Remote:
    if name not in REMOTES:
        raise StrategyError(
            f"Bars cannot be fetched from '{name:.40}'.",
            code="unknown_provider",
            field="provider",
            advice=did_you_mean(name, REMOTES) or f"Use one of {', '.join(REMOTES)}.",
        )
    remote = REMOTES[name]
    if not remote.is_installed:
        raise StrategyError(
            f"The client of {remote.label} is not installed.",
            code="not_installed",
            field="provider",
            advice=remote.how,
        )
    return remote


def _symbols(remote: Remote, asked: Any) -> tuple[str, ...]:
    listed = asked.replace(",", " ").split() if isinstance(asked, str) else asked
    if not listed or len(listed) > MOST_SYMBOLS:
        raise _refusal(
            "symbols",
            f"{len(listed)} symbols are asked for.",
            f"Name 1 to {MOST_SYMBOLS}.",
        )
    names = [kept_symbol(remote.name, str(text)) for text in listed]
    for text, name in zip(listed, names, strict=True):
        if not is_symbol(name):
            raise StrategyError(
                f"{str(text)[:40]!r} cannot be a symbol of {remote.label}.",
                code="unknown_symbol",
                field="symbols",
                advice=remote.symbols,
            )
    return tuple(dict.fromkeys(names))


def _timeframe(text: str) -> str:
    key = timeframe_named(text).key
    if key not in TIMEFRAMES:
        raise StrategyError(
            f"Bars of {timeframe_named(key).words} are made of days, not fetched.",
            code="unknown_timeframe",
            field="timeframe",
            advice="Fetch 1d; runs can have weeks and months of it.",
        )
    return key


def _adjustment(remote: Remote, text: str) -> str:
    if text and text not in remote.adjustments:
        raise _refusal(
            "adjustment",
            f"{remote.label} has no prices adjusted as '{text:.20}'.",
            f"Use one of: {', '.join(remote.adjustments)}.",
        )
    return text or remote.adjustments[0]


def _moment(asked: Mapping[str, Any], name: str) -> int | None:
    try:
        return epoch_ms(asked.get(name) or None, end_of_day=name == "end")
    except (ValueError, OverflowError) as error:
        raise _refusal(
            name, f"{name}: {error}.", "Leave it out for all there is."
        ) from None


def _refusal(field: str, message: str, advice: str) -> StrategyError:
    return StrategyError(message, code="invalid_value", field=field, advice=advice)
