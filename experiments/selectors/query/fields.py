"""What a key of a search may be: how its value is read, and which rows it means."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC
from typing import Any, NoReturn

from django.db.models import Exists, F, FloatField, Func, Q, QuerySet
from django.db.models.lookups import (
    Exact,
    GreaterThan,
    GreaterThanOrEqual,
    LessThan,
    LessThanOrEqual,
)
from django.utils import timezone

from experiments.models import RunMetric
from experiments.selectors.query.tokens import refuse
from experiments.selectors.query.tree import Test
from experiments.selectors.query.values import (
    NONE,
    compared,
    number_in,
    period_in,
    span_in,
    within,
)
from strategies.errors import did_you_mean
from strategies.metrics.registry import Metric

SAME = (":", "=", "!=")
TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
# An age grows as its time goes back.
TURNED = {">": "<", ">=": "<=", "<": ">", "<=": ">="}

Read = Callable[[Test, str], Q]


@dataclass(frozen=True, slots=True)
class Field:
    """One key. `where` reads a test; its second argument leads to the row."""

    name: str
    words: str
    example: str
    where: Read
    aliases: tuple[str, ...] = ()
    is_flag: bool = False


def text(path: str) -> Read:
    """A text: `:` is a part of it, `=` all of it; case does not matter."""

    def where(test: Test, prefix: str) -> Q:
        _only_same(test)
        way = "icontains" if test.operator == ":" else "iexact"
        found = Q(**{f"{prefix}{path}__{way}": test.value.text})
        return ~found if test.operator == "!=" else found

    return where


def begins(path: str) -> Read:
    """A text that is named by its beginning, as a hash is."""

    def where(test: Test, prefix: str) -> Q:
        _only_same(test)
        found = Q(**{f"{prefix}{path}__startswith": test.value.text.casefold()})
        return ~found if test.operator == "!=" else found

    return where


def condition(
    meaning: Callable[[str, str], Q], known: Collection[str] | None = None
) -> Read:
    """A word with a meaning of its own; with `known`, one of these words."""

    def where(test: Test, prefix: str) -> Q:
        _only_same(test)
        if known is not None and test.value.text.casefold() not in known:
            _unknown(test, known)
        found = meaning(test.value.text, prefix)
        return ~found if test.operator == "!=" else found

    return where


def flag(path: str) -> Read:
    """A yes or no."""

    def where(test: Test, prefix: str) -> Q:
        _only_same(test)
        said = TRUTHS.get(test.value.text.casefold())
        if said is None:
            _unknown(test, ("true", "false"))
        return Q(**{f"{prefix}{path}": said is (test.operator != "!=")})

    return where


def number(path: str) -> Read:
    """A number of the row itself."""

    def where(test: Test, prefix: str) -> Q:
        if is_none(test):
            return Q(**{f"{prefix}{path}__isnull": test.operator != "!="})
        return compared(f"{prefix}{path}", test.operator, number_said(test))

    return where


def moment(path: str) -> Read:
    """A time: a year, a month, a day or a moment."""

    def where(test: Test, prefix: str) -> Q:
        if is_none(test):
            return Q(**{f"{prefix}{path}__isnull": test.operator != "!="})
        period = period_in(test.value.text)
        if period is None:
            _bad_value(test, "no time", "Write 2026-11-01, 2026-11, 2026 or today.")
        return within(f"{prefix}{path}", test.operator, *period)

    return where


def age(path: str) -> Read:
    """How long ago a time was."""

    def where(test: Test, prefix: str) -> Q:
        span = span_in(test.value.text)
        if span is None or test.operator not in TURNED:
            _bad_value(test, "no length of time here", "Write age < 7d or age > 12h.")
        since = timezone.now() - span
        return compared(f"{prefix}{path}", TURNED[test.operator], since)

    return where


class Seconds(Func):
    """The seconds from the second time to the first, counted by the database."""

    output_field = FloatField()
    arity = 2

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        context |= {"arg_joiner": ") - JULIANDAY("}
        context |= {"template": "((JULIANDAY(%(expressions)s)) * 86400.0)"}
        return self.as_sql(compiler, connection, **context)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        context |= {"arg_joiner": " - "}
        context |= {"template": "EXTRACT(EPOCH FROM (%(expressions)s))"}
        return self.as_sql(compiler, connection, **context)


LOOKUPS = {
    ">": GreaterThan,
    ">=": GreaterThanOrEqual,
    "<": LessThan,
    "<=": LessThanOrEqual,
}


def lasting(start: str, end: str) -> Read:
    """How long something took."""

    def where(test: Test, prefix: str) -> Q:
        span = span_in(test.value.text)
        if span is None:
            _bad_value(test, "no length of time", "Write took > 90s, 5m or 1h30m.")
        taken = Seconds(F(f"{prefix}{end}"), F(f"{prefix}{start}"))
        lookup = LOOKUPS.get(test.operator, Exact)
        found = Q(lookup(taken, span.total_seconds()))
        return ~found if test.operator == "!=" else found

    return where


Numbers = Callable[[str], QuerySet[RunMetric]]


def metric_of_run(of: Metric) -> Read:
    """A number of a run: those that have it so are read once, from the index by value.

    Asking run by run would look at every run, also where hardly any is found.
    """

    def where(test: Test, prefix: str) -> Q:
        own = RunMetric.objects.filter(key=of.key, value__isnull=False)
        if not is_none(test):
            own = own.filter(metric_compared(of, test, "value"))
        found = Q(**{f"{prefix}pk__in": own.values("run")})
        return ~found if is_none(test) and test.operator != "!=" else found

    return where


def metric(of: Metric, numbers: Numbers) -> Read:
    """A number of the registry, found by the index of a run's numbers."""

    def where(test: Test, prefix: str) -> Q:
        own = numbers(prefix).filter(key=of.key, value__isnull=False)
        if is_none(test):
            has_one = Q(Exists(own))
            return has_one if test.operator == "!=" else ~has_one
        return Q(Exists(own.filter(metric_compared(of, test, "value"))))

    return where


def metric_compared(of: Metric, test: Test, path: str) -> Q:
    """Return the condition on a stored metric; one that is a time is a date."""
    if of.unit == "ms":
        period = period_in(test.value.text, UTC)
        if period is None:
            _bad_value(test, "no date", "Write 2001-12-31, 2001-12 or 2001.")
        start, end = (one.timestamp() * 1_000 for one in period)
        return within(path, test.operator, start, end)
    value = number_said(test)
    if of.unit == "percent" and test.value.text.endswith("%"):
        value *= 100
    return compared(path, test.operator, value)


def is_none(test: Test) -> bool:
    """Return whether a test asks for what is not known: `sharpe:none`."""
    return test.value.text.casefold() == NONE and test.operator in SAME


def number_said(test: Test) -> float:
    value = number_in(test.value.text)
    if value is None:
        comma = test.value.text.replace(",", ".", 1)
        meant = comma if number_in(comma) is not None else ""
        advice = f"Did you mean {meant}?" if meant else "Write 1.5, -0.2 or 20%."
        _bad_value(test, "no number", advice)
    return value


def _only_same(test: Test) -> None:
    if test.operator not in SAME:
        key = test.key.text
        refuse(
            test.text,
            test.key.start,
            f"{key} is no number, so {test.operator} says nothing of it.",
            f"Write {key}:{test.value.text}.",
        )


def _bad_value(test: Test, what: str, advice: str) -> NoReturn:
    value = test.value
    refuse(test.text, value.start, f"'{value.text[:40]}' is {what}.", advice)


def _unknown(test: Test, known: Collection[str]) -> NoReturn:
    word = test.value.text
    refuse(
        test.text,
        test.value.start,
        f"{test.key.text} is never '{word[:40]}'.",
        did_you_mean(word, known) or f"Known: {', '.join(known)}.",
    )
