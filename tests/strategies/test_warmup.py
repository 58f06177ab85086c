"""Warming up leaves nothing to compile for the runs that follow."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SECOND_RUN = """
from numba.core import event
from strategies.warmup import warm_up
from strategies import RunConfig, load_candles, run_backtest
warm_up()
config = RunConfig(provider="synthetic", symbol="SYN-gbm-4",
                   strategy={"name": "donchian", "params": {"direction": "long_short"}})
with event.install_recorder("numba:compile") as compiled:
    result = run_backtest(config, load_candles(config))
    result.series, result.bars, result.round_trips
assert compiled.buffer == [], compiled.buffer
"""

# With one primitive, in a process that may lower its own priority.
BEHIND = """
import fcntl, os, sys
from pathlib import Path
from strategies import warmup
mark = Path(sys.argv[1])
warmup.PRIMITIVES = {"add": warmup.PRIMITIVES["add"]}
mark.parent.mkdir()
with mark.with_suffix(".lock").open("w") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    warmup.warm_behind(mark)
    assert not mark.exists() and os.nice(0) == 19
warmup.warm_behind(mark)
assert mark.exists()
warmup.PRIMITIVES = None  # whoever looked at it now would fail
warmup.warm_behind(mark)
"""


def test_no_kernel_is_compiled_after_warming_up():
    answer = subprocess.run(
        [sys.executable, "-W", "error", "-c", SECOND_RUN],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )

    assert answer.returncode == 0, answer.stderr


def test_what_expressions_call_is_compiled_once_and_by_one_process(tmp_path):
    mark = tmp_path / "kernels" / "done"

    subprocess.run([sys.executable, "-c", BEHIND, mark], cwd=ROOT, check=True)


@pytest.mark.parametrize("callee", ["rolling.py", "account.py"])
def test_the_cache_folder_follows_the_kernel_sources(tmp_path, callee):
    """numba alone would go on with old machine code when a callee changes."""
    package = tmp_path / "kernels"
    package.mkdir()
    for path in (ROOT / "strategies" / "kernels").glob("*.py"):
        (package / path.name).write_text(path.read_text())
    ask = (
        "import importlib.util as u;"
        f"s=u.spec_from_file_location('k', r'{package / '__init__.py'}');"
        "m=u.module_from_spec(s); s.loader.exec_module(m); print(m.cache_folder())"
    )

    def folder():
        return subprocess.run(
            [sys.executable, "-c", ask],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    before = folder()
    source = package / callee
    source.write_text(source.read_text() + "\n# changed\n")

    assert folder() != before
