"""The image and the services: their own commands, started without containers.

What cannot be tried without a daemon is read: what the image holds, and who runs it.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
import time
import urllib.request
from contextlib import closing

import pytest
import yaml

from tests.lab import NUMBA_CACHE, ROOT, free_port

KEY = "of-the-team"
OPEN_WITHIN_S = DONE_WITHIN_S = 120  # on a machine that does other things as well
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
CALL_OFF = """
UPDATE jobs SET status = 'cancelled', finished_at = created_at,
    lease_owner = '', lease_until = NULL
WHERE status IN ('queued', 'running')
"""
BACKTEST = {
    "provider": "synthetic",
    "symbol": "SYN-gbm-1",
    "end": "2012-12-31",
    "strategy": {"name": "sma_cross", "params": {"fast": 5, "slow": 20}},
}


def instructions(name: str) -> list[str]:
    return re.findall(rf"^{name} (.+)$", DOCKERFILE, re.MULTILINE)


def home_in(service: dict) -> str:
    """Return where a service keeps its state, which is on the volume of the lab."""
    home = service["environment"]["QUANT_HOME"]
    assert service["volumes"] == [f"lab:{home}"]
    return home


class Containers:
    """The services of compose.yaml as processes, on a home and a port of their own."""

    def __init__(self, home) -> None:
        self.home, self.port = home, str(free_port())
        self.running: list[subprocess.Popen] = []

    def command(self, words: list[str]) -> list[str]:
        assert words[0] == "python"
        return [
            sys.executable,
            *(word.replace("8000", self.port) for word in words[1:]),
        ]

    def environment(self, service: dict) -> dict[str, str]:
        own = {k: v for k, v in os.environ.items() if not k.startswith("QUANT_")}
        own |= {"DJANGO_SETTINGS_MODULE": "quantlab.settings"}
        given = {"QUANT_API_KEY": KEY, "QUANT_NUMBA_CACHE": str(NUMBA_CACHE)}
        for name, value in service["environment"].items():
            said = re.sub(r"\${(\w+)[^}]*}", lambda found: given[found[1]], value)
            own[name] = said.replace(home_in(service), str(self.home))
        return own | given

    def start(self, name: str) -> None:
        service = SERVICES[name]
        with (self.home / f"{name}.log").open("wb") as log:
            started = subprocess.Popen(
                self.command(service["command"]),
                cwd=ROOT,
                env=self.environment(service),
                stdout=log,
                stderr=log,
            )
        self.running.append(started)

    def stop(self) -> None:
        for one in self.running:
            one.terminate()
        for one in self.running:
            one.wait(timeout=30)

    def wait_until_healthy(self) -> None:
        [line] = instructions("HEALTHCHECK")
        check = self.command(json.loads(line.partition("CMD ")[2]))
        deadline = time.monotonic() + OPEN_WITHIN_S
        while subprocess.run(check, stderr=subprocess.DEVNULL, check=False).returncode:
            assert time.monotonic() < deadline, (self.home / "web.log").read_text()
            assert self.running[0].poll() is None, (self.home / "web.log").read_text()
            time.sleep(0.1)

    def finished(self, run: dict) -> dict:
        deadline = time.monotonic() + DONE_WITHIN_S
        while run["status"] in ("queued", "running") and time.monotonic() < deadline:
            time.sleep(0.1)
            run = self.answer(run["links"]["self"])
        return run

    def answer(self, path: str, body: dict | None = None, key: str = KEY) -> dict:
        headers = {"Content-Type": "application/json", "Prefer": "wait=20"}
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            None if body is None else json.dumps(body).encode(),
            headers | ({"X-API-Key": key} if key else {}),
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)


@pytest.fixture
def containers(lab_server, tmp_path):
    """A volume as the first start leaves it, with nothing left to do."""
    first = lab_server.log.parent
    for name in ("static", "staticfiles"):
        shutil.copytree(first / name, tmp_path / name)
    shutil.copy(first / ".setup", tmp_path)
    with (
        closing(sqlite3.connect(first / "studio.db")) as tables,
        closing(sqlite3.connect(tmp_path / "studio.db")) as copy,
    ):
        tables.backup(copy)
        copy.execute(CALL_OFF)
        copy.execute("DELETE FROM worker_beats")
        copy.commit()
    made = Containers(tmp_path)
    yield made
    made.stop()


def test_the_services_do_together_what_one_process_does(containers):
    containers.start("web")
    containers.wait_until_healthy()
    health = containers.answer("/health", key="")
    assert (health["status"], health["worker"]["alive"]) == ("degraded", False)

    containers.start("worker")
    run = containers.finished(containers.answer("/api/backtest", BACKTEST))

    assert run["status"] == "succeeded", (containers.home / "worker.log").read_text()
    assert run["metrics"]["n_bars"] > 100
    assert containers.answer("/health")["status"] == "ok"


def test_the_services_wait_for_each_other_and_the_profile_is_optional():
    assert SERVICES["worker"]["depends_on"]["web"]["condition"] == "service_healthy"
    team = {name for name, one in SERVICES.items() if one.get("profiles") == ["team"]}
    assert team == {"database", "redis"}
    needed = SERVICES["web"]["depends_on"]
    assert set(needed) == team
    assert not any(one["required"] for one in needed.values())
    for name in ("web", "worker"):
        assert "?" in SERVICES[name]["environment"]["QUANT_API_KEY"]  # never without
    assert [port.split(":")[0] for port in SERVICES["web"]["ports"]] == ["127.0.0.1"]
    kept = {
        v.split(":")[0] for one in SERVICES.values() for v in one.get("volumes", ())
    }
    assert kept == set(COMPOSE["volumes"])


def test_the_image_holds_the_whole_lab_and_nobody_special_runs_it():
    copied = {
        name
        for line in instructions("COPY")
        if not line.startswith("--from")
        for name in shlex.split(line)[:-1]
    }
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    folders = {line.split("/")[0] for line in listed.stdout.split() if "/" in line}
    assert folders - copied <= {".ci", "tests", "examples", "notebooks"}
    assert all((ROOT / name).exists() for name in copied)
    sent = (ROOT / ".dockerignore").read_text().splitlines()
    assert {line[1:] for line in sent if line.startswith("!")} == copied
    stages = instructions("FROM")
    assert len(stages) == 2
    assert {stage.split()[0] for stage in stages} == {"python:3.11-slim-bookworm"}
    assert instructions("USER") == ["lab"]
    assert json.loads(instructions("CMD")[0])[:3] == ["python", "manage.py", "serve"]
    uv = re.search(r"UV_VERSION := (\S+)", (ROOT / "Makefile").read_text())
    assert f"uv=={uv[1]}" in DOCKERFILE
    for name in ("Dockerfile", "compose.yaml"):
        text = (ROOT / name).read_text().replace("http://127.0.0.1", "")
        assert not re.search(r"https?://|index-url", text)


def test_the_image_has_the_very_packages_of_a_laptop_and_two_drivers():
    laptop, image = (
        dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / name).read_text(), re.M))
        for name in ("requirements.txt", "requirements-server.txt")
    )
    assert laptop.items() <= image.items()
    assert set(image) - set(laptop) == {"psycopg", "psycopg-binary", "redis"}
    assert all(
        "--require-hashes" in line for line in DOCKERFILE.split("&&") if "sync" in line
    )
