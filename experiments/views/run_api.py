"""The calls behind the page of a run: of a tab, and all of them on its API tab."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.http import HttpRequest

from experiments.models import ModelRun, RunKind
from experiments.selectors.proof import proof_of
from experiments.selectors.runs import run_document
from experiments.selectors.validation import validation_newest
from experiments.views.calls import Call, Door, calls_behind, calls_from, rows
from jobs.models import JobStatus

SERIES = "equity,drawdown,rolling_sharpe_90"
FILE = "equity.parquet"
OWN = "/api/runs/{run_id}"
IN_PAGES = ("order", "where", "cursor")

# What gives a script the numbers of a tab, beside the run itself.
RUN = Door("This run", OWN, shown='answer["status"], answer["metrics"]')
REPORT = Door("Its report", f"{OWN}/report", shown='answer["metrics"]')
CANDIDATES = rows("Its candidates", f"{OWN}/candidates", IN_PAGES, limit=50)
GENERATION = Door("What it found", f"{OWN}/generation", shown='answer["sentence"]')
PROOF = Door("The proof", f"{OWN}/proof")
VALIDATION = Door("Its tests of luck", f"{OWN}/validation")
LUCK = Door("All trials on these data", "/api/ledger/families/{pool}")
OF_TAB = {
    "summary": (REPORT,),
    "charts": (REPORT,),
    "trades": (
        rows("Its round trips", f"{OWN}/round-trips", ("cursor",), limit=50),
        rows("Its fills", f"{OWN}/trades", ("cursor",), limit=50),
    ),
    "breakdown": (rows("Where it earned", f"{OWN}/breakdown", ("by",), by="month"),),
    "windows": (rows("Its windows", f"{OWN}/windows"),),
    "candidates": (CANDIDATES,),
    "luck": (LUCK,),
    "kept": (GENERATION,),
    "protocol": (GENERATION,),
    "validation": (VALIDATION,),
    "critic": (Door("What the critic says", f"{OWN}/critic", shown='answer["items"]'),),
    "files": (rows("Its files", f"{OWN}/artifacts"),),
    "reproduce": (PROOF, Door("Where it comes from", f"{OWN}/provenance")),
    "logs": (rows("Its log", f"{OWN}/log", ("level", "q"), limit=200),),
}
OF_KIND: dict[str, dict[str, tuple[Door, ...]]] = {
    RunKind.SWEEP: {
        "summary": (
            CANDIDATES,
            Door("Its heat map", f"{OWN}/heatmap", {}, ("x", "y", "metric", "where")),
        ),
        "charts": (Door("What matters", f"{OWN}/importance"), CANDIDATES),
    },
    RunKind.WALK_FORWARD: {"summary": (REPORT, *OF_TAB["windows"])},
    RunKind.GENERATE: {"summary": (GENERATION,)},
    RunKind.VALIDATE: {
        "summary": (Door("The tests of its run", "/api/runs/{parent_id}/validation"),)
    },
    RunKind.MODEL_TRAINING: {
        "summary": (Door("What was learned", "/api/models/training/runs/{run_id}"),)
    },
    RunKind.REPRODUCE: {"summary": (PROOF,)},
}

# What is there only once somebody wanted it.
ASKED_FOR: dict[str, Callable[[ModelRun], object]] = {
    PROOF.path: proof_of,
    VALIDATION.path: validation_newest,
}


def api_tab(request: HttpRequest, run: ModelRun) -> dict[str, Any]:
    """Return the calls that give what the page shows; fewer for a run that failed."""
    return {"calls": calls_from(request, _calls(run, run_document(run)))}


def tab_calls(request: HttpRequest, run: ModelRun, tab: str) -> list[Call]:
    """Return the calls that give what one tab of a run shows."""
    place = {"run_id": run.pk, "parent_id": run.parent_id, "pool": run.pool}
    doors = (RUN, *OF_KIND.get(run.kind, {}).get(tab, OF_TAB.get(tab, ())))
    known = [door for door in doors if ASKED_FOR.get(door.path, bool)(run)]
    return calls_behind(request, known, place)


def _calls(run: ModelRun, document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    is_kept = run.files_removed_at is None
    has_result = run.status == JobStatus.SUCCEEDED and is_kept
    yield from _one(document)
    if run.kind == RunKind.SWEEP:
        yield from _candidates(run) if is_kept else ()
        yield from _searched_again(run, "sweep")
        return
    if run.kind == RunKind.GENERATE:
        yield from _generation(run) if run.manifest_sha else ()
        yield from _generated_again(run)
        return
    has_windows = run.kind == RunKind.WALK_FORWARD
    yield from _windows(document) if has_windows and has_result else ()
    yield from _result(document) if has_result else ()
    yield from _files(document) if run.manifest_sha else ()
    yield from _searched_again(run, "walk-forward") if has_windows else _again(document)


def _one(run: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield {
        "name": "run",
        "title": "This run",
        "words": "Its state, config, metrics and how much of them may be luck.",
        "address": run["links"]["self"],
        "shown": 'answer["status"], answer["metrics"].get("total_return")',
    }


def _result(run: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield {
        "name": "report",
        "title": "Its report",
        "words": "Everything the page draws: series, months, years, falls, trades.",
        "address": run["links"]["report"],
        "shown": 'answer["metrics"]["max_drawdown"], answer["yearly"]',
    }
    yield {
        "name": "series",
        "title": "Its series, bar by bar",
        "words": "Any of them, of any span, by any interval; format=csv gives a table.",
        "address": f"{run['links']['self']}/metrics?series={SERIES}&interval=1mo",
        "shown": 'answer["series"]["equity"]["value"][-1]',
    }


def _files(run: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield {
        "name": "files",
        "title": "Its files",
        "words": "What it kept, with the hash of each.",
        "address": run["links"]["artifacts"],
        "shown": '[(one["name"], one["sha256"]) for one in answer["items"]]',
    }
    yield {
        "name": "file",
        "title": "One file",
        "words": "The bytes whose hash the manifest has.",
        "address": f"{run['links']['artifacts']}/{FILE}",
        "file": FILE,
    }


def _again(run: dict[str, Any]) -> Iterator[dict[str, Any]]:
    rule = run["config"].get("strategy")
    changed = {"strategy": {"params": rule["params"]}} if rule else {"sizing": {}}
    yield {
        "name": "rerun",
        "title": "The same with changes",
        "words": "Send what is to be different. With nothing different it returns this "
        'run; "force": true runs it anyway.',
        "address": f"{run['links']['self']}/rerun",
        "body": changed,
        "shown": 'answer["id"], answer["reused"], answer["metrics"]',
    }
    yield {
        "name": "backtest",
        "title": "The same from its config",
        "words": "On another lab too, as long as the data are there.",
        "address": "/api/backtest",
        "body": run["config"],
        "shown": 'answer["id"], answer["reused"], answer["metrics"]',
    }


# --- a sweep -------------------------------------------------------------------------


def _candidates(run: ModelRun) -> Iterator[dict[str, Any]]:
    if run.best_index is None:
        return
    own = f"/api/runs/{run.pk}"
    yield {
        "name": "candidates",
        "title": "Its candidates",
        "words": "In any order, those that meet conditions; format=csv gives a table.",
        "address": f"{own}/candidates?limit=5",
        "shown": '[(one["params"], one["metrics"]["cagr"]) for one in answer["items"]]',
    }
    if len((run.search or {})["axes"]) > 1:
        yield {
            "name": "map",
            "title": "Its heat map",
            "words": "Two parameters, a metric, and the best of each cell or the mean.",
            "address": f"{own}/heatmap",
            "shown": 'answer["x_name"], answer["y_name"], answer["z"][0]',
        }
    yield {
        "name": "importance",
        "title": "Which parameters matter",
        "words": "The share of the spread that each explains alone.",
        "address": f"{own}/importance",
        "shown": 'answer["items"]',
    }
    yield {
        "name": "best",
        "title": "The best as a run",
        "words": "It keeps its trades and its curve, and counts no further trial.",
        "address": f"{own}/candidates/{run.best_index}/run",
        "body": {},
        "shown": 'answer["id"], answer["reused"], answer["metrics"]',
    }


def _windows(run: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield {
        "name": "windows",
        "title": "Its windows",
        "words": "What each chose, and what it earned on both sides.",
        "address": f"{run['links']['self']}/windows",
        "shown": '[(one["test_start"], one["params"]) for one in answer["items"]]',
    }


SEARCHES = {"sweep": "param-sweep", "walk-forward": "walk-forward"}


def _searched_again(run: ModelRun, what: str) -> Iterator[dict[str, Any]]:
    if run.experiment_id is None:
        return
    search = dict(run.search or {})
    axes = search.pop("axes")  # their order is that of the candidates
    space = {name: search["space"][name] for name in axes}
    body = {"space": space} | {k: v for k, v in search.items() if k != "space"}
    yield {
        "name": what,
        "title": f"The same {what}",
        "words": "With nothing different it returns this one; "
        '"dry_run": true only says what it costs.',
        "address": f"/api/model-lab/experiments/{run.experiment_id}/{SEARCHES[what]}",
        "body": body | {"config": run.config},
        "shown": 'answer["id"], answer["reused"], answer["status"]',
    }


# --- a search for expressions --------------------------------------------------------


def _generation(run: ModelRun) -> Iterator[dict[str, Any]]:
    own = f"/api/runs/{run.pk}"
    yield {
        "name": "generation",
        "title": "What it found",
        "words": "Its sentence, both histograms, and what speaks for what was kept.",
        "address": f"{own}/generation",
        "shown": 'answer["sentence"], [one["expr"] for one in answer["kept"]]',
    }
    yield {
        "name": "candidates",
        "title": "Its trials",
        "words": "In any order, those that meet conditions; format=csv gives a table.",
        "address": f"{own}/candidates?limit=5",
        "shown": '[(one["expr"], one["fitness"]) for one in answer["items"]]',
    }


OF_DATA = ("provider", "universe", "timeframe", "start", "end", "execution", "sizing")
OF_SEARCH = ("n", "seed", "method", "objective", "keep", "placebo")


def _generated_again(run: ModelRun) -> Iterator[dict[str, Any]]:
    plan = (run.search or {})["plan"]
    body = {key: plan[key] for key in OF_SEARCH}
    body |= {"params": {"limit_score": plan["limit_score"]}}
    yield {
        "name": "train",
        "title": "The same search",
        "words": "The answer is the job: its stream tells what it finds.",
        "address": "/api/jobs/train",
        "body": body | {k: run.config[k] for k in OF_DATA if k in run.config},
        "shown": 'answer["job_id"], answer["status"]',
    }
