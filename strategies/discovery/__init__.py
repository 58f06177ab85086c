"""The search for expressions: what is drawn, how it is judged, what chance would find.

1. `SearchPlan` says everything before anything is looked at      ``protocol``
2. `batches` tries, generation after generation                   ``search``
3. `conclude` says what of it is more than luck                   ``select``

What may be said is a `grammar`, made of a `vocabulary`: the table of primitives and
what a panel has. What says the same in other words is found by `twins`; a `score` says
what one is worth, and a `placebo` is searched beside the real bars. Of what was tried,
`finalists` are looked at twice, and `kept` says all there is to say of the few that
stay. `train_pipeline` and the names beside it are those of the seed (`train` and
`catalog`). Importing this imports no numba.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from strategies.discovery.batch import Batch
    from strategies.discovery.catalog import (
        build_feature_catalog,
        generate_expressions,
        set_dynamic_catalog,
    )
    from strategies.discovery.protocol import SearchPlan
    from strategies.discovery.search import batches
    from strategies.discovery.select import conclude
    from strategies.discovery.train import (
        BacktestResult,
        BacktestTask,
        batch_prepare,
        persist_backtest_result,
        run_parallel,
        train_pipeline,
    )

__all__ = [
    "BacktestResult",
    "BacktestTask",
    "Batch",
    "SearchPlan",
    "batch_prepare",
    "batches",
    "build_feature_catalog",
    "conclude",
    "generate_expressions",
    "persist_backtest_result",
    "run_parallel",
    "set_dynamic_catalog",
    "train_pipeline",
]

_ROOMS = {
    "BacktestResult": "train",
    "BacktestTask": "train",
    "Batch": "batch",
    "SearchPlan": "protocol",
    "batch_prepare": "train",
    "batches": "search",
    "build_feature_catalog": "catalog",
    "conclude": "select",
    "generate_expressions": "catalog",
    "persist_backtest_result": "train",
    "run_parallel": "train",
    "set_dynamic_catalog": "catalog",
    "train_pipeline": "train",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use, as `strategies` does."""
    if name in _ROOMS:
        return getattr(import_module(f"strategies.discovery.{_ROOMS[name]}"), name)
    raise AttributeError(f"module 'strategies.discovery' has no attribute {name!r}")
