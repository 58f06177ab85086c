"""Datasets: what is known in one row, what came after it, and what is missing."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow.parquet as pq
import pytest

from strategies.config import Membership
from strategies.errors import ConfigError
from strategies.features.cache import FeatureFiles
from strategies.features.dataset import (
    Columns,
    DatasetFile,
    Label,
    choose,
    dataset_path,
    label_values,
)
from strategies.features.quality import Tally, expected_stamps
from strategies.market.candles import Candles
from strategies.market.store import FolderStore
from strategies.market.timeframe import DAY_MS
from tests.strategies.random_candles import random_candles

ASKED = ["rsi", "macd", "rank(-delta(close, 5))", {"expr": "volume / adv20"}]


@pytest.fixture
def files(tmp_path):
    return FeatureFiles(FolderStore(tmp_path))


def daily(symbol: str, days: list[int], close: list[float] | None = None) -> Candles:
    values = np.array(close or [10.0 + day for day in days])
    return Candles(
        symbol=symbol,
        timeframe="1d",
        calendar="24/7",
        provider="frame",
        ts=np.array(days) * DAY_MS,
        open=values,
        high=values,
        low=values,
        close=values,
        volume=np.ones(len(days)),
    )


# What is chosen


def test_a_list_names_features_and_expressions_each_once():
    chosen = choose([*ASKED, {"name": "rsi", "params": {"period": 14}}, "  rsi "])

    assert [name for one in chosen for name in one.columns] == [
        "rsi(close, 14)",
        "macd(close, 12, 26, 9).line",
        "macd(close, 12, 26, 9).signal",
        "macd(close, 12, 26, 9).histogram",
        "rank(-delta(close, 5))",
        choose([ASKED[3]])[0].columns[0],
    ]
    assert choose([one.document() for one in chosen]) is not None
    again = choose([one.document() for one in chosen])
    assert [one.columns for one in again] == [one.columns for one in chosen]


def test_what_cannot_be_a_feature_is_refused_with_its_place():
    for asked, code, field, advice in (
        (["rsii"], "unknown_feature", "features.0.name", "'rsi'"),
        (["rsi", "rankk(close)"], "unknown_function", "features.1.expr", "'rank'"),
        (["delta(close, {d})"], "open_brace", "features.0.expr", "number"),
        ([{"name": "sma", "params": {"perod": 3}}], "unknown_parameter", None, ""),
        ([{"nam": "sma"}], "unknown_field", "features.0.nam", "name"),
        ([{}], "missing_field", "features.0.name", "name"),
        ([], "no_features", "features", "60"),
        (
            [f"ts_mean(close, {n})" for n in range(2, 70)],
            "too_many_features",
            *["features", "60"],
        ),
    ):
        with pytest.raises(ConfigError) as refusal:
            choose(asked)
        [problem] = refusal.value.problems
        assert problem.code == code
        assert field is None or problem.field == field
        assert advice in problem.advice
    for kind, horizon in (("sing", 1), ("sign", 0), ("sign", 10**6)):
        with pytest.raises(ConfigError):
            Label(kind, horizon)


# What came after


def test_labels_by_hand():
    close = np.array([10.0, 11.0, 11.0, 9.9, np.nan, 12.0])

    returns = label_values(close, Label("return", 1))
    assert np.allclose(returns[:3], [0.1, 0.0, -0.1])
    assert np.isnan(returns[3:]).all()
    signs = label_values(close, Label("sign", 2))
    assert np.array_equal(signs, [1, -1, np.nan, 1, np.nan, np.nan], equal_nan=True)
    assert np.isnan(label_values(close, Label("sign", 6))).all()


def test_nothing_but_the_label_knows_what_comes_after(files):
    whole = [random_candles(90, symbol=name, seed=n) for n, name in enumerate("ABC")]
    cut = int(whole[0].ts[60])
    prefix = [one.between(None, cut) for one in whole]
    chosen, label = choose(ASKED), Label("return", 7)
    on_all = Columns(chosen, whole, files).of(whole[1])
    on_prefix = Columns(chosen, prefix, files).of(prefix[1])

    assert np.isfinite(on_all["rank(-delta(close, 5))"][6:]).all()
    for name, values in on_prefix.items():
        assert values.tobytes() == on_all[name][:61].tobytes()
    before = label_values(prefix[1].close, label)
    after = label_values(whole[1].close, label)
    assert np.isnan(before[-7:]).all()  # not filled from beyond the end
    assert before[:-7].tobytes() == after[:54].tobytes()


# The file


def test_only_members_are_compared_and_what_depends_on_it_is_not_kept(files):
    days = list(range(4))
    candles = [daily("A", days), daily("B", days, [20.0, 21.0, 22.0, 23.0])]
    chosen = choose(["rank(close)", "delta(close, 1)"])
    joins = {"B": Membership(**{"from": "1970-01-03"})}

    everyone = Columns(chosen, candles, files)
    members = Columns(chosen, candles, files, members=joins)

    rank, delta = (one.columns[0] for one in chosen)
    assert everyone.of(candles[0])[rank].tolist() == [0.5] * 4
    assert members.of(candles[0])[rank].tolist() == [1.0, 1.0, 0.5, 0.5]
    late = members.of(candles[1])
    assert np.isnan(late[rank]).tolist() == [True, True, False, False]
    assert late[delta][1:].tolist() == [1.0] * 3
    again = Columns(chosen, candles, files).of(candles[0])
    assert again[rank].tolist() == [0.5] * 4


def test_a_file_is_named_by_its_bytes_and_says_null_where_nothing_is_known(
    files, tmp_path
):
    candles = [daily("A", [0, 1, 2, 3]), daily("B", [1, 3], [5.0, 4.0])]
    columns = Columns(choose(["delta(close, 1)"]), candles, files)

    def write(name):
        file = DatasetFile(tmp_path, name)
        for one in candles:
            label = label_values(one.close, Label("sign", 1))
            file.add(one, columns.of(one), label)
        return file.settle()

    sha, size = write("one")
    path = dataset_path(tmp_path, sha)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == sha
    assert path.stat().st_size == size
    assert write("two") == (sha, size)
    rows = pq.read_table(path).to_pylist()
    assert [tuple(row.values()) for row in rows] == [
        (0, "A", None, 1.0),
        (DAY_MS, "A", 1.0, 1.0),
        (2 * DAY_MS, "A", 1.0, 1.0),
        (3 * DAY_MS, "A", 1.0, None),
        (DAY_MS, "B", None, -1.0),  # the bar between is missing in the window
        (3 * DAY_MS, "B", None, None),
    ]
    lost = DatasetFile(tmp_path, "lost")
    lost.add(candles[0], {}, np.zeros(4))
    lost.discard()
    assert list(tmp_path.glob(".*.partial")) == []


def test_the_report_counts_what_is_there_and_what_is_not(files):
    candles = [daily("A", [0, 1, 2, 3, 7, 8, 9]), daily("B", [2, 3, 7, 8])]
    tally = Tally(candles)
    for one in candles:
        label = label_values(one.close, Label("sign", 1))
        tally.add(one, {"x": np.where(one.ts > 2 * DAY_MS, 1.0, np.nan)}, label)
    report = tally.report()

    assert (expected_stamps(candles) == np.arange(10) * DAY_MS).all()
    assert (report["rows"], report["symbols"], report["expected_bars"]) == (11, 2, 10)
    assert report["coverage"] == 11 / 20
    assert [one["coverage"] for one in report["series"]] == [0.7, 0.4]
    assert report["features"] == [{"column": "x", "known": 7, "coverage": 7 / 11}]
    assert report["usable_rows"] == 5  # a known x, and a bar behind it
    assert report["series"][0]["usable_rows"] == 3
    found = report["label"]
    assert (found["known"], found["up"], found["down"], found["flat"]) == (9, 9, 0, 0)
    assert report["quality"]["gaps"] == 2
    assert report["quality"]["missing_bars"] == 6
    assert report["series"][0]["bins"] == [1.0, 1.0, 0.0, 0.5, 1.0]
    assert report["series"][1]["bins"] == [0.0, 1.0, 0.0, 0.5, 0.5]
