"""Results that may not move unless `strategies.__version__` does.

`results.json` holds what each strategy earned on the built-in S&P 500, and the hash of
the sources that can move a number. When a source changes and no result moves, write the
file anew (`python -m tests.golden.test_golden`); when a result moves, raise the version
too and say in the commit which numbers moved and why.
"""

import hashlib
import json
from pathlib import Path

import pytest

from strategies import RunConfig, __version__, load_candles, run_backtest
from strategies.library.registry import STRATEGIES

FILE = Path(__file__).parent / "results.json"
ROOT = Path(__file__).parent.parent.parent / "strategies"
ROOMS = ("kernels", "simulation", "metrics", "library", "features")
FILES = ("backtest.py", "positions.py", "timeseries.py", "rolling.py", "equity.py")
CASES = [(name, d) for name in sorted(STRATEGIES) for d in ("long", "long_short")]
CASES.remove(("buy_and_hold", "long_short"))


def source_hash():
    digest = hashlib.sha256()
    paths = [p for room in ROOMS for p in sorted((ROOT / room).glob("*.py"))]
    for path in [*paths, *(ROOT / name for name in FILES)]:
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def outcome(name, direction):
    params = {} if name == "buy_and_hold" else {"direction": direction}
    config = RunConfig(
        symbol="SP500",
        strategy={"name": name, "params": params},
        execution={"commission_bps": 5, "slippage_bps": 5, "borrow_bps": 50},
    )
    result = run_backtest(config, load_candles(config))
    return result.metrics | {"n_fills": len(result.fills)}


def outcomes():
    return {
        f"{name} {direction}": outcome(name, direction) for name, direction in CASES
    }


@pytest.fixture(scope="module")
def golden():
    return json.loads(FILE.read_text())


@pytest.mark.parametrize(("name", "direction"), CASES)
def test_results_do_not_move(golden, name, direction):
    was = golden["results"][f"{name} {direction}"]

    # Other processors choose other SIMD code: equal to 1e-12, not to the last bit.
    now = outcome(name, direction)

    assert {k for k, v in now.items() if v is None} == {
        k for k, v in was.items() if v is None
    }
    known = {key: value for key, value in was.items() if value is not None}
    assert {key: now[key] for key in known} == pytest.approx(
        known, rel=1e-12, abs=1e-12
    )


def test_a_changed_source_was_looked_at(golden):
    assert golden["source_hash"] == source_hash(), (
        "A source that can move results changed. If the other golden tests pass, run "
        "python -m tests.golden.test_golden; else raise strategies.__version__ too."
    )
    assert golden["version"] == __version__


def main():
    new = {
        "version": __version__,
        "source_hash": source_hash(),
        "results": outcomes(),
    }
    was = json.loads(FILE.read_text()) if FILE.exists() else new
    moved = was["results"] != new["results"]
    if moved and was["version"] == __version__:
        raise SystemExit("Results moved: raise strategies.__version__ first.")
    FILE.write_text(json.dumps(new, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
