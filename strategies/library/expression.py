"""An expression as a strategy: what a config's text says, before any bar is read."""

from __future__ import annotations

from dataclasses import replace

from strategies.config import RunConfig
from strategies.documents import normal_number
from strategies.dsl.expression import Expression, parse
from strategies.dsl.named import formula_of, registered_names
from strategies.dsl.primitives import FIELD_FORMULAS
from strategies.errors import ConfigError, DslError, did_you_mean
from strategies.library.base import Strategy
from strategies.library.rule import Condition, Price, Rule
from strategies.market.columns import PRICES
from strategies.market.membership import group_of
from strategies.market.panel import Panel
from strategies.market.sources import load_candles
from strategies.types import Parameter

EXPRESSION = "expression"  # stands where a library strategy has its name
LARGEST = 1e9
# What every source brings, or what is worked out from it.
ALWAYS_THERE = frozenset((*PRICES, "volume", *FIELD_FORMULAS))


def expression_of(config: RunConfig) -> Expression:
    """Return the expression of a config with its constants filled in.

    Raises
    ------
    DslError
        Field ``expr``; ``open_brace`` if a constant has no value.
    ConfigError
        ``unknown_brace``, field ``braces.<name>``.
    """
    if expression_of not in config.memo:
        expression = template_of(config)
        for name in expression.braces:
            expression.refuse_leaf(
                name,
                "open_brace",
                "has no value",
                f'Write the number in its place, or send "braces": {{"{name}": 5}}.',
            )
        config.memo[expression_of] = expression
    known: Expression = config.memo[expression_of]
    return known


def template_of(config: RunConfig) -> Expression:
    """Return the expression of a config; constants without a value stay open.

    Raises
    ------
    DslError, ConfigError
        As `expression_of`, without ``open_brace``.
    """
    known = parse(config.expr or "").braces
    for name in config.braces:
        if name.casefold() not in known:
            raise ConfigError(
                f"The expression has no constant {{{name:.40}}}.",
                code="unknown_brace",
                field=f"braces.{name:.40}",
                advice=did_you_mean(name, known) or "Leave it out.",
            )
    return parse(config.expr or "", braces=config.braces)


def strategy_of(config: RunConfig) -> Strategy:
    """Return an expression as a search sees a strategy: its constants are parameters.

    Its rule never enters and nobody reads it: the values are the weights.
    """
    constants = parse(config.expr or "").braces
    never = Condition(Price("close"), Price("close"))
    return Strategy(
        name=EXPRESSION,
        label="Expression",
        meaning="The values of an expression are the weights.",
        novice="A formula says how much of each symbol is held.",
        parameters=tuple(_constant(name) for name in constants),
        rule=Rule(never),
    )


def _constant(name: str) -> Parameter:
    return Parameter(
        name=name,
        kind="float",
        default=1.0,
        minimum=-LARGEST,
        maximum=LARGEST,
        step=1.0,
        meaning="A constant of the expression.",
    )


def completed(config: RunConfig) -> dict[str, object]:
    """Return what resolving changes in a config with an expression.

    Raises
    ------
    DslError, ConfigError
        As `template_of`.
    """
    if config.expr is None:
        return {}
    template_of(config)
    _refuse_what_weights_replace(config)
    if not config.braces:
        return {}
    braces = {name.casefold(): value for name, value in config.braces.items()}
    return {"braces": {name: normal_number(braces[name]) for name in sorted(braces)}}


def _refuse_what_weights_replace(config: RunConfig) -> None:
    """The values say how much of each symbol is held: nothing else may."""
    whole = config.risk.name == "fixed_fraction" and all(
        share == 1.0 for share in config.risk.params.values()
    )
    replaced = {"risk": not whole, "sizing.weights": config.sizing.weights is not None}
    for field, is_given in replaced.items():
        if is_given:
            raise ConfigError(
                f"{field} belongs to strategies of the library: the values of an "
                "expression are the weights.",
                code="invalid_value",
                field=field,
                advice="Use sizing.cap and sizing.max_lev.",
            )


def check_fields(config: RunConfig) -> None:
    """Refuse a config whose expression reads what no symbol has.

    Raises
    ------
    DslError
        ``unknown_field`` or ``unknown_group``, field ``expr``.
    StrategyError, CandleError
        As `strategies.market.sources.load_candles`.
    """
    if config.expr is None:
        return
    expression = template_of(config)
    known_group = _group_said(config)
    for name in expression.groups:
        if name != known_group:
            expression.refuse_leaf(
                name,
                "unknown_group",
                "is not a group of these data",
                "Members and watchlists say which symbol is in which group, and "
                "sizing.group what the grouping is called: "
                f"{config.sizing.group:.40} here.",
            )
    missing = [name for name in expression.fields if not _is_there(name)]
    if not missing:
        return
    known: set[str] = set()
    for symbol in config.symbols:
        known |= set(load_candles(config.with_changes({"symbol": symbol})).columns)
    for name in missing:
        if name not in known:
            offered = sorted(ALWAYS_THERE | known)
            expression.refuse_leaf(
                name,
                "unknown_field",
                "is not a column of these data",
                did_you_mean(name, [*offered, *registered_names()])
                or f"It has {', '.join(offered)[:200]}.",
            )


def _group_said(config: RunConfig) -> str:
    """Return the name of the grouping that members have labels of; "" if none has."""
    is_said = any(one.group for one in (config.members or {}).values())
    return config.sizing.group.casefold() if is_said else ""


def names_group(config: RunConfig) -> bool:
    """Return whether the expression of a config names its ``sizing.group``."""
    try:
        named = parse(config.expr or "").groups
    except DslError:  # told where the expression is completed
        return False
    return config.sizing.group.casefold() in named


def grouped(panel: Panel, config: RunConfig) -> Panel:
    """Return the panel with the group that the expression of a config names.

    Parameters
    ----------
    panel : Panel
        A group that it brings itself is the one that is meant.
    config : RunConfig
        Resolved: ``members`` say who is in which.
    """
    name = config.sizing.group.casefold()
    brought = {group.casefold() for group in panel.groups}
    if config.expr is None or name in brought or not names_group(config):
        return panel
    said = group_of(panel, config.members)
    return replace(panel, groups={**panel.groups, name: said})


def _is_there(name: str) -> bool:
    return name in ALWAYS_THERE or formula_of(name) is not None
