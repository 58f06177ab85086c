"""Charts of a search for expressions: what they say, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.charts.generate import decay_figure, noise_figure
from experiments.charts.protocol import protocol_of
from experiments.charts.race import race_figure, race_of, race_rows
from experiments.charts.scores import scores_of
from tests.experiments.outcomes import FOUND, NOTHING


def test_both_histograms_stand_on_the_same_bins_with_the_honest_bar():
    figure = noise_figure(FOUND)

    assert figure.rows[2] == {"low": 1.0, "high": 2.0, "real": 8, "placebo": 5}
    assert (figure.facts["n_real"], figure.facts["n_placebo"]) == (60, 60)
    assert figure.facts["is_over"] is True
    assert noise_figure(NOTHING).facts["is_over"] is False
    marks = [layer["mark"]["style"] for layer in figure.spec["layer"]]
    assert marks == ["luck", "observed", "luck-line", "strategy"]
    without = NOTHING | {"bar": dict.fromkeys(NOTHING["bar"])}
    assert len(noise_figure(without).spec["layer"]) == 2
    empty = FOUND["histograms"] | {"real": [0, 0, 0, 0]}
    assert noise_figure(FOUND | {"histograms": empty}).empty


def test_what_was_kept_is_followed_from_span_to_span():
    figure = decay_figure(FOUND)

    assert figure.rows[1]["test"] == -0.2
    assert figure.facts["median"] == {
        "train": 2.1,
        "validation": 1.6,
        "test": pytest.approx(0.3),
    }
    assert figure.facts["n_positive"] == 1
    assert decay_figure(NOTHING).empty


def test_the_best_so_far_only_rises_and_luck_with_it():
    values = [0.5, float("nan"), -1.0, 1.5, 0.0]
    rows = race_rows(values)

    assert [row["n"] for row in rows] == [1, 2, 3, 4]  # a NaN is no trial
    assert [row["best"] for row in rows] == [0.5, 0.5, 1.5, 1.5]
    luck = [row["best_by_luck"] for row in rows]
    assert luck[0] == 0.0
    assert luck == sorted(luck)
    assert race_figure(values).facts["is_over"] is True  # 1.5 against about 1.1
    assert race_figure([1.0]).empty
    many = race_rows([0.1 * (i % 7) for i in range(5_000)])
    assert (len(many), many[-1]["n"]) == (300, 5_000)


def test_the_drawing_while_it_is_at_work_ends_where_the_search_is():
    # Luck reaches 0.52 spreads of 2.83: 1.47, which with air is the top, 1.54.
    race = race_of(race_rows([1.0, -3.0]), total=4)

    assert race.best == "M250.0 39.9H250.0V39.9H500.0V39.9"
    assert race.dots.endswith("M500.0 170.0h0")  # far below: at the edge
    assert race_of([], total=4) is None


def test_both_histograms_grow_on_the_same_bins():
    nothing = np.empty(0)
    scores = scores_of(np.array([0.0, 4.0, 4.0]), np.array([1.0]))

    # Forty bins of 0.1 from 0 to 4; two scores are the whole height of 110.
    assert scores.real == "M0.0 110V55.0H25.0V110ZM975.0 110V0.0H1000.0V110Z"
    assert scores.noise == "M250.0 110V55.0H275.0V110Z"
    assert (scores.real_x, scores.noise_x) == ("1000.0", "250.0")
    assert (scores.n_real, scores.n_noise, scores.real_best) == (3, 1, 4.0)
    one = scores_of(np.array([0.7]), nothing)
    assert (one.noise, one.noise_x, one.noise_best) == ("", None, None)
    assert one.low < 0.7 < one.high
    assert scores_of(nothing, nothing) is None


def test_the_protocol_is_drawn_to_the_bar():
    stretches = [("train", 50), ("purge", 5), ("validation", 25), ("sealed", 20)]
    drawn = protocol_of(stretches)

    assert [(part.x, part.width) for part in drawn.parts] == [
        ("0.0", "500.0"),
        ("500.0", "50.0"),
        ("550.0", "250.0"),
        ("800.0", "200.0"),
    ]
    assert drawn.kinds == ("train", "purge", "validation", "sealed")
