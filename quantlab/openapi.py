"""The committed description of the API, and what must not happen to it.

`make openapi` writes `docs/openapi.json`; `make check` fails when it is not what the
code says, and when what the code says would break a script that works today: something
removed, renamed, or newly required.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent.parent / "docs" / "openapi.json"
METHODS = ("get", "put", "post", "patch", "delete")
STALE = "docs/openapi.json is not what the code says. Run make openapi and commit it."
BROKEN = (
    "These would break scripts that work today. Keep what was there beside what is "
    "new. If it was never released, run make openapi FORCE=1.\n  "
)

Document = Mapping[str, Any]


def present() -> dict[str, Any]:
    """Return the description of the API as the code has it, without its version."""
    from quantlab.api import api

    document = json.loads(json.dumps(api.get_openapi_schema(), default=str))
    document["info"].pop("version")  # a release alone is no change
    return dict(document)


def text_of(document: Document) -> str:
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


# --- what breaks a script -----------------------------------------------------------


def breaks(old: Document, new: Document) -> list[str]:
    """Return one line for everything of `old` that a script may miss in `new`."""
    return [*_lost_operations(old, new), *_changed_models(old, new)]


def _lost_operations(old: Document, new: Document) -> Iterator[str]:
    for path, operations in old["paths"].items():
        if path not in new["paths"]:
            yield f"{path} is gone"
            continue
        for method in filter(operations.__contains__, METHODS):
            name = f"{method.upper()} {path}"
            if method not in new["paths"][path]:
                yield f"{name} is gone"
            else:
                yield from _operation(
                    name, operations[method], new["paths"][path][method]
                )


def _operation(name: str, old: Document, new: Document) -> Iterator[str]:
    before, after = _parameters(old), _parameters(new)
    for key, parameter in before.items():
        if key not in after:
            yield f"{name} no longer takes {key[1]}"
        else:
            where = f"{name} {key[1]}"
            yield from _schema(where, parameter["schema"], after[key]["schema"])
    for key, parameter in after.items():
        if parameter.get("required") and not before.get(key, {}).get("required"):
            yield f"{name} now needs {key[1]}"
    if _needs_body(new) and not _needs_body(old):
        yield f"{name} now needs a body"
    for status, media_type in sorted(_answers(old) - _answers(new)):
        yield f"{name} no longer answers {status} {media_type}".rstrip()


def _parameters(operation: Document) -> dict[tuple[str, str], Document]:
    return {(one["in"], one["name"]): one for one in operation.get("parameters", ())}


def _needs_body(operation: Document) -> bool:
    return bool(operation.get("requestBody", {}).get("required"))


def _answers(operation: Document) -> set[tuple[str, str]]:
    return {
        (str(status), media_type)
        for status, answer in operation["responses"].items()
        for media_type in answer.get("content", {"": None})
    }


def _changed_models(old: Document, new: Document) -> Iterator[str]:
    before, after = (one["components"]["schemas"] for one in (old, new))
    sent = _sent_models(new)
    for name, model in before.items():
        if name in after:
            yield from _schema(name, model, after[name], is_sent=name in sent)


def _sent_models(document: Document) -> set[str]:
    """Return the names of the models that scripts send, and those inside them."""
    models = document["components"]["schemas"]
    bodies = [
        operation.get("requestBody", {})
        for operations in document["paths"].values()
        for operation in operations.values()
    ]
    found: set[str] = set()
    new = _references(bodies)
    while new:
        found |= new
        new = _references([models[name] for name in new]) - found
    return found


def _references(value: Any) -> set[str]:
    names = re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(value))
    return set(names)


def _schema(name: str, old: Any, new: Any, *, is_sent: bool = True) -> Iterator[str]:
    """Compare two JSON schemas; what is new beside what was there breaks nothing."""
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        return
    yield from _narrowed(name, old, new, is_sent=is_sent)
    theirs = new.get("properties", {})
    for key, inner in old.get("properties", {}).items():
        if key in theirs:
            yield from _schema(f"{name}.{key}", inner, theirs[key], is_sent=is_sent)
        else:
            yield f"{name}.{key} is gone"
    for key in ("items", "additionalProperties"):
        yield from _schema(f"{name}[]", old.get(key), new.get(key), is_sent=is_sent)


def _narrowed(name: str, old: Document, new: Document, *, is_sent: bool) -> list[str]:
    """Return what a value itself may no longer be, and what it has to have now."""
    words = [
        f"{name} no longer knows {value!r}"
        for value in old.get("enum", ())
        if value not in new.get("enum", old["enum"])
    ]
    words += [
        f"{name} is no longer {kind}" for kind in sorted(_kinds(old) - _kinds(new))
    ]
    if is_sent:
        needed = set(new.get("required", ())) - set(old.get("required", ()))
        words += [f"{name} now needs {key}" for key in sorted(needed)]
    return words


def _kinds(schema: Document) -> set[str]:
    """Return the types and models that a value may be; none for one that may be all."""
    options = schema.get("anyOf") or schema.get("allOf") or [schema]
    kinds = {option.get("type") or option.get("$ref") for option in options}
    return {str(kind).rpartition("/")[2] for kind in kinds if kind}


# --- the command --------------------------------------------------------------------


def main(words: list[str]) -> int:
    """Check the committed description, or write it anew: `write`, `write --force`."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quantlab.settings")
    django.setup()
    new = present()
    old = json.loads(FILE.read_text()) if FILE.exists() else new
    lost = [] if "--force" in words else breaks(old, new)
    if lost:
        return _refused(BROKEN + "\n  ".join(lost))
    if "write" in words:
        FILE.write_text(text_of(new))
    elif not FILE.exists() or FILE.read_text() != text_of(new):
        return _refused(STALE)
    return 0


def _refused(words: str) -> int:
    sys.stderr.write(f"{words}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
