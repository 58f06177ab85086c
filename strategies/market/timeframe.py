"""Bar lengths: the canonical names, their aliases and their words."""

from __future__ import annotations

from dataclasses import dataclass

from strategies.errors import StrategyError, did_you_mean

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Timeframe:
    """The length of a bar.

    Attributes
    ----------
    key : str
        Canonical name, e.g. ``"1h"``.
    ms : int
        Milliseconds from one bar to the next; nominal for ``1mo`` (30 days).
    words : str
        For people, e.g. ``"1 hour"``.
    """

    key: str
    ms: int
    words: str

    @property
    def intraday(self) -> bool:
        """Whether several bars make a session."""
        return self.ms < DAY_MS


TIMEFRAMES: dict[str, Timeframe] = {
    timeframe.key: timeframe
    for timeframe in (
        Timeframe("1m", 60_000, "1 minute"),
        Timeframe("5m", 300_000, "5 minutes"),
        Timeframe("15m", 900_000, "15 minutes"),
        Timeframe("30m", 1_800_000, "30 minutes"),
        Timeframe("1h", 3_600_000, "1 hour"),
        Timeframe("1d", DAY_MS, "1 day"),
        Timeframe("1w", 7 * DAY_MS, "1 week"),
        Timeframe("1mo", 30 * DAY_MS, "1 month"),
    )
}
ALIASES: dict[str, str] = {"minute": "1m", "hour": "1h", "day": "1d"}


def timeframe_named(text: str) -> Timeframe:
    """Return the timeframe called `text`, by canonical name or alias.

    Raises
    ------
    StrategyError
        Code ``unknown_timeframe``, if there is none.
    """
    key = ALIASES.get(text, text)
    if key not in TIMEFRAMES:
        guess = did_you_mean(text, [*TIMEFRAMES, *ALIASES])
        raise StrategyError(
            f"There is no timeframe '{text}'.",
            code="unknown_timeframe",
            field="timeframe",
            advice=guess or f"Use one of {', '.join(TIMEFRAMES)}.",
        )
    return TIMEFRAMES[key]
