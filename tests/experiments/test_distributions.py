"""How the results of the whole lab lie: two charts, on the first page and alone."""

from __future__ import annotations

import pytest

from experiments.charts.distributions import distribution_figure
from tests.experiments.rows import plain_run


def test_a_distribution_leaves_out_its_empty_ends():
    found = {
        "n_runs": 3,
        "n_trials": 9,
        "expected_max_sharpe": 0.4,
        "best": None,
        "key": "sharpe",
        "edges": [-1.0, -0.5, 0.0, 0.5, 1.0],
        "counts": [0, 2, 1, 0],
        "no_skill": [0.01, 1.4, 1.4, 0.2],
        "p5": -0.4,
        "median": -0.1,
        "p95": 0.3,
    }
    figure = distribution_figure(found)

    assert [row["low"] for row in figure.table] == [-0.5, 0.0, 0.5]
    assert len(figure.rows) == 4
    assert figure.facts["best_by_luck"] == 0.4
    assert figure.facts["has_bar"]
    assert not distribution_figure(found | {"expected_max_sharpe": 1.1}).facts[
        "has_bar"
    ]
    assert distribution_figure(found | {"n_runs": 0}).empty


@pytest.mark.django_db
def test_both_stand_on_the_first_page_and_on_one_of_their_own(client):
    address = "/statistics/distributions"
    empty = client.get(address).text
    assert "is kept, so there is nothing to show" in empty
    assert 'id="lab-distributions"' not in client.get("/").text
    for sharpe in (0.4, -0.2):
        metrics = {"sharpe": sharpe, "max_drawdown": -0.2, "volatility": 0.15}
        plain_run(metrics=metrics | {"n_bars": 1_001}, config_family_hash=str(sharpe))

    assert f'hx-get="{address}"' in client.get("/").text
    headers = {"HX-Request": "true", "HX-Target": "lab-distributions"}
    region = client.get(address, headers=headers).text
    assert "<html" not in region
    assert "have a Sharpe above 0.10" in region
    assert "fell by more than 20.0% at worst" in region
    assert region.count("application/json") == 2
    rows = client.get(f"{address}?metric=max_drawdown&format=json").json()["items"]
    assert sum(row["count"] for row in rows) == 2
    assert client.get(f"{address}?metric=volume&format=csv").status_code == 422
