"""What searches for expressions come to, written by hand: one finds, one does not."""

from __future__ import annotations

from typing import Any

DAY_MS = 86_400_000


def metrics(sharpe: float) -> dict[str, Any]:
    return {
        "sharpe": sharpe,
        "ann_return": 0.1 * sharpe,
        "max_drawdown": -0.12,
        "turnover_daily": 0.21,
    }


def kept(index: int, expr: str, test: float) -> dict[str, Any]:
    parts = [{"start": i * DAY_MS, "end": (i + 9) * DAY_MS, "n": 9} for i in (0, 10)]
    return {
        "index": index,
        "expr": expr,
        "expr_hash": f"{index:064x}",
        "complexity": 7.5,
        "why": "Its train score passes the best on noise, and validation agrees.",
        "train": metrics(2.1),
        "validation": metrics(1.6),
        "test": metrics(test),
        "decay": {"validation_over_train": 0.76, "test_over_train": test / 2.1},
        "psr": 0.99,
        "dsr": 0.71,
        "dsr_effective": 0.83,
        "q_value": 0.02,
        "break_even_bps": 14.0,
        "sub_periods": [part | {"sharpe": 1.0} for part in parts],
        "sub_universe": {"applicable": False, "n_symbols": 3},
        "look_ahead": {"ok": True},
        "checks": [
            {
                "key": "sharpe",
                "status": "PASS",
                "words": "The Sharpe ratio a year is 1.60; at least 1.00 is asked.",
                "value": 1.6,
                "cutoff": 1.0,
            },
            {
                "key": "dsr",
                "status": "FAIL",
                "words": "The deflated Sharpe ratio is 0.71; at least 0.95 is asked.",
                "value": 0.71,
                "cutoff": 0.95,
            },
        ],
        "max_correlation": 0.31,
    }


FOUND: dict[str, Any] = {
    "found": True,
    "sentence": "Of 60 expressions 2 are kept: they pass what noise gives.",
    "counts": {
        "asked": 60,
        "generated": 70,
        "twins": 4,
        "rejected": {"coverage": 5, "turnover": 1},
        "evaluated": 60,
    },
    "bar": {
        "placebo_best": 1.4,
        "placebo_q95": 0.9,
        "expected_max": 1.5,
        "real_best": 2.1,
    },
    "histograms": {
        "edges": [-1.0, 0.0, 1.0, 2.0, 3.0],
        "real": [20, 30, 8, 2],
        "placebo": [25, 30, 5, 0],
    },
    "kept": [kept(3, "rank(delta(close, 5))", 0.8), kept(9, "rank(volume)", -0.2)],
    "rejected_finalists": [{"expr": "rank(open)", "why": "Below the best on noise."}],
    "correlation": {"expr_hashes": ["3", "9"], "matrix": [[1.0, 0.31], [0.31, 1.0]]},
    "pbo": 0.18,
    "spa": {"lower": 0.02, "consistent": 0.03, "upper": 0.04},
    "n_trials": 60,
    "n_effective": 21.0,
}
NOTHING: dict[str, Any] = FOUND | {
    "found": False,
    "sentence": "Of 60 expressions none is kept.",
    "bar": FOUND["bar"] | {"real_best": 1.2},
    "kept": [],
    "correlation": {"expr_hashes": [], "matrix": []},
    "pbo": None,
    "spa": None,
}
