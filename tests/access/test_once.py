"""A request that was sent twice is carried out once, whoever sends it how often."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone

from experiments.models import ModelExperiment, Watchlist
from quantlab.access.models import ApiKey, KeptAnswer
from quantlab.access.once import KEPT_FOR, LOST_AFTER
from tests.access.people import LAB_KEY, client_of, client_of_the_lab
from tests.quantlab.test_api import assert_error

LISTS = "/api/watchlists"
BODY = {"name": "Two", "symbols": ["A", "B"]}
JSON = "application/json"


def post(client, body=BODY, key="k-1", path=LISTS):
    headers = {"Idempotency-Key": key}
    return client.post(path, body, content_type=JSON, headers=headers)


@pytest.mark.django_db
class TestOnce:
    def test_the_same_request_is_answered_as_it_was(self, client):
        first, again = post(client), post(client)

        assert first.status_code == again.status_code == 201
        assert first.content == again.content
        assert first["Location"] == again["Location"]
        assert "Idempotent-Replayed" not in first
        assert again["Idempotent-Replayed"] == "true"
        assert Watchlist.objects.count() == 1

    def test_another_request_with_the_key_is_refused(self, client):
        post(client)

        for other in (
            post(client, BODY | {"name": "Three"}),
            post(client, {"name": "Q"}, path="/api/model-lab/experiments"),
            post(client, path=f"{LISTS}?x=1"),
        ):
            assert_error(other, 422, "idempotency_key_reused")
        assert Watchlist.objects.count() == 1
        assert not ModelExperiment.objects.exists()

    def test_what_was_refused_is_asked_anew(self, client):
        assert post(client, {"name": "Two", "symbols": []}).status_code == 422
        assert not KeptAnswer.objects.exists()
        assert post(client).status_code == 201

    def test_keys_are_each_owners_own(self, settings):
        settings.QUANT_API_KEY = LAB_KEY
        assert post(client_of("ann")).status_code == 201
        theirs = post(client_of("bob"), BODY | {"name": "Theirs"})
        assert theirs.status_code == 201
        assert_error(post(client_of("ann", "read")), 403, "forbidden")
        assert_error(post(Client()), 401, "no_valid_api_key")

    @pytest.mark.parametrize("key", ["", "x" * 201, "a\tb", "sesamé"])
    def test_a_key_that_is_none_is_refused(self, client, key):
        error = assert_error(post(client, key=key), 422, "invalid_value")
        assert error["details"]["errors"][0]["field"] == "Idempotency-Key"

    def test_it_is_kept_for_a_day(self, client):
        post(client)
        KeptAnswer.objects.update(created_at=timezone.now() - KEPT_FOR)

        other = post(client, BODY | {"name": "Three"})

        assert other.status_code == 201
        assert KeptAnswer.objects.count() == 1

    def test_one_that_was_lost_on_the_way_is_taken_over(self, client):
        post(client)
        Watchlist.objects.all().delete()
        KeptAnswer.objects.update(status=None)
        busy = post(client)
        assert_error(busy, 409, "still_in_progress")
        assert busy["Retry-After"] == "1"

        long_ago = timezone.now() - LOST_AFTER - timedelta(seconds=1)
        KeptAnswer.objects.update(begun_at=long_ago)
        assert post(client).status_code == 201
        assert post(client)["Idempotent-Replayed"] == "true"

    def test_an_answer_that_holds_a_key_is_never_kept(self, settings):
        settings.QUANT_API_KEY = LAB_KEY
        answers = [post(client_of_the_lab(), {}, path="/api/keys") for _ in "12"]

        assert [answer.status_code for answer in answers] == [201, 201]
        assert ApiKey.objects.count() == 2
        assert not KeptAnswer.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_is_carried_out():
    start = Barrier(6)

    def ask(_):
        client = Client(raise_request_exception=False)
        start.wait(timeout=30)
        try:
            return post(client)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(ask, range(6)))

    made = {answer.content for answer in answers if answer.status_code == 201}
    assert len(made) == 1
    assert Watchlist.objects.count() == 1
    assert {answer.status_code for answer in answers} <= {201, 409}
    later = post(Client())
    assert later.content in made
    assert json.loads(later.content)["name"] == "Two"
