"""Many expressions at once say what each says alone, in order and in bounded memory."""

from __future__ import annotations

import threading
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from strategies import evaluate, evaluate_population, parse
from strategies.dsl.limits import Limits
from strategies.errors import StrategyError
from strategies.kernels.fused import CODES, run_nb
from tests.strategies.dsl.panels import awkward_panel

PANEL = awkward_panel()
ALIKE = "(close / open + volume * high)"


def plain(count):
    """Return expressions of cells alone: some alike, some twice, some a column."""
    made = [f"{ALIKE} * {k} - low" for k in range(count // 2)]
    made += [f"abs(close - {k}) + maximum(open, {k})" for k in range(count // 2)]
    return [*made, made[0], made[0], "close", "3"]


@pytest.fixture
def threads(monkeypatch):
    monkeypatch.setenv("NUMBA_NUM_THREADS", "3")
    monkeypatch.setattr("strategies.dsl.work.FEW_CELLS", 0)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("reuse", [True, False])
def test_they_come_in_order_and_say_what_each_says_alone(reuse):
    exprs = plain(20)
    exprs[9:9] = ["rank(close) + 1", "ts_mean(close, 3)"]
    kept = []
    for (text, values), expr in zip(
        evaluate_population(exprs, PANEL, reuse=reuse), exprs, strict=True
    ):
        assert text == expr
        np.testing.assert_array_equal(values, evaluate(expr, PANEL))
        kept.append(values)
    if not reuse:
        assert len({values.ctypes.data for values in kept}) == len(exprs)
        for values, expr in zip(kept, exprs, strict=True):
            np.testing.assert_array_equal(values, evaluate(expr, PANEL))


@pytest.mark.usefixtures("threads")
def test_whoever_stops_looking_leaves_no_thread_behind():
    before = threading.active_count()
    made = evaluate_population(plain(40), PANEL, reuse=True)
    next(made), next(made)
    assert threading.active_count() > before
    made.close()
    assert threading.active_count() == before


@pytest.mark.usefixtures("threads")
def test_what_goes_wrong_on_any_thread_is_said_to_who_asks():
    with pytest.raises(StrategyError) as refusal:
        list(evaluate_population(plain(20), PANEL, limits=Limits(seconds=0.0)))
    assert refusal.value.code == "too_slow"


@pytest.mark.usefixtures("threads")
def test_their_memory_is_bounded_however_many_there_are():
    panel = awkward_panel(n_bars=8_000)
    matrix = 8 * len(panel) * len(panel.symbols)

    def peak(count):
        exprs = [parse(expr) for expr in plain(count)]
        tracemalloc.start()
        made = evaluate_population(
            exprs, panel, reuse=True, limits=Limits(memory_bytes=5 * matrix)
        )
        assert sum(1 for _ in made) == count + 4
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(4)  # what is loaded once
    assert peak(12) < 6 * matrix
    assert peak(120) < 6 * matrix


def test_what_is_combined_says_what_its_parts_say():
    """A choice by a comparison, and a root of a distance: NaN, ties and both signs."""
    y = PANEL.fields["close"] - PANEL.fields["open"]
    x = np.where(np.arange(y.shape[1]) % 2, -y, y)  # equal in every other column
    x[::7] = np.nan
    panel = replace(PANEL, fields={**PANEL.fields, "low": x, "high": y})
    known = ~(np.isnan(x) | np.isnan(y))
    with np.errstate(invalid="ignore"):
        wanted = {
            "low < high ? high : -low": np.where(known, np.where(x < y, y, -x), np.nan),
            "low <= high ? high : -low": np.where(
                known, np.where(x <= y, y, -x), np.nan
            ),
            "low > high ? low : low < high": np.where(
                known, np.where(x > y, x, x < y), np.nan
            ),
            "(low < high) + (low < high ? 2 : 3)": np.where(known, 3.0, np.nan),
            "sqrt(abs(low))": np.sqrt(np.abs(x)),
            "sqrt(abs(low)) + abs(low)": np.sqrt(np.abs(x)) + np.abs(x),
        }
    for text, values in wanted.items():
        np.testing.assert_array_equal(evaluate(text, panel), values, err_msg=text)


def test_registers_stay_while_they_are_used():
    """More than the allocator keeps: memory let go too early is not there any more."""
    x, out = np.ones(600), np.empty(600)
    addresses = np.array([x.ctypes.data, out.ctypes.data])
    last = 2 + 9_999
    program = np.array(
        [
            (CODES["add"], 2, 0, 0, 0, 0),
            (CODES["add"], last, 2, 2, 0, 0),
            (CODES["copy"], 1, last, 0, 0, 0),
        ]
    )

    run_nb(program, np.empty(0), 10_000, addresses, 0, 600)

    np.testing.assert_array_equal(out, 4.0)
