"""Every read of a search for expressions: its plan, what it tried, what it found."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.artifacts.candidates import CANDIDATES, part_tables, unpacked
from experiments.artifacts.store import run_store
from experiments.artifacts.tables import Kind, columns_check
from experiments.models import ModelRun, RunKind, SealOpening, SearchBatch
from experiments.selectors.honesty import honesty_of, honesty_of_pool
from experiments.selectors.ledger import instruments_named, moment_of
from experiments.selectors.results import files_not_removed
from experiments.selectors.seals import is_alike, seen_between
from experiments.selectors.sweep import bars_expected
from jobs.models import JobStatus
from quantlab.web.problem import Problem
from strategies import RunConfig
from strategies.discovery.batch import COLUMNS, TEXTS, WHOLE
from strategies.discovery.protocol import SearchPlan
from strategies.types import IntArray

if TYPE_CHECKING:
    import pyarrow as pa

MOST_COMPLEX = 100.0  # complexity score that an expression may have
OUTCOME = "summary.json"
PLACEBO, WEEKS = "is_placebo", "weeks"  # columns beside those of a batch
KINDS = dict.fromkeys(TEXTS, Kind.TEXT) | dict.fromkeys(WHOLE, Kind.WHOLE)
KINDS |= {PLACEBO: Kind.TRUTH}
NOBODY = ("parent", "twin_of")  # numbers of other expressions, −1 for none
MOST_OUTCOMES = 8


@dataclass(frozen=True, eq=False)
class Generated:
    """The expressions that were tried so far, in the order of their numbers.

    Those of the search, or those of its placebo; `table` has the columns of a batch.
    """

    table: pa.Table
    is_whole: bool
    best_first: str = "-fitness"

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def column(self, name: str) -> np.ndarray:
        """Return a column as an array of shape (n_expressions,)."""
        found: np.ndarray = self.table.column(name).to_numpy()
        return found

    def names(self) -> list[str]:
        """Return everything that is a number here."""
        fields = self.table.schema
        return [f.name for f in fields if str(f.type) not in ("string", "bool")]

    def number(self, name: str) -> np.ndarray:
        """Return what a condition or an order may name, as float64."""
        return self.column(name).astype(np.float64, copy=False)

    def rows_of(self, index: int) -> IntArray:
        """Return the row of the expression with this number; none if there is none."""
        return np.flatnonzero(self.column("index") == index)

    def items(self, rows: IntArray) -> list[dict[str, Any]]:
        """Return some rows as the API shows them; unknown is null."""
        found: list[dict[str, Any]] = self.table.take(rows).to_pylist()
        return [{name: _known(name, one[name]) for name in one} for one in found]


def _known(name: str, value: Any) -> Any:
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return None if name in NOBODY and value == -1 else value


def bars_of(config: RunConfig) -> int:
    """Return about how many bars the window of a settled config has; none is read."""
    return int(bars_expected(config) / max(len(config.symbols), 1))


def generate_needed(run: ModelRun) -> None:
    """Raise the 409 for a run that searched no expressions."""
    if run.kind != RunKind.GENERATE:
        raise Problem(
            status=409,
            message="This run searched for no expressions.",
            advice="POST /api/jobs/train starts a search.",
            next_steps=[f"GET /api/runs/{run.pk}"],
        )


def plan_of(run: ModelRun) -> SearchPlan:
    """Return the plan that a search was accepted with."""
    own: dict[str, Any] = (run.search or {})["plan"]
    return SearchPlan.from_document({**own, "config": run.config})


def spans_of(run: ModelRun) -> dict[str, Any]:
    """Return where train, validation and test lie; known once the bars were read."""
    spans: dict[str, Any] = (run.search or {}).get("spans", {})
    return spans


def generated(run: ModelRun, *, placebo: bool = False) -> Generated:
    """Return what was tried so far: all of it once the run has its files.

    409 for a run that is no search or has not tried anything.
    """
    generate_needed(run)
    files_not_removed(run)
    if run.manifest_sha:
        return _whole(str(run.pk), run.manifest_sha, placebo)
    batches = SearchBatch.objects.filter(run=run, is_placebo=placebo)
    numbers = list(batches.values_list("number", flat=True))
    if not numbers:
        raise Problem(
            status=409,
            message=f"The search is {run.status}: it has tried nothing yet.",
            advice="Run it again." if run.job.is_finished else "Ask again in a moment.",
            next_steps=[f"GET /api/runs/{run.pk}"],
        )
    import pyarrow as pa

    try:
        table = pa.concat_tables(part_tables(run.pk, numbers))
    except FileNotFoundError:  # written down whole since the run was read
        run.refresh_from_db(fields=["manifest_sha"])
        return _whole(str(run.pk), run.manifest_sha, placebo)
    return Generated(table.drop_columns([PLACEBO, WEEKS]), is_whole=False)


@lru_cache(maxsize=MOST_OUTCOMES)
def _whole(run_id: str, manifest_sha: str, placebo: bool) -> Generated:
    with run_store().open(run_id, CANDIDATES) as file:
        table = unpacked(file, manifest_sha)
        columns_check(file, table.schema, (*COLUMNS, PLACEBO), KINDS)
    mine = np.flatnonzero(table.column(PLACEBO).to_numpy() == placebo)
    return Generated(table.take(mine).drop_columns([PLACEBO]), is_whole=True)


# --- what came of it -----------------------------------------------------------------


def generation(run: ModelRun) -> dict[str, Any]:
    """Return what a search found, as it was written down; 409 before it is.

    A search that was called off has found what it found until then.
    """
    generate_needed(run)
    files_not_removed(run)
    if not run.manifest_sha:
        raise Problem(
            status=409,
            message=f"The search is {run.status}: it has not come to its end.",
            advice="Its candidates can be read as far as it came.",
            next_steps=[f"GET /api/runs/{run.pk}/candidates"],
        )
    return _outcome(str(run.pk), run.manifest_sha)


@lru_cache(maxsize=MOST_OUTCOMES)
def _outcome(run_id: str, manifest_sha: str) -> dict[str, Any]:
    with run_store().open(run_id, OUTCOME) as file:
        found: dict[str, Any] = json.load(file)
    return found


def generation_document(run: ModelRun) -> dict[str, Any]:
    """Return the outcome with what only the lab knows: seals, speed, honesty."""
    found = generation(run)
    return found | {
        "run_id": str(run.pk),
        "is_complete": run.status == JobStatus.SUCCEEDED,
        "seal": seal_document(run),
        "expressions_per_s": search_rate(run),
        "honesty": search_honesty(run),
    }


def search_honesty(run: ModelRun) -> dict[str, Any]:
    """Return what every Sharpe of a search is shown with; of its pool without one."""
    luck = honesty_of([run])[run.pk] or honesty_of_pool(run.pool)
    return luck.as_json()


def search_rate(run: ModelRun) -> float | None:
    """Return how many expressions were made, evaluated and traded in a second."""
    timed = run.batches.values_list("n_expressions", "seconds")
    n, taken = (sum(column) for column in zip(*timed, strict=True)) if timed else (0, 0)
    return n / taken if taken else None


# --- the sealed span -----------------------------------------------------------------


def seal_document(run: ModelRun) -> dict[str, Any]:
    """Return the test span, whether this search opened it, and who did before."""
    test = spans_of(run)["test"]
    own = SealOpening.objects.filter(run_id=str(run.pk)).first()
    return {
        "start": moment_of(test["start_ms"]),
        "end": moment_of(test["end_ms"]),
        "opened_at": own and own.opened_at,
        "earlier": [
            {
                "run_id": one.run_id,
                "opened_at": one.opened_at,
                "start": moment_of(one.start_ms),
                "end": moment_of(one.end_ms),
            }
            for one in seals_before(run, own)
        ],
    }


def seals_before(run: ModelRun, own: SealOpening | None) -> list[SealOpening]:
    """Return the openings by others that saw bars of the test span, the oldest first.

    As the ledger counts: of at least half of its instruments. What was opened after
    this search had opened its own span it could not know.
    """
    test = spans_of(run)["test"]
    mine = instruments_named(RunConfig(**run.config).instruments)
    return [
        one
        for one in seen_between(test["start_ms"], test["end_ms"])
        if one.run_id != str(run.pk)
        and (own is None or one.pk < own.pk)
        and is_alike(one, mine)
    ]
