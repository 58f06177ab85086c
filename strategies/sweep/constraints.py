"""Constraints between the axes of a space: parsed here, never run by Python.

``comparison := sum (("<" | "<=" | ">" | ">=" | "==" | "!=") sum)+`` with ``+ - * /``,
brackets, numbers and names; a name is a parameter or a dotted path of the config. Each
name stands for the values of all candidates at once.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from strategies.errors import ConfigError, did_you_mean
from strategies.types import BoolArray

Values = NDArray[np.float64] | float
TOKEN = re.compile(r"\s*(?:(\d+\.?\d*(?:e[+-]?\d+)?)|([A-Za-z_][\w.]*)|([<>=!]=|.))")
LONGEST = 200  # characters of one constraint; also bounds how deep brackets go

_COMPARE: Mapping[str, Callable[[Values, Values], BoolArray]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


class Constraint:
    """One comparison, ready to be asked of many candidates.

    Parameters
    ----------
    text : str
        ``"fast < slow"``, ``"2 * fast <= slow - 5"``, ``"5 < fast < slow"``.
    field : str
        Where it came from, for messages.

    Raises
    ------
    ConfigError
        ``bad_constraint``, saying where the text stops making sense.
    """

    def __init__(self, text: str, field: str = "constraints") -> None:
        self.text, self.field = text, field
        self._tokens = self._split(text)
        self._place = 0
        self.names: set[str] = set()
        self.holds({})  # read once, to refuse at once

    def holds(self, values: Mapping[str, Values]) -> BoolArray:
        """Return for which candidates the comparison is true; NaN never is.

        Without values every name counts as 1; names are collected in `names`.
        """
        self._place = 0
        left = self._sum(values)
        if self._peek() not in _COMPARE:
            raise self._error("a comparison (<, <=, >, >=, == or !=) is missing")
        met: BoolArray = np.array(True)
        while self._peek() in _COMPARE:
            compare = _COMPARE[self._next()]
            right = self._sum(values)
            met = met & compare(left, right)
            left = right
        if self._peek():
            raise self._error(f"'{self._peek()}' does not belong here")
        return met

    def _split(self, text: str) -> list[str]:
        if not isinstance(text, str) or not text.strip() or len(text) > LONGEST:
            raise ConfigError(
                f"A constraint is a text of 1 to {LONGEST} characters.",
                code="bad_constraint",
                field=self.field,
                advice="Write a comparison: fast < slow.",
            )
        return [match.group().strip() for match in TOKEN.finditer(text.rstrip())]

    def _peek(self) -> str:
        return self._tokens[self._place] if self._place < len(self._tokens) else ""

    def _next(self) -> str:
        self._place += 1
        return self._tokens[self._place - 1]

    def _sum(self, values: Mapping[str, Values]) -> Values:
        total = self._product(values)
        while self._peek() in ("+", "-"):
            sign = 1.0 if self._next() == "+" else -1.0
            total = total + sign * self._product(values)
        return total

    def _product(self, values: Mapping[str, Values]) -> Values:
        product = self._factor(values)
        while self._peek() in ("*", "/"):
            if self._next() == "*":
                product = product * self._factor(values)
            else:
                with np.errstate(divide="ignore", invalid="ignore"):
                    product = np.divide(product, self._factor(values))
        return product

    def _factor(self, values: Mapping[str, Values]) -> Values:
        word = self._peek()
        if word == "-":
            self._next()
            return -self._factor(values)
        if word == "(":
            self._next()
            inner = self._sum(values)
            if self._peek() != ")":
                raise self._error("a bracket is not closed")
            self._next()
            return inner
        if word[:1].isdigit():
            return float(self._next())
        if word[:1].isalpha() or word[:1] == "_":
            return self._named(self._next(), values)
        raise self._error(
            f"'{word}' is no number and no name" if word else "it ends too early"
        )

    def _named(self, name: str, values: Mapping[str, Values]) -> Values:
        self.names.add(name)
        if not values:
            return 1.0
        if name not in values:
            raise ConfigError(
                f"There is no number '{name:.40}' to compare in '{self.text}'.",
                code="bad_constraint",
                field=self.field,
                advice=did_you_mean(name, values) or f"Known: {', '.join(values)}.",
            )
        return values[name]

    def _error(self, why: str) -> ConfigError:
        return ConfigError(
            f"'{self.text}' cannot be read: {why}.",
            code="bad_constraint",
            field=self.field,
            advice="Write a comparison of numbers and names: 2 * fast <= slow.",
        )
