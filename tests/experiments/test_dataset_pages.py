"""Pages of datasets that are built, and of the two caches."""

from __future__ import annotations

import pytest
from django.urls import reverse

from experiments.charts.dataset_build import feature_figure, matrix_figure
from experiments.models import CachedFeature, Dataset
from tests.experiments.rows import add_cached_feature
from tests.experiments.test_dataset_build import ASKED, build, work

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]
HTMX = {"HX-Request": "true"}
SENT = {
    "provider": "synthetic",
    "universe": "SYN-gbm-1, SYN-trend-2",
    "timeframe": "1d",
    "start": "2011-01-03",
    "end": "2011-12-30",
    "features": ["rsi", "past_return"],
    "expressions": "rank(delta(close, 2))\n\n sma(close, 5)",
    "label_kind": "return",
    "horizon": "5",
}


def test_a_form_leads_to_a_dataset_and_finds_it_again(client):
    new = reverse("experiments:dataset-new")
    page = client.get(new).content.decode()
    assert 'id="plan"' in page
    assert "10,062" in page  # rows of the built-in bars, which it begins with

    live = client.post(
        f"{new}?validate=1", SENT, headers=HTMX | {"HX-Target": "dataset-form"}
    )
    assert live.status_code == 200
    assert b"<html" not in live.content
    assert b"<dd>518</dd>" in live.content  # about: there will be 520
    assert Dataset.objects.count() == 0

    sent = client.post(new, SENT)
    dataset = Dataset.objects.get()
    assert sent["Location"] == dataset.get_absolute_url()
    assert b'hx-trigger="every 1s"' in client.get(sent["Location"]).content
    assert b"queued" in client.get("/datasets").content.lower()
    work(str(dataset.pk))
    again = client.post(new, SENT, follow=True).content.decode()
    assert "was there already: reused, 0." in again
    around = client.get(f"{new}?around={dataset.pk}").content.decode()
    assert "SYN-gbm-1, SYN-trend-2" in around
    assert "rank(delta(close, 2))" in around
    assert 'value="2011-01-03"' in around


def test_a_refusal_stands_at_its_field(client):
    new = reverse("experiments:dataset-new")
    for changes, words in (
        ({"features": [], "expressions": ""}, "Choose from 1 to"),
        ({"expressions": "rankk(close)"}, "Did you mean &#x27;rank&#x27;?"),
        ({"universe": "NOBODY"}, "NOBODY"),
        ({"universe": ""}, "A value is needed."),
        ({"horizon": "many"}, "horizon_bars"),
        ({"horizon": "4000"}, "leaves no row with a label"),
        ({"start": "1970-01-01"}, "The first bar is"),
        ({"label_kind": "sing"}, "Did you mean &#x27;sign&#x27;?"),
    ):
        answer = client.post(new, SENT | changes)
        assert answer.status_code == 422, changes
        assert words in answer.content.decode(), changes
        assert b'role="alert"' in answer.content
    assert Dataset.objects.count() == 0


def test_a_page_tells_what_is_there_and_what_is_not(client, settings):
    dataset = work(build(client).json()["id"])
    address = dataset.get_absolute_url()

    page = client.get(address).content.decode()
    assert "every 1s" not in page
    for words in ("520 rows", "482", "survivorship bias", "Its rows", "2011-01-03"):
        assert words in page
    assert '<a href="/catalog/sma"><code>sma(close, 5)</code></a>' in page
    assert '<th scope="row"><code>label</code>' in page
    for name in ("matrix", "features"):
        assert f'data-chart="{name}"' in page
        table = client.get(f"{address}?chart={name}&format=csv")
        assert table.status_code == 200
    region = client.get(address, headers=HTMX | {"HX-Target": "dataset-quality"})
    assert b"<html" not in region.content
    assert b"built" in client.get("/datasets").content

    failed = work(build(client, features=['feat("pe") + 1']).json()["id"])
    page = client.get(failed.get_absolute_url()).content.decode()
    assert "&#x27;pe&#x27; is not a column of these data" in page
    assert "data-chart" not in page


def test_pictures_show_gaps_and_stay_small():
    bins = [1.0, 0.0, None, 0.5]
    one = {"coverage": 0.5, "bins": bins, "rows": 5, "start": 0, "end": 4}
    series = [one | {"symbol": f"S{n}", "coverage": n / 100} for n in range(100)]
    report = {"series": series, "edges": [0, 1, 2, 3, 4], "rows": 10}

    figure = matrix_figure(report)
    [points] = figure.spec["datasets"].values()
    assert len(points) == 40 * 3  # a stretch in which no bar is expected is not drawn
    assert points[1] == {"s": "S0", "t": 1, "u": 2, "v": 0.0}
    assert (figure.facts["n_drawn"], figure.facts["worst"]["symbol"]) == (40, "S0")
    assert len(figure.rows) == 400
    assert matrix_figure({}).empty
    assert feature_figure({}).empty


def test_the_page_of_the_caches_lists_and_removes(client):
    page = client.get("/datasets/caches").content.decode()
    assert "No bars were brought in yet" in page
    feature = add_cached_feature()
    page = client.get("/datasets/caches").content.decode()
    assert "ACME" in page
    assert "period 20" in page

    for name, one in (
        ("cached-feature-delete", feature.pk),
        ("cached-candles-delete", feature.candles_id),
    ):
        address = reverse(f"experiments:{name}", args=[one])
        assert b"removed from the cache" in client.post(address, follow=True).content
        assert client.post(address).status_code == 404
    assert CachedFeature.objects.count() == 0


def test_what_is_needed_is_not_removed_and_the_page_says_why(client):
    build(client)
    work(Dataset.objects.get().pk)
    feature = add_cached_feature()
    dataset = Dataset.objects.get()
    dataset.options["bars"] = {feature.candles_id: "ACME"}
    dataset.save()

    address = reverse("experiments:cached-candles-delete", args=[feature.candles_id])
    answer = client.post(address, follow=True).content.decode()
    assert f"is used by dataset “{dataset.name}”" in answer
    assert ASKED["universe"][0] not in answer
