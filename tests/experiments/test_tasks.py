"""Warming the fork server up leaves one thread, no connection, nothing to import."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
WARM = """
import json, os, sys
from jobs import warm
warm.set_up()
from django.db import connections
from experiments.artifacts.files import run_files
from experiments.artifacts.report import report_document
from experiments.models import LedgerEntry
threads = len(os.listdir("/proc/self/task"))
before = set(sys.modules)
from strategies import RunConfig, load_candles, run_backtest
config = RunConfig(symbol="SP500", strategy={"name": "sma_cross"})
result = run_backtest(config, load_candles(config))
report_document(result)
run_files(result)
imported = {name for name in set(sys.modules) - before if not name.startswith("arch")}
print(json.dumps({
    "threads": threads,
    "connected": any(c.connection is not None for c in connections.all()),
    "imported": sorted(imported),
}))
"""


def test_a_warm_process_may_fork_and_has_everything_a_run_imports(tmp_path):
    from strategies.market.builtin import install_builtin

    install_builtin(tmp_path)
    answer = subprocess.run(
        [sys.executable, "-c", WARM],
        env=os.environ
        | {
            "DJANGO_SETTINGS_MODULE": "quantlab.settings",
            "PYTHONPATH": str(ROOT),
            "QUANT_HOME": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=True,
    )

    assert json.loads(answer.stdout) == {
        "threads": 1,
        "connected": False,
        "imported": [],
    }, answer.stderr
