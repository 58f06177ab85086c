"""What a careful colleague would say of a run: the facts, gathered, and the remarks.

What is read from files and from a sweep's table is found once by a quick job. The rest
changes with every trial and every test, and is known anyway.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from experiments.models import ModelRun, RunKind, SealOpening
from experiments.selectors.experiments import experiment_trials
from experiments.selectors.generate import generation, seals_before
from experiments.selectors.questions import Question
from experiments.selectors.results import (
    report_figures,
    result_needed,
    success_needed,
)
from experiments.selectors.runs import run_document
from experiments.selectors.sweep import has_part
from experiments.selectors.trials import is_made_up
from experiments.selectors.universes import survivorship
from experiments.selectors.validation import validation_newest
from experiments.selectors.walk_forward import decay_of, walk_windows
from quantlab.web.problem import Problem
from strategies.critic import Remark, review
from strategies.critic.facts import facts_of
from strategies.critic.luck import TARGET
from strategies.market.providers import REMOTES
from strategies.statistics import min_backtest_years
from strategies.validation_config import TESTS

Document = dict[str, Any]

NOTHING_KEPT: Document = {"facts": {}}
VERSIONED = ("upload", *REMOTES)  # providers whose bars are kept in versions
RATES = ("commission_bps", "commission_per_share", "commission_min", "slippage_bps")
P_VALUES = {
    "p_timing": "permutation",
    "p_search": "permutation_rerun",
    "p_entries": "random_entries",
}
BOOTSTRAPS = ("block_bootstrap", "stationary_bootstrap")
# They have a row for each that they tried, and no account of their own.
SEARCHES = (RunKind.SWEEP, RunKind.GENERATE)


@dataclass(frozen=True)
class CriticQuestion(Question):
    """What the files of a run and its search say."""

    run: ModelRun
    kind: str = "critic"

    @property
    def run_id(self) -> str:
        return str(self.run.pk)

    @property
    def page(self) -> str:
        return f"{self.run.get_absolute_url()}?tab=critic"

    @property
    def facts(self) -> list[Any]:
        return [self.run.manifest_sha]

    @property
    def payload(self) -> Document:
        return {}

    @property
    def title(self) -> str:
        return f"Remarks on {self.run.name or self.run.job.title}"

    def answer(self) -> Document | None:
        """Return what was found; of a run without files there is nothing to find."""
        return super().answer() if self.run.manifest_sha else NOTHING_KEPT


def critic_question(run: ModelRun) -> CriticQuestion:
    """Return what is asked; 409 for a run that has no metrics."""
    if run.kind not in SEARCHES:
        result_needed(run)
    elif not has_part(run):
        success_needed(run)
    return CriticQuestion(run)


def critic_kept(
    run: ModelRun, document: Document, validation: Document | None
) -> Document | None:
    """Return the remarks on a run if its files were read before.

    `document` is that of the run, `validation` what its newest tests said.
    """
    found = critic_question(run).answer()
    return None if found is None else _document(run, document, validation, found)


def critic_of(run: ModelRun, found: Document) -> Document:
    """Return the remarks on a run, with what a quick job found."""
    validation = None if run.kind in SEARCHES else validation_newest(run)
    return _document(run, run_document(run), validation, found)


def _document(
    run: ModelRun, document: Document, validation: Document | None, found: Document
) -> Document:
    """Return all remarks on a run, the worst first."""
    facts = facts_of(
        _of_account(run),
        _of_luck(run, document["honesty"] or {}),
        _of_plan(run),
        _of_tests(run, validation or {}),
        _of_walk(run),
        _of_settings(run.config),
        _of_data(run, document["restated"]),
        _of_search(run),
        found["facts"],
        {"files": _files(run)},
    )
    remarks = review(facts)
    counts = {
        f"n_{name}": sum(one.status == status for one in remarks)
        for name, status in COUNTED.items()
    }
    places = _places(run)
    return {
        "run_id": str(run.pk),
        "items": [_item(one, places) for one in remarks],
        "n_rules": len(remarks),
        **counts,
        "honesty": document["honesty"],
    }


COUNTED = {"hits": "hit", "passed": "pass", "not_applicable": "not_applicable"}


def _item(remark: Remark, places: Mapping[str, str]) -> Document:
    return {
        "rule": remark.rule,
        "name": remark.name,
        "title": remark.title,
        "severity": remark.severity,
        "status": remark.status,
        "words": remark.words,
        "novice": remark.novice,
        "evidence": dict(remark.evidence),
        "try": remark.advice or None,
        "link": places.get(remark.place, places["summary"]),
    }


# --- facts ---------------------------------------------------------------------------


def _of_account(run: ModelRun) -> Document:
    metrics = run.metrics
    n_bars, total = metrics.get("n_bars"), metrics.get("total_return")
    return metrics | {
        "years": (n_bars - 1) / run.ppy if n_bars and run.ppy else None,
        "longest_drawdown": metrics.get("max_drawdown_duration_bars"),
        "is_ruined": None if total is None else total == -1.0,
    }


def _of_luck(run: ModelRun, luck: Mapping[str, Any]) -> Document:
    n_trials = luck.get("n_trials")
    return {
        **luck,
        "best_by_luck": luck.get("expected_max_sharpe"),
        "years_needed": luck.get("min_track_record_years"),
        "years_by_luck": min_backtest_years(n_trials, TARGET) if n_trials else None,
    }


def _of_plan(run: ModelRun) -> Document:
    experiment = run.experiment
    planned = experiment and (experiment.hypothesis or {}).get("planned_trials")
    if experiment is None or not planned:
        return {}
    tried = experiment_trials(experiment)
    return {"planned_trials": planned, "experiment_trials": tried}


def _of_tests(run: ModelRun, said: Mapping[str, Any]) -> Document:
    """Return what the newest validation says; nothing of a search, which has none."""
    if run.kind in SEARCHES:
        return {"is_search_repeated": False}
    spoke = {name: one for name, one in said.items() if name in TESTS}
    spoke = {name: one for name, one in spoke.items() if one.get("applicable", True)}
    lows = [spoke[name]["return_ci"]["lower"] for name in BOOTSTRAPS if name in spoke]
    return {
        "n_tests": len(spoke),
        "growth_low": min(lows, default=None),
        "is_search_repeated": "permutation_rerun" in spoke,
        **{
            fact: spoke[name]["p_value"]
            for fact, name in P_VALUES.items()
            if name in spoke
        },
    }


def _of_walk(run: ModelRun) -> Document:
    if run.kind != RunKind.WALK_FORWARD:
        return {}
    found: Document = {"n_windows": len(walk_windows(run))}
    decay = decay_of(run)
    if decay is None or decay.metric.better == "lower":
        return found
    return found | {"inside": decay.inside, "outside": decay.outside}


def _of_search(run: ModelRun) -> Document:
    """Return what the search for expressions says that a run is, or was found by."""
    search = run if run.kind == RunKind.GENERATE else run.parent
    if search is None or search.kind != RunKind.GENERATE or not search.manifest_sha:
        return {}
    try:
        found = generation(search)
    except Problem:
        return {}  # the search's files are gone
    bar, kept = found["bar"], found["kept"]
    facts: Document = {
        "n_candidates": found["counts"]["evaluated"],
        "is_search_repeated": bar["placebo_best"] is not None,
        "best_found": bar["real_best"],
        "best_in_noise": bar["placebo_best"],
    }
    is_best = search is run  # whose numbers are those of the best that it kept
    mine = [one for one in kept if is_best or one["expr"] == run.config.get("expr")]
    if mine:
        facts |= _of_kept(search, mine[0]) | (_of_best(run, mine[0]) if is_best else {})
    return facts


def _of_kept(search: ModelRun, one: Document) -> Document:
    own = SealOpening.objects.filter(run_id=str(search.pk)).first()
    return {
        "sharpe_found": one["train"]["sharpe"],
        "sharpe_sealed": one["test"]["sharpe"],
        "n_openings": len(seals_before(search, own)),
    }


def _of_best(search: ModelRun, one: Document) -> Document:
    """Return what a search knows of its best, and a run reads from its files."""
    execution = search.config["execution"]
    return {
        "is_leaking": not one["look_ahead"]["ok"],
        "is_leak_tested": True,
        "break_even_bps": one["break_even_bps"],
        "cost_bps": execution["commission_bps"] + execution["slippage_bps"],
    }


def _of_settings(config: Mapping[str, Any]) -> Document:
    execution = config["execution"]
    each = [execution, *(execution.get("overrides") or {}).values()]
    chosen = survivorship(config)
    return {
        "has_costs": any(one.get(rate) for one in each for rate in RATES),
        "borrow_bps": max(one.get("borrow_bps") or 0.0 for one in each),
        "fills_at_close": execution["fill"] == "close",
        "n_symbols": chosen["symbols"] if chosen else 1,
        "is_of_survivors": chosen["bias"] if chosen else None,
        "is_made_up": is_made_up(config["provider"]),
    }


def _of_data(run: ModelRun, restated: Mapping[str, Any] | None) -> Document:
    verdict = report_figures([run]).get(run.pk, {}).get("lookahead")
    has_versions = run.config["provider"] in VERSIONED
    n_restated = restated["bars"] if restated else 0
    return {
        "restated_bars": n_restated if has_versions else None,
        "is_leaking": not verdict["ok"] if verdict else None,
        # Rules of the library are tested with the lab, not run by run.
        "is_leak_tested": bool(verdict) if _has_one_expression(run) else None,
    }


def _has_one_expression(run: ModelRun) -> bool:
    return bool(run.config.get("expr")) and run.kind != RunKind.GENERATE


def _files(run: ModelRun) -> str:
    if run.kind in SEARCHES:
        return str(run.kind)
    return "kept" if run.manifest_sha else "none"


# --- where the evidence is -----------------------------------------------------------


def _places(run: ModelRun) -> dict[str, str]:
    """Return the address of each place where evidence is found."""
    page = run.get_absolute_url()
    tabs = {"summary": page, "config": f"{page}?tab=config"}
    if run.kind == RunKind.SWEEP:
        tabs |= {"search": f"{page}?tab=candidates", "luck": f"{page}?tab=luck"}
    elif run.kind != RunKind.GENERATE:  # its summary is about nothing else
        names = ("trades", "charts", "breakdown", "validation")
        tabs |= {name: f"{page}?tab={name}" for name in names}
        tabs |= {"costs": tabs["trades"], "data": tabs["charts"], "luck": page}
    if run.kind == RunKind.WALK_FORWARD:
        tabs["windows"] = f"{page}?tab=windows"
    if run.parent is not None and run.parent.kind in SEARCHES:
        tabs["search"] = run.parent.get_absolute_url()
    if run.experiment is not None:
        tabs["experiment"] = run.experiment.get_absolute_url()
    if run.pool and not is_made_up(run.config["provider"]):
        tabs["ledger"] = reverse("experiments:ledger-family", args=[run.pool])
        tabs["overfitting"] = reverse("experiments:ledger-luck", args=[run.pool])
    return tabs
