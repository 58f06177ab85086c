"""No Sharpe walks alone: every form carries its error and its trials."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.template import Context, Template

from experiments.templatetags.honesty import (
    luck_of,
    mini_of,
    ruler_of,
    verdict_of,
)

TEMPLATES = Path(settings.BASE_DIR) / "templates"
BENCHMARK = {"cagr": 0.036, "total_return": 1.04, "max_drawdown": -0.568}


KNOWN = {
    "pool": "a" * 64,
    "n_trials": 126,
    "n_effective": 6.0,
    "n_effective_is_least": False,
    "sharpe_se": 0.2301,
    "sharpe_spread": 0.111,
    "expected_max_sharpe": 0.29,
    "psr": 0.99,
    "dsr": 0.88,
    "dsr_effective": 0.95,
    "min_track_record_years": 38.2,
    "pbo": None,
}
UNKNOWN = {"sharpe_se": 0.2301, "n_trials": 126, "expected_max_sharpe": None}


def document(
    *, metrics: dict[str, Any] | None = None, honesty: Any = "known", **fields: Any
) -> dict[str, Any]:
    """Return the document of a run as far as the tags read it."""
    numbers = {
        "sharpe": 0.5512,
        "cagr": 0.0563,
        "total_return": 1.9484,
        "max_drawdown": -0.167,
        "exposure": 0.663,
        "n_bars": 5031,
    }
    if honesty == "known":
        honesty = KNOWN
    return {
        "metrics": numbers | (metrics or {}),
        "flags": {},
        "honesty": honesty,
        "ppy": 252.0,
        "manifest_sha": "m" * 64,
        "data_fingerprint": "3f9c51e8" + "0" * 56,
        "links": {"page": "/model-lab/runs/1"},
        "config": {
            "benchmark": "buy_and_hold",
            "strategy": {"name": "sma_cross"},
            "execution": {"execution_lag": 1},
        },
    } | fields


NO_SHARPE = document(
    metrics={"sharpe": None}, honesty=None, flags={"sharpe": "zero_vol"}
)


def drawn(tag: str, run: dict[str, Any], **context: Any) -> str:
    source = f"{{% load honesty %}}{{% {tag} %}}"
    html = Template(source).render(Context({"run": run} | context))
    return " ".join(html.split())


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


class TestForms:
    def test_a_cell_says_the_number_and_its_title_the_doubt(self):
        html = drawn("sharpe_cell run", document())

        assert text_of(html) == "0.55"
        assert "plus or minus 0.23. 126 trials on this data so far." in html
        assert "The best by luck is 0.29. DSR 0.88." in html

    def test_a_sentence_carries_error_trials_and_the_unknown_luck(self):
        html = drawn("sharpe_inline run", document(honesty=UNKNOWN))

        assert text_of(html) == "0.55 ± 0.23 · 126 trials · best by luck –"

    def test_one_trial_is_one_trial(self):
        run = document(honesty={"sharpe_se": 0.2, "n_trials": 1})

        assert "1 trial ·" in text_of(drawn("sharpe_inline run", run))

    @pytest.mark.parametrize("tag", ["sharpe_cell run", "sharpe_inline run"])
    def test_no_sharpe_is_a_dash_with_its_reason(self, tag):
        html = drawn(tag, NO_SHARPE)

        assert text_of(html) == "–"
        assert "The returns did not vary" in html

    def test_what_is_known_of_luck_is_said(self):
        known = {"sharpe_se": 0.23, "n_trials": 126, "expected_max_sharpe": 0.29}
        run = document(honesty=known | {"dsr": 0.88})

        text = text_of(drawn("sharpe_inline run", run))

        assert text == "0.55 ± 0.23 · 126 trials · best by luck 0.29 · DSR 0.88"


class TestMini:
    def test_it_is_a_dash_while_the_best_by_luck_is_unknown(self):
        html = drawn("luck_mini run", document(honesty=UNKNOWN))

        assert text_of(html) == "–"
        assert "<svg" not in html

    def test_the_grey_ends_at_28_of_70_whatever_the_data(self):
        known = {"sharpe_se": 0.25, "n_trials": 9, "expected_max_sharpe": 0.5}
        mini = mini_of(luck_of(document(metrics={"sharpe": 1.0}, honesty=known)))

        # 3 + 28 · 1/0.5 = 59; the ends at 28 · 0.75/0.5 = 42 and 28 · 1.25/0.5 = 70
        assert (mini.dot, mini.low, mini.high) == ("59.0", "45.0", "73.0")

    def test_it_is_clipped_to_its_axis(self):
        known = {"sharpe_se": 1.0, "n_trials": 9, "expected_max_sharpe": 0.1}
        mini = mini_of(luck_of(document(metrics={"sharpe": -0.2}, honesty=known)))

        # 28 · −0.2/0.1 and 28 · −1.2/0.1 lie left of 0, 28 · 0.8/0.1 = 224 beyond 70
        assert (mini.dot, mini.low, mini.high) == ("3.0", "3.0", "73.0")


class TestRuler:
    def test_places_are_linear_on_an_axis_that_holds_zero(self):
        run = document(metrics={"sharpe": 0.5}, honesty=UNKNOWN)
        ruler = ruler_of(luck_of(run))

        # Labels 0 … 0.75 in steps of 0.25: 0.5 ± 0.2301 needs 0.7301, and eight steps
        # of 0.1 are two too many. 16 + 308 · 0.5/0.75 = 221.3
        assert [tick.label for tick in ruler.ticks] == ["0.00", "0.25", "0.50", "0.75"]
        assert ruler.dot == "221.3"
        assert ruler.low == "126.8"  # 16 + 308 · 0.2699/0.75
        assert ruler.high == "315.8"  # 16 + 308 · 0.7301/0.75
        assert [tick.is_zero for tick in ruler.ticks] == [True, False, False, False]

    @pytest.mark.parametrize("sharpe", [-40.0, -1.1, -0.01, 0.0, 0.3, 3.0, 250.0])
    def test_everything_stays_on_the_axis(self, sharpe):
        ruler = ruler_of(luck_of(document(metrics={"sharpe": sharpe})))

        marks = [ruler.best.x, ruler.needed.x]
        places = [ruler.low, ruler.dot, ruler.high, *marks]
        places += [tick.x for tick in ruler.ticks]
        assert all(16.0 <= float(place) <= 324.0 for place in places)
        assert 2 <= len(ruler.ticks) <= 9


class TestBlock:
    def test_it_says_all_that_is_known(self):
        html = drawn("honesty_block run", document())
        text = text_of(html)

        assert "0.55 Sharpe, ± 0.23" in text
        assert "Trials on this data ( effective 6) 126" in text
        assert "Expected best Sharpe without skill 0.29" in text
        assert "wanted 0.95 0.88" in text
        assert "DSR with effective trials 0.95" in text
        assert "Sharpe that would meet it 0.67" in text  # 0.29 + 1.645 · 0.2301
        assert "Years needed at this Sharpe (has 20) 38" in text
        assert "could be luck" in text
        assert "best by luck 0.29" in text
        assert "luck-hill" in html

    @pytest.mark.parametrize(
        ("dsr", "words"),
        [
            (0.96, "unlikely to be luck alone"),
            (0.95, "unlikely to be luck alone"),
            (0.93, "hard to explain by luck"),
            (0.5, "could be luck"),
            (0.2, "weaker than luck"),
            (0.0, "weaker than luck"),
        ],
    )
    def test_its_words_follow_the_deflated_ratio(self, dsr, words):
        run = document(honesty=KNOWN | {"dsr": dsr})

        assert words in drawn("honesty_block run", run)

    def test_it_invents_no_number(self):
        html = drawn("honesty_block run", document(honesty=UNKNOWN))
        text = text_of(html)

        assert "0.55 Sharpe, ± 0.23" in text
        assert "Trials on this data 126" in text
        assert "Expected best Sharpe without skill –" in text
        assert "wanted 0.95 –" in text
        assert 'stroke-dasharray="2.4 2.2"' in html
        assert "not tested yet" in text
        assert "luck-hill" not in html

    def test_without_a_sharpe_it_says_why(self):
        html = drawn("honesty_block run", NO_SHARPE)

        assert "The returns did not vary" in html
        assert "luck-ruler" not in html


class TestVerdict:
    def test_it_contains_the_doubt(self):
        html = drawn("verdict run benchmark", document(), benchmark=BENCHMARK)

        assert text_of(html) == (
            "In this sample the rule earned 5.6% a year with a worst fall of 16.7% , "
            "against 3.6% and 56.8% for buy and hold. After 126 trials on this data "
            "that is hard to tell from luck : a deflated Sharpe of 0.88, where 0.95 is "
            "the bar."
        )

    @pytest.mark.parametrize(
        ("sharpe", "dsr", "doubt"),
        [
            (0.9, 0.95, "rare"),
            (0.9, 0.94, "unclear"),
            (0.9, 0.49, "luck"),
            (0.0, 0.3, "none"),
            (-1.0, 0.1, "none"),
            (None, None, "unknown"),
            (0.9, None, "unknown"),
        ],
    )
    def test_its_words_follow_the_deflated_ratio(self, sharpe, dsr, doubt):
        run = document(metrics={"sharpe": sharpe}, honesty=KNOWN | {"dsr": dsr})

        assert verdict_of(run, BENCHMARK).doubt == doubt

    def test_a_loss_is_called_one(self):
        run = document(metrics={"cagr": -0.196})
        html = drawn("verdict run benchmark", run, benchmark=BENCHMARK)

        assert "the rule lost 19.6% a year" in text_of(html)

    def test_a_sample_of_less_than_a_year_is_not_annualised(self):
        run = document(metrics={"n_bars": 252, "cagr": 9.9, "total_return": 0.1})
        text = text_of(drawn("verdict run benchmark", run, benchmark=BENCHMARK))

        assert "earned 10.0% with" in text
        assert "a year" not in text

    def test_a_benchmark_is_not_held_against_itself(self):
        run = document()
        run["config"]["strategy"]["name"] = "buy_and_hold"

        assert verdict_of(run, BENCHMARK).other == ""
        assert verdict_of(document(), {}).other == ""

    def test_no_position_is_no_result(self):
        run = NO_SHARPE | {"metrics": NO_SHARPE["metrics"] | {"exposure": 0.0}}
        text = text_of(drawn("verdict run benchmark", run, benchmark=BENCHMARK))

        assert "never took a position" in text
        assert "earned 5.6%" not in text


ACCOUNTING = {"ok": True, "max_error": 1.3e-13, "n_fills": 30}


class TestSeal:
    def states(self, html: str) -> list[str]:
        return re.findall(r'data-state="(\w+)"', html)

    def test_what_was_not_tested_says_so(self):
        html = drawn("seal run accounting", document(), accounting=ACCOUNTING)
        text = text_of(html)

        assert self.states(html) == ["untested", "untested", "pass", "fact", "fact"]
        assert "By construction, an order is filled 1 bar after its signal." in text
        assert "30 fills add up to a billionth" in text
        assert "1.3e-13" in html
        assert "Trials 126" in text
        assert "Data 3f9c 51e8" in text
        assert "5,031 bars" in text

    def test_a_failed_check_is_red(self):
        off = {"ok": False, "max_error": 0.5, "n_fills": 3}
        html = drawn("seal run accounting", document(), accounting=off)

        assert self.states(html)[2] == "fail"

    def test_without_a_check_nothing_is_claimed(self):
        html = drawn("seal run accounting", document(), accounting=None)

        assert self.states(html)[2] == "untested"


# What shows each Sharpe ratio with its band of error, or only that band, or beside that
# of the whole, which carries its doubt.
WITH_A_BAND = {
    "experiments/generate_kept.html",
    "experiments/generate_one.html",
    "experiments/strategy_parts.html",
    "experiments/_chart_rolling.html",
    "experiments/_pipeline_result.html",
    "experiments/validation_sentence.html",
}
BARE_SHARPE = re.compile(
    r"\{\{[^}]*\b(sharpe|sharpe_bar|latest_sharpe)\b[^}]*\}\}", re.IGNORECASE
)


def bare_sharpes(source: str) -> list[str]:
    return [match[0] for match in BARE_SHARPE.finditer(source)]


def test_no_template_prints_a_sharpe_but_through_the_tags():
    tags = {
        f"components/{name}.html" for name in ("honesty", "luck_ruler", "sharpe")
    } | {"components/seal.html"}
    found = {}
    for page in TEMPLATES.rglob("*.html"):
        name = page.relative_to(TEMPLATES).as_posix()
        if name not in tags | WITH_A_BAND and (bare := bare_sharpes(page.read_text())):
            found[name] = bare

    assert found == {}


@pytest.mark.parametrize(
    "source",
    [
        "{{ run.metrics.sharpe|ratio }}",
        "{{ year.sharpe }}",
        "{{ job.latest_sharpe }}",
        "<b>{{ experiment.best_run.metrics.sharpe_bar|ratio:4 }}</b>",
    ],
)
def test_the_rule_finds_a_bare_sharpe(source):
    assert len(bare_sharpes(source)) == 1


def test_the_tags_are_not_found():
    assert bare_sharpes("{% sharpe_cell run %} {% sharpe_inline run.best %}") == []
