"""What answers of the API are made of, and how they are written."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from django.http import HttpRequest
from ninja.renderers import BaseRenderer
from pydantic import BaseModel, ConfigDict
from pydantic_core import to_json


class Out(BaseModel):
    """A part of an answer, read from a document or an object as it is.

    Ninja's `Schema` looks each field up in Python, for templates' sake and that of
    related rows; of a page of runs that was a third of the time.
    """

    model_config = ConfigDict(from_attributes=True)


class StrictRenderer(BaseRenderer):
    """Refuse to answer with NaN: unknown is `null`, and a test should have said so.

    Python's own writer takes five times as long; of a page of runs it was a sixth.
    """

    media_type = "application/json"

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> bytes:
        body = to_json(data)
        if b"NaN" in body or b"Infinity" in body:  # perhaps inside a text
            json.loads(body, parse_constant=_refuse)
        return body


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON.")
