"""Comparing results: starts, returns, settings and obstacles worked by hand."""

import numpy as np
import pytest

from strategies.compare import (
    FEWEST_RETURNS,
    Curve,
    Subject,
    aligned,
    config_diff,
    correlated,
    obstacles,
)
from strategies.errors import StrategyError

DAY = 86_400_000
HOUR = DAY // 24
MONDAY = 4 * DAY  # 1970-01-05


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def curve(equity, *, start=MONDAY, step=DAY, timeframe="1d", calendar="24/7"):
    ts = start + step * np.arange(len(equity), dtype=np.int64)
    return Curve(ts, np.asarray(equity, dtype=float), timeframe, calendar)


def grown(returns, **where):
    return curve(np.concatenate([[100.0], 100.0 * np.cumprod(1.0 + returns)]), **where)


class TestAligned:
    def test_curves_begin_at_the_first_stamp_that_all_have(self):
        long = curve([100, 110, 121, 242])
        late = curve([50, 60, 30], start=MONDAY + DAY)

        one, other = aligned([long, late])

        assert one.ts.tolist() == other.ts.tolist() == late.ts.tolist()
        assert one.value.tolist() == pytest.approx([1.0, 1.1, 2.2])
        assert other.value.tolist() == [1.0, 1.2, 0.6]

    def test_they_end_where_the_first_of_them_ends(self):
        one, other = aligned([curve([1, 2, 4, 8]), curve([5, 10])])

        assert one.value.tolist() == other.value.tolist() == [1.0, 2.0]

    def test_a_gap_in_one_moves_the_start_of_all(self):
        # 24/7 begins on a Saturday; the exchange has its next bar on Monday.
        always = curve([10, 20, 40, 80], start=MONDAY - 2 * DAY)
        ts = np.array([MONDAY - 3 * DAY, MONDAY, MONDAY + DAY])
        weekdays = Curve(ts, np.array([1.0, 2.0, 3.0]), "1d", "XNYS")

        one, other = aligned([always, weekdays])

        assert one.ts[0] == other.ts[0] == MONDAY
        assert one.value.tolist() == [1.0, 2.0]
        assert other.value.tolist() == [1.0, 1.5]

    def test_bars_of_different_length_begin_once_all_are_known(self):
        # The first day is known at its midnight, when 24 hours are.
        days = curve([100, 200, 300])
        hours = curve(np.arange(1.0, 61.0), start=MONDAY, step=HOUR, timeframe="1h")

        one, other = aligned([days, hours])

        assert one.ts[0] == MONDAY
        assert other.ts[0] == MONDAY + 23 * HOUR
        assert one.value.tolist() == [1.0, 2.0]  # the third day is not over
        assert other.value[0] == 1.0
        assert other.value[-1] == pytest.approx(60 / 24)

    def test_a_month_is_known_when_the_next_begins(self):
        february = np.array([31 * DAY], dtype=np.int64)  # 1970-02-01
        ts = np.concatenate([[0], february, [59 * DAY]])  # January to March
        months = Curve(ts, np.array([1.0, 2.0, 4.0]), "1mo", "24/7")
        days = curve(np.arange(1.0, 91.0), start=0)

        one, other = aligned([months, days])

        assert one.value.tolist() == [1.0, 2.0, 4.0]
        assert other.ts[0] == 30 * DAY  # the last day of January
        assert other.value[-1] == pytest.approx(90 / 31)

    def test_without_a_common_moment_there_are_no_curves(self):
        assert aligned([curve([1, 2]), curve([1, 2], start=MONDAY + 5 * DAY)]) == ()
        assert aligned([curve([1, 2]), curve([1, 2], start=MONDAY + 2 * DAY)]) == ()

    def test_one_common_stamp_is_no_curve(self):
        assert aligned([curve([1, 2]), curve([1, 2], start=MONDAY + DAY)]) == ()

    def test_what_stood_at_zero_by_then_is_unknown(self):
        ruined = curve([5, 0, 0, 0])
        one, other = aligned([ruined, curve([1, 2, 3], start=MONDAY + DAY)])

        assert np.isnan(one.value).all()
        assert other.value.tolist() == [1.0, 2.0, 3.0]

    def test_equity_that_is_none_is_refused(self):
        with pytest.raises(StrategyError, match=r"equity\[1\]"):
            aligned([curve([1, np.nan, 2]), curve([1, 2, 3])])

    def test_growth_is_that_of_the_curve_wherever_it_begins(self, rng):
        for _ in range(20):
            curves = [
                grown(
                    rng.normal(0, 0.01, rng.integers(30, 60)),
                    start=MONDAY + int(rng.integers(0, 20)) * DAY,
                )
                for _ in range(4)
            ]
            for line, whole in zip(aligned(curves), curves, strict=True):
                rows = np.searchsorted(whole.ts, line.ts)
                expected = whole.equity[rows] / whole.equity[rows[0]]
                assert line.value.tolist() == expected.tolist()


class TestCorrelated:
    @pytest.fixture
    def returns(self, rng):
        return rng.normal(0, 0.01, (3, 60))

    def test_it_is_that_of_the_returns_of_the_bars(self, returns):
        found = correlated([grown(one) for one in returns])

        assert found.period == "1d"
        assert found.n_returns.tolist() == [[60] * 3] * 3
        np.testing.assert_allclose(found.matrix, np.corrcoef(returns), atol=1e-10)

    def test_only_stamps_that_both_have_count(self, returns):
        one, other = grown(returns[0]), grown(returns[1])
        kept = np.delete(np.arange(61), [10, 11, 30])
        holed = Curve(other.ts[kept], other.equity[kept], "1d", "24/7")

        found = correlated([one, holed])

        both = [c.equity[kept] for c in (one, other)]
        expected = np.corrcoef([e[1:] / e[:-1] - 1.0 for e in both])[0, 1]
        assert found.matrix[0, 1] == pytest.approx(expected)
        assert found.n_returns[0, 1] == 57
        assert found.n_returns[0, 0] == 60

    def test_opposites_and_twins(self):
        steps = np.where(np.arange(40) % 2, 0.01, -0.01)
        found = correlated([grown(steps), grown(-steps), grown(steps)]).matrix

        assert found[0, 1] == pytest.approx(-1.0)
        assert found[0, 2] == pytest.approx(1.0)

    @pytest.mark.parametrize(("n", "is_known"), [(19, False), (20, True)])
    def test_few_returns_say_nothing(self, rng, n, is_known):
        assert FEWEST_RETURNS == 20
        curves = [grown(rng.normal(0, 0.01, n)) for _ in range(2)]

        found = correlated(curves)

        assert found.n_returns[0, 1] == n
        assert np.isfinite(found.matrix[0, 1]) == is_known

    def test_what_never_moved_correlates_with_nothing(self, returns):
        found = correlated([grown(returns[0]), curve([100.0] * 61)]).matrix

        assert found[0, 0] == pytest.approx(1.0)
        assert np.isnan(found[0, 1])
        assert np.isnan(found[1, 1])

    def test_hours_and_days_meet_at_the_ends_of_days(self, rng):
        hours = grown(rng.normal(0, 0.002, 24 * 40 - 1), step=HOUR, timeframe="1h")
        ends = hours.equity[23::24]
        days = curve(ends)  # the same account, marked once a day
        other = grown(rng.normal(0, 0.01, 39))

        found = correlated([hours, days, other])

        assert found.period == "1d"
        assert found.n_returns[0, 1] == 39
        assert found.matrix[0, 1] == pytest.approx(1.0)
        assert found.matrix[0, 2] == pytest.approx(found.matrix[1, 2])

    def test_calendars_meet_on_the_days_that_both_have(self, rng):
        always = grown(rng.normal(0, 0.01, 60))
        weekdays = np.flatnonzero((always.ts // DAY - 4) % 7 < 5)
        exchange = Curve(always.ts[weekdays], always.equity[weekdays], "1d", "XNYS")

        found = correlated([always, exchange])

        assert found.n_returns[0, 1] == len(weekdays) - 1
        assert found.matrix[0, 1] == pytest.approx(1.0)

    def test_weeks_and_days_meet_at_the_ends_of_weeks(self, rng):
        days = grown(rng.normal(0, 0.01, 7 * 30 - 1))
        weeks = curve(days.equity[6::7], step=7 * DAY, timeframe="1w")

        found = correlated([days, weeks])

        assert (found.period, found.n_returns[0, 1]) == ("1w", 29)
        assert found.matrix[0, 1] == pytest.approx(1.0)

    def test_months_and_days_meet_at_the_ends_of_months(self, rng):
        days = grown(rng.normal(0, 0.01, 1_000), start=0)
        months = days.ts.astype("datetime64[ms]").astype("datetime64[M]")
        last = np.flatnonzero(np.diff(months.astype(np.int64)) != 0)
        ts = months[last].astype("datetime64[ms]").astype(np.int64)
        monthly = Curve(ts, days.equity[last], "1mo", "24/7")

        found = correlated([days, monthly])

        assert (found.period, found.n_returns[0, 1]) == ("1mo", len(last) - 1)
        assert found.matrix[0, 1] == pytest.approx(1.0)

    def test_no_common_bar_is_no_correlation(self, returns):
        found = correlated([grown(returns[0]), grown(returns[1], start=MONDAY * 99)])

        assert np.isnan(found.matrix[0, 1])
        assert found.n_returns[0, 1] == 0

    def test_a_ruined_account_stands_still(self):
        falls = curve([100.0, *([50.0, 100.0] * 15), 0.0, 0.0, 0.0])
        found = correlated([falls, falls])

        assert found.matrix[0, 1] == pytest.approx(1.0)

    def test_the_matrix_is_symmetric_and_bounded(self, rng):
        found = correlated([grown(rng.normal(0, 0.01, 30)) for _ in range(20)]).matrix

        assert (found == found.T).all()
        assert np.abs(found).max() <= 1.0
        np.testing.assert_allclose(found.diagonal(), 1.0)

    def test_of_nothing_there_is_nothing(self):
        assert correlated([]).matrix.shape == (0, 0)


ONE = {"symbol": "X", "strategy": {"name": "sma", "params": {"fast": 5}}, "exits": {}}
OTHER = {
    "symbol": "X",
    "strategy": {"name": "sma", "params": {"fast": 9}},
    "exits": {"stop_loss": 0.1},
}


class TestConfigDiff:
    def test_only_what_differs(self):
        found = [(one.path, one.values) for one in config_diff([ONE, OTHER, ONE])]

        assert found == [
            ("exits.stop_loss", (None, 0.1, None)),
            ("strategy.params.fast", (5, 9, 5)),
        ]

    def test_or_all_of_it(self):
        settings = config_diff([ONE, OTHER], changed_only=False)
        found = {one.path: one.differs for one in settings}

        assert found == {
            "exits.stop_loss": True,
            "strategy.name": False,
            "strategy.params.fast": True,
            "symbol": False,
        }

    def test_a_list_is_one_value(self):
        [one] = config_diff([{"universe": ["A", "B"]}, {"universe": ["A"]}])

        assert one.values == (["A", "B"], ["A"])

    def test_equal_configs_differ_in_nothing(self):
        assert config_diff([ONE, dict(ONE)]) == []


def subject(name, *, ppy=252.0, data="d", code="0.1.0", **changes):
    config = {
        "provider": "builtin",
        "symbol": "SP500",
        "timeframe": "1d",
        "start": 0,
        "end": 100 * DAY,
        "benchmark": "buy_and_hold",
        "initial_cash": 100_000.0,
        "execution": {"commission_bps": 5.0},
    }
    return Subject(
        name=name,
        config=config | changes,
        data_fingerprint=data,
        ppy=ppy,
        code_version=code,
    )


class TestObstacles:
    @pytest.mark.parametrize(
        ("changes", "codes"),
        [
            ({}, []),
            ({"execution": {"commission_bps": 50.0}}, []),  # what one compares
            ({"strategy": {"name": "macd"}}, []),
            ({"symbol": "NASDAQ", "data": "e"}, ["different_data"]),
            ({"provider": "files", "data": "e"}, ["different_data"]),
            ({"timeframe": "1h", "ppy": 1764.0}, ["different_timeframe"]),
            ({"start": DAY, "data": "e"}, ["different_dates"]),
            ({"benchmark": "none"}, ["different_benchmark"]),
            ({"initial_cash": 5.0}, ["different_cash"]),
            ({"code": "0.2.0"}, ["different_code"]),
            ({"ppy": 365.0}, ["different_calendar"]),
            ({"data": "e"}, ["changed_data"]),
        ],
    )
    def test_each_is_said_once(self, changes, codes):
        found = obstacles([subject("A"), subject("B", **changes), subject("C")])

        assert [one.code for one in found] == codes

    def test_the_sentence_names_who_is_where(self):
        [one] = obstacles([subject("A"), subject("B", symbol="DAX"), subject("C")])

        assert "SP500 from builtin (A, C), DAX from builtin (B)" in one.message

    def test_dates_are_said_as_dates(self):
        [one] = obstacles([subject("A"), subject("B", start=DAY, data="e")])

        assert "1970-01-01 to 1970-04-11 (A)" in one.message

    def test_many_groups_are_counted(self):
        many = [subject(str(i), symbol=f"S{i}") for i in range(9)]

        [one] = obstacles(many)

        assert "different data: 9 kinds." in one.message

    def test_nothing_is_no_obstacle(self):
        assert obstacles([]) == []
