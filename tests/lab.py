"""A lab, or its worker alone, in a process that a test may end as it likes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parent.parent
START_WITHIN_S = 600  # kernels may have to be compiled on a busy machine
# Compiled kernels are the same for every home; compiling them takes a while.
NUMBA_CACHE = ROOT / "var" / "cache" / "numba"


class LabProcess:
    """`manage.py` with the lab's own settings; what it prints goes to `log`."""

    def __init__(self, *command: str, log: Path, **environment: object) -> None:
        self.log = log
        self._command = [sys.executable, str(ROOT / "manage.py"), *command]
        own = {k: v for k, v in os.environ.items() if not k.startswith("QUANT_")}
        self._environment = own | {
            "QUANT_NUMBA_CACHE": str(NUMBA_CACHE),
            "DJANGO_SETTINGS_MODULE": "quantlab.settings",
            **{name: str(value) for name, value in environment.items()},
        }

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, cwd=ROOT, env=self._environment, stdout=log, stderr=log
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    def kill(self) -> None:
        """End it as a power cut does."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> float:
        """Ask it to stop, as a service manager does; return the seconds it took."""
        asked = time.monotonic()
        self.process.terminate()
        self.process.wait(timeout=30)
        return time.monotonic() - asked

    def job_pids(self) -> list[int]:
        """Return the processes that run jobs: the children of the fork server."""
        return [pid for server in self.child_pids() for pid in _children_of(server)]

    def child_pids(self) -> list[int]:
        return _children_of(self.pid)


class Lab(LabProcess):
    """`manage.py serve` on a free port."""

    def __init__(self, *, log: Path, **environment: object) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        super().__init__("serve", "--port", str(self.port), log=log, **environment)

    def open(self) -> None:
        """Start it and wait until it answers."""
        self.start()
        deadline = time.monotonic() + START_WITHIN_S
        while not self.is_open():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(self.log.read_text()[-4000:])
            time.sleep(0.1)

    def is_open(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/api/health", timeout=2):
                return True
        except OSError:
            return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _children_of(parent: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == parent and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found
