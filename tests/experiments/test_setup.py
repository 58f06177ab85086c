"""What setting a lab up leaves behind, and what it clears away."""

import os
import sys
import time
from importlib.util import cache_from_source
from pathlib import Path

from experiments.services.setup import KERNELS_STAY_S, compile_python, forget_kernels


def test_kernels_of_versions_long_gone_are_removed_and_nothing_else(tmp_path):
    current, recent, old, other = (
        tmp_path / name for name in ("0" * 16, "1" * 16, "2" * 16, "somebody's")
    )
    long_ago = time.time() - KERNELS_STAY_S - 60
    for folder in (current, recent, old, other):
        folder.mkdir()
        (folder / "kernel.nbc").write_bytes(b"compiled")
    for folder in (current, old, other):
        os.utime(folder, (long_ago, long_ago))

    forget_kernels(current)

    assert {one.name for one in tmp_path.iterdir()} == {
        current.name,
        recent.name,
        other.name,
    }
    assert time.time() - current.stat().st_mtime < 60


def test_python_is_compiled_even_where_it_may_not_do_so_itself(
    tmp_path, settings, monkeypatch
):
    settings.BASE_DIR = tmp_path
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    source = tmp_path / "jobs" / "new.py"
    source.parent.mkdir()
    source.write_text("ANSWER = 42\n")

    compile_python()

    assert Path(cache_from_source(str(source))).exists()
