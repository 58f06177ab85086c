"""From what a config calls its universe to a list of symbols that can be traded."""

from __future__ import annotations

from collections.abc import Mapping

from strategies.config import Membership, RunConfig
from strategies.errors import CandleError, ConfigError, StrategyError, did_you_mean
from strategies.library.expression import names_group
from strategies.market.sources import PROVIDERS, describe
from strategies.market.symbol import SymbolInfo
from strategies.market.universes import preset_named, preset_symbols, sector_of

MOST_SYMBOLS = 500
MOST_BARS = 5_000_000  # of all symbols together
NAMED = 5  # symbols that a message lists
KEYS = ("preset_id", "watchlist_id", "cap")
SECTOR = "sector"


def frozen_universe(config: RunConfig) -> dict[str, object]:
    """Return the universe as a sorted list, who is in it when, and how it is weighed.

    Raises
    ------
    ConfigError
        ``empty_universe``, ``too_many_symbols``, ``unknown_universe``,
        ``unknown_field``, ``out_of_range``; ``needs_universe``, ``unknown_symbol``,
        ``missing_weight`` or ``unknown_group`` for what does not fit.
    """
    if config.universe is None:
        _refuse_alone(config)
        return {}
    said = config.members or {}
    if isinstance(config.universe, list):
        listed = config.universe
    else:
        listed, known = _preset(config, config.universe)
        said = {**known, **said}
    symbols = sorted(set(listed))
    _check_count(symbols)
    return {
        "universe": symbols,
        "sizing": _sizing(config, symbols),
        "members": _members(config, symbols, said),
    }


def _check_count(symbols: list[str]) -> None:
    if not symbols:
        raise ConfigError(
            "The universe has no symbols.",
            code="empty_universe",
            field="universe",
            advice="Name at least one symbol, a preset or a watchlist.",
        )
    if len(symbols) > MOST_SYMBOLS:
        raise ConfigError(
            f"{len(symbols)} symbols are more than {MOST_SYMBOLS}.",
            code="too_many_symbols",
            field="universe",
            advice="Set a cap, or leave some out.",
        )


def _preset(
    config: RunConfig, named: Mapping[str, object]
) -> tuple[list[str], dict[str, Membership]]:
    odd = sorted(set(named) - set(KEYS))
    if odd:
        raise ConfigError(
            f"universe has no key '{odd[0]:.40}'.",
            code="unknown_field",
            field=f"universe.{odd[0]:.40}",
            advice=did_you_mean(odd[0], KEYS) or "Use preset_id and cap.",
        )
    if "preset_id" not in named:
        raise ConfigError(
            "This universe is not known here.",
            code="unknown_universe",
            field="universe",
            advice="Give a list of symbols, or a preset_id. "
            "Watchlists are known to the lab only.",
        )
    preset_id = str(named["preset_id"])
    symbols = preset_symbols(
        preset_id,
        cap=checked_cap(named.get("cap")),
        provider=config.provider,
        timeframe=config.timeframe,
        window=(config.start_ms, config.end_ms),
    )
    known = {
        member.symbol: Membership(
            **{"from": member.since or None, "to": member.until or None}
        )
        for member in preset_named(preset_id).members
    }
    return symbols, {symbol: known[symbol] for symbol in symbols}


def _members(
    config: RunConfig, symbols: list[str], said: Mapping[str, Membership]
) -> dict[str, object] | None:
    """Return what is known of the symbols and has a say in the result; None: nothing.

    Groups have one where sizing is neutral by group, or the expression names it.
    """
    _check_strangers(config, symbols)
    if len(symbols) == 1:
        if config.members or any(one.until for one in said.values()):
            raise _needs_universe("members")
        return None
    groups = _groups(config, symbols, said)
    kept: dict[str, object] = {}
    for symbol in symbols:
        own = said.get(symbol, Membership())
        facts = {"from": own.since, "to": own.until, "group": groups.get(symbol)}
        if known := {key: value for key, value in facts.items() if value}:
            kept[symbol] = known
    return kept or None


def _check_strangers(config: RunConfig, symbols: list[str]) -> None:
    strangers = sorted(set(config.members or {}) - set(symbols))
    if strangers:
        raise ConfigError(
            f"{strangers[0]:.40} has dates, but is not in the universe.",
            code="unknown_symbol",
            field=f"members.{strangers[0]:.40}",
            advice=did_you_mean(strangers[0], symbols) or "Leave it out.",
        )


def _groups(
    config: RunConfig, symbols: list[str], said: Mapping[str, Membership]
) -> dict[str, str]:
    """Return the label of each symbol that has one, if anything asks for groups."""
    is_neutral = config.sizing.neutralize == "group"
    if not is_neutral and not names_group(config):
        return {}
    name = config.sizing.group
    labels = {
        symbol: (said[symbol].group if symbol in said else None)
        or (sector_of(symbol) if name == SECTOR else "")
        for symbol in symbols
    }
    found = {symbol: label for symbol, label in labels.items() if label}
    if is_neutral and not found and config.provider in PROVIDERS:
        raise ConfigError(
            f"No symbol of this universe has a {name:.40}.",
            code="unknown_group",
            field="sizing.group",
            advice="Use a watchlist that says it, or give it in members.",
        )
    return found


def checked_cap(cap: object) -> int | None:
    """Return how many symbols are taken at most; None: all.

    Raises
    ------
    ConfigError
        ``out_of_range`` for anything but a whole number from 1.
    """
    if cap is None:
        return None
    if isinstance(cap, bool) or not isinstance(cap, int | float) or cap != int(cap):
        wrong = f"universe.cap is {cap!r:.40}, which is not a whole number."
    elif not 1 <= cap <= MOST_SYMBOLS:
        wrong = f"universe.cap is {cap}, which is outside 1 to {MOST_SYMBOLS}."
    else:
        return int(cap)
    raise ConfigError(
        wrong,
        code="out_of_range",
        field="universe.cap",
        advice=f"Choose a whole number from 1 to {MOST_SYMBOLS}, or leave it out.",
    )


def _sizing(config: RunConfig, symbols: list[str]) -> dict[str, object]:
    weights = config.sizing.weights
    if config.expr is not None:
        return config.sizing.changed()  # its values are the weights
    if len(symbols) == 1:
        if weights is not None:
            raise _needs_universe("sizing.weights")
        return config.sizing.changed()
    if isinstance(weights, dict):
        _check_weights(weights, symbols)
    return config.sizing.changed() | {"weights": weights or "equal"}


def _check_weights(weights: Mapping[str, float], symbols: list[str]) -> None:
    strangers = sorted(set(weights) - set(symbols))
    if strangers:
        raise ConfigError(
            f"There is a weight for {strangers[0]:.40}, which is not in the universe.",
            code="unknown_symbol",
            field=f"sizing.weights.{strangers[0]:.40}",
            advice=did_you_mean(strangers[0], symbols) or "Leave it out.",
        )
    missing = [symbol for symbol in symbols if symbol not in weights]
    if missing:
        raise ConfigError(
            f"There is no weight for {listed_briefly(missing)}.",
            code="missing_weight",
            field="sizing.weights",
            advice="Give every symbol of the universe a weight; 0 holds nothing.",
        )


def _refuse_alone(config: RunConfig) -> None:
    """Refuse what only several symbols can have."""
    if config.sizing.weights is not None:
        raise _needs_universe("sizing.weights")
    if config.members is not None:
        raise _needs_universe("members")


def _needs_universe(field: str) -> ConfigError:
    words = {
        "sizing.weights": "One symbol has nothing to be weighed against.",
        "members": "One symbol is traded as long as it has bars, not as a member.",
    }
    return ConfigError(
        words[field],
        code="needs_universe",
        field=field,
        advice=f"Leave {field.rpartition('.')[2]} out, or name several symbols in "
        "universe.",
    )


def universe_info(config: RunConfig, symbols: list[str]) -> SymbolInfo:
    """Return the reach of a universe as if it were one symbol: first to last bar.

    Raises
    ------
    ConfigError
        ``unknown_symbol`` of `universe`, or whatever else keeps a symbol from being
        loaded; ``mixed_calendars``, ``too_many_bars``.
    CandleError
        ``too_few_bars`` naming symbols without a bar in the window.
    """
    infos = [_described(config, symbol) for symbol in symbols]
    _check_calendars(infos)
    start, end = min(i.start_ms for i in infos), max(i.end_ms for i in infos)
    _check_window(config, infos)
    rows = max(info.rows for info in infos)
    if rows * len(infos) > MOST_BARS:
        raise ConfigError(
            f"{len(infos)} symbols of {rows} bars are more than {MOST_BARS} together.",
            code="too_many_bars",
            field="universe",
            advice="Set a cap, or use longer bars.",
        )
    name = f"{len(infos)} symbols"
    first = infos[0]
    return SymbolInfo(
        provider=first.provider,
        symbol=name,
        timeframe=first.timeframe,
        start_ms=start,
        end_ms=end,
        rows=rows,
        calendar=first.calendar,
    )


def _described(config: RunConfig, symbol: str) -> SymbolInfo:
    try:
        return describe(config.provider, symbol, config.timeframe)
    except StrategyError as exc:
        field = "universe" if exc.field == "symbol" else exc.field
        raise ConfigError(
            exc.message, code=exc.code, field=field, advice=exc.advice
        ) from None


def _check_calendars(infos: list[SymbolInfo]) -> None:
    kinds = {info.calendar: info.symbol for info in infos}
    if len(kinds) > 1:
        found = ", ".join(f"{symbol} trades {name}" for name, symbol in kinds.items())
        raise ConfigError(
            f"The symbols trade at different times: {found}.",
            code="mixed_calendars",
            field="universe",
            advice="A year has another number of bars on each. Use symbols of one.",
        )


def _check_window(config: RunConfig, infos: list[SymbolInfo]) -> None:
    outside = [
        info.symbol
        for info in infos
        if (config.start_ms is not None and info.end_ms < config.start_ms)
        or (config.end_ms is not None and info.start_ms > config.end_ms)
    ]
    if outside and infos[0].provider != "synthetic":
        raise CandleError(
            f"There are no bars of {listed_briefly(outside)} between start and end.",
            code="too_few_bars",
            field="universe",
            advice="Leave them out, or choose other dates.",
        )


def listed_briefly(symbols: list[str]) -> str:
    """Return the first symbols by name, and how many more there are."""
    more = len(symbols) - NAMED
    words = ", ".join(symbols[:NAMED])
    return f"{words} and {more} more" if more > 0 else words
