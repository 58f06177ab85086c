"""Generation after generation: what is tried next comes from what was found so far.

A generation is made of the plan, its number and the generations before it, and of
nothing else: a search that was stopped goes on as if it never had been.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from strategies.candidates import HalfArray, candidate_keys
from strategies.compute import n_threads
from strategies.discovery.batch import COLUMNS, NUMBERS, Batch, table_of
from strategies.discovery.grammar import Grammar
from strategies.discovery.placebo import placebo_panel
from strategies.discovery.pool import different, direction
from strategies.discovery.protocol import SearchPlan, Spans
from strategies.discovery.score import Score, Scorer
from strategies.discovery.twins import Twins, probe_of
from strategies.dsl.expression import Expression, parse
from strategies.dsl.limits import LIMITS, Limits
from strategies.errors import DslError
from strategies.market.panel import Panel
from strategies.sweep.counting import evenly_kept
from strategies.trials import TrialBatch, current_sink
from strategies.types import FloatArray

Event = dict[str, Any]

RANDOM, MUTATE, CROSSOVER, HOIST, FLIP = ORIGINS = (
    "random",
    "mutate",
    "crossover",
    "hoist",
    "flip",
)
CHANCES = (0.25, 0.45, 0.2, 0.1)  # of the first four, once there is something to change
FLIPPED = 0.1  # of a generation: the worst so far with the other sign
PARENTS = 40  # the best so far, of which each parent is
ROUND = 4  # as many are drawn for each parent, and the best of them is it
SCORED = NUMBERS[2:]  # what a `Score` says under the same name
FRUITLESS = 8  # draws for each expression that is wanted, before a generation ends
DOUBLED = 0.5  # of the fitness, lost by what moves exactly like something better


def batches(
    plan: SearchPlan,
    panel: Panel,
    done: Sequence[Batch] = (),
    *,
    workers: int | None = None,
    limits: Limits = LIMITS,
    on_event: Callable[[Event], object] = dict,
) -> Iterator[Batch]:
    """Yield what was tried, generation after generation; each is reported as trials.

    Parameters
    ----------
    plan : SearchPlan
    panel : Panel
        The bars of the plan's universe. The sealed ones are not read.
    done : sequence of Batch
        The first batches of the same search, made earlier: it goes on behind them.
    workers : int, optional
        Threads at most; results do not depend on it.
    limits : Limits
        Bounds the memory.
    on_event : callable ``(event)``
        Told of every phase and result.

    Yields
    ------
    Batch
        A generation on the real bars and the same one on permuted bars take turns.

    Raises
    ------
    ConfigError
        ``too_few_bars``; those of `Grammar.of`.
    StrategyError
        ``too_large`` where the limits leave no room for one expression.
    """
    searches = _searches(plan, panel, workers or n_threads(), limits, on_event)
    number = first = 0
    while any(one.goes_on for one in searches):
        for one in searches:
            if not one.goes_on:
                continue
            if number < len(done):
                batch = done[number]
                one.take(batch)
            else:
                batch = one.generation(number, first)
                current_sink().report_batch(one.trials(batch))
                one.take(batch)
                yield batch
            number, first = number + 1, first + len(batch)


def _searches(
    plan: SearchPlan,
    panel: Panel,
    workers: int,
    limits: Limits,
    on_event: Callable[[Event], object],
) -> list[_Search]:
    """Return the search on the real bars, and that on permuted ones if it is asked."""
    spans = plan.spans(len(panel))
    seen = panel.between(None, int(panel.ts[spans.seen.stop - 1]))
    train = panel.between(None, int(panel.ts[spans.train.stop - 1]))
    grammar = grammar_of(plan, train)
    panels = {False: seen}
    if plan.placebo:
        panels[True] = placebo_panel(seen, np.random.default_rng([plan.seed, 1]))
    return [
        _Search(
            plan=plan,
            is_placebo=is_placebo,
            panel=one,
            spans=spans,
            grammar=grammar,
            scorer=Scorer(plan, one, spans, workers=workers, limits=limits),
            on_event=on_event,
        )
        for is_placebo, one in panels.items()
    ]


def grammar_of(plan: SearchPlan, panel: Panel) -> Grammar:
    """Return what the expressions of a search are drawn from.

    Raises
    ------
    ConfigError
        Those of `Grammar.of`.
    """
    grammar = Grammar.of(
        panel,
        limit_score=plan.limit_score,
        max_depth=plan.max_depth,
        lookback_bars=plan.lookback_bars,
        columns=plan.columns or None,
    )
    read = (replace(one, lag=plan.lags.get(one.name, 0)) for one in grammar.terminals)
    return replace(grammar, terminals=tuple(read))


@dataclass(frozen=True)
class _Draw:
    """An expression that comes next, and where it comes from."""

    expression: Expression
    origin: str
    parent: int = -1
    fingerprint: str = ""
    twin_of: int = -1


class _Search:
    """One of the two searches: all that it found so far, and what it tries next."""

    def __init__(
        self,
        *,
        plan: SearchPlan,
        is_placebo: bool,
        panel: Panel,
        spans: Spans,
        grammar: Grammar,
        scorer: Scorer,
        on_event: Callable[[Event], object],
    ) -> None:
        self._plan, self._is_placebo, self._panel = plan, is_placebo, panel
        self._grammar, self._scorer, self._tell = grammar, scorer, on_event
        self._twins = Twins(probe_of(scorer.train.panel))
        self._generation = 0
        self._n_trials = 0
        self._left = plan.n
        self._known: dict[str, int] = {}  # hash -> index
        self._prints: dict[str, int] = {}  # fingerprint -> index
        self._rows: list[dict[str, Any]] = []  # candidates, as plain values
        self._weekly: list[HalfArray] = []  # of the train span

    @property
    def goes_on(self) -> bool:
        """Whether there is budget left."""
        return self._left > 0

    def take(self, batch: Batch) -> None:
        """Learn what a generation found."""
        table = batch.table
        evaluated = 0
        for place, is_candidate in enumerate(batch.is_candidate):
            index = int(table["index"][place])
            self._known[str(table["expr_hash"][place])] = index
            if table["twin_of"][place] >= 0:
                continue
            evaluated += 1
            self._prints.setdefault(str(table["fingerprint"][place]), index)
            if is_candidate:
                row = {name: table[name][place].item() for name in COLUMNS}
                self._rows.append(row)
                weeks = batch.weekly[1][place, : self._scorer.train_weeks]
                self._weekly.append(weeks)
        self._n_trials += int(batch.is_trial.sum())
        self._generation += 1
        # A generation that found nothing new ends the search: all there is was said.
        self._left = self._left - evaluated if evaluated else 0

    def generation(self, number: int, first: int) -> Batch:
        """Return the next generation; its first row has the index `first`."""
        wanted = min(self._plan.batch, self._left)
        phase = "placebo" if self._is_placebo else "generate"
        self._tell({"type": "phase", "phase": phase, "count": wanted})
        drawn = self._drawn(wanted, first)
        fresh = [one for one in drawn if one.twin_of < 0]
        scores = self._scorer.scores([one.expression for one in fresh])
        weekly = np.zeros((len(drawn), self._scorer.n_weeks), dtype=np.float16)
        pool = self._pool()
        rows = []
        for place, one in enumerate(drawn):
            score = next(scores) if one.twin_of < 0 else None
            row = self._row(first + place, one, score)
            if score is not None:
                weekly[place] = score.weekly
                row["fitness"] -= self._doubled(row, score, pool)
                self._say(row)
            rows.append(row)
        return Batch(
            number=number,
            is_placebo=self._is_placebo,
            table=table_of(rows),
            weekly=(self._scorer.first_week, weekly),
        )

    def trials(self, batch: Batch) -> TrialBatch:
        """Return a batch as it is counted; it has not been taken yet."""
        plan, panel = self._plan, self._panel
        # Each is a run that ends where the sealed bars begin.
        config = plan.config.with_changes({"end": int(panel.ts[-1])})
        places = np.flatnonzero(batch.is_trial)
        own = np.arange(self._n_trials, self._n_trials + len(places))
        kept = np.flatnonzero(np.isin(own, evenly_kept(plan.n, plan.seed)))
        table = {name: batch.table[name][places] for name in COLUMNS}
        first_week, weekly = batch.weekly
        return TrialBatch(
            source="null_model" if self._is_placebo else "generate",
            instruments=plan.config.instruments,
            data_fingerprint=panel.fingerprint,
            start_ms=int(panel.ts[0]),
            end_ms=int(panel.ts[-1]),
            n_returns=len(self._scorer.train.panel) - 1,
            ppy=panel.ppy,
            sharpe_bar=table["train_sharpe_bar"],
            skew=table["skew"],
            kurtosis=table["kurtosis"],
            keys=partial(candidate_keys, config, {"expr": table["expr"].tolist()}),
            kept=kept,
            weekly_returns=lambda: (first_week, weekly[places[kept]]),
        )

    # --- what comes next -----------------------------------------------------------

    def _drawn(self, wanted: int, first: int) -> list[_Draw]:
        """Return new expressions, and on the way what turned out to be twins."""
        rng = np.random.default_rng(
            [self._plan.seed, int(self._is_placebo), self._generation]
        )
        breeding = self._breeding()
        known, prints = dict(self._known), dict(self._prints)
        found: list[_Draw] = []
        new, left = 0, FRUITLESS * wanted
        waiting = self._flips(breeding, round(FLIPPED * wanted))
        while new < wanted and left > 0:
            missing = wanted - new - len(waiting)
            waiting += [self._draw(breeding, rng) for _ in range(missing)]
            left -= len(waiting)
            unheard = []
            for one in waiting[: wanted - new]:
                if one.expression.expr_hash not in known:
                    known[one.expression.expr_hash] = -1
                    unheard.append(one)
            said = self._twins.fingerprints([one.expression for one in unheard])
            for one, print_ in zip(unheard, said, strict=True):
                twin = prints.setdefault(print_.hex(), first + len(found))
                is_new = twin == first + len(found)
                found.append(
                    replace(
                        one, fingerprint=print_.hex(), twin_of=-1 if is_new else twin
                    )
                )
                new += is_new
            waiting = []
        return found

    def _breeding(self) -> list[dict[str, Any]]:
        """Return what expressions are made of; none of them: all are drawn anew."""
        if self._plan.method == "random":
            return []
        return sorted(self._rows, key=_by_fitness)

    def _draw(
        self, breeding: Sequence[dict[str, Any]], rng: np.random.Generator
    ) -> _Draw:
        if not breeding:
            return _Draw(self._grammar.random(rng), RANDOM)
        origin = ORIGINS[int(rng.choice(len(CHANCES), p=CHANCES))]
        if origin == RANDOM:
            return _Draw(self._grammar.random(rng), RANDOM)
        parent = _parent(breeding, rng)
        one, index = parse(parent["expr"]), int(parent["index"])
        if origin == MUTATE:
            return _Draw(self._grammar.mutate(one, rng), MUTATE, index)
        if origin == HOIST:
            return _Draw(self._grammar.hoist(one, rng), HOIST, index)
        other = parse(_parent(breeding, rng)["expr"])
        return _Draw(self._grammar.crossover(one, other, rng), CROSSOVER, index)

    def _flips(self, breeding: Sequence[dict[str, Any]], most: int) -> list[_Draw]:
        """Return the worst so far with the other sign, if they are new."""
        found: list[_Draw] = []
        for row in reversed(breeding):
            if len(found) == most or not row["fitness"] < 0.0:
                break
            flipped = _flipped(row["expr"])
            if flipped is None or flipped.expr_hash in self._known:
                continue
            if flipped.complexity.score <= self._plan.limit_score:
                found.append(_Draw(flipped, FLIP, int(row["index"])))
        return found

    # --- what it is worth ----------------------------------------------------------

    def _row(self, index: int, one: _Draw, score: Score | None) -> dict[str, Any]:
        complexity = one.expression.complexity.score
        row: dict[str, Any] = {
            "index": index,
            "parent": one.parent,
            "generation": self._generation,
            "twin_of": one.twin_of,
            "n": len(self._scorer.train.panel) - 1,
            "expr": one.expression.canonical,
            "expr_hash": one.expression.expr_hash,
            "origin": one.origin,
            "fingerprint": one.fingerprint,
            "complexity": complexity,
        }
        row |= {name: getattr(score, name, np.nan) for name in SCORED}
        row["rejected"] = "" if score is None else score.rejected
        aim = row["train_sharpe" if self._plan.objective == "sharpe" else "rank_ic_t"]
        row["fitness"] = aim - self._plan.parsimony * complexity
        return row

    def _pool(self) -> list[tuple[float, FloatArray]]:
        """Return fitness and returns of the best so far that are different bets."""
        order = sorted(range(len(self._rows)), key=lambda i: _by_fitness(self._rows[i]))
        weekly = [direction(self._weekly[place]) for place in order]
        chosen = different(weekly, self._plan.max_correlation, self._plan.keep)
        return [(self._rows[order[i]]["fitness"], weekly[i]) for i in chosen]

    def _doubled(
        self,
        row: dict[str, Any],
        score: Score,
        pool: Sequence[tuple[float, FloatArray]],
    ) -> float:
        """Return what it loses for moving like something better."""
        own = direction(score.weekly[: self._scorer.train_weeks])
        limit = self._plan.max_correlation
        nearest = max(
            (abs(float(own @ weeks)) for fit, weeks in pool if fit >= row["fitness"]),
            default=0.0,
        )
        share = max(nearest - limit, 0.0) / max(1.0 - limit, 1e-9)
        return DOUBLED * share * abs(float(row["fitness"]))

    def _say(self, row: dict[str, Any]) -> None:
        if not self._is_placebo:
            sharpe = row["train_sharpe"]
            known = float(sharpe) if np.isfinite(sharpe) else None
            told = {"expr_hash": row["expr_hash"], "sharpe": known}
            self._tell({"type": "result", **told, "index": row["index"]})


def _by_fitness(row: dict[str, Any]) -> tuple[float, int]:
    """Sort the best first, and of two that are as good the older one."""
    return -row["fitness"], row["index"]


def _parent(
    breeding: Sequence[dict[str, Any]], rng: np.random.Generator
) -> dict[str, Any]:
    """Return the best of a few that are drawn from the best."""
    places = rng.integers(min(PARENTS, len(breeding)), size=ROUND)
    return breeding[int(places.min())]


def _flipped(expr: str) -> Expression | None:
    try:
        return parse(parse(f"-({expr})").canonical)
    except DslError:  # one too deep, or too long
        return None
