"""The seed's names: events, results, and trials that nobody can hide."""

import inspect
from contextvars import copy_context

import pandas as pd
import pytest

from strategies import discovery
from strategies.discovery.train import batch_prepare, run_parallel, train_pipeline
from strategies.errors import ConfigError
from strategies.trials import MemorySink, reporting_to
from tests.strategies.discovery.worlds import panel

PARAMS = {"seed": 2, "batch": 12, "lookback_bars": 20, "neutralize": "market"}
PARAMS |= {"cap": 0.3, "max_lev": 1.0, "execution_lag": 1, "smooth_ema": None}


def frame():
    bars = panel()
    return pd.DataFrame(
        {
            "symbol": bars.symbols * len(bars),
            "ts_utc": bars.ts.repeat(len(bars.symbols)),
            **{name: matrix.ravel() for name, matrix in bars.fields.items()},
        }
    )


def test_one_call_searches_tells_and_counts():
    told, sink = [], MemorySink()
    costs = pd.DataFrame({"symbol": ["S001"], "commission_bps": [20.0]})
    with reporting_to(sink):
        results = train_pipeline(frame(), costs, 12, PARAMS, 2, told.append)

    assert len(results) == 12
    assert told[0] == {"type": "phase", "phase": "generate", "count": 12}
    named = [one for one in told if one["type"] == "result"]
    assert [one["expr_hash"] for one in named] == [one.expr_hash for one in results]
    assert [one["sharpe"] for one in named] == [one.sharpe for one in results]
    assert told[-1]["type"] == "summary"
    assert told[-1]["count"] == 12
    tried = sum(one.sharpe is not None for one in results)
    assert sum(map(len, sink.batches)) == tried > 0
    assert results[0].summary["complexity_score"] > 0.0


def test_columns_that_are_known_later_or_not_at_all_are_read_so():
    found = train_pipeline(
        panel(), None, 12, {**PARAMS, "ignore": ["close"], "domain_lags": {"volume": 2}}
    )

    texts = [one.expr for one in found]
    assert not any("close" in text or "returns" in text for text in texts)
    for text in texts:
        assert text.count("volume") == text.count("delay(volume, 2)")


def test_a_parameter_that_is_not_known_is_refused():
    with pytest.raises(ConfigError) as refused:
        train_pipeline(panel(), None, 5, {"limit_scor": 3})
    assert refused.value.field == "params.limit_scor"
    assert "limit_score" in refused.value.advice


def test_tasks_are_run_as_they_are_and_in_order():
    texts = ["rank(-delta(close, 5))", "rank(volume)", "rank(0 - delta(close, 5))"]
    sink = MemorySink()
    with reporting_to(sink):
        tasks = batch_prepare(texts, panel(), params={"neutralize": "market"})
        two, one = run_parallel(tasks, 2), run_parallel(tasks, 1)

    assert [task.expression.canonical for task in tasks] == [
        "rank(-delta(close, 5))",
        "rank(volume)",
    ]
    assert one == two
    assert len(sink.trials) == 4


# As the first documents print them.
SIGNATURES = {
    "train_pipeline": ["df", "costs_df", "n", "params", "workers", "progress"],
    "build_feature_catalog": ["df", "domain_lags", "ignore"],
    "set_dynamic_catalog": ["catalog"],
    "generate_expressions": ["n", "seed", "max_depth", "allowed_terminals"],
    "batch_prepare": ["exprs", "df"],
    "run_parallel": ["tasks", "workers", "progress"],
    "persist_backtest_result": ["result", "path"],
    "BacktestTask": ["expression", "config", "panel"],
    "BacktestResult": ["expr", "expr_hash", "sharpe", "summary"],
}


def test_every_name_is_there_and_takes_what_the_first_documents_hand_it(tmp_path):
    for name, wanted in SIGNATURES.items():
        taken = list(inspect.signature(getattr(discovery, name)).parameters)
        assert taken[: len(wanted)] == wanted, name
        assert name in discovery.__all__
    with reporting_to(MemorySink()):
        copy_context().run(_as_the_first_documents_call_them, tmp_path / "results")

    found = pd.read_json(tmp_path / "results", lines=True)
    assert list(found.columns) == ["expr", "expr_hash", "sharpe", "summary"]
    assert len(found) == 3
    assert found["summary"][2]["n_bars"] == len(panel())


def _as_the_first_documents_call_them(path):
    df, told = frame(), []
    catalog = discovery.build_feature_catalog(df, domain_lags={}, ignore=[])
    discovery.set_dynamic_catalog(catalog)
    names = [one.name for one in catalog]
    exprs = discovery.generate_expressions(
        3, seed=7, max_depth=2, allowed_terminals=names
    )
    tasks = discovery.batch_prepare([one[0] for one in exprs], df)
    for result in discovery.run_parallel(tasks, 1, told.append):
        assert isinstance(result, discovery.BacktestResult)
        discovery.persist_backtest_result(result, path)
    assert [one["type"] for one in told] == ["result"] * 3
