"""The lab's own household for scripts: what lies on the disk, and what makes room."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema, Status
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt

from experiments.models import RetentionRule
from experiments.selectors.retention import (
    removal_document,
    removals_newest,
    retention_plan,
    retention_rule,
)
from experiments.selectors.storage import storage_document
from experiments.services.retention import (
    retention_request,
    retention_rule_set,
    rule_read,
)
from experiments.services.storage import cache_clear
from quantlab.web.times import Moment

router = Router(tags=["system"])


class StoredOut(Schema):
    name: str
    words: str
    files: int
    bytes: int
    disk_free_bytes: int = Field(description="Of the disk that it is on.")
    disk_bytes: int


class KeptCacheOut(Schema):
    name: str
    words: str
    files: int
    bytes: int
    most_bytes: int | None = Field(description="Its bound; null for none.")
    can_be_cleared: bool


class DatabaseOut(Schema):
    engine: str
    bytes: int | None = Field(description="Null where it is no file of the lab.")
    tables: int


class StorageOut(Schema):
    places: list[StoredOut]
    caches: list[KeptCacheOut]
    database: DatabaseOut


class ClearedOut(Schema):
    name: str
    bytes_freed: int


class RuleOut(Schema):
    days: int | None = Field(description="That files are kept; null for no bound.")
    most_runs: int | None = Field(description="The newest that keep files.")
    most_bytes: int | None = Field(description="That all files may take.")
    trash_days: int | None = Field(description="That files in the trash are kept.")
    keep_best: int = Field(description="Of each experiment, whatever their age.")


class KeptRuleOut(RuleOut):
    nightly: bool = Field(description="It is applied once a day.")


class LeavingOut(Schema):
    run_id: str
    name: str
    kind: str
    finished_at: Moment
    why: str
    bytes: int
    page: str


class KeptOut(Schema):
    why: str
    runs: int


class PlanOut(Schema):
    rule: RuleOut
    plan: str = Field(description="Names exactly these runs; send it to apply them.")
    runs: int
    bytes: int
    items: list[LeavingOut] = Field(description="At most 50, the oldest first.")
    kept: list[KeptOut] = Field(description="Over a bound, and kept for a reason.")
    runs_with_files: int
    bytes_of_files: int


class RemovedOut(Schema):
    run_id: str
    manifest_sha: str
    bytes: int


class RemovalOut(Schema):
    id: str
    job_id: str
    status: str
    created_at: Moment
    rule: RuleOut
    planned: int
    removed: list[RemovedOut]
    bytes_freed: int
    links: dict[str, str]


class RetentionOut(Schema):
    rule: KeptRuleOut
    removals: list[RemovalOut] = Field(description="The last twenty.")


class RuleIn(BaseModel):
    """What is left out is as it is in the lab's rule."""

    model_config = ConfigDict(extra="forbid")

    days: StrictInt | None = None
    most_runs: StrictInt | None = None
    most_bytes: StrictInt | None = None
    trash_days: StrictInt | None = None
    keep_best: StrictInt = 1

    def asked(self, *but: str) -> dict[str, Any]:
        return self.model_dump(exclude_unset=True, exclude=set(but))


class KeptRuleIn(RuleIn):
    nightly: StrictBool = False


class RetentionIn(RuleIn):
    plan: str | None = Field(None, description="Of the dry run that was looked at.")


class DryRun(Schema):
    dry_run: bool = Field(False, description="Only say what would be removed.")


@router.get("/storage", response=StorageOut, summary="Disk, caches and database")
def get_storage(request: HttpRequest) -> Any:
    """Folders are counted anew twice a minute."""
    return storage_document()


@router.delete("/caches/{name}", response=ClearedOut, summary="Empty a cache")
def clear_cache(request: HttpRequest, name: str) -> Any:
    """What was in it is made again when it is asked for; 409 for what is not."""
    return {"name": name, "bytes_freed": cache_clear(name=name)}


@router.get("/retention", response=RetentionOut, summary="Rule, and what was removed")
def get_retention(request: HttpRequest) -> Any:
    removals = [removal_document(one) for one in removals_newest()]
    return {"rule": _kept(retention_rule()), "removals": removals}


@router.put("/retention", response=KeptRuleOut, summary="Set the lab's rule")
def put_retention(request: HttpRequest, body: KeptRuleIn) -> Any:
    """Nothing is removed by this; `nightly` has it applied once a day."""
    known = retention_rule()
    rule = rule_read(body.asked("nightly"), known.rule)
    nightly = body.asked().get("nightly", known.nightly)
    return _kept(retention_rule_set(rule=rule, nightly=nightly))


@router.post(
    "/retention",
    response={200: PlanOut, 202: RemovalOut},
    summary="Remove files of old runs",
)
def post_retention(
    request: HttpRequest,
    response: HttpResponse,
    query: Query[DryRun],
    body: RetentionIn | None = None,
) -> Any:
    """By the lab's rule with the body on it; 200 with the plan if there is nothing.

    Config, metrics, log and trials of a run are kept. 409 if `plan` is not today's.
    """
    asked = body or RetentionIn()
    rule = rule_read(asked.asked("plan"), retention_rule().rule)
    removal = None
    if not query.dry_run:
        removal = retention_request(rule=rule, seen=asked.plan or "")
    if removal is None:
        return Status(200, retention_plan(rule).document())
    response["Location"] = f"/api/jobs/{removal.job_id}"
    return Status(202, removal_document(removal))


def _kept(row: RetentionRule) -> dict[str, Any]:
    names = RuleOut.model_fields
    return {name: getattr(row, name) for name in names} | {"nightly": row.nightly}
