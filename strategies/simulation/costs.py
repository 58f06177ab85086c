"""What trading costs, as fractions and cash; made once from the config of a run."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from strategies.errors import StrategyError

if TYPE_CHECKING:
    from strategies.config import ExecutionConfig

BPS = 1e-4
COST_KEYS = (
    "commission_bps",
    "commission_per_share",
    "commission_min",
    "slippage_bps",
    "borrow_bps",
)


@dataclass(frozen=True, slots=True)
class Costs:
    """Costs of trading one symbol.

    Attributes
    ----------
    commission : float
        Fraction of the traded value, per side.
    per_share : float
        Cash per share or contract, per side.
    minimum : float
        Least cash fee of one fill.
    slippage : float
        Adverse fraction of the price, inside the fill price; below 1.
    borrow_per_bar : float
        Fraction of the market value of a short position, per bar.
    """

    commission: float = 0.0
    per_share: float = 0.0
    minimum: float = 0.0
    slippage: float = 0.0
    borrow_per_bar: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not (math.isfinite(value) and value >= 0.0):
                raise StrategyError(
                    f"The cost {field.name} is {value}: it must be 0 or more.",
                    code="out_of_range",
                    field="execution",
                )
        if self.slippage >= 1.0:
            raise StrategyError(
                f"Slippage of {self.slippage:.0%} leaves nothing of the price.",
                code="out_of_range",
                field="execution.slippage_bps",
                advice="Use fewer than 10,000 basis points.",
            )

    @classmethod
    def of(cls, execution: ExecutionConfig, *, symbol: str, ppy: float) -> Costs:
        """Return the costs of `symbol`: its overrides, else those of the run.

        Parameters
        ----------
        execution : ExecutionConfig
            Basis points and cash amounts; borrow in basis points per year.
        symbol : str
        ppy : float
            Bars per year, > 0.
        """
        values = {key: getattr(execution, key) for key in COST_KEYS}
        override = execution.overrides.get(symbol)
        if override is not None:
            own = {key: getattr(override, key) for key in COST_KEYS}
            values |= {key: value for key, value in own.items() if value is not None}
        return cls(
            commission=values["commission_bps"] * BPS,
            per_share=values["commission_per_share"],
            minimum=values["commission_min"],
            slippage=values["slippage_bps"] * BPS,
            borrow_per_bar=values["borrow_bps"] * BPS / ppy,
        )
