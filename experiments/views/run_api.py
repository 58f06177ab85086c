"""The calls behind the page of a run, as one types them: curl, and plain Python."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pprint import pformat
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from experiments.models import ModelRun, RunKind
from experiments.selectors.runs import run_document
from jobs.models import JobStatus

KEY_VARIABLE = "QUANT_API_KEY"
SERIES = "equity,drawdown,rolling_sharpe_90"
FILE = "equity.parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request: where it goes, what is sent, and what is done with the answer."""

    name: str
    title: str
    words: str
    address: str
    body: dict[str, Any] | None = None
    file: str = ""  # the answer is kept under this name
    shown: str = ""  # a Python expression of `answer`
    needs_key: bool = False

    @property
    def curl(self) -> str:
        parts = [f"curl {shlex.quote(self.address)}"]
        if self.needs_key:
            parts.append(f'-H "X-API-Key: ${KEY_VARIABLE}"')
        if self.body is not None:
            parts.append("-H 'Content-Type: application/json' -H 'Prefer: wait=20'")
            parts.append(f"-d {shlex.quote(json.dumps(self.body))}")
        if self.file:
            parts.append(f"-o {shlex.quote(self.file)}")
        return " \\\n  ".join(parts)

    @property
    def python(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield from ("import json",) if not self.file else ()
        yield from ("import os",) if self.needs_key else ()
        yield from ("from urllib.request import Request, urlopen", "")
        yield f"request = Request({json.dumps(self.address)})"
        if self.needs_key:
            yield f'request.add_header("X-API-Key", os.environ["{KEY_VARIABLE}"])'
        if self.body is not None:
            yield 'request.add_header("Content-Type", "application/json")'
            yield 'request.add_header("Prefer", "wait=20")'
            yield f"body = {pformat(self.body, sort_dicts=False)}"
            yield "request.data = json.dumps(body).encode()"
        if self.file:
            yield f'with urlopen(request) as answer, open("{self.file}", "wb") as file:'
            yield "    file.write(answer.read())"
        else:
            yield "with urlopen(request) as response:"
            yield "    answer = json.load(response)"
            yield f"print({self.shown})"


def api_tab(request: HttpRequest, run: ModelRun) -> dict[str, Any]:
    """Return the calls that give what the page shows; fewer for a run that failed."""
    return {"calls": calls_from(request, _calls(run, run_document(run)))}


def _calls(run: ModelRun, document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    has_result = run.status == JobStatus.SUCCEEDED
    yield from _one(document)
    if run.kind == RunKind.SWEEP:
        yield from _candidates(run)
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


def calls_from(request: HttpRequest, facts: Iterable[dict[str, Any]]) -> list[Call]:
    """Return calls as one makes them from where the page was asked for."""
    needs_key = bool(settings.QUANT_API_KEY)
    return [
        Call(
            **one
            | {
                "needs_key": needs_key,
                "address": request.build_absolute_uri(one["address"]),
            }
        )
        for one in facts
    ]


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
