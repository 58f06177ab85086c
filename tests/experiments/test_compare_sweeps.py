"""Two sweeps side by side: one scale, their bests, what differs, and who may be one."""

from __future__ import annotations

import re

import numpy as np
import pytest

from experiments.selectors.compare_sweeps import sweeps_side_by_side
from experiments.selectors.sweep import sweep_candidates
from tests.experiments.rows import plain_experiment, plain_run
from tests.factories import finished_sweep
from tests.quantlab.test_api import assert_error

pytestmark = pytest.mark.django_db

SPACE = {"fast": {"min": 2, "max": 5, "step": 1}, "slow": [20, 30, 40]}
COSTLY = {"execution": {"slippage_bps": 50}}
PAGE = "/model-lab/compare-sweeps"
API = "/api/model-lab/compare-sweeps"


@pytest.fixture
def pair():
    experiment = plain_experiment()
    return (
        finished_sweep(experiment, space=SPACE, name="Cheap"),
        finished_sweep(
            experiment,
            space=SPACE | {"fast": [3, 4, 5, 6]},
            config=COSTLY,
            objective="cagr",
            name="Costly",
        ),
    )


def asked(*runs) -> str:
    return f"?runs={','.join(str(run.pk) for run in runs)}"


def test_both_maps_are_on_one_scale(pair):
    found = sweeps_side_by_side(pair)
    one, other = (sweep_candidates(run) for run in pair)
    values = np.concatenate([one.column("sharpe"), other.column("sharpe")])

    assert found.metric.key == "sharpe"
    assert found.span == (values.min(), values.max())
    assert {found.x, found.y} == {"fast", "slow"}
    n, n_better = found.common_cells
    both = [3, 4, 5]  # values of fast that both have
    a, b = (
        {(f, s): v for f, s, v in zip(*columns, strict=True) if f in both}
        for columns in (
            [t.number("fast"), t.number("slow"), t.column("sharpe")]
            for t in (one, other)
        )
    )
    assert (n, n_better) == (9, sum(b[at] > a[at] for at in a))


def test_the_document_has_each_part_and_each_part_its_rows(client, pair):
    one, other = (str(run.pk) for run in pair)
    body = client.get(API + asked(*pair)).json()

    assert body["letters"] == {one: "A", other: "B"}
    differs = {row["path"]: row["values"] for row in body["config_diff"]}
    assert differs["execution.slippage_bps"][other] == 50
    assert differs["search.objective"] == {one: "sharpe", other: "cagr"}
    assert differs["search.space.fast"] == {one: "2 to 5 by 1", other: "3, 4, 5, 6"}
    best = sweep_candidates(pair[1])
    [pick] = [p for p in body["picks"] if (p["run_id"], p["pick"]) == (other, "best")]
    assert pick["index"] == best.item(best.best)["index"]
    assert all(pick["honesty"] for pick in body["picks"])
    counts = body["distribution"]["counts"]
    assert {key: sum(own) for key, own in counts.items()} == {one: 12, other: 12}
    assert set(body["map"]["maps"]) == {one, other}
    for part, n in (("importance", 2), ("map", 24), ("runs", 2), ("distribution", 5)):
        rows = client.get(f"{API}/{part}{asked(*pair)}").json()["items"]
        assert len(rows) == n, part
        table = client.get(f"{API}/{part}{asked(*pair)}&format=csv").text
        assert len(table.splitlines()) == n + 1, part


def test_without_two_axes_in_common_there_is_no_map(client, pair):
    experiment = plain_experiment()
    alone = finished_sweep(
        experiment, space={"fast": [2, 3], "execution.slippage_bps": [1]}
    )
    body = client.get(API + asked(pair[0], alone)).json()
    assert body["map"] is None
    [row] = [r for r in body["importance"] if r["name"] == "slow"]
    assert row["shares"][str(alone.pk)] is None
    page = client.get(PAGE + asked(pair[0], alone))
    assert page.status_code == 200
    assert "fewer than two parameters in common" in page.text


def test_the_page_its_map_and_its_chart(client, pair):
    page = client.get(PAGE + asked(*pair)).text
    assert page.count('class="heat heat-map') == 2
    assert "search.space.fast" in page
    assert "Of 9 places that both have B is better in" in page
    headers = {"HX-Request": "true", "HX-Target": "sweep-maps"}
    address = f"{PAGE}{asked(*pair)}&metric=max_drawdown&x=slow"
    region = client.get(address, headers=headers).text
    assert "<html" not in region
    assert "Max drawdown on one scale" in region

    chart = client.get(f"{PAGE}/chart{asked(*pair)}")
    assert "half of the candidates of A are above" in chart.text
    assert client.get(f"{PAGE}/chart{asked(*pair)}&format=csv").status_code == 200


def test_the_other_one_is_chosen_from_a_list(client, pair):
    none = client.get(PAGE).text
    assert f'href="?runs={pair[0].pk}"' in none
    one = client.get(PAGE + asked(pair[0])).text
    assert f'href="?runs={pair[0].pk},{pair[1].pk}"' in one
    own = client.get(pair[0].get_absolute_url()).text
    assert f'href="{PAGE}?runs={pair[0].pk}"' in own
    two = client.get(f"/backtesting?sel={pair[0].pk},{pair[1].pk}").text
    assert f"{PAGE}?runs={pair[0].pk},{pair[1].pk}" in two
    mixed = client.get(f"/backtesting?sel={pair[0].pk},{plain_run().pk}").text
    assert "Sweeps are compared with sweeps" in mixed
    assert not re.search(r'href="/model-lab/compare[?]', mixed)


def test_what_is_no_pair_is_refused(client, pair):
    one, _ = pair
    run = plain_run()
    refusals = {
        asked(one): "too_few_runs",
        asked(one, one): "duplicate_runs",
        asked(one, run): "not_a_sweep",
        asked(*pair, run): "too_many_runs",
        f"?runs={one.pk},nonsense": "unknown_run",
        f"{asked(*pair)}&metric=beauty": "unknown_metric",
        f"{asked(*pair)}&x=beauty": "unknown_x",
    }
    for query, code in refusals.items():
        assert_error(client.get(API + query), 422, code)
        assert client.get(f"{PAGE}/chart{query}").status_code == 422
    assert client.get(PAGE + asked(run)).status_code == 422
    assert client.get(PAGE + asked(one, run)).status_code == 422
    assert client.get(PAGE + "?runs=nonsense").status_code in (404, 422)
    assert_error(client.get(f"{API}/beauty{asked(*pair)}"), 422, "invalid_value")
    early = plain_run("running", kind="sweep")
    assert client.get(PAGE + asked(one, early)).status_code == 409
