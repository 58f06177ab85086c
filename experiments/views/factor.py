"""The charts of a factor sheet, for whatever page shows one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from experiments.charts.factor import decay_figure, months_figure, quantiles_figure
from experiments.charts.figure import Figure

Context = dict[str, Any]
FIGURES: dict[str, Callable[[Context], Figure]] = {
    "decay": decay_figure,
    "quantiles": quantiles_figure,
    "months": months_figure,
}


def factor_charts(factor: Context | None, address: Callable[[str], str]) -> Context:
    """Return each chart with where its rows are downloaded; none without a sheet."""
    if not factor or not factor["applicable"]:
        return {}
    return {
        name: {"figure": figure(factor), "download": address(name)}
        for name, figure in FIGURES.items()
    }
