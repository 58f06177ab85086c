"""Jobs for scripts: list, watch, read the log, cancel."""

from typing import Any, Literal

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from ninja import Header, Query, Router, Schema, Status
from pydantic import Field

from jobs.logs import line_text
from jobs.models import Job, JobLog
from jobs.queue import cancel
from jobs.repositories import LOGS
from jobs.selectors import JobRow, job_get, job_page, job_rows
from jobs.sse import MEDIA_TYPE, event_stream
from quantlab.web.answers import Out
from quantlab.web.downloads import (
    TABLE_FORMATS,
    FormatQuery,
    ListQuery,
    download,
    listing,
    table_of,
)
from quantlab.web.paging import MAX_LIMIT
from quantlab.web.times import Moment

router = Router(tags=["jobs"])

# The first document's word for a kind, where it has one of its own.
TYPE_WORDS = {"generate": "train"}
KINDS_BY_TYPE = {word: kind for kind, word in TYPE_WORDS.items()}
MAX_TAIL = 10_000
# What an answer with a log can be: a table, or text.
LOG_FORMATS: dict[str, Any] = {
    "responses": {
        200: {
            "content": {
                **TABLE_FORMATS["responses"][200]["content"],
                "text/plain": {"schema": {"type": "string"}},
            }
        }
    }
}


class JobQuery(ListQuery):
    order: str = Field("-created_at", description="A field; `-` is descending.")
    status: str = Field("", description="Also the words of other documents.")
    kind: str = Field("", description="A kind or a type.")
    q: str = Field("", description="Part of title, message, id or run id.")


class LogQuery(FormatQuery):
    format: Literal["json", "csv", "parquet", "text"] = Field(  # type: ignore[assignment]
        "json", description="Sent, it asks for all lines at once; `text` to read them."
    )
    after: int = Field(0, ge=0, description="Only lines behind this one.")
    level: str = Field("", description="This level and above.")
    q: str = Field("", description="Part of message or event.")
    limit: int = Field(MAX_LIMIT, ge=1, le=MAX_LIMIT)
    tail: int | None = Field(
        None, ge=1, le=MAX_TAIL, description="The last lines instead of the first."
    )


class StreamQuery(Schema):
    last_event_id: int = Field(
        0, ge=0, description="Where the header cannot be sent; the header wins."
    )


class JobLinksOut(Out):
    self: str
    log: str
    stream: str
    page: str
    cancel: str
    result: str | None = Field(description="Page of what the job works for.")


class JobOut(Out):
    job_id: str
    id: str
    type: str = Field(description="`train` for the kind `generate`, else the kind.")
    kind: str
    title: str
    status: str = Field(description="queued, running, succeeded, failed, cancelled.")
    stage: str | None
    progress: float = Field(description="Fraction done, 0 to 1.")
    processed: int
    total: int | None
    rate: float | None = Field(description="Items per second.")
    eta_s: float | None
    queue_position: int | None = Field(description="1 is the next to start.")
    message: str
    latest_sharpe: float | None
    best: dict[str, Any] | None = Field(description="`metric`, `value`, `ref`.")
    attempt: int
    cancel_requested: bool
    created_at: Moment
    started_at: Moment | None
    finished_at: Moment | None
    error: dict[str, Any] | None = Field(description="As `error` of a refusal.")
    run_id: str | None
    links: JobLinksOut


class JobListOut(Out):
    items: list[JobOut]
    next_cursor: str | None


class LogLineOut(Out):
    seq: int
    ts: Moment
    level: str
    event: str
    message: str
    fields: dict[str, Any]


class LogOut(Out):
    items: list[LogLineOut]
    next_after: int = Field(description="Send it as `after` to go on reading.")


@router.get("", response=JobListOut, summary="Jobs", openapi_extra=TABLE_FORMATS)
def list_jobs(request: HttpRequest, query: Query[JobQuery]) -> Any:
    """The newest first."""
    asked = query.dict(include={"order", "status", "q"})
    kind = KINDS_BY_TYPE.get(query.kind, query.kind)

    def read(*, limit: int, cursor: str) -> dict[str, Any]:
        page = job_page(**asked, kind=kind, limit=limit, cursor=cursor)
        items = [job_document(row) for row in job_rows(page.items)]
        return {"items": items, "next_cursor": page.next_cursor}

    return listing(query, read, name="jobs")


@router.get("/{job_id}", response=JobOut, summary="One job")
def get_job(request: HttpRequest, job_id: str) -> Any:
    return _document(job_get(job_id))


@router.post("/{job_id}/cancel", response={202: JobOut}, summary="Cancel a job")
def cancel_job(request: HttpRequest, job_id: str) -> Any:
    """Ask the job to stop, which takes less than a second; asking twice is the same.

    A search for expressions first concludes on what it has.
    """
    job_get(job_id)
    return Status(202, _document(cancel(job_id)))


EVENT = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "description": "Send it as Last-Event-ID."},
        "event": {"enum": ["progress", "phase", "result", "summary", "done"]},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
}
EVENT_STREAM = {
    "responses": {
        200: {
            "description": "Events until `done`, or until you leave.",
            "content": {MEDIA_TYPE: {"schema": EVENT}},
        },
        204: {"description": "You have seen `done`: do not connect again."},
    }
}


@router.get(
    "/{job_id}/stream", summary="Events of a job, live", openapi_extra=EVENT_STREAM
)
def stream_job(
    request: HttpRequest,
    job_id: str,
    query: Query[StreamQuery],
    last_event_id: int | None = Header(None, alias="Last-Event-ID", ge=0),
) -> Any:
    """Server-sent events: those after the last one you know, then each as it comes.

    `id` counts up by one, `event` is `progress`, `phase`, `result`, `summary` or
    `done`. `data` is JSON: `type, job_id, seq, step, processed, total, elapsed_s, rate,
    timestamp` and, by type, `sharpe, best, message, progress` · `phase, count` ·
    `expr_hash, sharpe` · `elapsed_s, count` · `status, error`. `done` is the last.
    Events are kept until ten minutes after the end, at most 2,000 of a job; where yours
    is older you get the present state as `progress`, and `done` if it has ended.
    """
    known = query.last_event_id if last_event_id is None else last_event_id
    return event_stream(job_get(job_id), known)


@router.get(
    "/{job_id}/log",
    response=LogOut,
    summary="Log of a job",
    openapi_extra=LOG_FORMATS,
)
def get_log(request: HttpRequest, job_id: str, query: Query[LogQuery]) -> Any:
    """Lines in the order they were written."""
    return log_answer(job_get(job_id), query)


@router.get(
    "/{job_id}/logs",
    response=LogOut,
    summary="Log of a job (alias)",
    openapi_extra=LOG_FORMATS,
)
def get_logs(request: HttpRequest, job_id: str, query: Query[LogQuery]) -> Any:
    """The same as `/log`."""
    return get_log(request, job_id, query)


def log_answer(job: Job, query: LogQuery) -> Any:
    """Return the lines asked for; with a format all of them, unless a limit is sent."""
    asked = query.dict(exclude={"format"})
    if "format" in query.model_fields_set and "limit" not in query.model_fields_set:
        asked["limit"] = None
    lines = LOGS.lines(job.pk, **asked)
    if query.format == "json":
        return {"items": lines, "next_after": lines[-1].seq if lines else query.after}
    if query.format == "text":
        return _as_text(lines, name=f"{job.pk}-log.txt")
    rows = [LogLineOut.model_validate(line).model_dump() for line in lines]
    return download(table_of(rows), form=query.format, name=f"{job.pk}-log")


def _as_text(lines: list[JobLog], *, name: str) -> HttpResponse:
    """Answer with the lines as people read them, each on one line of the file."""
    text = "".join(f"{line_text(line)}\n" for line in lines)
    about = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(text, content_type="text/plain; charset=utf-8", headers=about)


def _document(job: Job) -> dict[str, Any]:
    [row] = job_rows([job])
    return job_document(row)


SAME_NAME = (
    "id",
    "kind",
    "title",
    "status",
    "progress",
    "processed",
    "total",
    "rate",
    "eta_s",
    "message",
    "latest_sharpe",
    "best",
    "attempt",
    "cancel_requested",
    "created_at",
    "started_at",
    "finished_at",
    "error",
)


def job_document(row: JobRow) -> dict[str, Any]:
    """Return the job as every answer that carries one writes it."""
    job = row.job
    itself = reverse("api:get_job", args=[job.pk])
    return {name: getattr(job, name) for name in SAME_NAME} | {
        "job_id": job.pk,
        "type": TYPE_WORDS.get(job.kind, job.kind),
        "stage": job.stage or None,
        "run_id": job.run_id or None,
        "queue_position": row.queue_position,
        "links": {
            "self": itself,
            "log": f"{itself}/log",
            "stream": f"{itself}/stream",
            "page": job.get_absolute_url(),
            "cancel": f"{itself}/cancel",
            "result": job.page or None,
        },
    }
