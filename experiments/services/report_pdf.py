"""The report of a run as a PDF: the parts of the one-file HTML, on paper.

It is made by a quick job and kept beside the pictures, under a hash of all that it
says: a run that was validated since, or whose instrument was tried again, has another.
"""

from __future__ import annotations

import json
from typing import Any

from django.template.loader import render_to_string
from django.utils import timezone

from experiments.charts.figure import Figure, Report
from experiments.charts.growth import equity_figure
from experiments.charts.histogram import returns_figure
from experiments.charts.months import months_figure
from experiments.charts.picture import svg_of
from experiments.charts.rolling import rolling_figure
from experiments.models import ModelRun
from experiments.selectors.bars import flat_bars
from experiments.selectors.report import run_report
from experiments.selectors.summary import run_summary
from experiments.services.pdf_layout import laid_out
from experiments.services.report_file import alone, tests_of
from strategies import __version__
from strategies.documents import sha256_of

# Each chart as it is drawn: pixels across, and how many dots one of them has.
WIDTHS_PX = {"equity": 700, "rolling": 345, "returns": 345}
SHARP = 3


def report_version(run: ModelRun) -> str:
    """Return a name for all that the PDF says as of now; 409 without a report."""
    return _version(run, _context(run, run_report(run)))


def report_readable(run: ModelRun) -> None:
    """Raise the 409 for a file of the run that cannot be read, before any work."""
    if run.manifest_sha:
        flat_bars(run)


def report_pdf(run: ModelRun) -> tuple[str, bytes]:
    """Return the PDF as of now, and its version."""
    report = run_report(run)
    context = _context(run, report)
    version = _version(run, context)
    pictures = {
        name: _picture(figure, WIDTHS_PX[name])
        for name, figure in _figures(run, report).items()
        if figure.spec
    }
    context |= {"charts": pictures, "months": months_figure(report, is_drawn=False)}
    with timezone.override(None):  # of the lab, whoever asks
        text = render_to_string("experiments/report_pdf.html", context)
    made_at = run.job.finished_at or run.created_at
    title = context["title"]
    return version, laid_out(alone(text), pictures, title=title, made_at=made_at)


def _context(run: ModelRun, report: Report) -> dict[str, Any]:
    return run_summary(run, report) | {
        "title": run.name or run.job.title,
        "experiment": run.experiment,
        "tests_said": tests_of(report["validation"]),
        "trips": report["round_trips"],
        "config_text": json.dumps(run.config, sort_keys=True),
    }


def _version(run: ModelRun, context: dict[str, Any]) -> str:
    experiment = run.experiment
    asked = [experiment.name, experiment.hypothesis] if experiment else []
    proof = context["proof"]
    parts = ("run", "critic", "survivorship", "lookahead", "accounting", "tests_said")
    said = {name: context[name] for name in (*parts, "title", "searches")}
    said |= {"proof": str(proof.pk) if proof else "", "experiment": asked}
    plain = json.loads(json.dumps(said, default=str))
    return sha256_of([__version__, run.manifest_sha, plain])[:16]


def _figures(run: ModelRun, report: Report) -> dict[str, Figure]:
    flat = flat_bars(run) if run.manifest_sha else None
    return {
        "equity": equity_figure(report),
        "rolling": rolling_figure(report),
        "returns": returns_figure(report, flat_bars=flat),
    }


def _picture(figure: Figure, width: int) -> bytes:
    import vl_convert

    svg = svg_of(figure, "light", width)
    png: bytes = vl_convert.svg_to_png(svg, scale=SHARP)
    return png
