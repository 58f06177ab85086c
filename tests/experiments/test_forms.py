"""Forms: they start a run or say at which field they cannot, with or without script."""

from __future__ import annotations

import re
from html import unescape

import pytest

from experiments.models import ModelExperiment, ModelRun
from jobs.models import Job, JobStatus
from tests.experiments.rows import add_trial, plain_experiment
from tests.factories import make_run

pytestmark = pytest.mark.django_db

MAX_QUERIES = 12
PLAIN = "/backtesting"
NEW = "/model-lab/new"
# What the browser sends for the plain form as it is shown first, on other data.
SENT = {
    "strategy": "sma_cross",
    "shown_strategy": "sma_cross",
    "param_fast": "5",
    "param_slow": "20",
    "param_direction": "long",
    "provider": "synthetic",
    "shown_provider": "synthetic",
    "symbol": "SYN-gbm-1",
    "timeframe": "1d",
    "start": "",
    "end": "2012-12-31",
    "commission_bps": "5",
    "slippage_bps": "2.5",
    "borrow_bps": "0",
    "fraction": "0.5",
    "name": "",
    "notes": "",
}
QUESTION = SENT | {
    "name": "Trend",
    "cause": "Large falls are slow.",
    "effect": "Half the drawdown.",
    "metric": "max_drawdown",
    "threshold": "-0.3",
    "planned_trials": "12",
    "tags": "trend, index, trend",
}


def send(client, address: str, *, live: bool = False, region: bool = False, **changes):
    base = QUESTION if address == NEW else SENT
    headers = {"HX-Request": "true", "HX-Target": "run-form"} if region else {}
    address += "?validate=1" if live else ""
    return client.post(address, base | changes, headers=headers)


def errors_in(html: str) -> dict[str, str]:
    """Return what stands beside each field."""
    found = re.findall(r'(?s)id="id_(\w+)_error">.*?</svg>(.*?)</span>', html)
    return {field: unescape(text) for field, text in found}


def value_of(html: str, field: str) -> str:
    [tag] = re.findall(rf'<input[^>]*name="{field}"[^>]*>', html)
    [value] = re.findall(r'value="([^"]*)"', tag) or [""]
    return value


class TestFields:
    def test_parameters_come_from_the_library(self, client):
        html = client.get(PLAIN).content.decode()

        [fast] = re.findall(r'<input[^>]*name="param_fast"[^>]*>', html)
        assert 'value="20"' in fast
        assert 'min="1"' in fast
        assert 'max="5000"' in fast
        assert 'step="1"' in fast
        assert "Length of the fast mean. From 1 to 5000, default 20." in html
        assert '<span class="with-unit">' in html
        assert "<span>bars</span>" in html
        assert "It needs fast &lt; slow." in html
        assert re.search(r'<select name="param_direction"', html)

    def test_built_in_symbols_are_a_choice_others_a_text(self, client):
        built_in = client.get(PLAIN).content.decode()
        synthetic = client.get(f"{PLAIN}?provider=synthetic").content.decode()

        assert re.search(r'(?s)<select name="symbol".*?SP500.*?NASDAQ', built_in)
        assert value_of(synthetic, "symbol") == "SYN-gbm-1"
        assert 'list="symbols"' in synthetic
        assert '<option value="SYN-trend-1">' in synthetic

    def test_the_range_of_the_data_is_told_and_held(self, client):
        html = client.get(PLAIN).content.decode()

        assert "The first bar is 1999-01-04." in html
        assert "The last bar is 2018-12-31." in html
        [start] = re.findall(r'<input[^>]*name="start"[^>]*>', html)
        assert 'type="date"' in start
        assert 'min="1999-01-04"' in start
        assert 'max="2018-12-31"' in start

    def test_meanings_are_told_in_plain_words_too(self, client):
        client.cookies["view"] = "novice"

        html = client.get(PLAIN).content.decode()

        assert "Hold while the recent average price is above" in html

    def test_a_strategy_in_the_address_brings_its_fields(self, client):
        html = client.get(f"{PLAIN}?strategy=rsi_reversion").content.decode()

        assert value_of(html, "param_lower") == "30"
        assert "param_fast" not in html

    def test_every_field_has_a_label_and_its_hint(self, client):
        html = client.get(NEW).content.decode()
        ids = re.findall(
            r'<(?:input(?! type="hidden")|select|textarea)[^>]* id="([^"]+)"', html
        )

        assert len(ids) > 15
        for one in ids:
            assert f'<label for="{one}"' in html, one
        hinted = re.findall(r'aria-describedby="([^"]+)"', html)
        for one in " ".join(hinted).split():
            assert f'id="{one}"' in html, one


class TestChoosing:
    def test_another_strategy_swaps_the_fields_of_the_region(self, client):
        answer = send(client, PLAIN, live=True, region=True, strategy="donchian")
        html = answer.content.decode()

        assert answer.status_code == 200
        assert value_of(html, "param_entry") == "20"
        assert "param_fast" not in html
        assert "<html" not in html
        assert value_of(html, "slippage_bps") == "2.5"  # what was typed stays

    def test_without_script_a_button_does_the_same(self, client):
        answer = send(client, PLAIN, choose="1", strategy="macd")
        html = answer.content.decode()

        assert answer.status_code == 200
        assert "<html" in html
        assert value_of(html, "param_signal") == "9"
        assert value_of(html, "fraction") == "0.5"
        assert errors_in(html) == {}
        assert not ModelRun.objects.exists()

    def test_a_form_whose_fields_nobody_saw_is_not_run(self, client):
        answer = send(client, PLAIN, strategy="rsi_reversion")
        html = answer.content.decode()

        assert answer.status_code == 422
        assert "Look at them" in errors_in(html)["strategy"]
        assert value_of(html, "param_period") == "14"
        assert not ModelRun.objects.exists()

    def test_another_source_brings_its_own_symbol_and_dates(self, client):
        answer = send(client, PLAIN, live=True, region=True, provider="builtin")
        html = answer.content.decode()

        assert answer.status_code == 200
        assert '<option value="SP500" selected>' in html
        assert value_of(html, "end") == ""


# What issue 2 lists as bad input: change -> field, words.
BAD = [
    ({"strategy": "sma_cros", "shown_strategy": "sma_cros"}, "strategy", "Did you"),
    ({"param_fast": "50"}, "param_fast", "needs fast < slow"),
    ({"param_fast": "0"}, "param_fast", "outside 1 to 5000"),
    ({"param_fast": "nan"}, "param_fast", "number"),
    ({"param_fast": "many"}, "param_fast", "not a number"),
    ({"param_fast": "2.5"}, "param_fast", "not a whole number"),
    ({"param_fast": ""}, "param_fast", "A value is needed."),
    ({"param_direction": "short"}, "param_direction", "no choice"),
    ({"symbol": "SYN-gmb-1"}, "symbol", "Did you mean 'SYN-gbm-1'?"),
    ({"symbol": "../etc/passwd"}, "symbol", "cannot be a symbol"),
    ({"provider": "files", "shown_provider": "files"}, "symbol", "'synthetic' has it"),
    ({"provider": "yaho", "shown_provider": "yaho"}, "provider", "no provider"),
    ({"timeframe": "2d"}, "timeframe", "no timeframe"),
    ({"start": "2001-01-01"}, "start", "The first bar is 2010-01-04"),
    ({"start": "2012-06-01", "end": "2011-01-01"}, "end", "before the start"),
    ({"start": "yesterday"}, "start", "not a date"),
    ({"start": "2012-12-20"}, "start", "needs at least"),
    ({"commission_bps": "-1"}, "commission_bps", "must be at least 0"),
    ({"slippage_bps": "nan"}, "slippage_bps", "finite"),
    ({"slippage_bps": "inf"}, "slippage_bps", "finite"),
    ({"borrow_bps": "free"}, "borrow_bps", "must be a number"),
    ({"fraction": "1.5"}, "fraction", "outside 0.001 to 1.0"),
    ({"name": "x" * 201}, "name", "at most 200"),
]


class TestRefusals:
    @pytest.mark.parametrize(("changes", "field", "words"), BAD)
    def test_bad_input_is_told_at_its_field(self, client, changes, field, words):
        answer = send(client, PLAIN, **changes)
        html = answer.content.decode()

        assert answer.status_code == 422
        assert words in errors_in(html)[field]
        assert '<div class="error-summary" role="alert" tabindex="-1">' in html
        assert f'href="#id_{field}"' in html
        assert re.search(
            rf'id="id_{field}"[^>]*aria-invalid="true"|'
            rf'aria-invalid="true"[^>]*id="id_{field}"',
            html,
        )
        assert not ModelRun.objects.exists()
        assert not Job.objects.exists()

    @pytest.mark.parametrize(
        ("changes", "field", "words"),
        [case for case in BAD if case[1] not in ("fraction", "name")],
    )
    def test_an_experiment_is_refused_in_the_same_words(
        self, client, changes, field, words
    ):
        html = send(client, NEW, **changes).content.decode()

        assert words in errors_in(html)[field]
        assert not ModelExperiment.objects.exists()

    def test_several_problems_are_told_at_once(self, client):
        html = send(client, PLAIN, param_fast="0", symbol="", timeframe="2d").content

        assert {"param_fast", "symbol", "timeframe"} <= errors_in(html.decode()).keys()

    def test_the_summary_follows_the_form_from_above(self, client):
        html = send(client, NEW, name="", param_fast="50", effect="").content.decode()

        linked = re.findall(r'<a href="#id_(\w+)">', html)
        assert linked == ["name", "effect", "param_fast"]

    def test_a_parameter_that_is_none_is_told_above_the_form(self, client):
        answer = send(client, PLAIN, param_fsat="3")

        assert answer.status_code == 422
        assert "Did you mean &#x27;fast&#x27;?" in answer.content.decode()

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            ("", "not a readable"),
            ("date,open,high,low,close\n1,2\n,,,,,,\n", "readable"),
            ("date,open\n2020-01-01,1\n", "close"),
        ],
    )
    def test_a_file_that_cannot_be_read_is_told_at_the_symbol(
        self, client, tmp_path, monkeypatch, content, words
    ):
        monkeypatch.setenv("QUANT_DATA_ROOT", str(tmp_path))
        (tmp_path / "1d").mkdir()
        (tmp_path / "1d" / "MINE.csv").write_text(content)

        answer = send(
            client,
            PLAIN,
            provider="files",
            shown_provider="files",
            symbol="MINE",
            end="",
        )

        assert answer.status_code == 422
        assert words in errors_in(answer.content.decode())["symbol"]

    def test_a_huge_body_is_refused_before_it_is_read(self, client):
        answer = send(client, PLAIN, notes="x" * 10_000_000)

        assert answer.status_code == 413
        assert not ModelRun.objects.exists()

    def test_what_is_written_is_shown_as_text(self, client):
        html = send(client, PLAIN, name="<b>x</b>", param_fast="50").content

        assert b"<b>x</b>" not in html
        assert b"&lt;b&gt;x&lt;/b&gt;" in html

    def test_htmx_gets_the_region_with_the_summary(self, client):
        answer = send(client, PLAIN, region=True, param_fast="50")

        assert answer.status_code == 422
        assert b"<html" not in answer.content
        assert b'id="run-form"' in answer.content
        assert b"error-summary" in answer.content


class TestLive:
    def test_errors_appear_without_taking_the_focus(self, client):
        answer = send(client, PLAIN, live=True, region=True, param_fast="50")
        html = answer.content.decode()

        assert answer.status_code == 200  # asked, not submitted
        assert "needs fast < slow" in errors_in(html)["param_fast"]
        assert "error-summary" not in html
        assert "<h1" not in html

    def test_what_is_still_empty_is_no_mistake_yet(self, client):
        answer = send(client, NEW, live=True, region=True, name="", param_slow="30")

        assert answer.status_code == 200
        assert errors_in(answer.content.decode()) == {}

    def test_it_starts_nothing(self, client):
        answer = send(client, PLAIN, live=True, region=True)

        assert answer.status_code == 200
        assert not ModelRun.objects.exists()


class TestPlan:
    def test_it_tells_the_trials_before_and_after(self, client):
        for candidate in "ab":
            add_trial(
                candidate, instruments=("synthetic:SYN-gbm-1",), window=(0, 2**45)
            )

        html = send(client, PLAIN, live=True, region=True).content.decode()

        facts = dict(re.findall(r"<dt>([^<]*)</dt><dd>([^<]*)</dd>", html))
        assert facts["Trials on this data, now"] == "2"
        assert facts["Trials after it"] == "2"
        assert "These data are made up, so no trial is counted." in html

    def test_an_identical_run_is_named_before_the_launch(self, client):
        send(client, PLAIN, name="The first")

        html = send(client, PLAIN, live=True, region=True).content.decode()

        assert "There is a run with these settings" in html
        assert "The first" in html

    def test_a_form_that_cannot_be_run_has_no_plan(self, client):
        html = send(client, PLAIN, live=True, region=True, param_fast="50").content

        assert b"as soon as the settings can be run" in html


class TestRuns:
    def test_the_plain_form_queues_what_was_asked_for(self, client):
        answer = send(client, PLAIN, name="Half in", notes="Why not")
        run = ModelRun.objects.get()

        assert answer.status_code == 302
        assert answer["Location"] == f"/model-lab/runs/{run.pk}"
        assert (run.name, run.notes, run.experiment) == ("Half in", "Why not", None)
        config = run.config
        assert config["strategy"] == {
            "name": "sma_cross",
            "params": {"fast": 5, "slow": 20, "direction": "long"},
        }
        assert config["execution"]["slippage_bps"] == 2.5
        assert config["risk"]["params"] == {"fraction": 0.5}
        assert config["symbol"] == "SYN-gbm-1"
        assert run.status == JobStatus.QUEUED

    def test_htmx_is_led_to_the_run(self, client):
        answer = send(client, PLAIN, region=True)

        run = ModelRun.objects.get()
        assert answer["HX-Redirect"] == f"/model-lab/runs/{run.pk}"

    def test_the_same_again_opens_the_run_there_is(self, client):
        first = send(client, PLAIN)
        again = send(client, PLAIN)
        forced = send(client, PLAIN, force="on")

        assert again["Location"] == first["Location"]
        assert forced["Location"] != first["Location"]

    def test_a_run_of_an_experiment_starts_from_its_setting(self, client):
        experiment = plain_experiment(cost_model={"commission_bps": 7})
        address = f"/model-lab/experiments/{experiment.pk}/runs/new"
        html = client.get(address).content.decode()
        assert value_of(html, "param_fast") == "5"
        assert value_of(html, "commission_bps") == "7"

        send(client, address, param_fast="9")

        run = ModelRun.objects.get()
        assert run.experiment == experiment
        assert run.config["strategy"]["params"]["fast"] == 9

    def test_a_missing_experiment_or_run_is_a_404(self, client):
        nobody = "00000000-0000-4000-8000-000000000000"

        for address in (f"experiments/{nobody}/runs/new", f"runs/{nobody}/rerun"):
            assert client.get(f"/model-lab/{address}").status_code == 404


class TestRerun:
    def test_it_is_filled_with_the_settings_of_the_run(self, client):
        run = make_run(name="Old")
        html = client.get(f"/model-lab/runs/{run.pk}/rerun").content.decode()

        assert value_of(html, "param_fast") == "5"
        assert value_of(html, "end") == "2012-12-31"
        assert value_of(html, "name") == ""
        assert "Nothing is changed so far." in html

    def test_the_difference_is_shown_before_the_launch(self, client):
        run = make_run()
        address = f"/model-lab/runs/{run.pk}/rerun"

        html = send(
            client,
            address,
            live=True,
            region=True,
            param_fast="7",
            slippage_bps="5",
            fraction="1",
        ).content.decode()

        assert re.findall(r"<(?:del|ins)>([^<]*)<", html) == ["5", "7"]

    def test_it_runs_with_the_changes(self, client):
        experiment = plain_experiment()
        run = make_run(name="Old", experiment=experiment)

        send(client, f"/model-lab/runs/{run.pk}/rerun", param_fast="7", name="New")

        new = ModelRun.objects.exclude(pk=run.pk).get()
        assert (new.name, new.experiment) == ("New", experiment)
        assert new.config["strategy"]["params"]["fast"] == 7

    def test_settings_without_a_field_stay(self, client):
        run = make_run(changes={"initial_cash": 5000, "seed": 3})

        send(client, f"/model-lab/runs/{run.pk}/rerun", param_fast="7")

        new = ModelRun.objects.exclude(pk=run.pk).get()
        assert (new.config["initial_cash"], new.seed) == (5000, 3)


class TestExperiment:
    def test_a_question_is_kept_and_nothing_runs(self, client):
        answer = send(client, NEW)
        experiment = ModelExperiment.objects.get()

        assert answer["Location"] == f"/model-lab/experiments/{experiment.pk}"
        assert experiment.hypothesis == {
            "cause": "Large falls are slow.",
            "effect": "Half the drawdown.",
            "metric": "max_drawdown",
            "threshold": -0.3,
            "planned_trials": 12,
        }
        assert experiment.tags == ["trend", "index"]
        assert experiment.universe == ["SYN-gbm-1"]
        assert experiment.params["fast"] == 5
        assert experiment.cost_model["slippage_bps"] == 2.5
        assert not ModelRun.objects.exists()

    def test_a_hypothesis_may_be_left_out_as_a_whole(self, client):
        send(client, NEW, cause="", effect="", threshold="", planned_trials="")

        assert ModelExperiment.objects.get().hypothesis is None

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"cause": ""}, "cause"),
            ({"effect": ""}, "effect"),
            ({"cause": "", "effect": ""}, "effect"),
            ({"threshold": "much"}, "threshold"),
            ({"threshold": "nan"}, "threshold"),
            ({"planned_trials": "0"}, "planned_trials"),
            ({"metric": "sharp"}, "metric"),
            ({"name": ""}, "name"),
        ],
    )
    def test_half_a_hypothesis_is_told_at_its_field(self, client, changes, field):
        answer = send(client, NEW, **changes)

        assert answer.status_code == 422
        assert field in errors_in(answer.content.decode())
        assert not ModelExperiment.objects.exists()


class TestCost:
    @pytest.mark.parametrize("n_runs", [1, 4])
    def test_a_form_asks_little_however_many_runs_there_are(
        self, client, django_assert_max_num_queries, n_runs
    ):
        for fast in range(n_runs):
            make_run(changes={"strategy": {"params": {"fast": 2 + fast}}})
        experiment = plain_experiment()

        for address in (PLAIN, NEW, f"/model-lab/experiments/{experiment.pk}/runs/new"):
            with django_assert_max_num_queries(MAX_QUERIES):
                client.get(address)
        with django_assert_max_num_queries(MAX_QUERIES):
            send(client, PLAIN, live=True, region=True)
