"""A search repeats itself bit for bit, and its numbers are those of runs."""

from dataclasses import replace

import numpy as np
import pytest

from strategies import parse, run_backtest
from strategies.candidates import candidate_key
from strategies.discovery.placebo import placebo_panel
from strategies.discovery.pool import different, direction
from strategies.discovery.score import Scorer
from strategies.dsl.limits import Limits
from strategies.library.resolve import resolve
from strategies.market.panel import Panel
from strategies.trials import MemorySink, reporting_to
from tests.strategies.discovery.worlds import made, panel, plan, usual


def bits_of(found):
    return [
        (
            batch.number,
            batch.is_placebo,
            {name: column.tobytes() for name, column in batch.table.items()},
            (batch.weekly[0], batch.weekly[1].tobytes()),
        )
        for batch in found
    ]


def test_a_stopped_search_goes_on_as_if_it_never_was():
    whole, _ = usual()

    for k in (1, 2, 3):
        later, sink = made(done=whole[:k])
        assert bits_of(later) == bits_of(whole[k:])
        assert len(sink.batches) == len(later)


def test_threads_and_memory_change_nothing():
    whole, _ = usual()
    little = Limits(memory_bytes=4 * 2**20)

    assert bits_of(made(workers=1)[0]) == bits_of(whole)
    assert bits_of(made(workers=2, limits=little)[0]) == bits_of(whole)


def test_the_sealed_bars_have_no_part_in_it():
    spans = plan().spans(len(panel()))
    other = {k: v.copy() for k, v in panel().fields.items()}
    for matrix in other.values():
        matrix[spans.seen.stop :] = 1.0
    found, _ = made(bars=replace(panel(), fields=other))

    assert bits_of(found) == bits_of(usual()[0])


def test_the_budget_is_spent_on_different_expressions_and_all_are_reported():
    found, sink = usual()
    for is_placebo, source in ((False, "generate"), (True, "null_model")):
        own = [one for one in found if one.is_placebo == is_placebo]
        table = {k: np.concatenate([b.table[k] for b in own]) for k in own[0].table}
        fresh = table["twin_of"] < 0
        assert fresh.sum() == plan().n
        assert len(set(table["expr_hash"])) == len(fresh)
        assert len(set(table["fingerprint"][fresh])) == fresh.sum()
        reported = [one for one in sink.batches if one.source == source]
        counted = np.isfinite(table["train_sharpe"])
        assert sum(map(len, reported)) == counted.sum() > 0
    index = np.concatenate([one.table["index"] for one in found])
    assert index.tolist() == list(range(len(index)))


def test_a_trial_is_known_again_by_its_key_and_its_weeks():
    found, sink = usual()
    batch, reported = found[0], sink.batches[0]
    rows = np.flatnonzero(batch.is_trial)
    first = str(batch.table["expr"][rows[0]])

    last = int(panel().ts[plan().spans(len(panel())).seen.stop - 1])
    config = plan().config_of(first).with_changes({"end": last})
    assert reported.keys()[0] == candidate_key(config)
    first_week, weekly = reported.weekly_returns()
    assert first_week == batch.weekly[0]
    assert np.array_equal(weekly, batch.weekly[1][rows])


def test_its_numbers_are_those_of_a_run_on_the_train_span():
    own, spans = plan(), plan().spans(len(panel()))
    train = panel().between(None, int(panel().ts[spans.train.stop - 1]))
    batch = usual()[0][0]
    checked = 0
    for row in np.flatnonzero(batch.is_trial)[:5]:
        config = resolve(own.config_of(str(batch.table["expr"][row])))
        with reporting_to(MemorySink()):
            metrics = run_backtest(config, train).metrics
        for name, key in (
            ("train_sharpe", "sharpe"),
            ("train_sharpe_bar", "sharpe_bar"),
            ("skew", "skew"),
            ("kurtosis", "kurtosis"),
            ("turnover_daily", "turnover_daily"),
        ):
            assert batch.table[name][row] == pytest.approx(metrics[key], rel=1e-9)
        checked += 1
    assert checked == 5


def test_fitness_is_the_aim_less_complexity_and_likeness():
    for objective, aim in (("sharpe", "train_sharpe"), ("rank_ic", "rank_ic_t")):
        own = plan(objective=objective, placebo=False, parsimony=0.05, n=12)
        table = made(own)[0][0].table
        there = table["twin_of"] < 0
        plain = table[aim] - 0.05 * table["complexity"]
        assert np.array_equal(table["fitness"][there], plain[there], equal_nan=True)
        for expr, score in zip(table["expr"], table["complexity"], strict=True):
            assert parse(str(expr)).complexity.score == score <= own.limit_score


def test_gates_say_why():
    strict = plan(max_turnover=0.05, placebo=False, n=12)
    table = made(strict)[0][0].table
    fast = table["turnover_daily"] > 0.05

    assert fast.any()
    assert set(table["rejected"][fast]) == {"turnover"}
    assert not (table["rejected"][~fast & (table["twin_of"] < 0)] == "turnover").any()


def test_what_is_too_small_to_be_traded_is_no_find():
    spans = plan().spans(len(panel()))
    seen = panel().between(None, int(panel().ts[spans.seen.stop - 1]))
    texts = ("rank(volume) / 100000", "rank(volume) / 10", "scale(rank(volume) / 10)")
    scorer = Scorer(plan(), seen, spans, workers=1)
    tiny, small, scaled = scorer.scores([parse(text) for text in texts])

    assert tiny.rejected == "exposure"
    assert tiny.train_sharpe == pytest.approx(small.train_sharpe, abs=0.1)
    assert small.rejected == scaled.rejected == ""


def test_later_generations_come_from_earlier_ones():
    own = plan(n=60, placebo=False)
    found, _ = made(own)
    table = {k: np.concatenate([b.table[k] for b in found]) for k in found[0].table}
    bred = table["parent"] >= 0

    assert set(table["origin"][~bred]) == {"random"}
    assert {"mutate", "crossover"} <= set(table["origin"][bred])
    assert (table["parent"][bred] < table["index"][bred]).all()
    assert (
        table["generation"][table["parent"][bred]] < table["generation"][bred]
    ).all()
    for row in np.flatnonzero(table["origin"] == "flip"):
        parent = str(table["expr"][table["parent"][row]])
        assert parse(f"-({parent})").expr_hash == table["expr_hash"][row]
    lone = made(plan(n=24, placebo=False, method="random"))[0]
    assert {str(one) for batch in lone for one in batch.table["origin"]} == {"random"}


def test_a_placebo_moves_names_together_and_leaves_gaps_where_they_are():
    fields = {k: v[:60].copy() for k, v in panel().fields.items()}
    for matrix in fields.values():
        matrix[:25, 3] = np.nan  # it came later
        matrix[40, 5] = np.nan
    real = replace(panel(), ts=panel().ts[:60], fields=fields)
    null = placebo_panel(real, np.random.default_rng(3))

    for name, matrix in real.fields.items():
        assert np.array_equal(np.isnan(matrix), np.isnan(null.fields[name]))
    inside = [np.log(one.fields["close"] / one.fields["open"]) for one in (real, null)]
    others = [0, 1, 2, 4, 6, 7, 8, 9, 10, 11]
    rows = [np.round(one[:, others], 9).tolist() for one in inside]
    assert rows[0] != rows[1]
    assert sorted(rows[0]) == sorted(rows[1])
    for column in (3, 5):
        own = [one[:, column][np.isfinite(one[:, column])] for one in inside]
        assert np.sort(own[0]) == pytest.approx(np.sort(own[1]), abs=1e-9)
    # All gaps are there again, so that prices end where they ended.
    for name in ("open", "high", "low", "close"):
        assert (null.fields[name][np.isfinite(null.fields[name])] > 0.0).all()
    last = null.fields["close"][-1] / real.fields["close"][-1]
    assert last[others] == pytest.approx(np.ones(10), rel=1e-9)
    again = placebo_panel(real, np.random.default_rng(3))
    assert again.fingerprint == null.fingerprint
    assert isinstance(null, Panel)


def test_only_different_bets_are_taken_together():
    a, b = np.array([1.0, -1.0, 1.0, -1.0]), np.array([1.0, 1.0, -1.0, -1.0])
    weekly = [direction(one) for one in (a, 2.0 * a, -a, b, a + 0.1 * b, a * 0.0)]

    assert different(weekly, 0.7, 10) == [0, 3, 5]
    assert different(weekly, 0.7, 1) == [0]
    assert different(weekly, 1.0, 3) == [0, 1, 2]
