"""Whatever a page shows as a table or a chart can be taken away, in three forms."""

from __future__ import annotations

import csv
import io
import json
import re

import pyarrow.parquet as pq
import pytest
from django.urls import NoReverseMatch, get_resolver, reverse

from experiments.charts.titles import TITLES
from experiments.models import ModelExperiment
from experiments.services.validation import validation_request
from experiments.services.validation_execute import validation_execute
from tests.factories import do_run, finished_run
from tests.html import Tree
from tests.jobs.rows import add_lines

pytestmark = pytest.mark.django_db

FORMS = ("csv", "parquet", "json")
TABS = (
    *("summary", "charts", "trades", "trades&show=fills", "validation"),
    *("config", "files", "api"),
)
TESTS = {
    "permutation": {"n": 20},
    "block_bootstrap": {"n": 20},
    "monte_carlo": {"n": 20},
    "cost_stress": {},
    "wfo": {"windows": 3},
}
COMPARED = ("experiments:compare", "experiments:compare-chart")
# What cannot be taken away from where it stands, and why.
EXEMPT = {
    "disk-title": "the state of this minute; GET /api/system/storage has it",
    "caches-title": "the same",
    "health-title": "the jobs at work; the list of jobs has them as a file",
    "removals-title": "twenty rows; GET /api/system/retention has them",
    "hashes-title": "four hashes, each with its copy button; the run's JSON has them",
    "plan-title": "what a form would start; the API answers it as a dry run",
}


def forms_of(links):
    """Return the addresses among `links` that offer all three forms, without them."""
    found = {}
    for link in links:
        if match := re.fullmatch(r"(.*[?&]format=)(csv|parquet|json)", link):
            found.setdefault(match[1], set()).add(match[2])
    return {address for address, forms in found.items() if forms == set(FORMS)}


def is_shown(element):
    """A table of data, or a chart that is there: not its place, not its absence."""
    is_table = element.tag == "table" and {"data", "heat"} & set(element.classes)
    is_chart = "figure" in element.classes and "aria-busy" not in element.attributes
    has_drawing = any("data-chart" in e.attributes for e in element.walk())
    return is_table or (is_chart and has_drawing)


def addresses(page, text):
    """Return where everything on a page can be had; fail where something cannot."""
    found = set()
    for element in filter(is_shown, Tree(text).root.walk()):
        around = [
            one
            for one in [element, *element.parents()]
            if one.tag in ("section", "figure", "details", "form")
            or "region" in one.classes
            or one.attributes.get("id", "").startswith(("run-", "job-"))
        ]
        here = next((links for one in around if (links := forms_of(one.links()))), None)
        assert here or EXEMPT.keys() & element.titles(), (page, element.attributes)
        found |= here or set()
    return found


@pytest.fixture
def lab():
    """Return what the pages of a lab with something in it are asked for."""
    experiment = ModelExperiment.objects.create(
        name="Momentum",
        model_key="sma_cross",
        params={"fast": 5, "slow": 20},
        provider="synthetic",
        universe=["SYN-trend-7"],
    )
    run = finished_run(experiment=experiment)
    other = finished_run(changes={"execution": {"commission_bps": 9}})
    add_lines(run.job, 3)
    validation = validation_request(run=run, body=TESTS).run
    do_run(validation, validation_execute)
    return {
        "run_id": run.pk,
        "validation_id": validation.pk,
        "other_id": other.pk,
        "experiment_id": experiment.pk,
        "job_id": run.job_id,
        "pool": run.pool,
        "model_id": "momentum_logit",
    }


def pages(lab):
    """Yield the address of every page that can be opened with what is there."""
    for namespace in ("experiments", "jobs"):
        _, resolver = get_resolver().namespace_dict[namespace]
        for name in {key for key in resolver.reverse_dict if isinstance(key, str)}:
            known = resolver.reverse_dict.getlist(name)[0][0][0][1]
            asked = {key: lab[key] for key in known if key in lab}
            try:
                yield reverse(f"{namespace}:{name}", kwargs=asked)
            except NoReverseMatch:
                continue  # it needs more than that
    run = reverse("experiments:run-detail", args=[lab["run_id"]])
    yield from (f"{run}?tab={tab}" for tab in TABS)
    yield from (f"{run}/charts/{name}" for name in TITLES)
    yield reverse("experiments:run-detail", args=[lab["validation_id"]])
    both = f"runs={lab['run_id']},{lab['other_id']}"
    yield from (f"{reverse(name)}?{both}" for name in COMPARED)


def read(form, response):
    """Return the rows of a downloaded file."""
    if form == "parquet":
        return pq.read_table(io.BytesIO(response.getvalue())).to_pylist()
    text = response.getvalue().decode()
    return (
        list(csv.DictReader(io.StringIO(text)))
        if form == "csv"
        else json.loads(text)["items"]
    )


def test_every_table_and_chart_can_be_taken_away(client, lab):
    offered = set()
    n_pages = 0
    for page in pages(lab):
        response = client.get(page)
        if response.status_code == 200 and "html" in response["Content-Type"]:
            offered |= addresses(page, response.text)
            n_pages += 1
    assert n_pages > 20
    assert sum("/validation/" in address for address in offered) == 2 * len(TESTS)

    for address in offered:
        rows = {form: read(form, client.get(address + form)) for form in FORMS}
        assert rows["csv"], address
        assert len({len(found) for found in rows.values()}) == 1, address
        assert list(rows["csv"][0]) == list(rows["parquet"][0]), address
