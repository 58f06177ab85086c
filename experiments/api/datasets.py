"""Data for scripts: send a file of bars, read reports, take what was built away."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema, Status
from pydantic import Field

from experiments.api.schemas import OwnedOut, RestatedOut
from experiments.api.submission import (
    PREFERENCE,
    finishes,
    tell_budget,
    wanted_wait_s,
)
from experiments.models import Dataset
from experiments.selectors.datasets import (
    NEWEST,
    dataset_document,
    dataset_get,
    dataset_page,
    dataset_parts,
    dataset_row,
)
from experiments.services.datasets import (
    dataset_delete,
    dataset_receive,
    dataset_settle,
    upload_request,
)
from quantlab.web.downloads import TABLE_FORMATS, ListQuery, listing, streamed
from quantlab.web.times import Moment

router = Router(tags=["data"])

# A dataset, and what is said beside it to who asked for it.
Answer = tuple[Dataset, dict[str, Any]]


class DatasetLinksOut(Schema):
    self: str
    job: str
    page: str
    data: str | None = Field(None, description="The rows of one that was built.")


class DatasetRowOut(OwnedOut):
    id: str
    run_id: str = Field(description="The same; a dataset is not a run.")
    job_id: str | None
    kind: str
    provider: str = Field(description="Whose bars they are, as configs call it.")
    name: str
    status: str
    dry_run: bool
    imported_at: Moment | None
    rows: int | None
    symbols: int | None = Field(description="How many.")
    dataset_hash: str | None = Field(
        description="sha256 of all its bars; of its file, if it was built."
    )
    coverage: float | None = Field(description="Share of the expected bars it has.")
    n_refused: int
    timeframe: str | None
    size_bytes: int
    created_at: Moment
    links: DatasetLinksOut


class RefusedRowOut(Schema):
    line: int
    column: str
    code: str
    message: str


class FailedSymbolOut(Schema):
    symbol: str
    code: str
    message: str
    advice: str


class DatasetSeriesOut(Schema):
    symbol: str
    timeframe: str
    calendar: str
    rows: int
    start: str
    end: str
    content_sha: str
    coverage: float
    usable_rows: int | None = None
    quality: dict[str, Any]
    candle_hash: str | None = Field(None, description="Of the version, once imported.")
    outcome: str | None = Field(None, description="new, extended, restated or same.")
    added: int | None = None
    changed: int | None = None


class FeatureColumnOut(Schema):
    column: str
    known: int = Field(description="Rows with a value.")
    coverage: float


class DatasetOut(DatasetRowOut):
    error: dict[str, Any] | None
    options: dict[str, Any]
    reading: dict[str, Any] = Field(description="How the file was read.")
    calendar: str | None
    adjustment: str
    notes: list[str]
    quality: dict[str, Any] | None
    series: list[DatasetSeriesOut]
    refused: list[RefusedRowOut] = Field(description="The first 200 rows by line.")
    failed: list[FailedSymbolOut] = Field([], description="What was not fetched.")
    raw_sha256: str | None
    restated: RestatedOut | None = Field(
        description="What a later import restated of its bars; null for none."
    )
    features: list[FeatureColumnOut] = Field([], description="Of one that was built.")
    label: dict[str, Any] | None = Field(None, description="Its kind and balance.")
    usable_rows: int | None = Field(None, description="Rows without an unknown value.")
    missing: list[str] = Field([], description="Symbols of the universe without bars.")
    is_stale: bool = Field(False, description="Its bars have changed since.")
    reused: bool = Field(False, description="It was there already.")
    words: str = Field("", description="How it was reused, and in what time.")


class DatasetListOut(Schema):
    items: list[DatasetRowOut]
    next_cursor: str | None


class DatasetQuery(ListQuery):
    order: str = Field(NEWEST, description="created_at, name, rows or coverage.")
    q: str = Field("", description="Part of the name.")
    kind: Literal["", "upload", "fetched", "built"] = Field(
        "", description="Only one kind."
    )


class DataQuery(Schema):
    format: Literal["parquet", "csv"] = "parquet"


TEXT: dict[str, Any] = {"type": "string"}
FORM: dict[str, Any] = {
    "type": "object",
    "required": ["file"],
    "additionalProperties": False,
    "properties": {
        "file": {"type": "string", "format": "binary", "description": "CSV, Parquet."},
        "symbol": TEXT | {"description": "Of all rows, unless a column names it."},
        "timeframe": TEXT | {"description": "Left out: the usual step of the bars."},
        "timezone": TEXT | {"description": "Of times without a zone; UTC."},
        "adjustment": TEXT | {"enum": ["raw", "split", "total"]},
        "mapping": TEXT | {"description": "JSON: our column to theirs."},
        "calendar": TEXT | {"description": "XNYS, 24/7 or 24/5."},
        "hours": TEXT | {"enum": ["regular", "all"]},
        "date_order": TEXT | {"enum": ["dmy", "mdy"]},
        "dry_run": TEXT | {"enum": ["true", "false"]},
    },
}
UPLOAD: dict[str, Any] = PREFERENCE | {
    "requestBody": {
        "required": True,
        "content": {"multipart/form-data": {"schema": FORM}},
    }
}
ANSWERS = {200: DatasetOut, 202: DatasetOut}


@router.get(
    "", response=DatasetListOut, summary="Datasets", openapi_extra=TABLE_FORMATS
)
def list_datasets(request: HttpRequest, query: Query[DatasetQuery]) -> Any:
    """The newest first."""
    read = partial(_page, q=query.q, order=query.order, kind=query.kind)
    return listing(query, read, name="datasets")


def _page(**asked: Any) -> Mapping[str, Any]:
    page = dataset_page(**asked)
    items = [dataset_row(dataset) for dataset in page.items]
    return {"items": items, "next_cursor": page.next_cursor}


@router.post(
    "/upload", response=ANSWERS, summary="Send a file of bars", openapi_extra=UPLOAD
)
async def upload_dataset(request: HttpRequest, response: HttpResponse) -> Any:
    """Import it, or with `dry_run` only judge it: one bad row refuses the whole file.

    What the first rows tell is refused at once; the rest is in the dataset that this
    answers with: `refused` names lines, `quality` counts what was kept.
    """

    def receive() -> Answer:  # the form is read from the disk, in this thread
        return dataset_receive(**upload_request(request.POST, request.FILES)), {}

    return await answered(request, response, receive)


@router.get("/{dataset_id}", response=DatasetOut, summary="One dataset")
def get_dataset(request: HttpRequest, dataset_id: str) -> Any:
    return dataset_document(dataset_get(dataset_id))


@router.post(
    "/{dataset_id}/import",
    response=ANSWERS,
    summary="Import a file that was judged",
    openapi_extra=PREFERENCE,
)
async def import_dataset(
    request: HttpRequest, response: HttpResponse, dataset_id: str
) -> Any:
    """409 when it was imported already, is being read, or is gone."""

    def settle() -> Answer:
        dataset = dataset_get(dataset_id)
        return dataset_settle(dataset=dataset, asked={}, dry_run=False), {}

    return await answered(request, response, settle)


@router.get(
    "/{dataset_id}/data",
    url_name="dataset_data",
    summary="The rows of a built dataset",
    openapi_extra=TABLE_FORMATS,
)
def get_dataset_data(
    request: HttpRequest, dataset_id: str, query: Query[DataQuery]
) -> Any:
    """In long form, symbol after symbol; what is not known is null, or empty."""
    dataset = dataset_get(dataset_id)
    parts = dataset_parts(dataset, query.format)
    return streamed(parts, form=query.format, name=str(dataset.pk))


@router.delete("/{dataset_id}", response={204: None}, summary="Delete a dataset")
def delete_dataset(request: HttpRequest, dataset_id: str) -> Any:
    """The file goes; bars that were imported stay, for the runs that read them."""
    dataset_delete(dataset=dataset_get(dataset_id))
    return Status(204, None)


async def answered(
    request: HttpRequest, response: HttpResponse, do: Callable[[], Answer]
) -> Any:
    """Answer 202 with the dataset; 200 if it was there, or its job ended in time."""
    dataset, beside = await sync_to_async(do)()
    wait_s = wanted_wait_s(request.headers.get("Prefer", ""))
    has_finished = False
    if wait_s is not None:
        response["Preference-Applied"] = f"wait={wait_s}"
        has_finished = await finishes(dataset.job_id or "", wait_s)
    document = await sync_to_async(_told)(response, dataset)
    response["Location"] = document["links"]["self"]
    is_there = has_finished or beside.get("reused", False)
    return Status(200 if is_there else 202, document | beside)


def _told(response: HttpResponse, dataset: Dataset) -> dict[str, Any]:
    """Return the document of a dataset, with what is left of its owner's budget."""
    found = dataset_get(dataset.pk)
    if found.job is not None:
        tell_budget(response, found.job)
    return dataset_document(found)
