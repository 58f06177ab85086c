"""The paper broker: orders that go nowhere, kept exactly, and refused in words."""

from __future__ import annotations

import pytest
from django.test import override_settings

from experiments.models import BrokerOrder
from experiments.services import broker
from experiments.services.broker import CLIENTS, broker_order_place
from quantlab.access.auth import LAB_USER

pytestmark = pytest.mark.django_db

ORDERS, POSITIONS = "/api/broker/orders", "/api/broker/positions"


def sent(client, **body):
    order = {"symbol": "SP500", "side": "buy", "qty": 10} | body
    return client.post(ORDERS, order, "application/json")


def held(client):
    return {one["symbol"]: one["qty"] for one in client.get(POSITIONS).json()["items"]}


def test_an_order_goes_there_and_back(client):
    made = sent(client, qty=0.1)
    order = made.json()

    assert (made.status_code, made["Location"]) == (201, order["links"]["self"])
    assert client.get(made["Location"]).json() == order
    assert (order["status"], order["order_type"]) == ("filled", "mkt")
    sent(client, qty=0.2)
    sent(client, symbol="SYN-gbm-1", side="sell", qty=5)
    assert held(client) == {"SP500": 0.3, "SYN-gbm-1": -5}  # to the last digit
    assert client.get(POSITIONS).json()["mode"] == "dummy"
    sent(client, side="sell", qty=0.3)
    assert held(client) == {"SYN-gbm-1": -5}  # what is at 0 is not held
    listed = client.get(f"{ORDERS}?limit=3").json()
    rest = client.get(f"{ORDERS}?limit=3&cursor={listed['next_cursor']}").json()
    assert [one["qty"] for one in listed["items"] + rest["items"]] == [0.3, 5, 0.2, 0.1]
    assert rest["next_cursor"] is None
    table = client.get(f"{POSITIONS}?format=csv").text.splitlines()
    assert table[1].startswith("SYN-gbm-1,-5")


def test_a_limit_order_waits_and_is_called_off_once(client):
    order = sent(client, order_type="lmt", limit_price=99.5).json()

    assert (order["status"], order["limit_price"]) == ("open", 99.5)
    assert held(client) == {}
    assert [client.delete(order["links"]["self"]).json()["status"] for _ in "ab"] == [
        "cancelled",
        "cancelled",
    ]
    assert client.get(f"{ORDERS}?status=open").json()["items"] == []
    filled = sent(client).json()["links"]["self"]
    refused = client.delete(filled)
    assert (refused.status_code, refused.json()["error"]["code"]) == (
        409,
        "order_closed",
    )
    assert held(client) == {"SP500": 10}
    assert client.delete(f"{ORDERS}/nothing").status_code == 404


def test_a_bad_order_is_refused_by_its_field(client, monkeypatch):
    wrong = {
        "symbol": ({"symbol": "../etc"}, {"symbol": ""}),
        "side": ({"side": "hold"}, {"side": "BUY"}),
        "qty": ({"qty": 0}, {"qty": -1}, {"qty": 1e-9}, {"qty": 1_000_001}),
        "order_type": ({"order_type": "stop"},),
        "limit_price": (
            {"limit_price": 5},
            {"order_type": "lmt"},
            {"order_type": "lmt", "limit_price": 0},
        ),
    }
    for field, bodies in wrong.items():
        for body in bodies:
            answer = sent(client, **body)
            error = answer.json()["error"]
            assert answer.status_code == 422, body
            assert error["code"] in (f"unknown_{field}", "invalid_value")
            assert error["message"]
            assert error["advice"]
            assert error["details"]["errors"][0]["field"] == field
    assert sent(client, qty="NaN").status_code == 422
    assert sent(client, colour="red").status_code == 422
    assert client.get(f"{ORDERS}?status=done").status_code == 422
    monkeypatch.setattr(broker, "MOST_OPEN", 1)
    body = {"order_type": "lmt", "limit_price": 1}
    assert [sent(client, **body).status_code for _ in "ab"] == [201, 409]
    assert BrokerOrder.objects.count() == 1


def test_orders_are_their_owners_alone(client):
    theirs = broker_order_place(
        owner="somebody", symbol="A", side="buy", qty=1, order_type="lmt", limit_price=1
    )

    assert client.get(ORDERS).json()["items"] == []
    for method in (client.get, client.delete):
        assert method(f"{ORDERS}/{theirs.pk}").status_code == 404
    assert client.post(f"/broker/orders/{theirs.pk}/cancel").status_code == 404
    theirs.refresh_from_db()
    assert theirs.status == "open"


def test_the_page_places_shows_and_cancels(client):
    empty = client.get("/broker").text
    assert "paper stub" in empty
    assert "No orders yet" in empty
    order = {"symbol": "SP500", "side": "buy", "qty": "0.125", "order_type": "mkt"}
    assert client.post("/broker", order)["Location"] == "/broker"
    waiting = order | {"side": "sell", "order_type": "lmt", "limit_price": "1200"}
    client.post("/broker", waiting)
    page = client.get("/broker").text
    assert page.count(">0.125</td>") == 3  # held, and two orders
    assert "Cancel the order to sell 0.125 SP500" in page
    bad = client.post("/broker", waiting | {"qty": "many", "symbol": "SP 500"})
    assert bad.status_code == 422
    assert 'value="many"' in bad.text  # nothing is lost
    assert "qty is &#x27;many&#x27;" in bad.text
    [row] = BrokerOrder.objects.filter(owner=LAB_USER, status="open")
    client.post(f"/broker/orders/{row.pk}/cancel")
    assert "Cancel the order" not in client.get("/broker").text
    assert "No order is like that" in client.get("/broker?status=open").text
    for region in ("broker-positions", "broker-orders"):
        part = client.get(
            "/broker", headers={"HX-Request": "true", "HX-Target": region}
        )
        assert f'id="{region}"' in part.text
        assert "<html" not in part.text


def test_another_broker_is_one_class(client):
    class Refusing:
        def __init__(self, owner):
            self.owner = owner

        def positions(self):
            return []

    with (
        pytest.MonkeyPatch.context() as patch,
        override_settings(BROKER_MODE="refusing"),
    ):
        patch.setitem(CLIENTS, "refusing", Refusing)
        assert client.get(POSITIONS).json()["mode"] == "refusing"
