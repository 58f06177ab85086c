"""The ledger counts every trial once, whatever is done to hide it, and proves it."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from django.db import connection

from experiments.models import (
    LedgerEntry,
    LedgerHead,
    LedgerPool,
    LedgerSample,
    ModelRun,
)
from experiments.models.ledger import AppendOnlyError
from experiments.selectors.honesty import honesty_of
from experiments.selectors.ledger import ledger_proof, trial_budget
from experiments.selectors.trials import pool_of, trial_counts
from experiments.services import ledger
from experiments.services.ledger import (
    Looked,
    Tried,
    ledger_append,
    pool_refresh,
    seen_before,
)
from experiments.services.runs import run_delete
from strategies.statistics import (
    deflated_sharpe,
    expected_max_sharpe,
    probabilistic_sharpe,
)
from tests.experiments.rows import INSTRUMENT, POOL, add_trial, plain_run
from tests.factories import finished_run

pytestmark = pytest.mark.django_db
DAY_MS = 86_400_000


def n_trials(pool: str = POOL) -> int:
    return trial_counts().tally(pool).n_trials


# --- a market in files, so that what is tried on it counts ---------------------------


@pytest.fixture
def market(monkeypatch, tmp_path):
    """Return a function that writes bars as a file of the lab's data."""
    monkeypatch.setenv("QUANT_DATA_ROOT", str(tmp_path))

    def write(symbol, *, timeframe="1d", frame=None):
        target = tmp_path / timeframe / f"{symbol}.csv"
        target.parent.mkdir(exist_ok=True)
        (bars() if frame is None else frame).to_csv(target, index_label="date")

    return write


def bars(n: int = 600, seed: int = 5) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    close = (100 * np.exp(np.cumsum(rng.normal(0.0003, 0.01, n)))).round(4)
    days = pd.bdate_range("2015-01-05", periods=n)
    columns = {"open": close, "high": close, "low": close, "close": close}
    return pd.DataFrame(columns | {"volume": 1000.0}, index=days)


def weekly(frame: pd.DataFrame) -> pd.DataFrame:
    how = {"open": "first", "high": "max", "low": "min", "close": "last"}
    return frame.resample("W-MON", label="left", closed="left").agg(
        how | {"volume": "sum"}
    )


def tried(symbol: str, **changes) -> ModelRun:
    return finished_run(
        changes={"provider": "files", "symbol": symbol, "end": None} | changes
    )


def counted(run: ModelRun) -> int:
    found = honesty_of([run])[run.pk]
    assert found is not None
    return found.n_trials


def rule(fast: int) -> dict:
    return {"strategy": {"params": {"fast": fast}}}


class TestHiding:
    """Nothing that one may do after looking makes N fall."""

    @pytest.fixture(autouse=True)
    def three_trials(self, market):
        market("ABC")
        self.runs = [tried("ABC", **rule(fast)) for fast in (3, 4, 5)]
        assert counted(self.runs[0]) == 3

    def test_another_name_of_a_run_or_seed_adds_and_takes_nothing(self):
        again = finished_run(
            changes={"provider": "files", "symbol": "ABC", "end": None, "seed": 9}
            | rule(3),
            name="A new beginning",
        )

        assert counted(again) == 3
        assert LedgerEntry.objects.last().is_repeat

    def test_moving_the_start(self):
        assert counted(tried("ABC", start="2015-06-01", **rule(3))) == 4

    def test_another_file_name(self, market):
        market("XYZ")

        assert counted(tried("XYZ", **rule(6))) == 4

    def test_part_of_the_data_under_another_name(self, market):
        market("PART", frame=bars().iloc[100:400])

        assert counted(tried("PART", **rule(6))) == 4

    def test_another_timeframe_under_another_name(self, market):
        market("WEEKLY", timeframe="1w", frame=weekly(bars()))

        assert counted(tried("WEEKLY", timeframe="1w", **rule(6))) == 4

    def test_new_bars_under_a_known_name_are_of_both(self, market):
        market("OTHER", frame=bars(seed=6))
        assert counted(tried("OTHER", **rule(3))) == 1
        market("OTHER")  # now it holds what ABC holds

        assert counted(tried("OTHER", **rule(6))) == 5

    def test_deleting_the_runs(self):
        for run in self.runs[1:]:
            run_delete(run=run)

        assert counted(self.runs[0]) == 3

    def test_keeping_no_files(self):
        run = finished_run(
            changes={"provider": "files", "symbol": "ABC", "end": None} | rule(7),
            persist=False,
        )

        assert counted(run) == 4

    def test_other_bars_have_their_own_count(self, market):
        market("ELSE", frame=bars(seed=77))

        assert counted(tried("ELSE", **rule(3))) == 1

    def test_bars_before_those_that_were_looked_at_are_new(self, market):
        market("EARLY", frame=bars().iloc[:300])
        market("LATE", frame=bars().iloc[300:])
        early = tried("EARLY", **rule(6))  # overlaps the three
        tried("LATE", **rule(6))

        assert counted(early) == 4


class TestCounts:
    def test_a_candidate_counts_once_on_the_same_bars(self):
        entries = [add_trial(candidate) for candidate in "aba"]

        assert [entry.n_trials for entry in entries] == [1, 1, 0]
        assert entries[2].is_repeat
        assert n_trials() == 2

    def test_on_other_bars_it_counts_again(self):
        add_trial("a")
        add_trial("a", fingerprint="e" * 64)

        assert n_trials() == 2

    def test_made_up_data_never_count(self):
        entry = add_trial("a", is_made_up=True)

        assert (entry.source, entry.n_trials, n_trials()) == ("null_model", 0, 0)
        assert not entry.is_repeat
        assert add_trial("a").n_trials == 1  # nor do they make a repeat of it

    def test_half_of_the_instruments_are_enough(self):
        for names in (("a",), ("a", "b"), ("a", "b", "c", "d"), ("x",)):
            add_trial("1", instruments=names, fingerprint=str(len(names)))

        assert n_trials(pool_of(["a", "b"])) == 3
        assert n_trials(pool_of(["a", "b", "c", "d"])) == 2  # not by one of four
        assert n_trials(pool_of(["a"])) == 3
        # What nobody looked at together is told by what is in it.
        new = frozenset(["a", "x"])
        assert n_trials(pool_of(new)) == 0
        assert trial_counts().tally(pool_of(new), instruments=new).n_trials == 3
        budget = trial_budget(pool_of(new), 1, instruments=new)
        assert (budget.now.n_trials, budget.after.n_trials) == (3, 4)

    def test_windows_that_do_not_meet_are_other_trials(self):
        add_trial("a", window=(0, 10))
        add_trial("b", window=(10, 20))
        counts = trial_counts()

        assert counts.tally(POOL, 0, 9).n_trials == 1
        assert counts.tally(POOL, 5, 10).n_trials == 2
        assert counts.tally(POOL, 21, 30).n_trials == 0

    def test_a_chunk_is_written_once(self):
        first, again = (chunk([1, 2, 3], job_id="job_x") for _ in range(2))

        assert first == again
        assert (LedgerEntry.objects.count(), n_trials()) == (1, 3)

    def test_chunks_of_one_job_that_share_candidates_count_them_once(self):
        chunk([1, 2, 3], job_id="job_x", number=0)
        second = chunk([3, 4, 4], job_id="job_x", number=1)

        assert (second.n_evaluated, second.n_trials, n_trials()) == (3, 1, 4)

    def test_a_run_of_a_candidate_that_a_search_tried_adds_nothing(self):
        chunk([10, 11], job_id="job_x")

        assert chunk([11], job_id="job_y").is_repeat
        assert chunk([12], job_id="job_z").n_trials == 1
        assert chunk([12, 13], job_id="job_w").n_trials == 1

    def test_the_spread_is_that_of_all_sharpes_per_year(self):
        sharpes = [0.01, 0.03, -0.02, 0.05, 0.00]
        chunk([1, 2], job_id="a", sharpes=sharpes[:2])
        chunk([3, 4, 5, 6], job_id="b", sharpes=[*sharpes[2:], math.nan])
        tally = trial_counts().tally(POOL)

        assert tally.n_trials == 6
        assert tally.variance == pytest.approx(np.var(sharpes, ddof=1) * 252)
        assert tally.best == pytest.approx(0.05 * math.sqrt(252))

    def test_the_counts_follow_a_database_that_was_put_back(self):
        add_trial("a")
        assert n_trials() == 1
        LedgerSample.objects.all().delete()
        LedgerEntry.objects.all()._raw_delete("default")
        LedgerHead.objects.all().delete()
        assert n_trials() == 0
        add_trial("b")
        add_trial("c")

        assert n_trials() == 2

    def test_reading_them_again_takes_one_query(self, django_assert_num_queries):
        add_trial("a")
        trial_counts()

        with django_assert_num_queries(1):
            assert n_trials() == 1


LOOKED = Looked(
    instruments=(INSTRUMENT,),
    data_fingerprint="d" * 64,
    timeframe="1d",
    start_ms=0,
    end_ms=1,
    ppy=252.0,
    is_made_up=False,
)


def tried_of(keys, sharpes=None):
    n = len(keys)
    return Tried(
        keys=np.array(keys, dtype=np.uint64),
        sharpes=np.array(sharpes or [0.01] * n),
        kept=np.arange(n),
        first_week=0,
        returns=np.zeros((n, 4), dtype=np.float16),
    )


def chunk(keys, *, job_id, number=0, sharpes=None, before=None):
    return ledger_append(
        source="sweep",
        looked=LOOKED,
        tried=tried_of(keys, sharpes),
        config_hash="c" * 64,
        run_id="r",
        job_id=job_id,
        chunk=number,
        before=before,
    )


def test_what_was_tried_between_look_and_transaction_is_not_counted_again():
    chunk([1, 2], job_id="a")
    before = seen_before(tried=tried_of([2, 3, 4, 5]), looked=LOOKED)
    chunk([3], job_id="b")
    chunk([4, 9], job_id="c")

    assert before.seen.tolist() == [True, False, False, False]
    assert chunk([2, 3, 4, 5], job_id="d", before=before).n_trials == 1  # 5 alone


METRICS = {
    "sharpe": 0.8,
    "sharpe_bar": 0.05,
    "skew": -0.5,
    "kurtosis": 6.0,
    "n_bars": 1001,
}


class TestJudgement:
    def test_it_is_the_published_formulas_on_all_trials(self):
        sharpes = [0.01, 0.03, -0.02, 0.05]
        for i, sharpe in enumerate(sharpes):
            add_trial(str(i), sharpe_bar=sharpe)
        run = plain_run(metrics=METRICS, sharpe_se=0.5)
        moments = (0.05, 1000, -0.5, 6.0)
        variance = float(np.var(sharpes, ddof=1))

        found = honesty_of([run])[run.pk]

        assert found.n_trials == 4
        expected = expected_max_sharpe(4, variance) * math.sqrt(252)
        assert found.expected_max_sharpe == pytest.approx(expected)
        assert found.psr == pytest.approx(probabilistic_sharpe(*moments))
        assert found.dsr == pytest.approx(deflated_sharpe(*moments, 4, variance))
        assert found.dsr < found.psr

    def test_one_trial_has_nothing_to_deflate(self):
        add_trial("a")
        run = plain_run(metrics=METRICS)

        found = honesty_of([run])[run.pk]

        assert (found.n_trials, found.expected_max_sharpe) == (1, 0.0)
        assert found.dsr == found.psr

    def test_trials_that_move_together_are_fewer(self):
        rng = np.random.default_rng(0)
        base = rng.normal(0, 0.02, (3, 200))
        for i in range(9):
            noise = rng.normal(0, 0.002, 200)
            row = (base[i % 3] + noise).astype(np.float16)
            looked_at = add_trial(f"kept {i}")
            sample = looked_at.sample
            sample.returns = row.tobytes()
            sample.save()
        pool_refresh(pool=POOL)

        known = LedgerPool.objects.get(pool=POOL)
        assert (known.n_effective, known.n_trials, known.is_exact) == (3, 9, True)
        run = plain_run(metrics=METRICS)
        found = honesty_of([run])[run.pk]
        assert (found.n_effective, found.n_effective_is_least) == (3, False)
        assert found.dsr <= found.dsr_effective <= found.psr

    def test_a_sample_that_misses_some_does_not_forget_them(self, monkeypatch):
        for i in range(12):
            add_trial(f"kept {i}")  # all different
        pool_refresh(pool=POOL)
        before = LedgerPool.objects.get(pool=POOL).n_effective
        monkeypatch.setattr(ledger, "KEPT_TRIALS", 2)
        add_trial("one more")
        pool_refresh(pool=POOL)

        known = LedgerPool.objects.get(pool=POOL)
        assert before == known.n_effective == 12
        assert not known.is_exact

    def test_what_was_tried_since_may_have_been_different(self):
        add_trial("a")
        pool_refresh(pool=POOL)
        add_trial("b")
        run = plain_run(metrics=METRICS)

        assert honesty_of([run])[run.pk].n_effective_is_least

    def test_more_trials_raise_the_bar(self):
        for i, sharpe in enumerate((0.01, 0.03, -0.02)):
            add_trial(str(i), sharpe_bar=sharpe, window=(0, 5 * 365 * DAY_MS))

        budget = trial_budget(POOL, 50)

        assert (budget.now.n_trials, budget.after.n_trials) == (3, 53)
        assert budget.needed_after > budget.needed_now
        assert budget.years == pytest.approx(5, rel=0.01)

    def test_before_the_first_trial_the_length_of_the_data_says_how_they_scatter(self):
        budget = trial_budget("0" * 64, 45, start_ms=0, end_ms=5 * 365 * DAY_MS)

        # Bailey, Borwein, López de Prado & Zhu: 45 trials in 5 years reach 1 by luck.
        assert budget.after.expected_max_sharpe == pytest.approx(1.0, abs=0.02)
        assert budget.min_years == pytest.approx(5, abs=0.1)


class TestChain:
    def test_it_holds(self):
        for candidate in "abc":
            add_trial(candidate)

        proof = ledger_proof()
        assert (proof.ok, proof.entries) == (True, 3)

    def test_an_empty_one_holds(self):
        assert ledger_proof().ok

    @pytest.mark.parametrize(
        ("change", "seq"),
        [
            ("UPDATE ledger_entries SET n_trials = 0 WHERE seq = 2", 2),
            ("UPDATE ledger_entries SET sharpe_max = 0.5 WHERE seq = 1", 1),
            ("UPDATE ledger_entries SET created_at = '2020-01-01' WHERE seq = 3", 3),
            ("DELETE FROM ledger_entries WHERE seq = 2", 3),
            ("DELETE FROM ledger_entries WHERE seq = 3", None),
        ],
    )
    def test_what_is_done_behind_its_back_is_found(self, change, seq):
        first = add_trial("a").seq
        for candidate in "bc":
            add_trial(candidate)
        place = first - 1
        if " seq = " in change:
            words, _, number = change.rpartition(" ")
            change = f"{words} {int(number) + place}"
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA defer_foreign_keys = ON")
            cursor.execute(change)

        proof = ledger_proof()

        assert not proof.ok
        assert proof.seq == (None if seq is None else seq + place)
        with connection.cursor() as cursor:  # the sample would dangle
            cursor.execute("DELETE FROM ledger_samples")

    @pytest.mark.parametrize(
        "attempt",
        [
            lambda entry: entry.save(),
            lambda entry: entry.delete(),
            lambda entry: LedgerEntry.objects.update(n_trials=0),
            lambda entry: LedgerEntry.objects.all().delete(),
        ],
    )
    def test_an_entry_is_neither_changed_nor_deleted(self, attempt):
        entry = add_trial("a")

        with pytest.raises(AppendOnlyError):
            attempt(entry)
