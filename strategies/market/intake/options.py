"""What somebody may say about a file of bars, and what it may not be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from zoneinfo import available_timezones

from strategies.errors import CandleError, did_you_mean
from strategies.market.calendar import calendar_named
from strategies.market.symbol import checked_symbol, is_symbol
from strategies.market.timeframe import timeframe_named

ADJUSTMENTS = ("raw", "split", "total")
HOURS = ("regular", "all")
DATE_ORDERS = ("dmy", "mdy")


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeOptions:
    """What somebody says about a file; everything may be left to be found out.

    Attributes
    ----------
    symbol : str
        Of all rows; "" if a column names it.
    timeframe : str
        "" = the usual step between stamps.
    timezone : str
        IANA name of the clock of stamps that name none.
    adjustment : {"raw", "split", "total"}
        What the prices were adjusted for.
    mapping : mapping of str to str
        Our column to theirs; what is left out is found by its name. A name of ours
        that is none of the usual ones makes a further column of numbers.
    calendar : str
        "" = from the weekdays of the bars.
    hours : {"regular", "all"}
        Whether bars of shares outside the exchange's session are left out.
    date_order : {"", "dmy", "mdy"}
        Of dates such as 3/4/2020; "" = as the file itself tells.
    """

    symbol: str = ""
    timeframe: str = ""
    timezone: str = "UTC"
    adjustment: str = "raw"
    mapping: Mapping[str, str] = field(default_factory=dict)
    calendar: str = ""
    hours: str = "regular"
    date_order: str = ""

    def checked(self) -> IntakeOptions:
        """Return these options, or say which one cannot be.

        Raises
        ------
        StrategyError
            Naming the field.
        """
        if self.symbol:
            checked_symbol(self.symbol)
        if self.timeframe:
            timeframe_named(self.timeframe)
        if self.calendar:
            calendar_named(self.calendar)
        _one_of("adjustment", self.adjustment, ADJUSTMENTS)
        _one_of("hours", self.hours, HOURS)
        _one_of("date_order", self.date_order, ("", *DATE_ORDERS))
        if self.timezone not in available_timezones():
            raise CandleError(
                f"There is no time zone '{self.timezone[:40]}'.",
                code="unknown_timezone",
                field="timezone",
                advice=did_you_mean(self.timezone, available_timezones())
                or "Use a name such as America/New_York, or UTC.",
            )
        for name in self.mapping:
            if not (is_symbol(name) and name == name.lower()):
                raise bad_mapping(
                    f"'{name[:40]}' cannot name a column.", "Use small letters."
                )
        return self


def _one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        words = ", ".join(word for word in known if word)
        raise CandleError(
            f"{name} is '{value[:40]}'.",
            code="unknown_choice",
            field=name,
            advice=did_you_mean(value, known) or f"Use one of: {words}.",
        )


def bad_mapping(message: str, advice: str) -> CandleError:
    """Return the refusal of a mapping."""
    return CandleError(message, code="bad_mapping", field="mapping", advice=advice)
