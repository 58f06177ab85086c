"""Files of a run for scripts: list, download, the manifest, the hashes again."""

from typing import Any

from django.http import HttpRequest, HttpResponseBase
from ninja import Header, Query, Router, Schema
from pydantic import Field

from experiments.artifacts.manifest import MANIFEST
from experiments.selectors.artifacts import artifact_list, artifact_open
from experiments.selectors.runs import run_get
from experiments.services.verify import run_verify
from quantlab.web.downloads import TABLE_FORMATS, FormatQuery, whole_list
from quantlab.web.immutable import immutable_file

router = Router(tags=["artifacts"])


class ArtifactLinksOut(Schema):
    download: str


class ArtifactOut(Schema):
    name: str
    path: str = Field(description="Inside the folder of the run.")
    sha256: str
    size: int = Field(description="Bytes.")
    mime: str
    links: ArtifactLinksOut


class ArtifactListOut(Schema):
    items: list[ArtifactOut]
    next_cursor: str | None


class CheckedFileOut(Schema):
    name: str
    ok: bool
    expected: str = Field(description="sha256 of the file when the run finished.")
    actual: str | None = Field(description="sha256 of the file now; null if gone.")


class VerifyOut(Schema):
    ok: bool
    checked: int
    files: list[CheckedFileOut]


BINARY = {"type": "string", "format": "binary"}
MEDIA_TYPES = {
    "application/json": {"type": "object"},
    "application/vnd.apache.parquet": BINARY,
}


def _file(*media_types: str) -> dict[str, Any]:
    """Describe an answer that is a file, for the OpenAPI document."""
    whole = {name: {"schema": MEDIA_TYPES[name]} for name in media_types}
    part = {name: {"schema": BINARY} for name in media_types}
    return {
        "responses": {
            200: {"description": "The file.", "content": whole},
            206: {"description": "The range of it.", "content": part},
            304: {"description": "It is the one you have."},
        }
    }


@router.get(
    "/{run_id}/artifacts",
    response=ArtifactListOut,
    summary="Files of a run",
    openapi_extra=TABLE_FORMATS,
)
def list_artifacts(request: HttpRequest, run_id: str, query: Query[FormatQuery]) -> Any:
    """Everything but the manifest; empty until the run has succeeded."""
    run = run_get(run_id)
    return whole_list(query, artifact_list(run), name=f"{run.pk}-artifacts")


@router.api_operation(["HEAD"], "/{run_id}/artifacts/{name}", include_in_schema=False)
@router.get(
    "/{run_id}/artifacts/{name}",
    url_name="get_artifact",
    summary="One file of a run",
    openapi_extra=_file(*MEDIA_TYPES),
)
def get_artifact(
    request: HttpRequest,
    run_id: str,
    name: str,
    if_none_match: str = Header("", alias="If-None-Match"),
    bytes_range: str = Header("", alias="Range", description="`bytes=0-99`"),
) -> Any:
    """The ETag is the sha256 of the file. It never changes."""
    return _send(request, run_id, name)


@router.api_operation(["HEAD"], "/{run_id}/manifest", include_in_schema=False)
@router.get(
    "/{run_id}/manifest",
    summary="Manifest of a run",
    openapi_extra=_file("application/json"),
)
def get_manifest(request: HttpRequest, run_id: str) -> Any:
    """The bytes whose sha256 is `manifest_sha` of the run."""
    return _send(request, run_id, MANIFEST)


@router.post(
    "/{run_id}/verify", response=VerifyOut, summary="Verify the files of a run"
)
def verify_run(request: HttpRequest, run_id: str) -> Any:
    """Hash every file again."""
    return run_verify(run=run_get(run_id))


def _send(request: HttpRequest, run_id: str, name: str) -> HttpResponseBase:
    run = run_get(run_id)
    artifact = artifact_open(run, name)
    with artifact.file as file:
        content = file.read()
    return immutable_file(
        request,
        content,
        sha256=artifact.sha256,
        media_type=artifact.mime,
        name=f"{run.pk}-{name}",
    )
