"""What has to be said beside a comparison: who has no result, what cannot be compared,
and how little a lead may mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, Literal

from experiments.selectors.lineup import Lineup
from jobs.models import JobStatus
from strategies.compare import FEWEST_RETURNS, Subject, obstacles

Level = Literal["warn", "info"]
Document = Mapping[str, Any]

ONE_IDEA = 0.8  # pairs that all correlate above this agree by construction


@dataclass(frozen=True, slots=True)
class Remark:
    """A sentence with a stable code; runs are called by their letters."""

    code: str
    level: Level
    title: str
    message: str

    def as_json(self) -> dict[str, str]:
        return asdict(self)


def remarks_on(
    lineup: Lineup, documents: Sequence[Document], drawn: Document
) -> list[Remark]:
    """Return what is to be said, what stands in the way first.

    `documents` are those of the runs; `drawn` is what `selectors.compare` drew.
    """
    return [
        *_without_result(lineup),
        *_not_comparable(lineup),
        *_not_drawn(lineup, drawn),
        *_one_idea(documents, drawn["correlation"]),
        *_small_lead(lineup, documents),
    ]


# --- runs that are not what they seem ----------------------------------------------


def _without_result(lineup: Lineup) -> Iterator[Remark]:
    for run in lineup.runs:
        letter, name = lineup.letters[run.pk], run.name or run.job.title
        if run.deleted_at is not None:
            text = f"{name}: its numbers are those it had, and it can be restored."
            yield Remark("run_deleted", "warn", f"{letter} was deleted", text)
        if run.status == JobStatus.FAILED:
            text = (run.job.error or {}).get("message", "The reason was not recorded.")
            yield Remark("run_failed", "warn", f"{letter} failed", f"{name}: {text}")
        elif run.status == JobStatus.CANCELLED:
            text = f"{name} was called off, so it has no numbers."
            yield Remark("run_cancelled", "warn", f"{letter} was cancelled", text)
        elif run.status != JobStatus.SUCCEEDED:
            text = f"{name} is {run.status}; its numbers appear when it has finished."
            yield Remark("run_unfinished", "warn", f"{letter} has no result yet", text)


# --- what cannot be compared -------------------------------------------------------


def _not_comparable(lineup: Lineup) -> Iterator[Remark]:
    subjects = [
        Subject(
            name=lineup.letters[run.pk],
            config=run.config,
            data_fingerprint=run.data_fingerprint,
            ppy=run.ppy or 0.0,
            code_version=run.code_version,
        )
        for run in lineup.finished
    ]
    for one in obstacles(subjects):
        title = one.code.replace("_", " ").capitalize()
        yield Remark(one.code, "warn", title, one.message)


def _not_drawn(lineup: Lineup, drawn: Document) -> Iterator[Remark]:
    letters = {str(key): letter for key, letter in lineup.letters.items()}
    if not drawn["has_span"]:
        text = "There is no time in which all of them ran, so no curves are drawn."
        yield Remark("no_overlap", "warn", "No common dates", text)
    if rough := ", ".join(letters[run_id] for run_id in drawn["rough"]):
        text = f"{rough}: drawn from at most 500 points, and no correlation is known."
        yield Remark("no_files", "info", "Without files", text)
    if gone := ", ".join(letters[run_id] for run_id in drawn["lost"]):
        text = f"{gone}: neither drawn nor correlated, because the files are gone."
        yield Remark("files_gone", "warn", "Files are missing", text)
    empty = {run_id for run_id, line in drawn["series"].items() if not line["ts"]}
    left = [str(run.pk) for run in lineup.finished]
    ruined = [one for one in left if one in empty and one not in drawn["lost"]]
    if drawn["has_span"] and ruined:
        text = f"{', '.join(letters[one] for one in ruined)}: nothing was left by then."
        yield Remark("nothing_left", "warn", "Lost before the others begin", text)
    yield from _few_returns(letters, drawn)


def _few_returns(letters: Mapping[str, str], drawn: Document) -> Iterator[Remark]:
    table = drawn["correlation"]
    few = [
        f"{letters[table['run_ids'][i]]} and {letters[table['run_ids'][j]]}"
        for i, j in _pairs(table)
        if 0 < table["n_returns"][i][j] < FEWEST_RETURNS
    ]
    if few:
        text = f"{', '.join(few)}: fewer than {FEWEST_RETURNS} returns are common."
        yield Remark("few_returns", "info", "Too short to correlate", text)


# --- how little a lead may mean ----------------------------------------------------


def _pairs(table: Document) -> list[tuple[int, int]]:
    return list(combinations(range(len(table["run_ids"])), 2))


def _one_idea(documents: Sequence[Document], table: Document) -> Iterator[Remark]:
    known = [table["matrix"][i][j] for i, j in _pairs(table)]
    if not known or None in known or min(known) < ONE_IDEA:
        return
    n = len(documents)
    text = (
        f"All pairs correlate at {min(known):.2f} or more. Agreement between them is "
        f"not {n} confirmations{_effective(documents)}."
    )
    yield Remark("one_idea", "warn", f"These are one idea, not {n}", text)


def _effective(documents: Sequence[Document]) -> str:
    """Return how many different things were tried, where all share one count."""
    counts = {
        (one["n_trials"], one["n_effective"], one["n_effective_is_least"])
        for document in documents
        if (one := document["honesty"]) is not None
    }
    if len(counts) != 1:
        return ""
    [(n_trials, n_effective, is_least)] = counts
    if n_effective is None:
        return ""
    least = "at least " if is_least else ""
    return f": effective trials are {least}{n_effective:.0f}, not {n_trials:,}"


def _small_lead(lineup: Lineup, documents: Sequence[Document]) -> Iterator[Remark]:
    """Yield a remark if the best Sharpe leads the next by less than its error."""
    letters = {str(key): letter for key, letter in lineup.letters.items()}
    known = sorted(
        (one for one in documents if one["metrics"].get("sharpe") is not None),
        key=lambda one: -one["metrics"]["sharpe"],
    )
    if len(known) < 2:
        return
    best, second = known[:2]
    errors = [(one["honesty"] or {}).get("sharpe_se") or 0.0 for one in (best, second)]
    lead = best["metrics"]["sharpe"] - second["metrics"]["sharpe"]
    if not 0 < lead < min(errors):
        return
    first, other = letters[best["id"]], letters[second["id"]]
    text = (
        f"{lead:.2f} of Sharpe separates {first} and {other}; their standard errors "
        f"are {errors[0]:.2f} and {errors[1]:.2f}."
    )
    title = f"{first} leads by less than its error"
    yield Remark("small_lead", "info", title, text)
