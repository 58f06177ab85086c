"""The ledger as others see it: its API and its pages."""

from __future__ import annotations

from types import SimpleNamespace
from uuid import uuid4

import pytest

from experiments.models import SealOpening
from experiments.selectors.ledger import ledger_family
from tests.experiments.rows import INSTRUMENT, POOL, add_trial, plain_run

pytestmark = pytest.mark.django_db


class TestApi:
    def get(self, client, path, status=200):
        answer = client.get(f"/api/ledger{path}")
        assert answer.status_code == status, answer.content
        return answer.json()

    def test_entries(self, client):
        entry = add_trial("a")

        [shown] = self.get(client, "")["items"]

        assert shown["hash"] == entry.hash
        assert shown["sharpe_bar"] == {"mean": 0.01, "variance": None, "max": 0.01}
        assert (shown["n_trials"], shown["repeat"]) == (1, False)

    def test_pages_of_entries(self, client):
        for candidate in "abc":
            add_trial(candidate)
        first = self.get(client, "?limit=2")
        second = self.get(client, f"?limit=2&cursor={first['next_cursor']}")

        seqs = [one["seq"] for page in (first, second) for one in page["items"]]
        assert seqs == sorted(seqs, reverse=True)
        assert len(seqs) == 3

    def test_families(self, client):
        add_trial("a")
        best = plain_run(metrics={"sharpe": 0.5})

        [family] = self.get(client, "/families")["items"]

        assert family == self.get(client, f"/families/{POOL}")
        assert (family["label"], family["n_trials"]) == ("TEST", 1)
        assert family["best"] == {"run_id": str(best.pk), "sharpe": 0.5}

    def test_an_unknown_family(self, client):
        assert self.get(client, "/families/nothing", 404)["error"]["next_steps"]

    def test_the_proof(self, client):
        add_trial("a")

        assert self.get(client, "/verify")["ok"]

    def budget(self, client, status=200, **body):
        answer = client.post(
            "/api/ledger/budget", body, content_type="application/json"
        )
        assert answer.status_code == status, answer.content
        return answer.json()

    def test_a_budget_of_a_pool(self, client):
        add_trial("a")

        budget = self.budget(client, pool=POOL, n=9)

        assert budget["honesty_now"]["n_trials"] == 1
        assert budget["honesty_after"]["n_trials"] == 10
        assert budget["needed_sharpe_after"] > budget["needed_sharpe_now"]

    def test_a_budget_of_a_config(self, client):
        config = {
            "provider": "synthetic",
            "symbol": "SYN-gbm-1",
            "strategy": {"name": "macd"},
        }

        assert (
            self.budget(client, config=config, n=45)["honesty_after"]["n_trials"] == 45
        )

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"n": 5}, "pool"),
            ({"n": 5, "pool": "x", "config": {}}, "pool"),
            ({"n": -1, "pool": POOL}, "n"),
            ({"pool": POOL}, "n"),
            ({"n": 1, "config": {"symbol": "SP500", "strategy": {"name": "x"}}}, ""),
        ],
    )
    def test_a_budget_of_nothing(self, client, body, field):
        error = self.budget(client, 422, **body)["error"]

        assert field in error["details"]["errors"][0]["field"]


def opened(run_id, start, end, *, instruments=(INSTRUMENT,), n_shown=1):
    """Let a search have opened these bars."""
    return SealOpening.objects.create(
        run_id=str(run_id),
        pool=POOL,
        instruments=list(instruments),
        start_ms=start,
        end_ms=end,
        n_shown=n_shown,
    )


class TestSeals:
    def test_who_opened_what_and_who_had_seen_it_before(self, client):
        search = plain_run(kind="generate", name="Look")
        opened(uuid4(), 0, 9, n_shown=2)
        opened(uuid4(), 20, 29)  # other bars
        opened(uuid4(), 0, 9, instruments=("files:OTHER",))  # other symbols
        opened(search.pk, 5, 22, n_shown=3)

        items = client.get("/api/ledger/seals").json()["items"]
        first = client.get("/api/ledger/seals?limit=1").json()
        table = client.get("/api/ledger/seals?format=csv").content.decode()
        add_trial("a")
        page, family = (client.get(f"/ledger{at}").text for at in ("", f"/{POOL}"))

        assert [one["n_before"] for one in items] == [2, 0, 0, 0]
        newest = items[0]
        assert (newest["title"], newest["n_shown"]) == ("Look", 3)
        assert newest["run_id"] == str(search.pk)
        assert newest["start"] == "1970-01-01T00:00:00.005Z"
        assert items[-1]["title"] == ""
        assert first["items"] == items[:1]
        assert first["next_cursor"]
        assert len(table.splitlines()) == 5
        for shown in (page, family):
            assert search.get_absolute_url() in shown
            assert "its run is gone" in shown
            assert "4 openings" in shown
        assert client.get("/api/ledger/seals?pool=other").json()["items"] == []
        assert client.get("/api/ledger/seals?order=magic").status_code == 422

    def test_nobody_opened_anything(self, client):
        add_trial("a")

        assert "No search has opened its sealed bars" in client.get("/ledger").text
        assert "Openings of sealed bars" not in client.get(f"/ledger/{POOL}").text


class TestPages:
    def test_an_empty_ledger(self, client):
        page = client.get("/ledger").content.decode()

        assert "Nothing was counted yet" in page

    def test_families_and_entries(self, client):
        add_trial("a")
        plain_run(metrics={"sharpe": 0.5})
        page = client.get("/ledger").content.decode()

        assert f"/ledger/{POOL}" in page
        assert "Verify the chain" in page

    def test_a_family(self, client):
        for i, sharpe in enumerate((0.01, 0.03, -0.02)):
            add_trial(str(i), sharpe_bar=sharpe)
        page = client.get(f"/ledger/{POOL}?n=1000").content.decode()

        assert "3 different candidates were tried" in page
        assert 'data-chart="luck"' in page
        assert "1,003" in page

    def test_its_chart_as_a_file(self, client):
        add_trial("a")
        answer = client.get(f"/ledger/{POOL}?format=csv")

        assert answer.content.decode().startswith("n_trials,best_by_luck")

    def test_an_unknown_family(self, client):
        assert client.get("/ledger/nothing").status_code == 404

    def test_the_proof_is_a_region(self, client):
        add_trial("a")
        headers = {"HX-Request": "true", "HX-Target": "ledger-proof"}
        answer = client.post("/ledger/verify", headers=headers)

        assert b"The chain holds" in answer.content
        assert b"<html" not in answer.content

    def test_the_numbers_of_a_family(self):
        add_trial("a")
        family = ledger_family(POOL)

        assert isinstance(family.luck.expected_max_sharpe, float)
        assert SimpleNamespace(**family.as_json()).n_entries == 1
