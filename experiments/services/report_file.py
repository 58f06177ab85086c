"""The report of a run as one HTML file: it opens anywhere and asks nobody for anything.

It has the parts of the page, with its charts drawn. There is no script in it, and its
own policy forbids to load anything: what people wrote can do no harm where it is read.
"""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64encode
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe

from experiments.charts.drawn import DRAWN, drawing_of
from experiments.charts.figure import Figure, Report
from experiments.charts.growth import equity_figure
from experiments.charts.histogram import returns_figure
from experiments.charts.months import months_figure
from experiments.charts.rolling import rolling_figure
from experiments.charts.years import years_figure
from experiments.models import ModelRun
from experiments.selectors.bars import flat_bars
from experiments.selectors.report import run_report
from experiments.selectors.summary import run_summary
from strategies.validation_config import TESTS

SHEETS = ("lab.css", "report.css")
# A file has no lab around it: a term stays as a word, a way to another page goes, and
# so does what htmx is told.
TERM = re.compile(r'<a class="term" href="/[^"]*"( title="[^"]*")>(.*?)</a>', re.DOTALL)
WAY = re.compile(
    r'<a\b[^>]*\bhref="(?!https?:|mailto:|#)[^"]*"[^>]*>.*?</a>', re.DOTALL
)
LIVE = re.compile(r'\shx-[a-z-]+="[^"]*"')


@dataclass(frozen=True, slots=True)
class ReportFile:
    """The text, and the policy that an answer with it is sent under."""

    text: str
    policy: str


def report_file(*, run: ModelRun) -> ReportFile:
    """Return the report as of now; 409 unless the run has one."""
    report = run_report(run)
    style, digest = _style()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'"
    context = run_summary(run, report) | {
        "title": run.name or run.job.title,
        "experiment": run.experiment,
        "charts": _charts(run, report),
        "tests_said": tests_of(report["validation"]),
        "trips": report["round_trips"],
        "config_text": json.dumps(run.config, indent=2, sort_keys=True),
        "made_at": timezone.now(),
        "style": style,
        "policy": mark_safe(policy),  # noqa: S308 - fixed words and a hash
    }
    text = render_to_string("experiments/report_file.html", context)
    return ReportFile(alone(text), policy)


def alone(text: str) -> str:
    """Return a page without what needs a lab around it."""
    text = TERM.sub(r"<span\1>\2</span>", text)
    return LIVE.sub("", WAY.sub("", text))


def _charts(run: ModelRun, report: Report) -> dict[str, dict[str, Any]]:
    """Return what the region of each chart reads."""
    flat = flat_bars(run) if run.manifest_sha else None
    figures = {
        "equity": equity_figure(report, is_drawn=False),
        "rolling": rolling_figure(report, is_drawn=False),
        "returns": returns_figure(report, flat_bars=flat, is_drawn=False),
        "months": months_figure(report, is_drawn=False),
        "years": years_figure(report, is_drawn=False),
    }
    return {name: _chart(name, report, one) for name, one in figures.items()}


def _chart(name: str, report: Report, figure: Figure) -> dict[str, Any]:
    drawing = drawing_of(name, report, figure) if name in DRAWN else None
    return {"figure": figure, "drawing": drawing, "switch": [], "advice": ""}


def tests_of(validation: Report | None) -> list[tuple[dict[str, str], Any]]:
    """Return the tests of luck that were run, and what each said."""
    said = validation or {}
    return [
        ({"name": name, "title": name.replace("_", " ").capitalize()}, said[name])
        for name in TESTS
        if name in said
    ]


@cache
def _style() -> tuple[SafeString, str]:
    """Return the style of the file, and the hash by which its policy allows it."""
    folder = settings.BASE_DIR / "static" / "css"
    text = "\n".join((folder / name).read_text() for name in SHEETS)
    digest = b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return mark_safe(f"<style>{text}</style>"), digest  # noqa: S308 - our own sheets
