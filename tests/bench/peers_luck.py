"""What the peers of tests of luck do: arch, numpy, empyrical, quantstats.

Nothing here is ours. Started by `tests.bench.luck` as `tests/bench/peers.py` is by
`tests.bench.run`; asked and answered in the same way.
"""

import json
import sys
import time
import warnings
from pathlib import Path

import arch
import empyrical
import numpy as np
import pandas as pd
import quantstats
from arch.bootstrap import CircularBlockBootstrap

FOLDER = Path(sys.argv[1])
N_DRAWS, BLOCK, SEED = 1_000, 20, 11
MEMORY, PPY = 2_000, 252


def sharpe(returns):
    return returns.mean() / returns.std(ddof=1) * np.sqrt(PPY)


def deepest_fall(returns):
    equity = np.cumprod(1.0 + returns)
    peak = np.maximum(np.maximum.accumulate(equity), 1.0)
    return (equity / peak - 1.0).min()


def drawn(returns, statistic):
    made = CircularBlockBootstrap(BLOCK, returns, seed=np.random.default_rng(SEED))
    return made.apply(statistic, N_DRAWS)[:, 0]


def shifts(held, market):
    gaps = market - market.mean()
    places = np.arange(MEMORY + 1, len(held) - MEMORY)
    if len(places) > N_DRAWS:
        rng = np.random.default_rng(SEED)
        places = np.sort(rng.choice(places, size=N_DRAWS, replace=False))
    return np.array([(np.roll(held, k) * gaps).mean() for k in places])


def sheet_of_quantstats(returns):
    quantstats.reports.metrics(
        returns, mode="full", display=False, periods_per_year=PPY
    )


def sheet_of_empyrical(returns, market):
    for statistic in (
        empyrical.cum_returns_final,
        empyrical.annual_return,
        empyrical.annual_volatility,
        empyrical.sharpe_ratio,
        empyrical.sortino_ratio,
        empyrical.max_drawdown,
        empyrical.calmar_ratio,
        empyrical.omega_ratio,
        empyrical.tail_ratio,
        empyrical.stability_of_timeseries,
        empyrical.value_at_risk,
        empyrical.downside_risk,
    ):
        statistic(returns)
    empyrical.alpha_beta(returns, market)


def found_by(library, returns):
    if library == "empyrical":
        volatility = empyrical.annual_volatility(returns)
        return [
            empyrical.sharpe_ratio(returns),
            empyrical.max_drawdown(returns),
            volatility,
        ]
    return [
        quantstats.stats.sharpe(returns, periods=PPY),
        quantstats.stats.max_drawdown(returns),
        quantstats.stats.volatility(returns, periods=PPY),
    ]


def answer(work):
    data = np.load(FOLDER / "luck.npz")
    returns, held, market = data["returns"], data["held"], data["market"]
    days = pd.to_datetime(data["ts"], unit="ms")
    dated = pd.Series(returns, index=days)
    start = time.perf_counter()
    if work == "sharpes":
        found = drawn(returns, sharpe)
    elif work == "falls":
        found = drawn(returns, deepest_fall)
    elif work == "shifts":
        found = shifts(held, market)
    elif work == "quantstats":
        found = sheet_of_quantstats(dated)
    else:
        found = sheet_of_empyrical(dated, pd.Series(market, index=days))
    seconds = time.perf_counter() - start
    if found is None:
        found = np.array(found_by(work, dated))
    return seconds, {"found": np.asarray(found).tolist()}


def main():
    warnings.simplefilter("ignore")
    say = sys.stdout
    versions = {
        "arch": arch.__version__,
        "empyrical": empyrical.__version__,
        "quantstats": quantstats.__version__,
    }
    say.write(json.dumps(versions) + "\n")
    say.flush()
    for line in sys.stdin:
        seconds, answers = answer(json.loads(line)["work"])
        say.write(json.dumps({"seconds": seconds, "answers": answers}) + "\n")
        say.flush()


if __name__ == "__main__":
    main()
