"""Provenance for scripts: where a run comes from, and what rests on data."""

from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from experiments.selectors.datasets import dataset_get
from experiments.selectors.dependents import dataset_dependents
from experiments.selectors.provenance import provenance
from experiments.selectors.runs import run_get
from quantlab.web.times import Moment

router = Router(tags=["proofs"])  # below a run
dataset_router = Router(tags=["data"])  # below a dataset


class LinksOut(Schema):
    page: str | None
    self: str | None


class NodeOut(Schema):
    id: str
    kind: str
    title: str
    hash: str = Field(description="Of what it is: equal hashes, equal things.")
    words: str
    links: LinksOut


class StepOut(Schema):
    step: str = Field(description="source, data, features, rule, run or outcome.")
    title: str
    nodes: list[NodeOut]
    n_more: int = Field(description="Nodes that are not listed.")


class EdgeOut(Schema):
    source: str
    target: str


class SharerOut(Schema):
    run_id: str
    name: str
    kind: str
    created_at: Moment
    links: LinksOut


class SharedOut(Schema):
    by: str = Field(description="data: the same bars; config: the same settings.")
    title: str
    hash: str
    n_runs: int
    runs: list[SharerOut] = Field(description="The newest of them.")


class ProvenanceOut(Schema):
    run_id: str
    steps: list[StepOut]
    edges: list[EdgeOut]
    shared: list[SharedOut]


class DependentOut(Schema):
    name: str
    hash: str
    page: str


class DependentsOfKindOut(Schema):
    kind: str = Field(description="runs, strategies, datasets, pipelines or models.")
    title: str
    n: int
    items: list[DependentOut] = Field(description="The newest of them.")


class DependentsOut(Schema):
    dataset_id: str
    n: int
    groups: list[DependentsOfKindOut]


@router.get(
    "/{run_id}/provenance", response=ProvenanceOut, summary="Where a run comes from"
)
def get_provenance(request: HttpRequest, run_id: str) -> Any:
    """Data, features, rule, run and what came of it; and who shares them."""
    return provenance(run_get(run_id))


@dataset_router.get(
    "/{dataset_id}/dependents",
    response=DependentsOut,
    summary="What rests on a dataset",
)
def get_dependents(request: HttpRequest, dataset_id: str) -> Any:
    """Everything that becomes stale if these data change."""
    return dataset_dependents(dataset_get(dataset_id))
