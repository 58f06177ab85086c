"""Calls of the API as one types them: curl, and Python with the notebook's client."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pprint import pformat
from typing import Any
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.utils.http import urlencode

KEY_VARIABLE = "QUANT_API_KEY"
WAIT_S = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request: where it goes, what is sent, and what is done with the answer."""

    name: str
    title: str
    words: str
    address: str
    method: str = "POST"  # of a body
    body: dict[str, Any] | None = None
    wait: int = WAIT_S  # for what a body starts
    sends: str = ""  # a file that goes with the body, which is a form then
    file: str = ""  # the answer is kept under this name
    shown: str = "answer"  # a Python expression of `answer`
    is_table: bool = False  # the answer is a list: Python has it as a data frame
    needs_key: bool = False

    @property
    def curl(self) -> str:
        parts = [f"curl {shlex.quote(self.address)}"]
        if self.needs_key:
            parts.append(f'-H "X-API-Key: ${KEY_VARIABLE}"')
        if self.sends:
            parts.append(f"-F {shlex.quote(f'file=@{self.sends}')}")
            parts += [f"-F {shlex.quote(one)}" for one in self._fields()]
        elif self.body is not None:
            parts += [f"-X {self.method}"] if self.method != "POST" else []
            wait = f" -H 'Prefer: wait={self.wait}'" if self.wait else ""
            parts.append(f"-H 'Content-Type: application/json'{wait}")
            parts.append(f"-d {shlex.quote(self.json)}")
        if self.file:
            parts.append(f"-o {shlex.quote(self.file)}")
        return " \\\n  ".join(parts)

    @property
    def json(self) -> str:
        return json.dumps(self.body, ensure_ascii=False)

    @property
    def document(self) -> str:
        """Return the body as one reads it."""
        return json.dumps(self.body, ensure_ascii=False, indent=2)

    def _fields(self) -> Iterator[str]:
        for name, value in (self.body or {}).items():
            yield f"{name}={value if isinstance(value, str) else json.dumps(value)}"

    @property
    def python(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        where = urlsplit(self.address)
        lab = json.dumps(f"{where.scheme}://{where.netloc}")
        path = json.dumps(where._replace(scheme="", netloc="").geturl())
        if self.needs_key:
            yield from ("import os", "")
            lab += f', key=os.environ["{KEY_VARIABLE}"]'
        yield from ("from quantlab.client import Lab", "", f"lab = Lab({lab})")
        if self.body is not None:
            wait = f", wait={self.wait}" if self.wait else ""
            yield f"body = {pformat(self.body, sort_dicts=False)}"
            yield f'answer = lab.ask("{self.method}", {path}, body{wait})'
        elif self.file:
            yield f"answer = lab.save({path}, {json.dumps(self.file)})"
        elif self.is_table:
            yield f"answer = lab.table({path})"
        else:
            yield f'answer = lab.ask("GET", {path})'
        yield f"print({self.shown})"


def calls_from(request: HttpRequest, facts: Iterable[dict[str, Any]]) -> list[Call]:
    """Return calls as one makes them from where the page was asked for."""
    needs_key = bool(settings.QUANT_API_KEY)
    return [
        Call(
            **one
            | {
                "needs_key": needs_key,
                "address": request.build_absolute_uri(one["address"]),
            }
        )
        for one in facts
    ]


# --- doors: what a page names in advance ---------------------------------------------

Query = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Door:
    """A GET of the API that gives what a page shows, or a part of it.

    `query` is what the page asks for unless its address says otherwise, which it may in
    the words of `takes`. Path and query have the page's own place in braces.
    """

    title: str
    path: str
    query: Query = field(default_factory=dict)
    takes: tuple[str, ...] = ()
    words: str = ""
    shown: str = "answer"
    is_table: bool = False

    def address(self, request: HttpRequest, place: Mapping[str, Any]) -> str:
        own = {name: str(value).format(**place) for name, value in self.query.items()}
        said = {k: ",".join(filter(None, request.GET.getlist(k))) for k in self.takes}
        query = own | {name: value for name, value in said.items() if value}
        path = self.path.format(**{k: quote(str(v), safe="") for k, v in place.items()})
        return f"{path}?{urlencode(query)}" if query else path


def rows(
    title: str, path: str, takes: tuple[str, ...] = (), words: str = "", **query: Any
) -> Door:
    """Return the door of a list, which Python has as a data frame."""
    return Door(title, path, query, takes, words, is_table=True)


def calls_behind(
    request: HttpRequest, doors: Iterable[Door], place: Mapping[str, Any]
) -> list[Call]:
    """Return the calls of doors for the page at `place`, each address once."""
    asked = {door.address(request, place): door for door in doors}
    return calls_from(
        request,
        (
            {
                "name": f"page-{n}",
                "title": door.title,
                "words": door.words,
                "address": address,
                "shown": door.shown,
                "is_table": door.is_table,
            }
            for n, (address, door) in enumerate(asked.items(), 1)
        ),
    )
