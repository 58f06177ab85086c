"""The factor sheet of a saved strategy: what is asked, and what was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from experiments.models import StrategySheet, StrategySnapshot
from experiments.selectors.questions import Question
from experiments.selectors.strategies import run_of


@dataclass(frozen=True)
class SheetQuestion(Question):
    """What a saved strategy is worth as a factor, on the bars of its run."""

    strategy: StrategySnapshot
    kind: str = "strategy_sheet"

    @property
    def facts(self) -> list[Any]:
        run = run_of(self.strategy)
        return [self.strategy.expr_hash, run.config_hash, run.data_fingerprint]

    @property
    def payload(self) -> dict[str, Any]:
        return {"expr_hash": self.strategy.expr_hash}

    @property
    def title(self) -> str:
        return f"Sheet of {self.strategy.name}"

    def answer(self) -> dict[str, Any] | None:
        found = StrategySheet.objects.filter(pk=self.key).first()
        return found.document if found else None
