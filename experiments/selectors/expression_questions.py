"""Questions about an expression that need bars: what it says, if it looks ahead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from experiments.selectors.questions import Question
from experiments.selectors.universes import config_settled
from strategies import RunConfig, parse
from strategies.market.sources import source_version

Kind = Literal["leak_check", "preview"]
TITLES = {"leak_check": "Look-ahead check", "preview": "Preview"}
MOST_SYMBOLS = 30
SOURCE = ("provider", "symbol", "universe", "timeframe", "start", "end")


@dataclass(frozen=True, kw_only=True)
class ExpressionQuestion(Question):
    """What is asked of which expression, on which bars; without any on made-up ones.

    Of many symbols some are looked at, evenly chosen.
    """

    version: ClassVar[int] = 2

    kind: Kind
    expr: str
    config: Mapping[str, Any]  # of a run on these bars, {} for made-up ones
    versions: tuple[str, ...] = ()  # of the bars: other bars, another question

    @property
    def facts(self) -> list[Any]:
        return [self.expr, self.config, list(self.versions)]

    @property
    def payload(self) -> dict[str, Any]:
        return {"expr": self.expr, "config": dict(self.config)}

    @property
    def title(self) -> str:
        return f"{TITLES[self.kind]} of {self.expr}"


def question_of(
    kind: Kind, expr: str, source: Mapping[str, Any] | None = None
) -> ExpressionQuestion:
    """Return what is asked; a `StrategyError` for what cannot be.

    `source` holds the first keys of a run's config; without a symbol or a universe the
    question is about made-up bars.
    """
    parse(expr)
    given = {key: value for key, value in (source or {}).items() if value is not None}
    if not given.keys() & {"symbol", "universe"}:
        return ExpressionQuestion(kind=kind, expr=expr, config={})
    config = config_settled(RunConfig(**given, strategy={"name": "buy_and_hold"}))
    document = config.document()
    kept = {key: document[key] for key in SOURCE if key in document}
    if len(config.symbols) > 1:
        step = -(-len(config.symbols) // MOST_SYMBOLS)
        kept["universe"] = config.symbols[::step]
    return question_again(kind, expr, kept)


def question_again(
    kind: Kind, expr: str, config: Mapping[str, Any]
) -> ExpressionQuestion:
    """Return the question that a job carries, about the bars as they are now."""
    versions = (
        source_version(config["provider"], symbol, config["timeframe"])
        for symbol in asked_symbols(config)
    )
    return ExpressionQuestion(
        kind=kind, expr=expr, config=config, versions=tuple(versions)
    )


def asked_symbols(config: Mapping[str, Any]) -> list[str]:
    if "symbol" in config:
        return [config["symbol"]]
    return list(config.get("universe", ()))
