"""A real Chromium that opens the pages of a real lab and watches for mistakes."""

import json
import os
import shutil
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

WIDTHS = {"wide": (1280, 900), "narrow": (400, 860)}

# Far more than anything takes, on a machine that does other things as well.
expect.set_options(timeout=60_000)


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium_path():
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None and os.environ.get("CI") == "true":
        pytest.fail("No Chromium on PATH: make browser installs Debian's.")
    if path is None:
        pytest.skip("No Chromium on PATH: make browser installs Debian's.")
    return path


@pytest.fixture(scope="package")
def browser(chromium_path):
    # Not of the session: while it is open its event loop counts as running, and what
    # the same process tests later may not ask the database.
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_path,
            args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
        )
        yield browser
        browser.close()


class Watched:
    """A page, and everything that went wrong on it."""

    def __init__(self, page, url):
        self.page = page
        self.url = url
        self.mistakes = []
        self.expected = ()  # parts of messages that belong to what a test does
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.mistakes.append(f"error: {error}"))
        page.on("request", self._on_request)

    def _on_console(self, message):
        is_expected = any(part in message.text for part in self.expected)
        if message.type in ("error", "warning") and not is_expected:
            self.mistakes.append(f"console: {message.text}")

    def _on_request(self, request):
        own = request.url.startswith((self.url, "data:", "blob:"))
        if not own:
            self.mistakes.append(f"foreign request: {request.url}")

    def open(self, path):
        self.page.goto(self.url + path)
        return self.page

    def api(self, path, body=None):
        """Return what the API answers, outside the page."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def scrolls_sideways(self):
        root = "document.documentElement"
        return self.page.evaluate(f"{root}.scrollWidth > {root}.clientWidth")


@pytest.fixture
def watch(browser, lab_url):
    """Return a function that opens a watched page; mistakes fail the test."""
    opened = []

    def make(theme="light", width="wide"):
        size = dict(zip(("width", "height"), WIDTHS[width], strict=True))
        context = browser.new_context(
            viewport=size, color_scheme=theme, reduced_motion="reduce"
        )
        watched = Watched(context.new_page(), lab_url)
        opened.append((context, watched))
        return watched

    yield make
    mistakes = [mistake for _, watched in opened for mistake in watched.mistakes]
    for context, _ in opened:
        context.close()
    assert mistakes == []
