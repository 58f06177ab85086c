"""Which strategies there are, and whether parameters fit one of them."""

from __future__ import annotations

from collections.abc import Mapping

from strategies.errors import ConfigError, StrategyError, did_you_mean
from strategies.library.base import Strategy, constraint_holds, constraint_parts
from strategies.library.classic import CLASSIC
from strategies.library.trained import TRAINED_MODEL
from strategies.types import Parameter, Params, Scalar, complete

# The rules: whoever runs them all needs nothing but bars.
STRATEGIES: Mapping[str, Strategy] = {strategy.name: strategy for strategy in CLASSIC}
# And what needs a lab that has trained something.
LIBRARY: Mapping[str, Strategy] = {**STRATEGIES, TRAINED_MODEL.name: TRAINED_MODEL}


def strategy_named(name: str) -> Strategy:
    """Return the strategy called `name`.

    Raises
    ------
    ConfigError
        ``unknown_strategy``, field ``strategy.name``.
    """
    if name not in LIBRARY:
        raise ConfigError(
            f"There is no strategy named '{name:.40}'.",
            code="unknown_strategy",
            field="strategy.name",
            advice=did_you_mean(name, LIBRARY) or f"Known: {', '.join(LIBRARY)}.",
        )
    return LIBRARY[name]


def complete_params(
    strategy: Strategy, params: Mapping[str, object]
) -> dict[str, Scalar]:
    """Return every parameter of `strategy`: checked, defaults filled, in order.

    Parameters
    ----------
    strategy : Strategy
    params : mapping
        Any subset of its parameters; 20.0 for a whole number becomes 20.

    Raises
    ------
    ConfigError
        With every problem: ``unknown_parameter``, ``wrong_type``, ``out_of_range``,
        ``unknown_choice``; if there are none of these, ``constraint_violated``. Fields
        are ``strategy.params.<name>``.
    """
    field = "strategy.params"
    values = complete(strategy.parameters, params, owner=strategy.name, field=field)
    broken = tuple(
        _violation(strategy, constraint, values, field)
        for constraint in strategy.constraints
        if not constraint_holds(constraint, values)
    )
    if broken:
        raise ConfigError.of(broken)
    return values


def _violation(
    strategy: Strategy, constraint: str, values: Params, field: str
) -> StrategyError:
    left, _, right = constraint_parts(constraint)
    return StrategyError(
        f"{strategy.name} needs {constraint}, "
        f"but {left} is {values[left]} and {right} is {values[right]}.",
        code="constraint_violated",
        field=f"{field}.{left}",
        advice=f"Change {left} or {right} so that {constraint}.",
    )


def describe() -> list[dict[str, object]]:
    """Return the library as plain values, for the API and for forms."""
    return [
        {
            "name": strategy.name,
            "label": strategy.label,
            "meaning": strategy.meaning,
            "novice": strategy.novice,
            "params": [described(one) for one in strategy.parameters],
            "constraints": list(strategy.constraints),
        }
        for strategy in LIBRARY.values()
    ]


def described(parameter: Parameter) -> dict[str, object]:
    """Return a parameter as plain values."""
    return {
        "name": parameter.name,
        "type": parameter.kind,
        "default": parameter.default,
        "min": parameter.minimum,
        "max": parameter.maximum,
        "step": parameter.step,
        "unit": parameter.unit,
        "meaning": parameter.meaning,
        "choices": list(parameter.choices),
    }
