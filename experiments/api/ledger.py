"""The count of all trials, for scripts: entries, families, and the proof."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from experiments.api.schemas import HonestyOut, In
from experiments.selectors.ledger import (
    entry_document,
    entry_page,
    instruments_named,
    ledger_families,
    ledger_family,
    ledger_proof,
    trial_budget,
)
from experiments.selectors.seals import opening_page
from experiments.selectors.trials import pool_of
from experiments.selectors.universes import config_settled
from quantlab.web.downloads import (
    TABLE_FORMATS,
    FormatQuery,
    ListQuery,
    listing,
    whole_list,
)
from quantlab.web.times import Moment
from strategies import RunConfig
from strategies.errors import ConfigError

router = Router(tags=["ledger"])


class SharpesOut(Schema):
    mean: float | None
    variance: float | None = Field(description="With ddof 1.")
    max: float | None


class EntryOut(Schema):
    seq: int
    id: str
    created_at: str
    source: str
    pool: str
    instruments: list[str]
    data_fingerprint: str
    timeframe: str
    start: str
    end: str
    run_id: str
    job_id: str
    chunk: int
    config_hash: str
    n_evaluated: int
    n_trials: int = Field(description="New ones; 0 for a repeat and for null models.")
    n_sharpes: int
    repeat: bool
    sharpe_bar: SharpesOut
    ppy: float
    candidates_sha: str
    prev_hash: str
    hash: str


class EntryListOut(Schema):
    items: list[EntryOut]
    next_cursor: str | None


class EntryQuery(ListQuery):
    order: str = "-seq"
    pool: str = ""
    source: str = ""
    run_id: str = ""


class BestOut(Schema):
    run_id: str
    sharpe: float


class FamilyOut(Schema):
    pool: str
    label: str
    instruments: list[str]
    n_trials: int
    n_effective: float | None
    n_effective_is_least: bool
    expected_max_sharpe: float | None
    best: BestOut | None
    n_entries: int
    start: str
    end: str
    first_at: Moment
    last_at: Moment


class FamilyListOut(Schema):
    items: list[FamilyOut]
    next_cursor: str | None


class SealOpeningOut(Schema):
    run_id: str = Field(description="The search that opened them.")
    title: str = Field(description="Empty once its run is gone.")
    opened_at: Moment
    pool: str
    label: str
    instruments: list[str]
    start: str = Field(description="First bar of the sealed test span.")
    end: str
    n_shown: int = Field(description="Expressions that were tested on them.")
    n_before: int = Field(
        description="Openings before it that had seen some of these bars, of at least "
        "half of the instruments."
    )


class SealOpeningListOut(Schema):
    items: list[SealOpeningOut]
    next_cursor: str | None


class SealOpeningQuery(ListQuery):
    order: str = "-opened_at"
    pool: str = ""


class BudgetIn(In):
    pool: str | None = None
    config: dict[str, Any] | None = None
    n: int = Field(ge=0, le=100_000_000)


class BudgetOut(Schema):
    n: int
    honesty_now: HonestyOut
    honesty_after: HonestyOut
    needed_sharpe_now: float = Field(description="For a DSR of 0.95.")
    needed_sharpe_after: float
    years: float = Field(description="Length of the data.")
    min_backtest_years: float | None = Field(
        description="Data within which luck alone would reach a Sharpe of 1."
    )


class ProofOut(Schema):
    ok: bool
    entries: int
    seq: int | None = Field(description="The first entry that does not hold.")
    reason: str


@router.get(
    "",
    response=EntryListOut,
    summary="Entries of the ledger",
    openapi_extra=TABLE_FORMATS,
)
def list_entries(request: HttpRequest, query: Query[EntryQuery]) -> Any:
    """One entry is one committed chunk of candidates; the newest first."""

    filters = query.dict(exclude={"format", "limit", "cursor"})
    return listing(query, partial(_page, **filters), name="ledger")


def _page(**asked: Any) -> Mapping[str, Any]:
    page = entry_page(**asked)
    items = [entry_document(entry) for entry in page.items]
    return {"items": items, "next_cursor": page.next_cursor}


@router.get(
    "/families",
    response=FamilyListOut,
    summary="Families of trials",
    openapi_extra=TABLE_FORMATS,
)
def list_families(request: HttpRequest, query: Query[FormatQuery]) -> Any:
    """All trials that looked at the same instruments, the most tried first."""
    families = [family.as_json() for family in ledger_families(limit=None)]
    return whole_list(query, families, name="families")


@router.get("/families/{pool}", response=FamilyOut, summary="One family")
def get_family(request: HttpRequest, pool: str) -> Any:
    return ledger_family(pool).as_json()


@router.get(
    "/seals",
    response=SealOpeningListOut,
    summary="Openings of sealed bars",
    openapi_extra=TABLE_FORMATS,
)
def list_seal_openings(request: HttpRequest, query: Query[SealOpeningQuery]) -> Any:
    """Who looked at the bars that a search keeps for its end; the newest first."""
    filters = query.dict(exclude={"format", "limit", "cursor"})
    return listing(query, partial(_openings, **filters), name="seals")


def _openings(**asked: Any) -> Mapping[str, Any]:
    page = opening_page(**asked)
    items = [one.as_json() for one in page.items]
    return {"items": items, "next_cursor": page.next_cursor}


@router.post("/budget", response=BudgetOut, summary="What more trials would cost")
def post_budget(request: HttpRequest, payload: BudgetIn) -> Any:
    """For a pool, or for the instruments and window of a config."""
    if (payload.pool is None) == (payload.config is None):
        message = "Give either a pool or a config."
        raise ConfigError(message, code="invalid_value", field="pool")
    if payload.pool is not None:
        return trial_budget(ledger_family(payload.pool).pool, payload.n).as_json()
    config = config_settled(RunConfig(**(payload.config or {})))
    instruments = instruments_named(config.instruments)
    return trial_budget(
        pool_of(instruments),
        payload.n,
        start_ms=config.start_ms,
        end_ms=config.end_ms,
        instruments=instruments,
    ).as_json()


@router.get("/verify", response=ProofOut, summary="Verify the chain")
def verify_ledger(request: HttpRequest) -> Any:
    """Every hash is computed anew; a changed or missing entry is named."""
    proof = ledger_proof()
    return {name: getattr(proof, name) for name in ("ok", "entries", "seq", "reason")}
