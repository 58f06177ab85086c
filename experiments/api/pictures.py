"""Charts of a run for scripts: as a picture, as what it draws, as its description."""

import hashlib
import time
from typing import Any, Literal

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils.http import content_disposition_header
from ninja import Query, Router, Schema
from pydantic import Field

from experiments.api.schemas import HonestyOut
from experiments.api.submission import finishes
from experiments.charts.named import figures_of
from experiments.models import ModelRun
from experiments.selectors.runs import run_get
from experiments.services.picture import (
    ALL,
    PDF,
    Wanted,
    picture_kept,
    picture_order,
)
from jobs.models import Job
from quantlab.web.downloads import TABLE_FORMATS, download, table_of
from quantlab.web.immutable import immutable_file

router = Router(tags=["runs"])

WAIT_S = 2.0
MEDIA_TYPES = {"png": "image/png", "svg": "image/svg+xml", "pdf": "application/pdf"}


class PictureQuery(Schema):
    theme: Literal["light", "dark"] = "light"


class ChartQuery(PictureQuery):
    format: Literal["png", "svg", "json", "csv", "parquet"] = Field(
        "png",
        description="A picture, or the rows it draws; `json` has its Vega-Lite too.",
    )


class ChartOut(Schema):
    name: str
    spec: dict[str, Any] | None = Field(
        description="Vega-Lite without colours: it names styles of the theme's config."
    )
    items: list[dict[str, Any]]
    honesty: HonestyOut | None


class BeingDrawnOut(Schema):
    job_id: str
    status: str
    links: dict[str, str]


def _pictures(*forms: str) -> dict[str, Any]:
    """Describe an answer that is a picture, for the OpenAPI document."""
    binary = {"schema": {"type": "string", "format": "binary"}}
    return {MEDIA_TYPES[form]: binary for form in forms}


TABLES: dict[str, Any] = TABLE_FORMATS["responses"][200]["content"]


@router.get(
    "/{run_id}/charts/{name}",
    response={200: ChartOut, 202: BeingDrawnOut},
    summary="One chart of a run",
    openapi_extra={"responses": {200: {"content": _pictures("png", "svg") | TABLES}}},
)
async def get_chart(
    request: HttpRequest, run_id: str, name: str, query: Query[ChartQuery]
) -> Any:
    """`equity`, `rolling`, `returns`, `months`, `years` or `price`; 202 while drawn.

    Of a sweep `contour`, `slices`, `parallel`, `sharpes`, `importance` or `progress`.
    """
    run = await sync_to_async(run_get)(run_id)
    if query.format in MEDIA_TYPES:
        wanted = Wanted(name=name, form=query.format, theme=query.theme)
        return await picture_answer(request, run, wanted)
    return await sync_to_async(_data)(run, name, query.format)


@router.get(
    "/{run_id}/plots.png",
    response={202: BeingDrawnOut},
    summary="The headline charts in one picture",
    openapi_extra={
        "responses": {200: {"description": "OK", "content": _pictures("png")}}
    },
)
async def get_plots(
    request: HttpRequest, run_id: str, query: Query[PictureQuery]
) -> Any:
    """Equity and drawdown, rolling Sharpe, returns and months; 202 while drawn.

    Of a sweep all parameters at once, its landscape, Sharpe ratios and importance.
    """
    run = await sync_to_async(run_get)(run_id)
    return await picture_answer(request, run, Wanted(name=ALL, theme=query.theme))


async def picture_answer(request: HttpRequest, run: ModelRun, wanted: Wanted) -> Any:
    """Answer with the file; while a child draws it wait a little, then say so."""
    deadline = time.monotonic() + WAIT_S
    while (content := picture_kept(run=run, wanted=wanted)) is None:
        job = await sync_to_async(picture_order)(run=run, wanted=wanted)
        if time.monotonic() >= deadline:
            return _being_drawn(job)
        await finishes(job.pk, deadline - time.monotonic())
    return _file(request, run, wanted, content)


def _being_drawn(job: Job) -> JsonResponse:
    """Answer 202; a script asks again, a browser does so by itself."""
    address = f"/api/jobs/{job.pk}"
    body = {"job_id": job.pk, "status": job.status, "links": {"job": address}}
    headers = {"Retry-After": "1", "Refresh": "1", "Location": address}
    return JsonResponse(body, status=202, headers=headers)


def _data(run: ModelRun, name: str, form: Any) -> Any:
    document, figures = figures_of(run, [name])
    figure = figures[name]
    if form != "json":
        return download(table_of(figure.rows), form=form, name=f"{run.pk}-{name}")
    drawn = {"spec": figure.spec, "items": figure.rows}
    return {"name": name, "honesty": document["honesty"], **drawn}


def _file(
    request: HttpRequest, run: ModelRun, wanted: Wanted, content: bytes
) -> HttpResponseBase:
    name = f"{run.pk}-{wanted.name}.{wanted.form}"
    if wanted.form == PDF:
        return _document(request, content, name)
    return HttpResponse(
        content,
        content_type=MEDIA_TYPES[wanted.form],
        headers={
            "Content-Disposition": content_disposition_header(False, name) or "",
            "Cache-Control": "private, max-age=3600",
        },
    )


def _document(request: HttpRequest, content: bytes, name: str) -> HttpResponseBase:
    """Answer with a file that may be another one tomorrow, and says which it is."""
    sha256, media_type = hashlib.sha256(content).hexdigest(), MEDIA_TYPES[PDF]
    response = immutable_file(
        request, content, sha256=sha256, media_type=media_type, name=name
    )
    response["Cache-Control"] = "private, no-cache"
    return response
