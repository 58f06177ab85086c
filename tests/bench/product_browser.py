"""Pages in Chromium: how long until what people came for is to be seen, and its cost.

Cold is a browser that was never here; warm the same one again, from an empty page.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import (
    BrowserContext,
    CDPSession,
    Page,
    ViewportSize,
    sync_playwright,
)

from tests.bench.product_rows import IS_QUICK, NOTHING, Row, compared, said
from tests.bench.product_servers import Client

ROUNDS = 2 if IS_QUICK else 5
SETTLE_MS = 1_500
SEEN_WITHIN_S, LOOK_MS = 120, 20
ARGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
VIEWPORT: ViewportSize = {"width": 1280, "height": 900}
# The page says itself when it was drawn: Playwright looks again after 20, 50, 100, 100
# and then every 500 ms, so its answer comes up to half a second late.
WATCH = """sought => {
  const found = () => sought.startsWith("//")
    ? document.evaluate(sought, document, null, 9).singleNodeValue
    : document.querySelector(sought);
  const drawn = () => { window.drawnAt = performance.timeOrigin + performance.now(); };
  const look = () => requestAnimationFrame(
    found()?.getClientRects().length ? drawn : look);
  look();
}"""


@dataclass(frozen=True, slots=True)
class Sight:
    """A page, and what is to be seen on it before it counts as open: CSS or XPath."""

    url: str
    seen: str


@dataclass(frozen=True, slots=True)
class Opening:
    """What opening a page took; all but seconds once nothing more comes."""

    seconds: float
    mb: float  # over the wire
    requests: int
    heap_mb: float  # of JavaScript, after a collection
    nodes: int  # elements


@dataclass(frozen=True, slots=True)
class Wanted:
    """A page of both, and the most that it may take."""

    work: str
    ours: Sight
    theirs: Sight | None = None
    cold_s: float | None = None
    warm_s: float | None = None
    mb: float | None = None
    requests: int | None = None
    heap_mb: float | None = None
    nodes: int | None = None


class Wire:
    """Counts what comes to a page from its server."""

    def __init__(self, session: CDPSession) -> None:
        self.bytes = self.requests = 0
        session.on("Network.requestWillBeSent", self._on_request)
        session.on("Network.loadingFinished", self._on_end)
        session.send("Network.enable")

    def _on_request(self, event: dict[str, Any]) -> None:
        self.requests += not event["request"]["url"].startswith(("data:", "blob:"))

    def _on_end(self, event: dict[str, Any]) -> None:
        self.bytes += int(event["encodedDataLength"])


def opened(context: BrowserContext, sight: Sight) -> Opening:
    """Open a page and wait until it shows what it is for."""
    page = context.new_page()
    session = context.new_cdp_session(page)
    wire = Wire(session)
    page.add_init_script(f"({WATCH})({json.dumps(sight.seen)})")
    start = time.time()
    page.goto(sight.url, wait_until="commit")
    seconds = _drawn_at(page, sight) - start
    page.wait_for_timeout(SETTLE_MS)
    found = Opening(seconds, wire.bytes / 1e6, wire.requests, *_weight(page, session))
    page.close()
    return found


def _drawn_at(page: Page, sight: Sight) -> float:
    """Wait for what the page is for; return the second of the epoch it was drawn in."""
    for _ in range(SEEN_WITHIN_S * 1000 // LOOK_MS):
        if at := page.evaluate("window.drawnAt"):
            return float(at) / 1e3
        page.wait_for_timeout(LOOK_MS)
    raise SystemExit(f"{sight.seen} is not to be seen at {sight.url}.")


def _weight(page: Page, session: CDPSession) -> tuple[float, int]:
    session.send("HeapProfiler.collectGarbage")
    used = session.send("Runtime.getHeapUsage")["usedSize"]
    return used / 1e6, page.evaluate("document.querySelectorAll('*').length")


def browser_rows(wanted: Sequence[Wanted]) -> list[Row]:
    """Return the rows of all these pages, ours and theirs opened in turns."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    rows = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGS)
        fresh = lambda: browser.new_context(viewport=VIEWPORT)  # noqa: E731
        for one in wanted:
            rows += [said(row) for row in _rows(one, fresh)]
        browser.close()
    return rows


def _rows(wanted: Wanted, fresh: Callable[[], BrowserContext]) -> list[Row]:
    ours: list[tuple[Opening, Opening]] = []
    theirs: list[tuple[Opening, Opening]] = []
    for _ in range(ROUNDS):
        ours.append(_twice(fresh, wanted.ours))
        if wanted.theirs is not None:
            theirs.append(_twice(fresh, wanted.theirs))
    rows = []
    for i, temper, most in ((0, "cold", wanted.cold_s), (1, "warm", wanted.warm_s)):
        mine, other = ([pair[i].seconds for pair in side] for side in (ours, theirs))
        work = f"{wanted.work}, {temper}, s"
        rows.append(compared(work, mine, other, most=most, form="{:.2f}"))
    return [*rows, _cost(wanted, ours[-1][0], theirs[-1][0] if theirs else None)]


def _twice(
    fresh: Callable[[], BrowserContext], sight: Sight
) -> tuple[Opening, Opening]:
    context = fresh()
    pair = opened(context, sight), opened(context, sight)
    context.close()
    return pair


def _cost(wanted: Wanted, ours: Opening, theirs: Opening | None) -> Row:
    """Return the row of what a cold opening brings."""
    names = ("mb", "requests", "heap_mb", "nodes")
    musts = [(getattr(wanted, name), getattr(ours, name)) for name in names]
    known = [(most, value) for most, value in musts if most is not None]
    return Row(
        f"{wanted.work}, cold: MB, requests, MB of heap, elements",
        _weighed(ours),
        _weighed(theirs) if theirs else NOTHING,
        must=", ".join(NOTHING if m is None else f"{m:,g}" for m, _ in musts),
        is_met=all(value <= most for most, value in known) if known else None,
    )


def _weighed(one: Opening) -> str:
    return f"{one.mb:.2f}, {one.requests}, {one.heap_mb:.1f}, {one.nodes:,}"


def run_sights(port: int, peer: int) -> list[Wanted]:
    """Return the pages of runs, with those of MLflow that show the same."""
    ours, theirs = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peer}/#"
    runs = Client(port).read("/api/runs?order=-sharpe&limit=5")["items"]
    ids = [run["id"] for run in runs]
    plain = [one.replace("-", "") for one in ids]
    several = json.dumps(plain, separators=(",", ":"))
    their_run = f"{theirs}/experiments/1/runs"
    return [
        Wanted(
            "Table of runs",
            Sight(f"{ours}/backtesting", "#run-list tbody tr td"),
            Sight(their_run, '[data-testid="experiment-view-table-run-color"]'),
            *(0.5, 0.25, 0.4, 12, 20),
        ),
        Wanted(
            "Page of a run, figures",
            Sight(f"{ours}/model-lab/runs/{ids[0]}", "#run-summary .verdict"),
            Sight(f"{their_run}/{plain[0]}", '[data-testid="key-value-Status"]'),
            0.6,
        ),
        Wanted(
            "Page of a run, equity drawn",
            Sight(f"{ours}/model-lab/runs/{ids[0]}", "#chart-equity .chart-view svg"),
        ),
        Wanted(
            "Comparison of 5",
            Sight(
                f"{ours}/model-lab/compare?runs={','.join(ids)}",
                'section[aria-labelledby="metrics-title"] td',
            ),
            Sight(
                f"{theirs}/compare-runs?runs={several}&experiments=[%221%22]",
                f'//*[text()="{plain[0]}"]',
            ),
            0.7,
        ),
    ]


def sweep_sight(port: int, run_id: str) -> list[Wanted]:
    address = f"http://127.0.0.1:{port}/model-lab/runs/{run_id}"
    goals = (1.0, 0.5, 0.6, None, None, 3_000)
    seen = Sight(address, "#sweep-map table td")
    return [Wanted("Page of 10,000 candidates", seen, None, *goals)]
