"""What one lab exports over HTTP, another lab with nothing in it takes and shows."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from experiments.models import ModelRun
from experiments.selectors.ledger import ledger_proof

pytestmark = pytest.mark.django_db

CHARTS = ("equity", "rolling", "returns", "months", "years", "price")
SERIES = "equity,drawdown,benchmark,exposure,turnover,fills,rolling_sharpe_252"


def parts_of(run_id: str) -> list[str]:
    """Return the addresses of everything that is known of a run."""
    api, page = f"/api/runs/{run_id}", f"/model-lab/runs/{run_id}"
    return [
        api,
        f"{api}/report",
        f"{api}/artifacts",
        f"{api}/manifest",
        f"{api}/round-trips?limit=200",
        f"{api}/metrics?series={SERIES}&points=10000",
        *(f"{page}/charts/{name}?format=json" for name in CHARTS),
    ]


def there(lab_url: str, address: str) -> bytes:
    """Return what the other lab answers, over HTTP."""
    with urllib.request.urlopen(lab_url + address, timeout=60) as answer:
        content: bytes = answer.read()
        return content


def here(client: Any, address: str) -> bytes:
    answer = client.get(address)
    assert answer.status_code == 200, (address, answer.content)
    return b"".join(answer) if answer.streaming else answer.content


def without_remarks(document: dict[str, Any]) -> dict[str, Any]:
    """Leave out what each lab works out for itself, when somebody asks for it."""
    return {name: value for name, value in document.items() if name != "critic"}


@pytest.mark.parametrize("of_an_experiment", [False, True])
def test_a_report_is_the_same_in_an_empty_lab(client, lab_url, demo, of_an_experiment):
    run = demo["SMA 20/50"]
    address = f"/api/export/runs/{run['id']}"
    if of_an_experiment:
        address = f"/api/export/experiments/{run['experiment_id']}"
    runs = demo.values() if of_an_experiment else [run]
    archive = there(lab_url, address)
    first = {
        one: without_remarks(json.loads(there(lab_url, one)))
        for one in parts_of(run["id"])
    }
    assert not ModelRun.objects.exists()

    file = SimpleUploadedFile("lab.zip", archive)
    taken = client.post("/api/import", {"file": file}).json()

    assert {one["id"] for one in runs} <= {one["id"] for one in taken["runs"]}
    for one, said in first.items():
        assert without_remarks(json.loads(here(client, one))) == said, one
    for file in first[f"/api/runs/{run['id']}/artifacts"]["items"]:
        link = file["links"]["download"]
        assert here(client, link) == there(lab_url, link)
    assert ledger_proof().ok
