"""Every statistic of luck at full size, on data whose truth is known, as a page.

`make calibrate` runs it on two processes. It writes `docs/calibration.md`, and the
figures beside it for the lab's own page, and fails when one is out of its range.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from tests.calibration.checks import CHECKS, Check

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "calibration.md"
FIGURES = ROOT / "docs" / "calibration.json"
SEED = 20_240_117
PARTS = 8  # of each check; how many processes share them changes nothing
PROCESSES = 2
HEAD = """# Calibration

What `make calibrate` found on {made_on} at {commit}, on {machine}, in {minutes}
minutes.
Every world is drawn from a seed of its own, all of them from {seed}. A small edition of
each check is part of `make test`, with ranges as much wider as it is smaller.

| check | worlds | each | figure | found | accepted | kept |
|---|---|---|---|---|---|---|
"""


def part(task: tuple[int, int]) -> np.ndarray:
    """Return the rows of one part of a check; every part has a seed of its own."""
    which, number = task
    check = CHECKS[which]
    n = check.n * (number + 1) // PARTS - check.n * number // PARTS
    return check.rows(np.random.default_rng([SEED, which, number]), n)


def found(check: Check, rows: np.ndarray) -> dict[str, Any]:
    """Return a check as the page and the lab show it."""
    figures = []
    for figure in check.figures:
        value = figure.read(rows)
        figures.append(
            {
                "label": figure.label,
                "value": value,
                "low": figure.low,
                "high": figure.high,
                "kept": figure.low <= value <= figure.high,
            }
        )
    said = {"key": check.key, "name": check.name, "done": check.done}
    return {**said, "n": len(rows), "figures": figures}


def lines(check: dict[str, Any]) -> str:
    text = ""
    for figure in check["figures"]:
        kept = "yes" if figure["kept"] else "**no**"
        accepted = f"{figure['low']:g} to {figure['high']:g}"
        cells = [check["name"], f"{check['n']:,}", check["done"], figure["label"]]
        cells += [f"{figure['value']:.3f}", accepted, kept]
        text += f"| {' | '.join(cells)} |\n"
    return text


def commit() -> str:
    asked = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    return subprocess.check_output(asked, text=True).strip()


def main() -> None:
    began, checks = time.monotonic(), []
    with ProcessPoolExecutor(PROCESSES) as pool:
        for which, check in enumerate(CHECKS):
            parts = pool.map(part, [(which, number) for number in range(PARTS)])
            checks.append(found(check, np.concatenate(list(parts))))
            sys.stdout.write(lines(checks[-1]))
            sys.stdout.flush()
    facts = {
        "made_on": f"{datetime.now(UTC):%Y-%m-%d}",
        "commit": commit(),
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}",
        "minutes": max(round((time.monotonic() - began) / 60), 1),
        "seed": SEED,
    }
    FIGURES.write_text(json.dumps(facts | {"checks": checks}, indent=1) + "\n")
    PAGE.write_text(HEAD.format(**facts) + "".join(map(lines, checks)))
    sys.exit(not all(one["kept"] for check in checks for one in check["figures"]))


if __name__ == "__main__":
    main()
