"""What each tab of the run page shows: a run in, the context of one region out."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpRequest
from django.utils.http import urlencode

from experiments.models import ModelRun
from experiments.selectors.artifacts import artifact_list
from experiments.selectors.links import run_page_url
from experiments.selectors.report import run_report
from experiments.selectors.summary import has_traded, readings, run_summary
from experiments.selectors.trades import fill_page, round_trip_page
from experiments.selectors.why import entry_fills
from jobs.log_panel import log_panel

Context = dict[str, Any]

OF_TRADES = (
    "trade_count",
    "win_rate",
    "avg_win",
    "avg_loss",
    "profit_factor",
    "payoff_ratio",
)
ROWS_PER_PAGE = 50
MAX_DIGITS = 9


def summary_tab(request: HttpRequest, run: ModelRun) -> Context:
    return run_summary(run, run_report(run))


def charts_tab(request: HttpRequest, run: ModelRun) -> Context:
    """Return nothing: each chart is a region that loads itself."""
    return {}


def breakdown_tab(request: HttpRequest, run: ModelRun) -> Context:
    """Return nothing: its chart and table are a region that loads itself."""
    return {}


def trades_tab(request: HttpRequest, run: ModelRun) -> Context:
    """Return one page of round trips or of fills; without files the first hundred."""
    show = request.GET.get("show", "round-trips")
    if show not in TRADE_LISTS:
        raise Http404(f"no list of trades {show!r}")
    report = run_report(run)
    document = report["run"]
    if run.manifest_sha:
        cursor = request.GET.get("cursor", "")
        page = TRADE_LISTS[show](run, limit=ROWS_PER_PAGE, cursor=cursor)
        if show == "round-trips":
            entries = entry_fills(run)
            for row in page["items"]:
                row["fill"] = entries.get((row["symbol"], row["entry_ts"]))
    else:
        show, page = "round-trips", report["round_trips"] | {"next_cursor": None}
    first = _whole(request.GET.get("first", "1"))
    place = {key: request.GET[key] for key in PLACE if key in request.GET}
    return {
        "run": document,
        "has_traded": has_traded(document),
        "readings": readings(OF_TRADES, document),
        "show": show,
        "trip": _whole(request.GET.get("trip", str(first))),
        "here_query": _trades_query(show, **place),
        "api": f"{document['links']['self']}/{TRADES_API[show]}",
        **_rows(page, show, first),
    }


TRADE_LISTS: dict[str, Callable[..., Context]] = {
    "round-trips": round_trip_page,
    "fills": fill_page,
}
TRADES_API = {"round-trips": "round-trips", "fills": "trades"}
# Where a page of trades begins: the number of its first row, for people, and a cursor.
PLACE = ("first", "cursor")
SUMMED = ("bars_held", "fees", "pnl")


def _rows(page: Context, show: str, first: int) -> Context:
    """Return the rows of one page and the way to the others."""
    rows, cursor = page["items"], page["next_cursor"]
    after = first + len(rows)
    trips = rows if show == "round-trips" and len(rows) == page["total"] else []
    return {
        "rows": rows,
        "first": first,
        "last": after - 1,
        "total": page["total"],
        "sums": {key: sum(trip[key] for trip in trips) for key in SUMMED},
        "shows_sums": bool(trips),
        "is_open": bool(trips) and trips[-1]["open"],
        "first_query": "" if first == 1 else _trades_query(show),
        "next_query": cursor and _trades_query(show, first=after, cursor=cursor),
    }


def _trades_query(show: str, **place: Any) -> str:
    return "?" + urlencode({"tab": "trades", "show": show} | place)


def _whole(text: str) -> int:
    """Return the number of a row; 1 for a text that is none."""
    is_number = text.isdecimal() and len(text) <= MAX_DIGITS
    return max(int(text), 1) if is_number else 1


def config_tab(request: HttpRequest, run: ModelRun) -> Context:
    return {
        "config_text": json.dumps(run.config, indent=2, sort_keys=True),
        "hashes": [
            ("Config", "The settings and the version of the code", run.config_hash),
            ("Family", "The same without the seed", run.config_family_hash),
            ("Data", "The bars it read", run.data_fingerprint),
            ("Manifest", "All its files", run.manifest_sha),
        ],
    }


def files_tab(request: HttpRequest, run: ModelRun) -> Context:
    files = artifact_list(run)
    return {"files": files, "n_bytes": sum(file["size"] for file in files)}


def logs_tab(request: HttpRequest, run: ModelRun) -> Context:
    return {
        "log": log_panel(request, run.job, address=run_page_url(run.pk), tab="logs")
    }
