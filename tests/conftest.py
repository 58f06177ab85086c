"""One real lab for every test that needs one, started when the first of them asks."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.lab import ROOT, Lab

# A busy machine is no defect.
settings.register_profile(
    "busy",
    parent=settings.default,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("busy")

DEMO_WITHIN_S = 300  # on a machine that does other things as well
COMPILE = "from strategies.warmup import warm_expressions; warm_expressions()"
OF_THE_LAB = ("tests/browser/", "tests/journeys/")
OF_EXPRESSIONS = "tests/strategies/dsl/"
WITHOUT_KERNELS = ("tests/jobs/", "tests/access/", "tests/web/", "tests/quantlab/")


def answer_of(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


@pytest.fixture(scope="session")
def lab_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab that was started as a new user starts it."""
    home = tmp_path_factory.mktemp("lab")
    lab = Lab(log=home / "server.log", QUANT_HOME=home)
    lab.open()
    with compiled_beside():
        yield lab
    lab.stop()


@contextmanager
def compiled_beside() -> Iterator[None]:
    """Compile what expressions call, which the lab does only when nothing else runs.

    Else each test that meets an expression first would do it, on both sides at once.
    """
    from strategies.kernels import cache_folder  # once the settings say where it is

    if (cache_folder() / "expressions.done").exists():
        yield
        return
    compiling = subprocess.Popen([sys.executable, "-c", COMPILE], cwd=ROOT)
    yield
    compiling.kill()
    compiling.wait()


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
        if [run["status"] for run in runs] == ["succeeded"] * 4:
            return {run["name"]: run for run in runs}
        time.sleep(0.1)
    raise AssertionError("the demo did not finish")


class OneLab(LoadScopeScheduling):
    """Two processes share the tests: those of the lab stay in one, and files whole.

    What compiles the kernels of expressions stays in one, too: two would do it twice.
    """

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(OF_EXPRESSIONS):
            return "expressions"
        return "lab" if nodeid.startswith(OF_THE_LAB) else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OneLab:
    return OneLab(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the lab, which takes longest; beside it with what needs no kernels.

    They are compiled while the lab is set up, and once is enough.
    """
    turns = (*OF_THE_LAB, *WITHOUT_KERNELS, "tests/strategies/")
    items.sort(key=lambda item: [not item.nodeid.startswith(turn) for turn in turns])
