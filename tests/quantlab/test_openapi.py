"""The committed description of the API: what would break a script is found."""

from __future__ import annotations

import copy
import json

import pytest

from quantlab import openapi
from quantlab.openapi import FILE, breaks, main, present, text_of


def document():
    """A small API: a list, and something to send."""
    refer = {"schema": {"$ref": "#/components/schemas/ThingIn"}}
    answer = {"schema": {"$ref": "#/components/schemas/Thing"}}
    order = {"in": "query", "name": "order", "schema": {"enum": ["a", "b"]}}
    return {
        "info": {"title": "Lab"},
        "paths": {
            "/things": {
                "get": {
                    "parameters": [order],
                    "responses": {"200": {"content": {"application/json": answer}}},
                },
                "post": {
                    "requestBody": {"content": {"application/json": refer}},
                    "responses": {"201": {"content": {"application/json": answer}}},
                },
            }
        },
        "components": {
            "schemas": {
                "Thing": {
                    "type": "object",
                    "required": ["id"],
                    "properties": {
                        "id": {"type": "string"},
                        "size": {"anyOf": [{"type": "number"}, {"type": "null"}]},
                    },
                },
                "ThingIn": {
                    "type": "object",
                    "properties": {"part": {"$ref": "#/components/schemas/PartIn"}},
                },
                "PartIn": {
                    "type": "object",
                    "properties": {"kind": {"enum": ["x", "y"]}},
                },
            }
        },
    }


def changed(change):
    new = copy.deepcopy(document())
    operations = new["paths"]["/things"]
    change(new, operations, new["components"]["schemas"])
    return breaks(document(), new)


def needed(name):
    return {"in": "query", "name": name, "required": True, "schema": {}}


BREAKING = {
    "/things is gone": lambda d, o, m: d["paths"].clear(),
    "POST /things is gone": lambda d, o, m: o.pop("post"),
    "GET /things no longer takes order": lambda d, o, m: o["get"]["parameters"].clear(),
    "GET /things order no longer knows 'b'": lambda d, o, m: o["get"]["parameters"][0][
        "schema"
    ]["enum"].remove("b"),
    "GET /things now needs page": lambda d, o, m: o["get"]["parameters"].append(
        needed("page")
    ),
    "POST /things now needs a body": lambda d, o, m: o["post"]["requestBody"].update(
        required=True
    ),
    "GET /things no longer answers 200 application/json": lambda d, o, m: o["get"][
        "responses"
    ]["200"]["content"].clear(),
    "Thing.id is gone": lambda d, o, m: m["Thing"]["properties"].pop("id"),
    "Thing.id is no longer string": lambda d, o, m: m["Thing"]["properties"][
        "id"
    ].update(type="integer"),
    "Thing.size is no longer null": lambda d, o, m: m["Thing"]["properties"]["size"][
        "anyOf"
    ].pop(),
    "ThingIn now needs part": lambda d, o, m: m["ThingIn"].update(required=["part"]),
    "PartIn now needs kind": lambda d, o, m: m["PartIn"].update(required=["kind"]),
    "PartIn.kind no longer knows 'x'": lambda d, o, m: m["PartIn"]["properties"][
        "kind"
    ]["enum"].remove("x"),
}
HARMLESS = (
    lambda d, o, m: d["paths"].update({"/more": o}),
    lambda d, o, m: o.update(delete={"responses": {"204": {}}}),
    lambda d, o, m: o["get"]["parameters"].append({**needed("q"), "required": False}),
    lambda d, o, m: o["get"]["parameters"][0]["schema"]["enum"].append("c"),
    lambda d, o, m: o["get"]["responses"].update({"202": {}}),
    lambda d, o, m: o["get"].update(summary="Other words"),
    lambda d, o, m: m["Thing"]["properties"].update(new={"type": "string"}),
    lambda d, o, m: m["Thing"].update(required=["id", "size"]),  # only answers have it
    lambda d, o, m: m["PartIn"]["properties"].update(more={"type": "integer"}),
    lambda d, o, m: m["Thing"]["properties"]["size"]["anyOf"].append({"type": "array"}),
)


@pytest.mark.parametrize("expected", BREAKING)
def test_what_breaks_a_script_is_named(expected):
    found = changed(BREAKING[expected])

    assert expected in found
    assert len(found) == 1


@pytest.mark.parametrize("change", HARMLESS)
def test_what_is_only_new_breaks_nothing(change):
    assert changed(change) == []


@pytest.fixture
def file(tmp_path, monkeypatch):
    path = tmp_path / "openapi.json"
    monkeypatch.setattr(openapi, "FILE", path)
    return path


def test_the_command_writes_and_checks(file, capsys):
    assert main(["write"]) == main([]) == 0

    stale = json.loads(file.read_text())
    del stale["paths"]["/api/health"]
    file.write_text(text_of(stale))
    assert main([]) == 1
    assert "make openapi" in capsys.readouterr().err


def test_the_command_refuses_to_break_a_script_unless_forced(file, capsys):
    more = present()
    more["paths"]["/api/gone"] = more["paths"]["/api/health"]
    file.write_text(text_of(more))

    assert main([]) == main(["write"]) == 1
    said = capsys.readouterr().err
    assert "/api/gone is gone" in said
    assert "FORCE=1" in said
    assert main(["write", "--force"]) == main([]) == 0


def test_the_committed_description_says_where_things_are():
    committed = json.loads(FILE.read_text())

    assert "/api/runs/{run_id}" in committed["paths"]
    assert "ErrorDocument" in committed["components"]["schemas"]
    assert breaks(committed, present()) == []
