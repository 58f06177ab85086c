"""What the client of a provider is asked for, what it answers, and how it fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from strategies.errors import CandleError
from strategies.market.timeframe import Timeframe

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One request for the bars of one symbol.

    Attributes
    ----------
    symbol : str
        As the lab writes it.
    bar : Timeframe
    adjustment : {"raw", "split", "total"}
    start_ms : int or None
        Open of the first bar; None: as far back as the provider goes.
    end_ms : int
        Open of the last bar; a client may answer with later ones.
    now_ms : int
    """

    symbol: str
    bar: Timeframe
    adjustment: str
    start_ms: int | None
    end_ms: int
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Bars as a provider gave them.

    Attributes
    ----------
    frame : DataFrame
        ``ts_utc`` (ms UTC), ``open high low close volume``; possibly empty, and the
        last bar may not be over yet.
    calendar : str
    notes : tuple of str
        What a person should know.
    settle_ms : int
        How long after its close a bar is still being corrected.
    """

    frame: pd.DataFrame
    calendar: str
    notes: tuple[str, ...] = ()
    settle_ms: int = 0


class Client(Protocol):
    """Asks one provider; holds its connection."""

    def bars(
        self, wanted: Wanted, ask: Ask, on_bars: Callable[[int], object]
    ) -> Answer:
        """Return bars; `ask` makes each request, `on_bars` is told how many came."""


class Ask(Protocol):
    """Makes one request, again if it failed for a reason that may pass."""

    def __call__(self, request: Callable[[], T], /) -> T:
        """Return what `request` returns."""


class ProviderError(CandleError):
    """A provider did not give bars.

    Parameters
    ----------
    may_pass : bool
        Whether the same request may succeed in a moment.
    """

    code = "provider_error"

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        field: str = "",
        advice: str = "",
        may_pass: bool = False,
    ) -> None:
        super().__init__(message, code=code, field=field, advice=advice)
        self.may_pass = may_pass


def no_network(who: str) -> ProviderError:
    """Return the failure of a request that reached nobody."""
    return ProviderError(
        f"{who} cannot be reached.",
        code="no_network",
        advice="Check the connection of this machine and try again; bars that were "
        "fetched before stay usable.",
        may_pass=True,
    )


def rate_limited(who: str) -> ProviderError:
    """Return the failure of a request that came too soon."""
    return ProviderError(
        f"{who} refuses to answer so many requests.",
        code="rate_limited",
        advice="Try again in some minutes, with fewer symbols at a time.",
        may_pass=True,
    )


def failed(who: str, why: str, *, may_pass: bool = True) -> ProviderError:
    """Return the failure of a request that was answered badly."""
    return ProviderError(
        f"{who} {why}.",
        code="provider_error",
        advice="Try again later; nothing of this symbol was changed.",
        may_pass=may_pass,
    )


def unknown_symbol(who: str, symbol: str, advice: str) -> ProviderError:
    """Return the refusal of a name that the provider does not know."""
    return ProviderError(
        f"{who} has no symbol '{symbol:.40}'.",
        code="unknown_symbol",
        field="symbols",
        advice=advice,
    )
