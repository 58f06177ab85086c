"""The search for expressions: what is drawn, how it is judged, what chance would find.

What may be said is a `grammar`, made of the table of primitives and of what a panel
has; what says the same in other words is found by `twins`.

1. `SearchPlan` says everything before anything is looked at      ``protocol``
2. `batches` tries, generation after generation                   ``search``
3. `conclude` says what of it is more than luck                   ``select``

`train_pipeline` is the seed's one call for all of it. Importing this imports no numba.
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
    "run_parallel": "train",
    "set_dynamic_catalog": "catalog",
    "train_pipeline": "train",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use, as `strategies` does."""
    if name in _ROOMS:
        return getattr(import_module(f"strategies.discovery.{_ROOMS[name]}"), name)
    raise AttributeError(f"module 'strategies.discovery' has no attribute {name!r}")
