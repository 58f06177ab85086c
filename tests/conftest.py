"""One real lab for every test that needs one, started when the first of them asks."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
START_WITHIN_S = 120
DEMO_WITHIN_S = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answer_of(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


def is_open(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/api/health", timeout=2):
            return True
    except OSError:
        return False


class Lab(NamedTuple):
    url: str
    pid: int


@pytest.fixture(scope="session")
def lab_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab that was started as a new user starts it."""
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
    yield Lab(url, server.pid)
    server.terminate()
    server.wait(timeout=10)


@pytest.fixture(scope="session")
def lab_url(lab_server: Lab) -> str:
    return lab_server.url


@pytest.fixture(scope="session")
def demo(lab_url: str) -> dict[str, dict[str, Any]]:
    """Return the finished demo runs by name."""
    experiments = answer_of(f"{lab_url}/api/model-lab/experiments?limit=200")["items"]
    [demo] = [one for one in experiments if one["is_demo"]]
    deadline = time.monotonic() + DEMO_WITHIN_S
    while time.monotonic() < deadline:
        oldest = answer_of(f"{lab_url}{demo['links']['runs']}&order=created_at")
        runs = oldest["items"][:4]  # tests may have added some
        if all(run["status"] == "succeeded" for run in runs):
            return {run["name"]: run for run in runs}
        time.sleep(0.1)
    raise AssertionError("the demo did not finish")
