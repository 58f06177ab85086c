"""Proofs for scripts: make a run again, and read whether it came to the same."""

from functools import partial
from typing import Any, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema
from pydantic import Field

from experiments.api.submission import PREFERENCE, RESPONSES, submitted
from experiments.selectors.proof import proof_document, proof_page, proof_rows
from experiments.selectors.runs import run_get
from experiments.services.reproduce import reproduce_request
from experiments.services.runs import Submission
from quantlab.web.downloads import TABLE_FORMATS, ListQuery, listing
from quantlab.web.times import Moment

router = Router(tags=["proofs"])  # below a run
proofs_router = Router(tags=["proofs"])

Status = Literal["identical", "other_processor", "differs", "not_reproducible"]


class ReasonOut(Schema):
    code: str
    message: str
    advice: str


class ThenNowOut(Schema):
    expected: str | None = Field(description="When the run was made.")
    actual: str | None = Field(description="When it was made again.")


class HostClassOut(Schema):
    machine: str
    features: list[str] = Field(description="What its processor can do at once.")


class DifferenceOut(Schema):
    byte: int = Field(description="The first that differs, from 0.")
    row: int | None = Field(description="Of a table, from 0.")
    column: str | None = Field(description="Of a table; in JSON the path of a value.")
    expected: Any = Field(description="What the kept file has there.")
    actual: Any = Field(description="What the file made again has there.")


class ProvedFileOut(Schema):
    name: str
    ok: bool
    expected: str | None = Field(description="sha256 in the manifest; null: not in it.")
    kept: str | None = Field(description="sha256 of the kept file; null if gone.")
    actual: str | None = Field(description="sha256 of the file made again.")
    compared: Literal["bytes", "identity"] = Field(
        description="A model's file differs on every writing: its identity counts."
    )
    is_close: bool = Field(description="All its numbers agree to 1e-12.")
    first_difference: DifferenceOut | None


class ProofLinksOut(Schema):
    self: str = Field(description="The run that made it again.")
    job: str
    page: str
    of: str | None = Field(None, description="The run that was made again.")


class ProofRowOut(Schema):
    id: str = Field(description="Of the run of kind reproduce.")
    run_id: str | None = Field(description="Of the run that was made again.")
    status: Status
    date: Moment
    kind: str
    reason: ReasonOut | None
    links: ProofLinksOut


class NamedProofOut(ProofRowOut):
    name: str


class RunProofOut(ProofRowOut):
    code_version: ThenNowOut
    versions: dict[str, str]
    versions_changed: dict[str, ThenNowOut]
    host_class: HostClassOut | None = Field(description="A class, not a machine.")
    same_processor: bool | None
    data_changed: dict[str, ThenNowOut]
    files: list[ProvedFileOut]


class ProofListOut(Schema):
    items: list[NamedProofOut]
    next_cursor: str | None


class ProofQuery(ListQuery):
    status: Literal["", Status] = Field("", description="Only those with this one.")


@router.post(
    "/{run_id}/reproduce",
    response=RESPONSES,
    summary="Make a run again and compare",
    openapi_extra=PREFERENCE,
)
async def reproduce_run(
    request: HttpRequest, response: HttpResponse, run_id: str
) -> Any:
    """A run of kind `reproduce`: its config is executed in a clean process."""
    return await submitted(request, response, partial(_asked, run_id))


def _asked(run_id: str) -> Submission:
    return reproduce_request(run=run_get(run_id))


@router.get("/{run_id}/proof", response=RunProofOut, summary="Newest proof of a run")
def get_proof(request: HttpRequest, run_id: str) -> Any:
    """Every file beside the one made again; 404 unless it was reproduced."""
    return proof_document(run_get(run_id))


@proofs_router.get(
    "", response=ProofListOut, summary="Proofs", openapi_extra=TABLE_FORMATS
)
def list_proofs(request: HttpRequest, query: Query[ProofQuery]) -> Any:
    """The newest first; the lab adds a few every night while it is idle."""
    return listing(query, partial(_page, status=query.status), name="proofs")


def _page(**asked: Any) -> dict[str, Any]:
    page = proof_page(**asked)
    return {"items": proof_rows(page.items), "next_cursor": page.next_cursor}
