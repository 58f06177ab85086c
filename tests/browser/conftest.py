"""A real lab in a process of its own, and a real Chromium that watches for mistakes."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parent.parent.parent
START_WITHIN_S = 120
# What htmx notes when it gives up a request for a newer one of the same form.
GIVEN_UP = ("htmx:sendAbort", "htmx:afterRequest, [object HTMLFormElement]")
WIDTHS = {"wide": (1280, 900), "narrow": (400, 860)}


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


@pytest.fixture(scope="session")
def browser(chromium_path):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_path,
            args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
        )
        yield browser
        browser.close()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_open(url):
    try:
        with urllib.request.urlopen(f"{url}/api/health", timeout=2):
            return True
    except OSError:
        return False


@pytest.fixture(scope="session")
def lab_url(tmp_path_factory):
    """The address of a lab that was started as a new user starts it."""
    home = tmp_path_factory.mktemp("lab")
    port = free_port()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("QUANT_")}
    environment |= {
        "QUANT_HOME": str(home),
        # Compiled kernels are the same for every home; compiling them takes a while.
        "QUANT_NUMBA_CACHE": str(ROOT / "var" / "cache" / "numba"),
        "DJANGO_SETTINGS_MODULE": "quantlab.settings",
    }
    command = [sys.executable, str(ROOT / "manage.py"), "serve", "--port", str(port)]
    with (home / "server.log").open("w") as log:
        server = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=log, stderr=log
        )
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + START_WITHIN_S
    while not is_open(url):
        if server.poll() is not None or time.monotonic() > deadline:
            server.kill()
            pytest.fail((home / "server.log").read_text()[-4000:])
        time.sleep(0.1)
    yield url
    server.terminate()
    server.wait(timeout=10)


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
        expected = (*GIVEN_UP, *self.expected)
        is_expected = any(part in message.text for part in expected)
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
