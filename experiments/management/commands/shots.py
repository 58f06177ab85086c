"""Pictures of every page, for looking at them; needs the development requirements."""

from __future__ import annotations

import json
import shutil
import urllib.request
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from django.core.management.base import BaseCommand, CommandError

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PAGES = {
    "dashboard": "/",
    "jobs": "/jobs",
    "experiments": "/model-lab",
    "experiment-new": "/model-lab/new",
    "trash": "/model-lab/trash",
    "backtesting": "/backtesting",
    "compare-empty": "/model-lab/compare",
    "presets": "/presets",
    "ledger": "/ledger",
    "broker": "/broker",
    "glossary": "/glossary",
    "glossary-entry": "/glossary/dsr",
    "settings": "/settings",
    "system": "/system",
    "retention": "/system/retention",
    "keyboard": "/keyboard",
    "api-docs": "/api/docs",
    "admin": "/admin/",
    "admin-runs": "/admin/experiments/modelrun/",
    "demo-remove": "/model-lab/demo/remove",
    "not-found": "/no/such/page",
    "no-entry": "/glossary/sharp",
    "no-match": "/jobs?q=nothing+like+this",
}
RUN_TABS = ("summary", "charts", "trades", "config", "files", "logs", "api")
COMPARED = 3
# variant -> colour scheme, width and height
VARIANTS: dict[str, tuple[Literal["light", "dark"], int, int]] = {
    "light": ("light", 1280, 900),
    "dark": ("dark", 1280, 900),
    "narrow": ("light", 400, 860),
    "narrow-dark": ("dark", 400, 860),
}
# Nothing that is in sight is still on its way.
IS_STILL = """() => ![...document.querySelectorAll(
  '[aria-busy=true], .htmx-request, #swagger-ui:empty, #swagger-ui .loading-container'
)].some(
  one => one.checkVisibility() && one.getBoundingClientRect().top < innerHeight)"""
IS_AT_THE_END = "scrollY + innerHeight >= document.documentElement.scrollHeight - 2"
MOST_TURNS = 60
TURN_MS = 250  # htmx looks for what came into view every 200 ms


class Command(BaseCommand):
    help = "Take screenshots of every page of an open lab, in both themes and narrow."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--out", type=Path, required=True, help="A folder.")
        parser.add_argument("--url", default="http://127.0.0.1:8000")
        parser.add_argument("--only", default="", help="A part of the pages' names.")

    def handle(
        self, *args: Any, out: Path, url: str, only: str, **options: Any
    ) -> None:
        from playwright.sync_api import sync_playwright

        pages = {name: path for name, path in _pages(url) if only in name}
        out.mkdir(parents=True, exist_ok=True)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            for variant in VARIANTS:
                _take_all(browser, variant, url, pages, out)
            browser.close()
        self.stdout.write(f"{len(pages) * len(VARIANTS)} screenshots in {out}")


def _pages(url: str) -> Iterator[tuple[str, str]]:
    """Yield name and path of each page; of runs and the like, the newest one's."""
    yield from PAGES.items()
    for experiment in _newest(url, "/api/model-lab/experiments")[:1]:
        page = experiment["links"]["page"]
        yield "experiment", page
        yield "run-new", f"{page}/runs/new"
    runs = _newest(url, "/api/runs?status=succeeded")
    ids = ",".join(run["id"] for run in runs[:COMPARED])
    yield "compare", f"/model-lab/compare?runs={ids}"
    for run in runs[:1]:
        page = run["links"]["page"]
        for tab in RUN_TABS:
            yield f"run-{tab}", f"{page}?tab={tab}"
        yield "run-rerun", f"{page}/rerun"
        yield "run-words", f"{page}/words"
        yield "job", f"/jobs/{run['job_id']}"
    for family in _newest(url, "/api/ledger/families")[:1]:
        yield "ledger-family", f"/ledger/{family['pool']}"


def _newest(url: str, path: str) -> list[dict[str, Any]]:
    try:
        with urllib.request.urlopen(url + path, timeout=10) as answer:  # noqa: S310
            rows: list[dict[str, Any]] = json.load(answer)["items"]
    except OSError as exc:
        raise CommandError(
            f"No lab answers at {url} ({exc}). Open one with make run."
        ) from None
    return rows


def _take_all(
    browser: Browser, variant: str, url: str, pages: dict[str, str], out: Path
) -> None:
    scheme, width, height = VARIANTS[variant]
    context = browser.new_context(
        color_scheme=scheme,
        viewport={"width": width, "height": height},
        reduced_motion="reduce",
    )
    page = context.new_page()
    for name, path in pages.items():
        page.goto(url + path)
        _show_all(page, height)
        page.screenshot(path=out / f"{name}-{variant}.png", full_page=True)
    context.close()


def _show_all(page: Page, height: int) -> None:
    """Turn the wheel down to the end, so that what loads on sight is loaded."""
    for _ in range(MOST_TURNS):
        page.wait_for_timeout(TURN_MS)
        page.wait_for_function(IS_STILL)
        if page.evaluate(IS_AT_THE_END):
            break
        page.mouse.wheel(0, height // 2)
    page.evaluate("scrollTo(0, 0)")
