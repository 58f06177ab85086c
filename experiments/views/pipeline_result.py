"""What came of a pipeline: its leaderboard, the verdicts, and what can be done next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.urls import reverse

from experiments.models import PipelineRun
from experiments.selectors.runs import run_documents, runs_listed
from experiments.templatetags.honesty import luck_of
from strategies.numerals import number
from strategies.pipeline.leaderboard import sharpe_key

Document = Mapping[str, Any]

# Of a next step -> why, for who asks.
WHY = {
    "metrics": "AUC, Brier score and log loss by fold, calibration, what it rests on.",
    "critic": "Fixed rules say what a careful colleague would, with evidence.",
    "publish": "Then it can be back-tested like any other strategy.",
    "settings": "The whole report of these settings: trades, charts, costs.",
    "reasons": "By how much each configuration missed which limit.",
    "relax": "The form opens with these settings; change what you like.",
    "again": "The form opens with these settings.",
}


def result_of(row: PipelineRun, document: Document, *, novice: bool) -> dict[str, Any]:
    """Return what the region of the result shows; nothing judged while nothing is."""
    board = document["backtests"]["leaderboard"]
    chosen = document["chosen"]["run_id"] if document["chosen"] else None
    rows = _rows(board, sharpe_key(row.timeframe), chosen)
    judged = [one for one in rows if one["passed"] is not None]
    best = next(
        (one for one in judged if one["is_chosen"]), judged[0] if judged else None
    )
    return {
        "rows": rows,
        "best": best,
        "trials": _trials(rows),
        "next_steps": _steps(row, document, best, novice=novice),
        "runs_url": f"{reverse('experiments:backtesting')}?{_only_runs_of(row)}",
        "api_url": document["links"]["self"],
        "error": document["error"],
    }


def _only_runs_of(row: PipelineRun) -> str:
    return urlencode({"q": f"pipeline:{row.pk}", "archived": "all"})


def _rows(
    board: Sequence[Document], key: str, chosen: str | None
) -> list[dict[str, Any]]:
    """Return each place of the leaderboard with its run, if that was not deleted."""
    found = runs_listed([UUID(one["run_id"]) for one in board])
    runs = {one["id"]: one for one in run_documents(found, with_config=False)}
    return [
        {
            **one,
            **titled(one["config"] or {}),
            "run": runs.get(one["run_id"]),
            "url": runs[one["run_id"]]["links"]["page"]
            if one["run_id"] in runs
            else "",
            "sharpe_bar": one["metrics"].get(key),
            "is_first": place == 0,
            "is_chosen": one["run_id"] == chosen,
            "missed": [v for v in one["verdicts"] if v["status"] != "pass"],
            "n_met": sum(v["status"] == "pass" for v in one["verdicts"]),
        }
        for place, one in enumerate(board)
    ]


def titled(config: Document) -> dict[str, str]:
    """Return what a configuration is called, and its hours of entry."""
    if params := config.get("params"):
        title = ", ".join(f"{name} {value}" for name, value in params.items())
    else:
        levels = [f"{level:.10g}" for level in config.get("thresholds", ())]
        title = f"threshold{'s' * (len(levels) > 1)} {', '.join(levels)}"
    hours = config.get("allowed_hours") or []
    is_span = len(hours) > 1 and hours == [*range(hours[0], hours[-1] + 1)]
    listed = ", ".join(f"{hour:02d}" for hour in hours)
    span = f"{hours[0]:02d}–{hours[-1] + 1:02d}" if is_span else listed
    return {"title": title, "hours": f"hours {span}" if hours else ""}


def _trials(rows: Sequence[Document]) -> str:
    """Return how much has been tried on these data, in a sentence."""
    run = next((one["run"] for one in rows if one["run"]), None)
    if run is None or not run["honesty"]:
        return ""
    luck = luck_of(run)
    if not luck.n_trials:
        return "These data are made up, so no trial is counted."
    tried = f"{luck.trials} on these data so far"
    if luck.best_by_luck is None:
        return f"{tried}."
    best = number(luck.best_by_luck, 2)
    return f"{tried}: luck alone would reach {best} a year, the grey."


def _steps(
    row: PipelineRun, document: Document, best: Document | None, *, novice: bool
) -> list[dict[str, str]]:
    """Return what can be done now as links; what is sent by a form is left out."""
    steps = [
        {
            "words": one["novice"] if novice else one["words"],
            "url": "#board-title" if one["key"] == "reasons" else one["url"],
            "why": WHY.get(one["key"], ""),
        }
        for one in document["steps"]
        if one["method"] == "GET"
    ]
    if best is not None and best["missed"]:
        limits = "safety limits" if novice else "guardrails"
        again = f"{reverse('experiments:pipeline-new')}?from={row.pk}"
        steps.append(
            {
                "words": f"Loosen the {limits} to what the best just reaches",
                "url": f"{again}&loosened=1&step=3",
                "why": "Limits set after the result was seen say less.",
            }
        )
    return steps
