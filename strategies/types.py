"""Names for the arrays that everything is made of, and what a parameter is."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from strategies.errors import ConfigError, StrategyError, did_you_mean

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

Scalar = int | float | str
Params = Mapping[str, Scalar]

MAX_BARS = 5_000
_NUMBER = (int, float, np.integer, np.floating)
_TEXT = re.compile(r"[0-9A-Za-z_-]{0,80}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One named number, choice or short text that a strategy or a feature takes.

    Attributes
    ----------
    name : str
    kind : {"int", "float", "choice", "text"}
        A text is letters, digits, _ and -, and filled in by the lab, not by people.
    default : int, float or str
    minimum, maximum : float, optional
        Inclusive; None means no bound. Unused by a choice.
    step : float, optional
        What a form or a sweep moves by.
    unit : str
        What the number counts ("bars"), or "" if it is a pure number.
    meaning : str
        One sentence for people.
    choices : tuple of str
        The words a choice may be.
    """

    name: str
    kind: Literal["int", "float", "choice", "text"]
    default: Scalar
    meaning: str
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    unit: str = ""
    choices: tuple[str, ...] = ()

    @classmethod
    def bars(
        cls, name: str, default: int, meaning: str, *, minimum: int = 1
    ) -> Parameter:
        """Return a whole number of bars, from `minimum` to `MAX_BARS`."""
        return cls(
            name=name,
            kind="int",
            default=default,
            meaning=meaning,
            minimum=minimum,
            maximum=MAX_BARS,
            step=1,
            unit="bars",
        )

    def check(self, value: object, field: str) -> Scalar:
        """Return `value` as a plain int, float or str; 20.0 becomes 20.

        Parameters
        ----------
        value : object
            A python or numpy number, or a word. Never parsed from text.
        field : str
            Dotted path for the error, e.g. ``strategy.params.fast``.

        Raises
        ------
        StrategyError
            ``wrong_type``, ``out_of_range`` (NaN and infinity too) or
            ``unknown_choice``.
        """
        if self.kind == "choice":
            return self._checked_choice(value, field)
        if self.kind == "text":
            return self._checked_text(value, field)
        return self._checked_number(value, field)

    def _checked_choice(self, value: object, field: str) -> str:
        listed = ", ".join(self.choices)
        if not isinstance(value, str):
            raise StrategyError(
                f"{self.name} is {_shown(value)}, which is not a word.",
                code="wrong_type",
                field=field,
                advice=f"Use one of: {listed}.",
            )
        if value not in self.choices:
            raise StrategyError(
                f"{self.name} has no choice {_shown(value)}.",
                code="unknown_choice",
                field=field,
                advice=did_you_mean(value, self.choices) or f"Use one of: {listed}.",
            )
        return value

    def _checked_text(self, value: object, field: str) -> str:
        if isinstance(value, str) and _TEXT.fullmatch(value):
            return value
        raise StrategyError(
            f"{self.name} is {_shown(value)}, which is no short text.",
            code="wrong_type",
            field=field,
            advice="Leave it out: the lab fills it in.",
        )

    def _checked_number(self, value: object, field: str) -> int | float:
        if isinstance(value, bool) or not isinstance(value, _NUMBER):
            raise self._wrong_type(value, field, "not a number")
        low = -math.inf if self.minimum is None else self.minimum
        high = math.inf if self.maximum is None else self.maximum
        if not low <= value <= high:
            raise StrategyError(
                f"{self.name} is {_shown(value)}, which is outside "
                f"{self.minimum} to {self.maximum}.",
                code="out_of_range",
                field=field,
                advice=f"Choose {self._wanted()}.",
            )
        if self.kind == "float":
            return float(value)
        if value != int(value):
            raise self._wrong_type(value, field, "not a whole number")
        return int(value)

    def _wrong_type(self, value: object, field: str, why: str) -> StrategyError:
        return StrategyError(
            f"{self.name} is {_shown(value)}, which is {why}.",
            code="wrong_type",
            field=field,
            advice=f"Choose {self._wanted()}.",
        )

    def _wanted(self) -> str:
        noun = "a whole number" if self.kind == "int" else "a number"
        unit = f" of {self.unit}" if self.unit else ""
        return f"{noun}{unit} from {self.minimum} to {self.maximum}"


def complete(
    parameters: Sequence[Parameter],
    given: Mapping[str, object],
    *,
    owner: str,
    field: str,
) -> dict[str, Scalar]:
    """Return every parameter's checked value, defaults filled, in registry order.

    Parameters
    ----------
    parameters : sequence of Parameter
    given : mapping
        What was asked for; any subset of the names.
    owner : str
        Whose parameters they are, for the messages: ``sma_cross``.
    field : str
        Dotted path of the mapping: ``strategy.params``.

    Raises
    ------
    ConfigError
        Carries every problem: ``unknown_parameter`` and those of `Parameter.check`.
    """
    known = [parameter.name for parameter in parameters]
    problems = [
        StrategyError(
            f"{owner} has no parameter '{name:.40}'.",
            code="unknown_parameter",
            field=f"{field}.{name:.40}",
            advice=did_you_mean(name, known) or _listed(owner, known),
        )
        for name in given
        if name not in known
    ]
    values: dict[str, Scalar] = {}
    for parameter in parameters:
        value = given.get(parameter.name, parameter.default)
        try:
            values[parameter.name] = parameter.check(value, f"{field}.{parameter.name}")
        except StrategyError as problem:
            problems.append(problem)
    if problems:
        raise ConfigError.of(tuple(problems))
    return values


def _listed(owner: str, known: Sequence[str]) -> str:
    if not known:
        return f"{owner} takes no parameters: leave it out."
    return f"{owner} takes: {', '.join(known)}."


def _shown(value: object) -> str:
    """Return `value` as text for a message, cut short: it came from outside."""
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 40 else f"{text[:40]}…"
