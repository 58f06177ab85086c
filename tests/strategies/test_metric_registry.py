"""The registry: complete, unambiguous, free of promises, and light to import."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from strategies.errors import StrategyError
from strategies.metrics import REASONS
from strategies.metrics.registry import METRICS, definitions, metric_named
from tests.strategies.test_metrics import BENCHMARK_KEYS, CONTRACT_KEYS

DEFINED_ELSEWHERE = [
    "pct_positive_days",
    "max_position_rate",
    "avg_sharpe_hourly",
    "complexity_score",
    "rolling_sharpe_30",
    "rolling_sharpe_90",
    "rolling_sharpe_252",
]


def test_every_key_of_the_contract_is_defined():
    assert list(METRICS) == CONTRACT_KEYS + BENCHMARK_KEYS + DEFINED_ELSEWHERE


def test_definitions_are_plain_values_with_the_keys_of_the_contract():
    rows = definitions()

    keys = [
        "key",
        "aliases",
        "name",
        "formula",
        "unit",
        "sign",
        "better",
        "words",
        "novice",
    ]
    assert all(list(row) == keys for row in rows)
    assert [row["key"] for row in rows] == list(METRICS)
    assert json.loads(json.dumps(rows)) == rows


@pytest.mark.parametrize("metric", METRICS.values(), ids=list(METRICS))
def test_every_definition_is_complete(metric):
    for text in (metric.key, metric.name, metric.novice, metric.formula, metric.words):
        assert text.strip() == text != ""
    assert metric.unit in [
        "fraction",
        "percent",
        "ratio",
        "cash",
        "bars",
        "count",
        "ms",
    ]
    assert metric.sign in ["any", "positive", "negative"]
    assert metric.better in ["higher", "lower", "none"]
    assert metric.words.endswith(".")
    assert len(metric.novice) <= 40
    assert re.fullmatch(r"[a-z0-9_]+", metric.key)


FORBIDDEN = re.compile(
    r"\b(will|proven?|guaranteed?|significant|beats? the market|please|oops)\b|!", re.I
)


@pytest.mark.parametrize("metric", METRICS.values(), ids=list(METRICS))
def test_definitions_promise_nothing(metric):
    assert not FORBIDDEN.search(f"{metric.name} {metric.words} {metric.novice}")


def test_reasons_promise_nothing():
    assert not FORBIDDEN.search(" ".join(REASONS.values()))
    assert sorted(REASONS) == sorted(
        ["zero_vol", "no_trades", "no_losses", "short_sample", "ruined"]
    )


def test_no_name_means_two_things():
    names = [name for m in METRICS.values() for name in (m.key, *m.aliases)]

    assert len(names) == len(set(names))
    assert len({m.name for m in METRICS.values()}) == len(METRICS)
    assert len({m.novice for m in METRICS.values()}) == len(METRICS)


@pytest.mark.parametrize(
    ("alias", "key"),
    [
        ("sharpe", "sharpe"),
        ("vol_annual", "volatility"),
        ("ann_vol", "volatility"),
        ("ann_sharpe", "sharpe"),
        ("max_dd", "max_drawdown"),
        ("trades_total", "trade_count"),
    ],
)
def test_aliases_are_understood(alias, key):
    assert metric_named(alias).key == key


def test_an_unknown_metric_is_refused_with_a_guess():
    with pytest.raises(StrategyError, match="'sharp'") as refusal:
        metric_named("sharp")

    assert refusal.value.code == "unknown_metric"
    assert refusal.value.advice == "Did you mean 'sharpe'?"


def test_a_deeper_fall_is_worse_and_drawdowns_are_negative():
    assert METRICS["max_drawdown"].better == "higher"
    assert METRICS["max_drawdown"].sign == "negative"


def test_the_registry_is_data_without_numba_or_pandas():
    code = (
        "import sys, strategies.metrics.registry as r; r.definitions();"
        "bad=[m for m in ('numba', 'pandas', 'pyarrow', 'arch') if m in sys.modules];"
        "sys.exit(', '.join(bad) or 0)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )

    assert answer.returncode == 0, answer.stderr
