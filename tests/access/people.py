"""People of a lab that asks for a key, as tests need them."""

from __future__ import annotations

from typing import Any

from django.test import Client

from quantlab.access.keys import key_create

LAB_KEY = "sesame"


def client_of(owner: str, scope: str = "run", **how: Any) -> Client:
    """Return a script that shows a key of its own with each request."""
    text = key_create(owner=owner, scope=scope)[1]
    return Client(headers={"X-API-Key": text}, **how)


def client_of_the_lab() -> Client:
    return Client(headers={"X-API-Key": LAB_KEY})
