"""What is said of an expression that was kept: three spans, luck, costs, robustness.

Here runs are full ones, checked against their own fills. The sealed bars are read
here, for the first time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from strategies.config import RunConfig
from strategies.discovery.finalists import Bar, Finalist
from strategies.discovery.protocol import HORIZON, SearchPlan
from strategies.discovery.score import Metrics, Stretch, tallies_of
from strategies.dsl.evaluate import evaluate
from strategies.dsl.expression import parse
from strategies.library.resolve import resolve
from strategies.market.membership import members_at
from strategies.market.panel import Panel
from strategies.metrics import compute_all
from strategies.metrics.factor import forward_returns, newey_west_t, rank_correlation
from strategies.portfolio import metric_inputs
from strategies.simulation.portfolio import PortfolioSimulation
from strategies.statistics import deflated_sharpe, probabilistic_sharpe
from strategies.submission import FAIL, PASS, Facts, check, submission_checks
from strategies.types import FloatArray
from strategies.universe import held_by
from strategies.validation.cost_stress import break_even_bps
from strategies.validation.lookahead import check_lookahead, verdict_of
from strategies.validation.robustness import sub_periods, sub_universe

Report = dict[str, Any]


class Inspection:
    """Looks closely at what was kept, on all bars of a panel."""

    def __init__(self, plan: SearchPlan, panel: Panel) -> None:
        self._plan, self._panel = plan, panel
        self._config = resolve(plan.config)
        self.spans = plan.spans(len(panel))
        self.train = Stretch.of(self._config, panel, self.spans.train)
        self._validation = Stretch.of(self._config, panel, self.spans.validation)
        self._verdicts: dict[str, dict[str, object]] = {}

    def look_ahead(self, expr: str) -> dict[str, object]:
        """Return the verdict on an expression, on bars that are not sealed."""
        if expr not in self._verdicts:
            seen = self._panel.between(None, int(self._validation.panel.ts[-1]))
            rng = np.random.default_rng([self._plan.seed, 2])
            found = verdict_of(check_lookahead(expr, seen, rng=rng))
            self._verdicts[expr] = found
        return self._verdicts[expr]

    def report(
        self, one: Finalist, bar: Bar, sharpes: FloatArray, n_effective: int
    ) -> Report:
        """Return everything that is said of a kept expression.

        Parameters
        ----------
        one : Finalist
        bar : Bar
        sharpes : float64 array of shape (n_trials,)
            Per bar, of all trials.
        n_effective : int
        """
        expression = parse(one.expr)
        inside = members_at(self._panel, self._config.members)
        values = evaluate(expression, self._panel, members=inside)
        test = Stretch.of(self._config, self._panel, self.spans.test)
        spans = {"train": self.train, "validation": self._validation, "test": test}
        made = {name: held_of(span, values) for name, span in spans.items()}
        metrics = {n: self._metrics(spans[n], made[n], values) for n in spans}
        return {
            "index": one.index,
            "expr": one.expr,
            "expr_hash": one.expr_hash,
            "complexity": one.complexity,
            "fitness": one.fitness,
            "why": _why(one, bar),
            **metrics,
            "decay": _decay(metrics),
            **self._luck(metrics["train"], sharpes, n_effective),
            "q_value": one.q_value,
            "break_even_bps": break_even_bps(self._growth(values)),
            "sub_periods": self._sub_periods(made),
            "sub_universe": self._sub_universe(one.expr, metrics["train"]),
            "look_ahead": self.look_ahead(one.expr),
        }

    def _metrics(
        self, span: Stretch, made: PortfolioSimulation, values: FloatArray
    ) -> Metrics:
        found, _ = compute_all(metric_inputs(span.panel, made, self._config.rf))
        execution = self._config.execution
        prices = span.panel.fields[execution.fill]
        later = forward_returns(prices, HORIZON, execution.execution_lag)
        coefficients = rank_correlation(values[span.rows], later)
        told = coefficients[np.isfinite(coefficients)]
        t = newey_west_t(coefficients)
        return found | {
            "rank_ic": float(told.mean()) if told.size else None,
            "rank_ic_t": t if np.isfinite(t) else None,
        }

    def _luck(
        self, train: Metrics, sharpes: FloatArray, n_effective: int
    ) -> dict[str, float]:
        """Return PSR and DSR on the span on which it was found."""
        sr, skew, kurtosis = (
            float(train[key] or 0.0) for key in ("sharpe_bar", "skew", "kurtosis")
        )
        n = len(self.train.panel) - 1
        spread = float(sharpes.var(ddof=1)) if len(sharpes) > 1 else 0.0
        counts = {"dsr": len(sharpes), "dsr_effective": max(n_effective, 1)}
        return {"psr": probabilistic_sharpe(sr, n, skew, kurtosis)} | {
            name: deflated_sharpe(sr, n, skew, kurtosis, count, spread)
            for name, count in counts.items()
        }

    def _growth(self, values: FloatArray) -> Callable[[float], float]:
        """Return a function from costs to growth on train and validation."""
        spans = (self.train, self._validation)
        weights = [span.weights(values) for span in spans]

        def growth(bps: float) -> float:
            costs = {"commission_bps": bps, "commission_per_share": 0.0}
            costs |= {"commission_min": 0.0, "slippage_bps": 0.0}
            other = self._config.with_changes(
                {"execution": {**costs, "overrides": None}}
            )
            grown = 1.0
            for span, wanted in zip(spans, weights, strict=True):
                equity = tallies_of(other, span.panel).tally(wanted).equity
                grown *= float(equity[-1] / equity[0])
            return grown

        return growth

    def _sub_periods(self, made: dict[str, PortfolioSimulation]) -> list[Report]:
        """Return the Sharpe ratio of parts of train and validation together."""
        spans = {"train": self.train, "validation": self._validation}
        ts = np.concatenate([span.panel.ts[1:] for span in spans.values()])
        returns = np.concatenate([made[name].bar_returns for name in spans])
        return sub_periods(ts, returns, self._panel.ppy)

    def _sub_universe(self, expr: str, train: Metrics) -> Report:
        """Return how it does on the half of the names that is traded most."""
        ts = self.train.panel.ts
        config = self._config_of(expr, int(ts[0]), int(ts[-1]))
        return sub_universe(config, self.train.panel, float(train["sharpe"] or 0.0))

    def _config_of(self, expr: str, start: int, end: int) -> RunConfig:
        own = self._plan.config_of(expr).with_changes({"start": start, "end": end})
        return resolve(own)


def held_of(span: Stretch, values: FloatArray) -> PortfolioSimulation:
    """Return the full simulation of values on a span."""
    return held_by(span.config, span.panel, values[span.rows])


def _decay(metrics: dict[str, Metrics]) -> dict[str, float | None]:
    """Return which part of the Sharpe ratio is left on other bars."""
    train = metrics["train"]["sharpe"]
    left: dict[str, float | None] = {}
    for name in ("validation", "test"):
        later = metrics[name]["sharpe"]
        known = train is not None and later is not None and train > 0.0
        left[f"{name}_over_train"] = later / train if known else None  # type: ignore[operator]
    return left


def _why(one: Finalist, bar: Bar) -> str:
    return (
        f"Its fitness of {one.fitness:.2f} is above {bar.height:.2f}, what chance "
        f"finds, and it earned a Sharpe ratio of {one.validation_sharpe:.2f} on bars "
        f"that had no part in finding it (q {_said_q(one.q_value)})."
    )


def checks_of(
    plan: SearchPlan, bar: Bar, report: Report, nearest: Report | None
) -> list[Report]:
    """Return what should hold of a kept expression, with what any strategy should.

    Parameters
    ----------
    plan : SearchPlan
    bar : Bar
    report : dict
        As `Inspection.report` returns it.
    nearest : dict or None
        ``name`` and ``correlation`` of the other that was kept and moves most alike.
    """
    fitness, q_value = report["fitness"], report["q_value"]
    bps, own = report["break_even_bps"], _own_bps(plan)
    facts = Facts(
        metrics=report["validation"],
        dsr=report["dsr"],
        lookahead=report["look_ahead"],
        nearest=nearest,
        sub_universe=report["sub_universe"],
        sub_periods=report["sub_periods"],
    )
    return [
        check(
            "placebo",
            PASS if fitness > bar.height else FAIL,
            f"Its fitness is {fitness:.2f}; chance finds {bar.height:.2f}.",
            fitness,
            bar.height,
        ),
        check(
            "q_value",
            PASS if q_value <= plan.q else FAIL,
            f"Its q-value is {_said_q(q_value)}; at most {plan.q:g} is asked.",
            q_value,
            plan.q,
        ),
        check(
            "break_even",
            PASS if bps is not None and bps > own else FAIL,
            f"Costs of {0.0 if bps is None else bps:g} bps of what is traded leave "
            f"nothing; the run pays {own:g}.",
            bps,
            own,
        ),
        *submission_checks(facts),
    ]


def _own_bps(plan: SearchPlan) -> float:
    execution = plan.config.execution
    return execution.commission_bps + execution.slippage_bps


def _said_q(q_value: float) -> str:
    """Return a q-value in words; it is never said to be 0."""
    return "< 0.001" if q_value < 0.001 else f"{q_value:.3f}"
