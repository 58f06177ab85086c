"""Pictures of every page, for looking at them; needs the development requirements."""

from __future__ import annotations

import json
import shutil
import urllib.request
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PAGES = {
    "dashboard": "/",
    "experiments": "/model-lab",
    "experiment-new": "/model-lab/new",
    "backtesting": "/backtesting",
    "jobs": "/jobs",
    "settings": "/settings",
    "demo-remove": "/model-lab/demo/remove",
    "not-found": "/no/such/page",
    "api-docs": "/api/docs",
}
SUCCEEDED = "/api/runs?status=succeeded"
RUN_TABS = ("summary", "charts", "trades", "config", "files", "api")
# variant -> colour scheme, width and height
VARIANTS = {
    "light": ("light", 1280, 900),
    "dark": ("dark", 1280, 900),
    "narrow": ("light", 400, 860),
}
MAX_HEIGHT = 12_000
SETTLED_MS = 400  # htmx looks for what came into view every 200 ms


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
    for experiment in _newest(url, "/api/model-lab/experiments"):
        page = experiment["links"]["page"]
        yield "experiment", page
        yield "run-new", f"{page}/runs/new"
    pair = ",".join(run["id"] for run in _newest(url, SUCCEEDED, 2))
    yield "compare", f"/model-lab/compare?runs={pair}"
    for run in _newest(url, SUCCEEDED):
        page = run["links"]["page"]
        for tab in RUN_TABS:
            yield f"run-{tab}", f"{page}?tab={tab}"
        yield "run-rerun", f"{page}/rerun"
        yield "job", f"/jobs/{run['job_id']}"


def _newest(url: str, path: str, most: int = 1) -> list[dict[str, Any]]:
    try:
        with urllib.request.urlopen(url + path, timeout=10) as answer:  # noqa: S310
            rows: list[dict[str, Any]] = json.load(answer)["items"]
    except OSError as exc:
        raise CommandError(
            f"No lab answers at {url} ({exc}). Open one with make run."
        ) from None
    return rows[:most]


def _take_all(
    browser: Browser, variant: str, url: str, pages: dict[str, str], out: Path
) -> None:
    scheme, width, height = VARIANTS[variant]
    context = browser.new_context(
        color_scheme="dark" if scheme == "dark" else "light",
        viewport={"width": width, "height": height},
        reduced_motion="reduce",
    )
    page = context.new_page()
    for name, path in pages.items():
        page.set_viewport_size({"width": width, "height": height})
        page.goto(url + path)
        _show_all(page, width)
        page.screenshot(path=out / f"{name}-{variant}.png")
    context.close()


def _show_all(page: Page, width: int) -> None:
    """Make the window as high as the page, so that what loads on sight is loaded."""
    for _ in range(2):
        page.wait_for_load_state("networkidle")
        height = page.evaluate("document.documentElement.scrollHeight")
        page.set_viewport_size({"width": width, "height": min(height, MAX_HEIGHT)})
        page.wait_for_timeout(SETTLED_MS)
    page.wait_for_load_state("networkidle")
