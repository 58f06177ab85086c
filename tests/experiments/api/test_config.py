"""What a form needs to know: strategies, symbols, features, metrics as data."""

from __future__ import annotations

import subprocess
import sys

import pytest

from strategies.features.catalog import FEATURES
from strategies.features.starter import STARTERS
from strategies.metrics.registry import METRICS
from tests.quantlab.test_api import assert_error


def items(client, address: str, **asked):
    body = client.get(address, asked).json()
    assert body["next_cursor"] is None
    return body["items"]


def test_strategies_are_those_of_the_contract(client):
    found = {one["name"]: one for one in items(client, "/api/config/strategies")}

    assert list(found) == [
        *("buy_and_hold", "sma_cross", "rsi_reversion"),
        *("bollinger_breakout", "macd", "donchian"),
        "trained_model",  # a published version of any model
    ]
    params = {one["name"]: one for one in found["sma_cross"]["params"]}
    assert params["fast"]["default"] == 20
    assert params["slow"]["default"] == 50
    assert isinstance(params["fast"]["default"], int)
    keys = {"name", "type", "default", "min", "max", "step", "unit", "meaning"}
    assert set(params["fast"]) >= keys
    assert "fast < slow" in found["sma_cross"]["constraints"]
    assert "long_short" in params["direction"]["choices"]


def test_symbols_say_where_their_bars_begin_and_end(client):
    found = items(client, "/api/config/symbols", provider="builtin")

    assert [one["symbol"] for one in found] == ["SP500", "NASDAQ"]
    assert found[0] == {
        "provider": "builtin",
        "symbol": "SP500",
        "timeframe": "1d",
        "start": "1999-01-04T00:00:00.000Z",
        "end": "2018-12-31T00:00:00.000Z",
        "rows": 5031,
        "calendar": "XNYS",
    }


def test_symbols_of_every_provider(client):
    found = items(client, "/api/config/symbols")

    assert {one["provider"] for one in found} >= {"builtin", "synthetic"}


def test_an_unknown_provider_is_refused_with_a_guess(client):
    response = client.get("/api/config/symbols", {"provider": "builtn"})

    assert "builtin" in assert_error(response, 422, "unknown_provider")["advice"]


def test_features_are_those_of_the_catalog(client):
    found = {one["name"]: one for one in items(client, "/api/config/features")}

    assert list(found) == [*FEATURES, *STARTERS]
    momentum = found["past_return"]
    assert (momentum["kind"], momentum["family"]) == ("expression", "momentum")
    assert momentum["expr"] == "pct_change(close, 20)"
    assert momentum["windows"][0] == momentum["lookback_bars"] == 20
    assert found["macd"]["outputs"] == ["line", "signal", "histogram"]
    assert found["macd"]["lookback_bars"] == 33  # slow 26 + signal 9 − 2
    assert found["sma"]["inputs"] == ["close"]
    described = items(client, "/api/config/strategies")[1]["params"][0]
    assert set(found["sma"]["params"][0]) == set(described)


def test_metrics_have_one_definition_each(client):
    found = items(client, "/api/metrics/definitions")

    assert [one["key"] for one in found] == list(METRICS)
    keys = {"key", "aliases", "name", "formula", "unit", "sign", "better"}
    assert set(found[0]) == keys | {"words", "novice"}
    assert {one["better"] for one in found} == {"higher", "lower", "none"}


@pytest.mark.parametrize("name", ["strategies", "symbols", "features", "primitives"])
def test_each_list_can_be_a_table(client, name):
    response = client.get(f"/api/config/{name}", {"format": "csv"})

    assert response["Content-Type"] == "text/csv"
    disposition = f'attachment; filename="{name}.csv"'
    assert response["Content-Disposition"] == disposition


def test_the_catalog_imports_nothing_heavy():
    code = (
        "import sys\n"
        "from experiments.selectors import catalog\n"
        "catalog.strategy_list(), catalog.feature_list(), catalog.symbol_list()\n"
        "catalog.metric_definitions(), catalog.primitive_list()\n"
        "print({'numba', 'pandas', 'pyarrow', 'arch'} & set(sys.modules))\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, check=True, capture_output=True, text=True)

    assert done.stdout.strip() == "set()"
