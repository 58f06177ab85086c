"""Thirty scripts follow the runs of a real lab; some are cut off and come back."""

from __future__ import annotations

from urllib.parse import urlsplit

from tests.loops import run_async
from tests.torture.sse import clients_of, follow_all, start_run

CLIENTS = 30


def test_thirty_clients_hear_everything_once(lab_url, demo):
    port = urlsplit(lab_url).port
    job_ids = [start_run(port), start_run(port)]
    clients = clients_of(port, job_ids, CLIENTS)
    n_cuts = sum(len(client.cuts) for client in clients)

    run_async(follow_all(clients))

    assert n_cuts >= 5
    assert {client.status for client in clients} == {"succeeded"}
    ends = {(client.job_id, client.seqs[-1]) for client in clients}
    assert len(ends) == 2  # all who followed a job agree on what there was
