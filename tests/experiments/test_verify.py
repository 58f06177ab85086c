"""A changed byte is found, whichever file it is in."""

from __future__ import annotations

import pytest

from experiments.artifacts.store import run_store
from experiments.services.verify import run_verify
from quantlab.web.problem import Problem
from tests.factories import finished_run, make_run

pytestmark = pytest.mark.django_db


def test_an_untouched_run_verifies():
    answer = run_verify(run=finished_run())

    assert answer["ok"] is True
    assert answer["checked"] == len(answer["files"]) == 8
    assert all(file["actual"] == file["expected"] for file in answer["files"])


def test_one_changed_byte_is_found_in_every_file():
    run = finished_run()
    folder = run_store().root / str(run.pk)
    for path in sorted(folder.iterdir()):
        whole = path.read_bytes()
        middle = len(whole) // 2
        changed = bytes([whole[middle] ^ 1])
        path.write_bytes(whole[:middle] + changed + whole[middle + 1 :])

        answer = run_verify(run=run)

        assert answer["ok"] is False
        assert [f["name"] for f in answer["files"] if not f["ok"]] == [path.name]
        path.write_bytes(whole)
    assert run_verify(run=run)["ok"]


def test_a_lost_folder_is_not_ok():
    run = finished_run()
    run_store().delete(str(run.pk))

    answer = run_verify(run=run)

    assert answer["ok"] is False
    assert answer["files"][0]["actual"] is None


@pytest.mark.parametrize("make", [make_run, lambda: finished_run(persist=False)])
def test_a_run_without_files_has_nothing_to_verify(make):
    with pytest.raises(Problem, match="no files") as refused:
        run_verify(run=make())

    assert refused.value.status == 409
