"""Runs side by side, as data frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import pandas as pd


class Comparison:
    """Runs side by side, by their names.

    Attributes
    ----------
    document : dict
        What POST /api/model-lab/compare says.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = dict(document)
        self._names = _distinct(document["runs"])

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """One row a metric, one column a run."""
        return self._grid(self.document["metrics"], "key")

    @cached_property
    def settings(self) -> pd.DataFrame:
        """What their configs do not share: one row a setting, one column a run."""
        return self._grid(self.document["config_diff"], "path")

    @cached_property
    def curves(self) -> pd.DataFrame:
        """Equity, 1.0 where all have begun; one column a run."""
        each = {
            self._names[run_id]: pd.Series(
                one["value"], pd.to_datetime(one["ts"], unit="ms", utc=True)
            )
            for run_id, one in self.document["series"].items()
        }
        return pd.DataFrame(each)

    @cached_property
    def correlation(self) -> pd.DataFrame:
        """Of the returns."""
        found = self.document["correlation"]
        names = [self._names[run_id] for run_id in found["run_ids"]]
        return pd.DataFrame(found["matrix"], names, names, dtype="float64")

    def _grid(self, rows: Sequence[Mapping[str, Any]], key: str) -> pd.DataFrame:
        values = [[row["values"].get(run_id) for run_id in self._names] for row in rows]
        index = pd.Index([row[key] for row in rows], name=key)
        return pd.DataFrame(values, index, list(self._names.values()))

    def _repr_html_(self) -> str:
        return str(self.metrics.to_html())


def _distinct(runs: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return a name for each run by its id; equal ones are told apart by the id."""
    names = [run["name"] for run in runs]
    return {
        run["id"]: run["name"]
        if names.count(run["name"]) == 1
        else f"{run['name']} ({run['id'][:8]})"
        for run in runs
    }
