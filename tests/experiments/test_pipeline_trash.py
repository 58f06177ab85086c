"""A pipeline in the trash: with its runs there, and with them back."""

from __future__ import annotations

import pytest

from experiments.models import LedgerEntry, ModelRun, PipelineRun
from tests.experiments.pipelines import submitted
from tests.experiments.rows import plain_run
from tests.experiments.test_organise_pages import undo_fields

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

TRASH = "/model-lab/trash"
RUNS = "/api/models/pipeline/runs"
SPAN = {"timeframe": "hour", "start_date": "2012-01-02", "end_date": "2012-01-29"}


@pytest.fixture
def row() -> PipelineRun:
    """Return a pipeline that waits, and two runs that it made."""
    row = submitted(
        name="Five funds", universe=["SYN-gbm-1"], provider="synthetic", **SPAN
    )
    row.backtest_run_ids = [str(plain_run().pk) for _ in range(2)]
    row.save()
    return row


def shown() -> tuple[int, int]:
    """Return how many pipelines and runs lists show."""
    rows = (PipelineRun.objects, ModelRun.objects)
    return tuple(one.filter(deleted_at=None).count() for one in rows)


def test_deleted_on_its_page_and_undone_from_the_toast(client, row):
    trials = LedgerEntry.objects.count()

    page = client.post(f"/pipeline/{row.pk}/delete", follow=True)

    html = page.content.decode()
    assert "“Five funds” deleted with its runs." in html
    assert shown() == (0, 0)
    assert LedgerEntry.objects.count() == trials
    client.post(f"{TRASH}/undo", undo_fields(html))
    assert shown() == (1, 2)


def test_the_trash_lists_it_once_and_restores_it(client, row):
    client.post(f"/pipeline/{row.pk}/delete")

    html = client.get(f"{TRASH}?kind=pipelines").content.decode()

    assert "Five funds" in html
    assert "cancelled, with 2 runs" in html
    assert "Nothing here" in client.get(TRASH).content.decode()  # none by itself
    client.post(f"{TRASH}?kind=pipelines", {"only": str(row.pk)})
    assert shown() == (1, 2)


def test_by_script(client, row):
    for _ in range(2):  # deleting again changes nothing
        assert client.delete(f"{RUNS}/{row.pk}").status_code == 204
    assert client.get(f"{RUNS}/{row.pk}").status_code == 404
    restored = client.generic("POST", f"{RUNS}/{row.pk}/restore").json()
    assert restored["pipeline_run_id"] == str(row.pk)
    assert shown() == (1, 2)
