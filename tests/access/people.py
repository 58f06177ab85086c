"""People of a lab that asks for a key, as tests need them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from django.test import Client

from quantlab.access.keys import key_create
from quantlab.api import api

LAB_KEY = "sesame"
SECRET = "annsecret"  # what each of her things is called
JSON = "application/json"
NOWHERE = "00000000-0000-4000-8000-000000000000"


def client_of(owner: str, scope: str = "run", **how: Any) -> Client:
    """Return a script that shows a key of its own with each request."""
    text = key_create(owner=owner, scope=scope)[1]
    return Client(headers={"X-API-Key": text}, **how)


def client_of_the_lab() -> Client:
    return Client(headers={"X-API-Key": LAB_KEY})


def operations() -> Iterator[tuple[str, str]]:
    """Yield each operation of the API: its method, and its path with braces."""
    for path, methods in api.get_openapi_schema()["paths"].items():
        for method in methods:
            yield method.upper(), path


def filled(path: str, known: dict[str, str]) -> str:
    others = {"kind": "run", "index": "0", "n": "1", "version": "1", "name": "equity"}
    named = dict(re.findall(r"{(name)}()", path)) and "presets" in path
    values = others | {k: v for k, v in known.items() if k != "name" or named}
    return re.sub(r"{(\w+)}", lambda found: values.get(found[1], NOWHERE), path)


def asked(client: Client, method: str, address: str) -> Any:
    body = "{}" if method in ("POST", "PUT", "PATCH") else ""
    return client.generic(method, address, body, content_type=JSON)


def is_of(path: str, things: dict[str, str]) -> bool:
    """Whether an operation asks for the id of something that is hers."""
    names = set(re.findall(r"{(\w+)}", path)) - {"name"}
    return bool(names & set(things)) or path.startswith("/api/presets/{")


def told(answer: Any) -> tuple[int, str]:
    """Return the status of an answer, and the code of its refusal."""
    error = {}
    if answer["Content-Type"].startswith(JSON):
        error = json.loads(answer.content).get("error", {})
    return answer.status_code, error.get("code", "")
