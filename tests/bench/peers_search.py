"""What a loop of gplearn and vectorbt makes of random programs; all not ours.

Started by `tests.bench.discovery` as `tests/bench/peers.py` is by `tests.bench.run`;
asked and answered in the same way.
"""

import json
import sys
import time
from pathlib import Path

import gplearn
import numpy as np
import vectorbt
from gplearn._program import _Program
from gplearn.functions import _function_map

FOLDER = Path(sys.argv[1])
COLUMNS = ("open", "high", "low", "close", "volume")
FUNCTIONS = ("add", "sub", "mul", "div", "abs", "neg", "max", "min")
WRITTEN = {
    "add": "({0} + {1})",
    "sub": "({0} - {1})",
    "mul": "({0} * {1})",
    "div": "(abs({1}) > 0.001 ? {0} / {1} : 1)",
    "abs": "abs({0})",
    "neg": "(-{0})",
    "max": "maximum({0}, {1})",
    "min": "minimum({0}, {1})",
}


def programs(count, seed):
    rng = np.random.RandomState(seed)
    chosen = [_function_map[name] for name in FUNCTIONS]
    arities = {}
    for one in chosen:
        arities.setdefault(one.arity, []).append(one)
    return [
        _Program(
            function_set=chosen,
            arities=arities,
            init_depth=(2, 4),
            init_method="grow",
            n_features=len(COLUMNS),
            const_range=None,
            metric=None,
            p_point_replace=0.05,
            parsimony_coefficient=0.001,
            random_state=rng,
        )
        for _ in range(count)
    ]


def written(program):
    """Return a program as an expression of ours."""

    def read(parts):
        one = next(parts)
        if isinstance(one, int):
            return COLUMNS[one]
        inside = [read(parts) for _ in range(one.arity)]
        return WRITTEN[one.name].format(*inside)

    return read(iter(program.program))


def weights_of(values, cap):
    """Values less the mean of the day, capped, and no more than all of the equity."""
    weights = np.nan_to_num(values)
    weights = weights - weights.mean(axis=1, keepdims=True)
    weights = np.clip(weights, -cap, cap)
    gross = np.abs(weights).sum(axis=1, keepdims=True)
    return weights * np.where(gross > 1.0, 1.0 / np.maximum(gross, 1.0), 1.0)


def sharpe_of(weights, prices):
    """Hold what was decided at a close from the next open on."""
    size = np.vstack([np.zeros((1, weights.shape[1])), weights[:-1]])
    held = vectorbt.Portfolio.from_orders(
        prices["close"],
        size=size,
        size_type="targetpercent",
        price=prices["open"],
        init_cash=100_000.0,
        group_by=True,
        cash_sharing=True,
        freq="1D",
    )
    value = np.asarray(held.value()).ravel()
    returns = value[1:] / value[:-1] - 1.0
    return float(returns.mean() / returns.std(ddof=1))


def search(bars, count, seed, cap):
    data = np.load(FOLDER / f"{bars}.npz")
    prices = {name: data[name] for name in COLUMNS}
    table = np.column_stack([prices[name].ravel() for name in COLUMNS])
    shape = prices["close"].shape
    start = time.perf_counter()
    texts, sharpes = [], []
    for one in programs(count, seed):
        values = one.execute(table).reshape(shape)
        sharpes.append(sharpe_of(weights_of(values, cap), prices))
        texts.append(written(one))
    return time.perf_counter() - start, {"texts": texts, "sharpe": sharpes}


def main():
    versions = {"gplearn": gplearn.__version__, "vectorbt": vectorbt.__version__}
    sys.stdout.write(json.dumps(versions) + "\n")
    sys.stdout.flush()
    for line in sys.stdin:
        request = json.loads(line)
        request.pop("work")
        seconds, answers = search(**request)
        sys.stdout.write(json.dumps({"seconds": seconds, "answers": answers}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
