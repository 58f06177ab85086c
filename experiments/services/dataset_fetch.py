"""Bars of a provider: ordered here, fetched by a job, and fetched again later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import uuid4

import numpy as np
from django.db import transaction
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from experiments.models import Dataset, DatasetKind
from experiments.selectors.datasets import dataset_page_url
from experiments.services.budgets import work_enqueue
from experiments.services.datasets import dataset_commit, with_outcomes
from jobs.models import ACTIVE
from jobs.progress import JobContext
from quantlab.web.problem import Problem
from strategies.config import config_error
from strategies.errors import StrategyError
from strategies.library.universe import listed_briefly
from strategies.market.intake.report import bars_report
from strategies.market.providers import REMOTES
from strategies.market.providers.client import Client, ProviderError
from strategies.market.providers.fetch import Fetch, Fetched, client_of
from strategies.market.providers.order import FetchOrder
from strategies.market.providers.retry import Retries

KIND = "fetch"


class FetchRequest(BaseModel):
    """What a request for the bars of a provider says."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    provider: str = Field(description="One of GET /api/config/providers.")
    symbols: list[str] = Field(
        max_length=1_000, description="1 to 50, as the provider writes them."
    )
    timeframe: str = Field("1d", description="1m, 5m, 15m, 30m, 1h or 1d.")
    adjustment: str = Field("", description="raw, split or total; '' = the usual one.")
    start: int | str | None = Field(None, description="All there is, if left out.")
    end: int | str | None = Field(None, description="Inclusive; now, if left out.")


def fetch_asked(body: Mapping[str, Any]) -> FetchOrder:
    """Return the order that a body means; a `StrategyError` names what cannot be."""
    try:
        return FetchOrder.of(FetchRequest(**body).model_dump())
    except ValidationError as exc:
        raise config_error(exc, FetchRequest) from None


@transaction.atomic
def dataset_fetch(*, order: FetchOrder, owner: str = "") -> Dataset:
    """Queue the fetch of bars, which become a dataset."""
    dataset = Dataset(id=uuid4(), kind=DatasetKind.FETCHED, name=_name(order))
    dataset.dry_run = False
    dataset.options = order.document()
    return _queued(dataset, owner)


@transaction.atomic
def dataset_refresh(*, dataset: Dataset, owner: str = "") -> Dataset:
    """Queue the fetch of what came since: of everything until now."""
    dataset = Dataset.objects.select_for_update().get(pk=dataset.pk)
    if dataset.kind != DatasetKind.FETCHED:
        raise Problem(
            status=409,
            message="This dataset was not fetched from a provider.",
            advice="Upload a newer file: bars that agree are put together.",
            next_steps=["POST /api/datasets/upload"],
        )
    if dataset.job and dataset.job.status in ACTIVE:
        raise Problem(
            status=409,
            message="It is being fetched.",
            advice="Wait for the end, or cancel its job.",
            next_steps=[f"GET /api/jobs/{dataset.job_id}"],
        )
    order = FetchOrder.again(dataset.options | {"end_ms": None})
    dataset.options = order.document()
    return _queued(dataset, owner)


def dataset_fetched(*, dataset_id: str, context: JobContext) -> None:
    """Fetch what a dataset is made of. What is there already is not fetched again.

    A symbol that the provider does not have is told and left out; a provider that
    cannot be reached ends the job, and what came before stays.
    """
    dataset = Dataset.objects.get(pk=dataset_id)
    order = FetchOrder.again(dataset.options)
    context.stage("data_loading", count=len(order.symbols))
    tried = _tried(order, context, is_again=dataset.imported_at is not None)
    if tried.came:
        dataset.size_bytes = sum(one.kept.version.size_bytes for one in tried.came)
        kept = [one.kept for one in tried.came]
        report = with_outcomes(_report(order, tried), kept)
        dataset_commit(dataset, report, kept, context)
    if tried.ending or not tried.came:
        raise tried.ending or next(iter(tried.refused.values()))


class _Tried(NamedTuple):
    came: list[Fetched]
    refused: dict[str, StrategyError]  # by symbol
    ending: ProviderError | None  # why the rest was not tried


def _tried(order: FetchOrder, context: JobContext, *, is_again: bool) -> _Tried:
    """Fetch symbol after symbol; where nothing comes, what was there before stays."""
    came: list[Fetched] = []
    refused: dict[str, StrategyError] = {}
    ending: ProviderError | None = None
    client = client_of(order)
    for n, symbol in enumerate(order.symbols):
        fetch = _fetch(order, client, context, n)
        context.report(n, len(order.symbols), symbol)
        found = None
        try:
            found = None if ending else fetch.symbol(symbol)
        except StrategyError as error:
            refused[symbol] = error
            if isinstance(error, ProviderError) and error.may_pass:
                ending = error
        if found is None and is_again:
            found = fetch.there(symbol)
        came += [found] if found else []
    return _Tried(came, refused, ending)


def _fetch(order: FetchOrder, client: Client, context: JobContext, n: int) -> Fetch:
    symbol, total = order.symbols[n], len(order.symbols)

    def on_wait(why: str, wait_s: float) -> None:
        context.report(n, total, f"{symbol}: {why} Again in {wait_s:.0f} s.")

    def on_bars(n_bars: int) -> None:
        context.report(n, total, f"{symbol}: {n_bars:,} bars")

    return Fetch(
        order=order,
        client=client,
        ask=Retries(rng=np.random.default_rng(), on_wait=on_wait),
        on_bars=on_bars,
    )


def _report(order: FetchOrder, tried: _Tried) -> dict[str, Any]:
    came = tried.came
    notes = [f"{one.candles.symbol}: {note}" for one in came for note in one.notes]
    return bars_report([one.series for one in came], [one.candles for one in came]) | {
        "timeframe": order.timeframe,
        "adjustment": order.adjustment,
        "notes": notes,
        "failed": [
            {
                "symbol": symbol,
                "code": error.code,
                "message": error.message,
                "advice": error.advice,
            }
            for symbol, error in tried.refused.items()
        ],
    }


def _queued(dataset: Dataset, owner: str) -> Dataset:
    dataset.job = work_enqueue(
        KIND,
        owner=owner,
        title=f"Fetch {dataset.name}"[:200],
        run_id=str(dataset.pk),
        page=dataset_page_url(dataset.pk),
    )
    dataset.save()
    return dataset


def _name(order: FetchOrder) -> str:
    """Return what it is called: AAPL, MSFT and 3 more, 1d, Yahoo Finance."""
    label = REMOTES[order.provider].label
    return f"{listed_briefly(list(order.symbols))}, {order.timeframe}, {label}"
