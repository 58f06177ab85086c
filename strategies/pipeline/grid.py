"""Which configurations are tried: the twelve of simple mode, or those asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from strategies.learning.models import Model
from strategies.learning.selection import Selection
from strategies.library.base import constraint_holds
from strategies.library.registry import strategy_named
from strategies.market.timeframe import timeframe_named
from strategies.types import Scalar, complete

SIMPLE = "simple-12"  # what the grid of simple mode is called
# The hours in which bars of New York's regular session open.
REGULAR_HOURS = (9, 10, 11, 12, 13, 14, 15)
MIDDLE_HOURS = (10, 11, 12, 13, 14)
LEVELS: tuple[tuple[float, ...], ...] = (
    (0.5,),
    (0.52,),
    (0.54,),
    (0.57,),
    (0.5, 0.53),
    (0.52, 0.55, 0.58),
)
MORE_LEVELS: tuple[tuple[float, ...], ...] = (
    (0.51,),
    (0.53,),
    (0.55,),
    (0.6,),
    (0.5, 0.55),
    (0.55, 0.6),
)
ALWAYS: tuple[int, ...] = ()
FAST, SLOW = (5, 10, 15, 20), (30, 45, 60)
IN_OR_OUT = (0.5,)  # a rule's probability is 0 or 1


@dataclass(frozen=True, slots=True)
class Configuration:
    """One thing that is tried.

    Attributes
    ----------
    selection : Selection
        How sure the model must be, and when it may enter.
    params : mapping
        Of a rule its own settings; else empty.
    """

    selection: Selection = field(default_factory=Selection)
    params: Mapping[str, Scalar] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return it as plain values."""
        return self.selection.document() | {"params": dict(self.params)}


def configuration(document: Mapping[str, Any]) -> Configuration:
    """Return the configuration that a document describes."""
    return Configuration(
        Selection(tuple(document["thresholds"]), tuple(document["allowed_hours"])),
        dict(document["params"]),
    )


def usual_hours(calendar: str, timeframe: str) -> tuple[int, ...]:
    """Return when entries are allowed unless somebody says otherwise; (): always."""
    is_session = calendar == "XNYS" and timeframe_named(timeframe).intraday
    return REGULAR_HOURS if is_session else ALWAYS


def simple_grid(
    model: Model, *, calendar: str, timeframe: str
) -> tuple[Configuration, ...]:
    """Return twelve configurations that make sense for most markets."""
    hours = usual_hours(calendar, timeframe)
    if model.kind == "rule":
        asked: dict[str, Sequence[Scalar]] = {"fast": FAST, "slow": SLOW}
        return rule_grid(model, asked, (hours,))
    if hours:
        return model_grid(LEVELS, (hours, MIDDLE_HOURS))
    return model_grid((*LEVELS, *MORE_LEVELS), (hours,))


def model_grid(
    thresholds: Sequence[Sequence[float]], hours: Sequence[Sequence[int]]
) -> tuple[Configuration, ...]:
    """Return every choice of levels with every choice of hours, each once.

    Raises
    ------
    ConfigError
        ``bad_thresholds``, ``bad_hours``.
    """
    found = [
        Configuration(Selection(tuple(levels), tuple(when)))
        for levels, when in product(thresholds, hours)
    ]
    return _each_once(found)


def rule_grid(
    model: Model,
    params: Mapping[str, Sequence[Scalar]],
    hours: Sequence[Sequence[int]],
) -> tuple[Configuration, ...]:
    """Return every combination of a rule's settings that its constraints allow.

    Raises
    ------
    ConfigError
        ``unknown_parameter``, ``wrong_type``, ``out_of_range``; ``bad_hours``.
    """
    rule, found = strategy_named(model.name), []
    for values in product(*params.values()):
        chosen = dict(zip(params, values, strict=True))
        settings = complete(
            model.settings, chosen, owner=model.name, field="grid.params"
        )
        if all(constraint_holds(one, settings) for one in rule.constraints):
            found += [
                Configuration(Selection(IN_OR_OUT, tuple(when)), settings)
                for when in hours
            ]
    return _each_once(found)


def _each_once(found: Sequence[Configuration]) -> tuple[Configuration, ...]:
    kept: list[Configuration] = []
    for one in found:
        if one not in kept:
            kept.append(one)
    return tuple(kept)
