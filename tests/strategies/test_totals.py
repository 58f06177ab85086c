"""The kernels behind the metrics equal their own Python source."""

import numpy as np
import pytest

from strategies.kernels import totals
from strategies.kernels.accounting import accounting_error_nb
from strategies.kernels.returns import sum_nb
from strategies.kernels.signals import sized_by_volatility_nb
from tests.strategies.simulation.scenes import run

RNG = np.random.default_rng(9)
EQUITY = 100.0 * np.exp(np.cumsum(RNG.normal(0.0, 0.02, 203)))
SIGNAL = RNG.choice([-1.0, 0.0, 1.0], 203)
VOLATILITY = np.where(np.arange(203) < 20, np.nan, np.abs(SIGNAL + EQUITY / 100))


@pytest.mark.parametrize(
    ("kernel", "arguments"),
    [
        (sum_nb, (EQUITY,)),
        (totals.curve_totals_nb, (EQUITY, SIGNAL != 0.0, np.abs(SIGNAL), 1e-4)),
        (totals.exposure_nb, (SIGNAL, EQUITY, np.maximum(EQUITY - 90.0, 0.0))),
        (totals.trip_totals_nb, (EQUITY - 100.0, SIGNAL)),
        (sized_by_volatility_nb, (SIGNAL, VOLATILITY, 0.01)),
    ],
)
def test_compiled_kernel_equals_its_python_source(kernel, arguments):
    compiled, source = kernel(*arguments), kernel.py_func(*arguments)

    if not isinstance(compiled, tuple):
        compiled, source = (compiled,), (source,)
    for ours, theirs in zip(compiled, source, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_accounting_kernel_equals_its_source_and_sees_one_cent():
    sim = run([100, 100, 90, 95], [100, 95, 85, 80], [-1, -1, 1, 1], borrow_bps=500)
    rest = (sim.price_ref, 0.05 / 252, 1000.0, sim.fills)
    off = sim.bars._replace(cash=sim.cash + np.array([0.0, 0.0, 0.01, 0.0]))

    assert accounting_error_nb(*sim.bars, *rest) < 1e-12
    assert accounting_error_nb(*off, *rest) == pytest.approx(0.01 / sim.equity[2])
    assert accounting_error_nb(*off, *rest) == accounting_error_nb.py_func(*off, *rest)


@pytest.mark.parametrize("n", range(9))
def test_the_lanes_of_a_sum_miss_nothing(n):
    assert sum_nb(np.arange(n, dtype=float)) == sum(range(n))
