"""Everything the research library can raise on purpose.

`StrategyError` is the only type that the floors above need to catch.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class StrategyError(ValueError):
    """Base class: the input is wrong, and the message says what is wrong with it.

    Parameters
    ----------
    message : str
        One sentence for people.
    code : str, optional
        Stable word for programs; the class's own code if left out.
    field : str, optional
        Dotted path of the value at fault, e.g. ``strategy.params.fast``.
    advice : str, optional
        What to do about it, one sentence.
    """

    code = "strategy_error"

    def __init__(
        self, message: str, *, code: str = "", field: str = "", advice: str = ""
    ) -> None:
        super().__init__(message)
        self.code = code or type(self).code
        self.message = message
        self.field = field
        self.advice = advice


class ConfigError(StrategyError):
    """A config cannot be run; `problems` lists everything that is wrong with it."""

    code = "invalid_config"

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        field: str = "",
        advice: str = "",
        problems: tuple[StrategyError, ...] = (),
    ) -> None:
        super().__init__(message, code=code, field=field, advice=advice)
        self.problems: tuple[StrategyError, ...] = problems or (self,)

    @classmethod
    def of(cls, problems: tuple[StrategyError, ...]) -> ConfigError:
        """Return one error that carries them all; the first one speaks."""
        first = problems[0]
        return cls(
            first.message,
            code=first.code,
            field=first.field,
            advice=first.advice,
            problems=problems,
        )


class NotAvailableYet(ConfigError):
    """The request is well formed, but needs a part that is not built yet."""

    code = "not_available_yet"


class CandleError(StrategyError):
    """Candles are missing, unsorted, duplicated, non-finite or too few."""

    code = "bad_candles"


class AccountingError(StrategyError):
    """The fills do not add up to the equity curve: the run must not be believed."""

    code = "accounting_mismatch"


class DslError(StrategyError):
    """An expression does not parse, does not fit its types, or asks for too much.

    Parameters
    ----------
    text : str
        The expression.
    column : int
        Where in it, counted from 1.

    Attributes
    ----------
    text : str
    column : int
    caret : str
        The stretch of text around the column, and below it a line with a caret.
    """

    code = "bad_expression"

    def __init__(
        self, message: str, *, code: str = "", advice: str = "", text: str, column: int
    ) -> None:
        super().__init__(message, code=code, field="expr", advice=advice)
        self.text = text
        self.column = column
        start = max(0, column - 41)
        stretch = text[start : start + 80]
        shown = "".join(c if c.isprintable() else " " for c in stretch)
        self.caret = f"{shown}\n{' ' * (column - 1 - start)}^"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return "Did you mean 'fast'?" for the closest known word, or ""."""
    found = closest(word, known)
    return f"Did you mean '{found}'?" if found else ""


def closest(word: str, known: Iterable[str]) -> str:
    """Return the known word that is most like `word`, or ""."""
    folded = {name.casefold(): name for name in known}
    close = get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else ""
