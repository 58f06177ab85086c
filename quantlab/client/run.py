"""One run of a lab: its numbers, its tables, and how far it is."""

from __future__ import annotations

import html
import sys
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from quantlab.client.errors import LabError

if TYPE_CHECKING:
    from quantlab.client.lab import Lab

OVER = {"succeeded", "failed", "cancelled", "stopped"}
SPARK = (240, 48)  # a small curve: its width and height
SPARK_POINTS = 120


class Run:
    """One run of a lab, of whatever kind. Tables are fetched when first asked for.

    Attributes
    ----------
    document : dict
        Everything GET /api/runs/{id} says.
    """

    def __init__(self, lab: Lab, document: Mapping[str, Any]) -> None:
        self._lab, self.document = lab, dict(document)

    @property
    def id(self) -> str:
        return str(self.document["id"])

    @property
    def kind(self) -> str:
        return str(self.document["kind"])

    @property
    def name(self) -> str:
        return str(self.document["name"])

    @property
    def title(self) -> str:
        """Its name, or the start of its id."""
        return self.name or self.id[:8]

    @property
    def status(self) -> str:
        return str(self.document["status"])

    @property
    def config(self) -> dict[str, Any]:
        return dict(self.document.get("config") or {})

    @property
    def metrics(self) -> dict[str, float | None]:
        return dict(self.document["metrics"])

    @property
    def honesty(self) -> dict[str, Any] | None:
        """How many trials stand behind the Sharpe ratio; None where there is none."""
        found = self.document["honesty"]
        return None if found is None else dict(found)

    @property
    def page(self) -> str:
        """The address of its page."""
        return f"{self._lab.url}{self.document['links']['page']}"

    def refresh(self) -> Run:
        """Ask the lab how it stands."""
        self.document = self._lab.ask("GET", f"/api/runs/{self.id}")
        return self

    def wait(self, timeout: float | None = None) -> Run:
        """Return when it is over, telling how far it is meanwhile.

        Raises
        ------
        LabError
            It failed, or was cancelled.
        TimeoutError
            After `timeout` seconds; it goes on in the lab.
        """
        begun, pause, told = time.monotonic(), 0.1, False
        while self.status not in OVER:
            if timeout is not None and time.monotonic() - begun > timeout:
                raise TimeoutError(f"{self.title} is {self.status} after {timeout} s.")
            time.sleep(pause)
            pause = min(pause * 1.5, 1.0)
            self.refresh()
            _tell(f"{self.title}: {_progress(self.document)}")
            told = True
        if told:
            _tell("")
        if self.status in ("failed", "cancelled"):
            error = self.document["error"] or {"message": f"It was {self.status}."}
            raise LabError(200, error)
        return self

    def cancel(self) -> Run:
        """Call it off; what is done stays."""
        self._lab.ask("POST", f"/api/runs/{self.id}/cancel")
        return self.refresh()

    def series(self, *names: str, **query: Any) -> pd.DataFrame:
        """Return series over time, a column each: ``run.series("cash", "leverage")``.

        `from`, `to`, `interval`, `agg` and `points` as in GET /api/runs/{id}/metrics;
        every bar unless they say otherwise.
        """
        query["series"] = ",".join(names)
        return self._lab.table(f"/api/runs/{self.id}/metrics", **query)

    @cached_property
    def equity(self) -> pd.DataFrame:
        """The account at each close, in cash."""
        return self.series("equity")

    @cached_property
    def drawdown(self) -> pd.DataFrame:
        """The change from the highest close before, a fraction."""
        return self.series("drawdown")

    @cached_property
    def trades(self) -> pd.DataFrame:
        """Its fills."""
        return self._table("trades")

    @cached_property
    def round_trips(self) -> pd.DataFrame:
        return self._table("round-trips")

    @cached_property
    def candidates(self) -> pd.DataFrame:
        """What a sweep or a search tried, with its metrics."""
        return self._table("candidates")

    @cached_property
    def windows(self) -> pd.DataFrame:
        """What a walk-forward chose, and what came of it."""
        return self._table("windows")

    @cached_property
    def report(self) -> dict[str, Any]:
        """Everything its page shows, thinned for charts."""
        return dict(self._lab.ask("GET", f"/api/runs/{self.id}/report"))

    @property
    def critic(self) -> pd.DataFrame:
        """What a careful colleague would say of it."""
        found = self._lab.ask("GET", f"/api/runs/{self.id}/critic")
        return pd.DataFrame(found["items"])

    @property
    def proof(self) -> dict[str, Any]:
        """Its newest proof: every file beside the one that was made again."""
        return dict(self._lab.ask("GET", f"/api/runs/{self.id}/proof"))

    def archive(self, file: str | PathLike[str]) -> Path:
        """Write it into a zip with all that proves it; `Lab.take` takes it in."""
        return self._lab.save(f"/api/runs/{self.id}/archive", file)

    def _table(self, name: str) -> pd.DataFrame:
        table = self._lab.table(f"/api/runs/{self.id}/{name}")
        return table.rename(columns=lambda column: column.removeprefix("metrics."))

    def __repr__(self) -> str:
        return (
            f"<Run {self.title}, {self.kind}, {self.status}: {_verdict(self.document)}>"
        )

    def _repr_html_(self) -> str:
        head = f'<a href="{html.escape(self.page)}">{html.escape(self.title)}</a>'
        words = html.escape(f"{self.kind}, {self.status}. {_verdict(self.document)}")
        return f"<p><b>{head}</b><br>{words}</p>{self._curve()}"

    def _curve(self) -> str:
        if self.status != "succeeded" or self.kind not in ("backtest", "walk_forward"):
            return ""
        small = self.series("equity", points=SPARK_POINTS)["equity"].tolist()
        return _spark(small)


def _verdict(document: Mapping[str, Any]) -> str:
    """Return the Sharpe ratio, never without the trials behind it."""
    sharpe, luck = document["metrics"].get("sharpe"), document["honesty"]
    if sharpe is None or luck is None:
        return "no Sharpe ratio"
    best = luck["expected_max_sharpe"]
    by_luck = "" if best is None else f", the best of them by luck {best:.2f}"
    noun = "trial" if luck["n_trials"] == 1 else "trials"
    return f"Sharpe {sharpe:.2f} after {luck['n_trials']:,} {noun}{by_luck}"


def _progress(document: Mapping[str, Any]) -> str:
    eta = document.get("eta_s")
    left = "" if eta is None else f", {eta:.0f} s left"
    return f"{document['status']} {document['progress']:.0%}{left}"


def _tell(line: str) -> None:
    """Write over the last line; in a terminal and below a cell alike."""
    sys.stderr.write(f"\r{line:<72}" + ("" if line else "\r"))
    sys.stderr.flush()


def _spark(values: Sequence[float]) -> str:
    width, height = SPARK
    low, high = min(values), max(values)
    spread = (high - low) or 1.0
    step = width / max(len(values) - 1, 1)
    points = " ".join(
        f"{place * step:.1f},{height - (one - low) / spread * height:.1f}"
        for place, one in enumerate(values)
    )
    return (
        f'<svg width="{width}" height="{height}" role="img" aria-label="Equity">'
        f'<polyline points="{points}" fill="none" stroke="currentColor"/></svg>'
    )
