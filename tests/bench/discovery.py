"""The search for expressions, beside a loop of gplearn and vectorbt doing the same.

A panel of 500 symbols × 2,500 days is searched: drawn, told from twins, evaluated, held
against both spans and judged. The peers draw a program, evaluate it, make weights of it
and hold them; theirs has no windows over time, which take most of our time.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from strategies import Panel, RunConfig, parse
from strategies.discovery import SearchPlan, batches
from strategies.discovery.score import Stretch
from strategies.dsl.evaluate import evaluate
from strategies.trials import MemorySink, reporting_to
from tests.bench.expressions import DAY, N_BARS, N_SYMBOLS

if TYPE_CHECKING:
    from tests.bench.run import Bench

CAP = 0.05
COLUMNS = ("open", "high", "low", "close", "volume")
GIVEN = 10  # expressions that the peers are timed on


def search(bench: Bench) -> None:
    count = 100 if bench.quick else 1_000
    panel = market()
    seen = {name: panel.fields[name][:N_BARS] for name in COLUMNS}
    np.savez(bench.folder / "search.npz", **seen)
    ask = {"count": GIVEN, "seed": 3, "cap": CAP}
    bench.search_peers.ask("search", "search", **{**ask, "count": 2})
    searched(panel, 20)
    theirs, answers = bench.search_peers.ask("search", "search", **ask)
    mine = searched(panel, count)
    _agree(panel, answers)
    how = (
        f"{count / mine:.0f} expressions a second of 500 symbols × 2,500 days: drawn, "
        f"evaluated, held and judged; theirs timed on {GIVEN}"
    )
    scaled = theirs * count / GIVEN
    work = f"Search of {count:,} expressions"
    bench.add(work, mine, "gplearn + vectorbt", scaled, 10, 20, how)


def market() -> Panel:
    """Return bars of which a search reads the first 2,500 and seals the rest."""
    rng = np.random.default_rng(11)
    shape = (2_840, N_SYMBOLS)
    close = 50.0 * np.exp(np.cumsum(0.02 * rng.normal(size=shape), axis=0))
    open_ = close * np.exp(0.003 * rng.normal(size=shape))
    return Panel(
        symbols=tuple(f"S{number:04}" for number in range(N_SYMBOLS)),
        timeframe="1d",
        calendar="24/7",
        provider="synthetic",
        ts=np.arange(len(close), dtype=np.int64) * DAY,
        fields={
            "open": open_,
            "high": np.maximum(open_, close) * 1.005,
            "low": np.minimum(open_, close) * 0.995,
            "close": close,
            "volume": rng.lognormal(12.0, 0.5, shape),
        },
    )


def plan_of(panel: Panel, count: int) -> SearchPlan:
    config = RunConfig(
        provider="synthetic",
        universe=list(panel.symbols),
        expr="close",
        sizing={"cap": CAP, "neutralize": "market"},
    )
    own: dict[str, Any] = {"train_share": 0.8, "validation_share": 0.1}
    return SearchPlan(
        config=config, n=count, method="random", placebo=False, max_turnover=10.0, **own
    )


def searched(panel: Panel, count: int) -> float:
    """Return the seconds that a search of so many takes."""
    plan = plan_of(panel, count)
    start = time.perf_counter()
    with reporting_to(MemorySink()):
        found = sum(
            int((one.table["twin_of"] < 0).sum()) for one in batches(plan, panel)
        )
    seconds = time.perf_counter() - start
    if found != count or not 2_450 <= plan.spans(len(panel)).seen.stop <= 2_550:
        raise SystemExit(f"The search evaluated {found} expressions.")
    return seconds


def _agree(panel: Panel, answers: dict[str, Any]) -> None:
    """Hold the peers' programs, and stop where a Sharpe ratio differs."""
    plan = plan_of(panel, 1)
    seen = panel.between(None, int(panel.ts[N_BARS - 1]))
    whole = Stretch.of(plan.config, seen, range(N_BARS))
    for text, theirs in zip(answers["texts"], answers["sharpe"], strict=True):
        tally = whole.held(evaluate(parse(text), seen))
        ours = whole.metrics(tally)["sharpe_bar"]
        if not tally.traded:
            continue  # the same for every name: there is nothing to hold
        if ours is None or not abs(ours - theirs) <= 1e-9:
            raise SystemExit(f"Search: {text} has {theirs}; ours is {ours}.")
