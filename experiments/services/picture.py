"""Charts as PNG and SVG, reports as PDF: made by a child on demand, kept for a while.

A picture is no artifact: it is in no manifest, it may be thrown away and drawn again.
It is kept under the hash of the run's manifest, a report under that of all it says.
The web process never draws one.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from experiments.artifacts import spare
from experiments.charts.figure import Figure
from experiments.charts.named import figures_of
from experiments.charts.picture import (
    THEMES,
    WIDTH_PX,
    Panel,
    config_of,
    sheet,
    svg_of,
    width_on_sheet,
)
from experiments.charts.titles import EVERY
from experiments.models import ModelRun, RunKind
from experiments.services.report_pdf import (
    report_pdf,
    report_readable,
    report_version,
)
from jobs.models import ACTIVE, Job, JobStatus
from jobs.queue import enqueue
from quantlab.web.problem import Problem

KIND = "picture"
FORMS = ("png", "svg")
REPORT, PDF = "report", "pdf"
SHARP = 2  # device pixels for each pixel of a PNG
ALL = "plots"  # the name of the sheet with the headline charts
# Charts of the sheet, and whether each takes half a row.
HEADLINES = (("equity", False), ("rolling", True), ("returns", True), ("months", False))
SWEEP_HEADLINES = (
    ("parallel", False),
    ("contour", False),
    ("sharpes", True),
    ("importance", True),
)
TRY_AGAIN_AFTER = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One picture of a run: which chart, in what form, on which paper."""

    name: str  # of a chart, or ALL
    form: str = "png"
    theme: str = THEMES[0]
    version: str = ""  # of what a report says; a chart is that of its manifest

    def payload(self) -> dict[str, str]:
        return {"name": self.name, "form": self.form, "theme": self.theme}

    def path(self, run: ModelRun) -> Path:
        version = self.version or run.manifest_sha[:16] or "report"
        name = f"{run.pk}-{version}-{self.name}-{self.theme}.{self.form}"
        return spare.PICTURES.folder / name


@transaction.atomic
def picture_order(*, run: ModelRun, wanted: Wanted) -> Job:
    """Return the job that draws the picture, a new one unless it is at work.

    404 for a chart that is none, 409 when there is nothing to draw, and what went wrong
    with it within the last minute.
    """
    jobs = Job.objects.filter(
        kind=KIND, run_id=str(run.pk), payload=wanted.payload()
    ).order_by("-created_at")
    latest = jobs.first()
    if latest and latest.status in ACTIVE:
        return latest
    recently = timezone.now() - TRY_AGAIN_AFTER
    if latest and latest.status == JobStatus.FAILED and latest.created_at > recently:
        raise _failed(latest)
    # Refused here, before any work.
    _figures(run, wanted) if wanted.form != PDF else report_readable(run)
    return enqueue(
        KIND,
        title=_title(wanted),
        run_id=str(run.pk),
        page=run.get_absolute_url(),
        **wanted.payload(),
    )


def _title(wanted: Wanted) -> str:
    if wanted.form == PDF:
        return "Report as PDF"
    return f"Picture of {EVERY.get(wanted.name, 'the charts')}"


def report_wanted(*, run: ModelRun) -> Wanted:
    """Return the PDF of a run's report as of now; 409 for a run without a report."""
    return Wanted(name=REPORT, form=PDF, version=report_version(run))


def picture_draw(*, run: ModelRun, wanted: Wanted) -> None:
    """Draw the picture and put it in its place, whole."""
    if wanted.form == PDF:
        version, content = report_pdf(run)
        wanted = replace(wanted, version=version)
    else:
        content = _drawn(run, wanted)
    path = wanted.path(run)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    spare.make_room(spare.PICTURES, keep=path)


def picture_kept(*, run: ModelRun, wanted: Wanted) -> bytes | None:
    """Return the picture, and keep it longer for that; None if it is not there."""
    path = wanted.path(run)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    spare.mark_used(path)
    return content


def _drawn(run: ModelRun, wanted: Wanted) -> bytes:
    import vl_convert

    figures = _figures(run, wanted)
    if wanted.name == ALL:
        svg = _sheet(run, figures, wanted.theme)
    else:
        svg = svg_of(figures[wanted.name], wanted.theme, WIDTH_PX)
    if wanted.form == "svg":
        return svg.encode()
    png: bytes = vl_convert.svg_to_png(svg, scale=SHARP)
    return png


def _sheet(run: ModelRun, figures: dict[str, Figure], theme: str) -> str:
    panels = [
        Panel(
            EVERY[name],
            svg_of(figures[name], theme, width_on_sheet(is_half=is_half)),
            is_half,
        )
        for name, is_half in _headlines(run)
        if name in figures
    ]
    words = "In this sample, net of cost. Every number describes the past only."
    return sheet(run.job.title, words, panels, config_of(theme), theme)


def _figures(run: ModelRun, wanted: Wanted) -> dict[str, Figure]:
    """Return what is to be drawn, by name; 409 for nothing."""
    if run.kind == RunKind.SWEEP and not run.manifest_sha:
        raise Problem(
            status=409,
            message="The sweep is not whole, so it has no pictures.",
            advice="Its page draws how far it came.",
            next_steps=[f"GET /api/runs/{run.pk}"],
        )
    sheet_of = [name for name, _ in _headlines(run)]
    _, figures = figures_of(run, sheet_of if wanted.name == ALL else [wanted.name])
    drawable = {name: figure for name, figure in figures.items() if figure.spec}
    if not drawable:
        message = next(iter(figures.values())).empty
        raise Problem(
            status=409,
            code="nothing_to_draw",
            message=message,
            advice="Its numbers are with the run.",
            next_steps=[f"GET /api/runs/{run.pk}"],
        )
    return drawable


def _headlines(run: ModelRun) -> tuple[tuple[str, bool], ...]:
    return SWEEP_HEADLINES if run.kind == RunKind.SWEEP else HEADLINES


def _failed(job: Job) -> Problem:
    error = job.error or {}
    return Problem(
        status=503,
        code="picture_failed",
        message=error.get("message") or "The picture could not be drawn.",
        advice=error.get("advice") or "Try once more in a minute.",
        next_steps=[f"GET /api/jobs/{job.pk}/log"],
    )
