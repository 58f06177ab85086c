"""What is planted is there, and nothing else is."""

import numpy as np

from strategies import evaluate
from strategies.metrics.factor import row_correlation, row_ranks
from tests.calibration.markets import PLANTED, market


def known(ic, text=PLANTED):
    """Return the mean rank IC with the next bar, over four markets."""
    found = []
    for seed in range(4):
        panel = market(np.random.default_rng(seed), ic=ic)
        values = evaluate(text, panel)[:-1]
        later = panel.fields["close"][1:] / panel.fields["close"][:-1] - 1.0
        found.append(np.nanmean(row_correlation(row_ranks(values), row_ranks(later))))
    return float(np.mean(found))


def test_what_is_planted_is_known_and_no_more():
    assert 0.03 < known(0.04) < 0.05
    assert abs(known(0.0)) < 0.01
    assert abs(known(0.04, "volume / ts_mean(volume, 10)")) < 0.01
    assert np.array_equal(
        market(np.random.default_rng(1), ic=0.04).fields["close"],
        market(np.random.default_rng(1), ic=0.04).fields["close"],
    )
