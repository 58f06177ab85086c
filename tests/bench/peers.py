"""What the peers do, in an environment of their own; nothing here is ours.

Started by `tests.bench.run` with the folder of its inputs; reads one JSON request a
line, answers with one JSON line: seconds, and what has to agree.
"""

import json
import os
import sys
import time
from pathlib import Path

os.environ["RAPTORBT_NO_VERSION_CHECK"] = "1"

import numpy as np
import pandas as pd
import raptorbt
import vectorbt

FOLDER = Path(sys.argv[1])
FEE = SLIP = 5e-4
CASH = 1e5


class Bars:
    def __init__(self, name):
        data = np.load(FOLDER / f"{name}.npz")
        self.ns = data["ts"] * 1_000_000
        self.open, self.high, self.low = data["open"], data["high"], data["low"]
        self.close, self.volume = data["close"], data["volume"]
        self.ppy = float(data["ppy"])
        self.columns = (self.open, self.high, self.low, self.close, self.volume)
        self.config = raptorbt.BacktestConfig(
            initial_capital=CASH,
            fees=FEE,
            slippage=SLIP,
            fill_timing="next_bar_open",
            periods_per_year=self.ppy,
        )


def raptor_w1(bars):
    above = raptorbt.sma(bars.close, 20) > raptorbt.sma(bars.close, 50)
    result = raptorbt.run_single_backtest(
        bars.ns, *bars.columns, above, ~above, 1, 1.0, "X", bars.config
    )
    return result.equity_curve(), result.trades(), result.metrics


def raptor_sweep(bars, pairs):
    means = {w: raptorbt.sma(bars.close, w) for w in {w for p in pairs for w in p}}
    items = []
    for fast, slow in pairs:
        above = means[fast] > means[slow]
        items.append(
            raptorbt.BatchSingleItem("", above, ~above, 1, 1.0, "X", bars.config)
        )
    out = raptorbt.batch_single_backtest(bars.ns, *bars.columns, items, bars.config)
    return np.array([result.metrics.total_return_pct for _, result in out]) / 100.0


def vector_portfolio(bars, enter, leave):
    """Decided at a close, filled at the next open."""
    enter, leave = (np.roll(mask, 1, axis=0) for mask in (enter, leave))
    enter[0] = leave[0] = False
    return vectorbt.Portfolio.from_signals(
        pd.DataFrame(np.broadcast_to(bars.close[:, None], enter.shape)),
        pd.DataFrame(enter),
        pd.DataFrame(leave),
        price=pd.DataFrame(np.broadcast_to(bars.open[:, None], enter.shape)),
        fees=FEE,
        slippage=SLIP,
        init_cash=CASH,
        freq="1D",
    )


def vector_w1(bars):
    close = pd.Series(bars.close)
    fast, slow = (vectorbt.MA.run(close, w).ma.to_numpy() for w in (20, 50))
    above = (fast > slow)[:, None]
    made = vector_portfolio(bars, above, ~above)
    return made.value().to_numpy()[:, 0], made.trades.closed.records, made.stats()


def vector_metrics(made):
    """What a sweep gives for each candidate; eight of our sixteen."""
    trades = made.trades.closed
    parts = (
        made.total_return(),
        made.sharpe_ratio(),
        made.sortino_ratio(),
        made.max_drawdown(),
        made.annualized_volatility(),
        trades.count(),
        trades.win_rate(),
        trades.profit_factor(),
    )
    return parts[0].to_numpy(), parts[5].to_numpy()


def vector_sweep(bars, pairs):
    windows = sorted({w for p in pairs for w in p})
    means = vectorbt.MA.run(pd.Series(bars.close), windows).ma.to_numpy()
    place = {w: i for i, w in enumerate(windows)}
    fast = means[:, [place[f] for f, _ in pairs]]
    above = fast > means[:, [place[s] for _, s in pairs]]
    return vector_metrics(vector_portfolio(bars, above, ~above))


def vector_masks(bars, name):
    """Conditions handed over ready-made: its indicators cost nothing here."""
    masks = np.load(FOLDER / f"{name}.npz")
    made = vector_portfolio(bars, masks["enter"], masks["leave"])
    return vector_metrics(made)


def answer(request):
    if request["bars"] not in BARS:
        BARS[request["bars"]] = Bars(request["bars"])
    bars = BARS[request["bars"]]
    work, pairs = request["work"], [tuple(p) for p in request.get("pairs", [])]
    start = time.perf_counter()
    if work == "raptor_w1":
        equity, trades, _ = raptor_w1(bars)
        seconds = time.perf_counter() - start
        return seconds, {"equity": equity.tolist(), "trades": len(trades)}
    if work == "vector_w1":
        equity, trades, _ = vector_w1(bars)
        seconds = time.perf_counter() - start
        return seconds, {"equity": equity.tolist(), "trades": len(trades)}
    if work == "raptor_sweep":
        total = raptor_sweep(bars, pairs)
        return time.perf_counter() - start, {"total_return": total.tolist()}
    if work == "vector_sweep":
        total, closed = vector_sweep(bars, pairs)
    else:
        total, closed = vector_masks(bars, request["masks"])
    seconds = time.perf_counter() - start
    return seconds, {"total_return": total.tolist(), "trade_count": closed.tolist()}


BARS = {}


def say(answer):
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def main():
    versions = {"raptorbt": raptorbt.__version__, "vectorbt": vectorbt.__version__}
    say(versions)
    for line in sys.stdin:
        seconds, answers = answer(json.loads(line))
        say({"seconds": seconds, "answers": answers})


if __name__ == "__main__":
    main()
