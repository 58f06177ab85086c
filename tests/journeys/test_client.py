"""The notebook's client against a live lab: what it says is what the API says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from quantlab.client import Lab, LabError

CONFIG = {
    "provider": "synthetic",
    "symbol": "SYN-gbm-3",
    "end": "2012-12-31",
    "strategy": {"name": "sma_cross", "params": {"fast": 5, "slow": 20}},
    "execution": {"commission_bps": 5},
}


@pytest.fixture(scope="module")
def lab(lab_url):
    return Lab(lab_url)


def test_a_backtest_and_its_tables(lab):
    run = lab.backtest(CONFIG, name="From a notebook")

    assert (run.status, run.name, run.kind) == (
        "succeeded",
        "From a notebook",
        "backtest",
    )
    assert list(run.equity) == ["equity"]
    assert run.equity.index.tz is not None
    assert len(run.equity) == run.metrics["n_bars"]
    total = run.equity["equity"].iloc[-1] / run.equity["equity"].iloc[0] - 1
    assert total == pytest.approx(run.metrics["total_return"], abs=1e-12)
    assert run.drawdown["drawdown"].min() == pytest.approx(run.metrics["max_drawdown"])
    assert len(run.round_trips) >= run.metrics["trade_count"] > 0
    assert set(run.trades["side"]) == {"buy", "sell"}
    assert run.report["metrics"] == run.metrics
    again = lab.backtest(CONFIG)
    assert (again.id, again.document["reused"]) == (run.id, True)
    shown = run._repr_html_()
    assert "<svg" in shown
    assert "trial" in shown
    assert run.page in shown


def test_a_sweep_is_counted_and_its_candidates_are_a_table(lab, demo):
    made = {
        "name": "Client",
        "model_key": "sma_cross",
        "provider": "builtin",
        "universe": ["NASDAQ"],
        "end": "2004-12-31",
    }

    sweep = lab.sweep(made, {"fast": range(5, 8), "slow": [31, 41]})

    assert sweep.kind == "sweep"
    assert len(sweep.candidates) == 6
    assert sweep.honesty["n_trials"] >= 6  # a client hides nothing
    runs = lab.runs(order="-sharpe", limit=3)
    assert len(runs) <= 3
    assert runs["sharpe"].dropna().is_monotonic_decreasing
    assert {"n_trials", "dsr", "max_drawdown"} <= set(runs)


def test_runs_side_by_side(lab, demo):
    ids = [demo["SMA 20/50"]["id"], demo["Buy and hold"]["id"]]

    both = lab.compare([lab.run(ids[0]), ids[1]], baseline=ids[1])

    assert list(both.metrics) == ["SMA 20/50", "Buy and hold"]
    assert (
        both.metrics.loc["sharpe", "SMA 20/50"]
        == demo["SMA 20/50"]["metrics"]["sharpe"]
    )
    assert "strategy.name" in both.settings.index
    assert both.curves.iloc[0].tolist() == [1.0, 1.0]
    assert np.diag(both.correlation).tolist() == [1.0, 1.0]


def test_frames_go_in_and_files_come_out(lab, tmp_path):
    days = pd.bdate_range("2015-01-01", periods=200)
    closes = 100.0 * np.cumprod(1.0 + 0.01 * np.sin(np.arange(200)))
    prices = dict.fromkeys(("open", "high", "low", "close"), closes)

    made = lab.upload(pd.DataFrame(prices, days), "FRAME", timeframe="1d")

    assert (made["status"], made["rows"], made["name"]) == (
        "succeeded",
        200,
        "FRAME.parquet",
    )
    rule = {"name": "sma_cross", "params": {"fast": np.int64(5), "slow": 20}}
    config = {"provider": made["provider"], "symbol": "FRAME", "strategy": rule}
    run = lab.backtest(config, start=pd.Timestamp("2015-01-01"))
    assert run.metrics["n_bars"] == 200
    assert run.equity.index[0] == days[0].tz_localize("UTC")
    written = lab.backtest("rank(close) - 0.5", **CONFIG | {"strategy": None})
    assert written.config["expr"] == "rank(close) - 0.5"

    taken = lab.take(run.archive(tmp_path / "run.zip"), dry_run=True)
    assert [(one["id"], one["outcome"]) for one in taken["runs"]] == [(run.id, "here")]
    file = lab.save(f"/api/runs/{run.id}/artifacts/equity.parquet", tmp_path / "e")
    kept = pd.read_parquet(file)["equity"].to_numpy()
    assert kept.tolist() == run.equity["equity"].tolist()
    with pytest.raises(LabError, match="closing prices") as refusal:
        lab.upload(pd.DataFrame(prices, days).drop(columns="close"), "FRAME")
    assert refusal.value.status == 422
    with pytest.raises(TypeError, match="cannot be sent"):
        lab.backtest(CONFIG | {"seed": object()})


def test_refusals_are_sentences(lab):
    with pytest.raises(LabError, match="fsat") as refusal:
        lab.backtest(
            CONFIG | {"strategy": {"name": "sma_cross", "params": {"fsat": 5}}}
        )
    assert (refusal.value.status, refusal.value.code) == (422, "unknown_parameter")
    assert "fast" in refusal.value.advice
    assert "strategy.params.fsat" in refusal.value.fields
    with pytest.raises(LabError) as unknown:
        lab.run("no such run")
    assert unknown.value.status in (404, 422)
    with pytest.raises(LabError, match="No lab answers"):
        Lab("http://127.0.0.1:9").runs()
    with pytest.raises(ValueError, match="no address"):
        Lab("file:///etc/passwd")


def test_it_needs_neither_the_lab_nor_its_library():
    heavy = ["django", "strategies", "numba", "ninja"]
    ask = "import sys, quantlab.client; print([*map(sys.modules.get, sys.argv[1:])])"
    command = [sys.executable, "-c", ask, *heavy]
    assert subprocess.check_output(command, text=True).strip() == str([None] * 4)


def test_the_page_about_it_does_what_it_says(lab_url, demo):
    page = (Path(__file__).parents[2] / "docs" / "notebook.md").read_text()
    names: dict[str, object] = {}
    for code in re.findall(r"(?s)```python\n(.*?)```", page):
        exec(code.replace("http://127.0.0.1:8000", lab_url), names)
    assert names["run"].status == names["sweep"].status == "succeeded"
    assert "trial" in repr(names["run"])
    assert not names["both"].metrics.empty
