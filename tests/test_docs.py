"""The documents: their examples are executed, what they name is there."""

import doctest
import importlib
import json
import re
from pathlib import Path

import pytest

from tests.addresses import routes

ROOT = Path(__file__).parent.parent
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
OPERATIONS = json.loads((ROOT / "docs" / "openapi.json").read_text())["paths"]
PACKAGES = ("quantlab", "jobs", "experiments", "strategies")


@pytest.mark.parametrize("name", ["README.md", "docs/library.md"])
def test_examples_of_the_documents_hold(name):
    result = doctest.testfile(str(ROOT / name), module_relative=False)

    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize(
    "name",
    ["strategies", "strategies.features.catalog", "strategies.dsl.expression"],
)
def test_examples_of_the_docstrings_hold(name):
    result = doctest.testmod(importlib.import_module(name))

    assert result.attempted > 0
    assert result.failed == 0


def test_the_table_of_acceptance_names_what_is_there():
    operations = {
        f"{method.upper()} {path}"
        for path, methods in OPERATIONS.items()
        for method in methods
    }
    pages = {re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route) for route in routes()}
    rows = re.findall(
        r"^\| (.+) \|$", (ROOT / "docs" / "acceptance.md").read_text(), re.M
    )
    for row in [row for row in rows if "tests/" in row]:
        for name in re.findall(r"`([^`]+)`", row):
            if name.startswith("/"):
                assert name in pages, name
            elif " /api" in name:
                assert name in operations, name
            elif "/" in name or "." in name:
                file, _, test = name.partition("::")
                assert (ROOT / file).is_file(), name
                assert f"def {test}(" in (ROOT / file).read_text() or not test, name
    assert [row.split(" | ")[0] for row in rows if row[0].isdigit()] == [
        str(phase) for phase in range(11)
    ]
    assert all("tests/" in row for row in rows if row[0].isdigit())


def test_the_documents_name_what_is_there():
    """Links, settings and calls; `…` stands for what a reader knows already."""
    code = "".join(
        path.read_text() for name in PACKAGES for path in (ROOT / name).rglob("*.py")
    )
    calls = [
        re.compile(f"{method} {re.sub('{[^}]*}', '[^/]+', path)}", re.IGNORECASE)
        for path, methods in OPERATIONS.items()
        for method in methods
    ]
    wrong = []
    for document in DOCUMENTS:
        text = document.read_text()
        links = re.findall(r"\]\(([\w./-]+)(?:#[\w-]+)?\)", text)
        wrong += [
            (document.name, to) for to in links if not (document.parent / to).exists()
        ]
        wrong += [
            (document.name, name)
            for name in {*re.findall(r"\bQUANT_[A-Z_]+[A-Z]\b", text)}
            if f'"{name}"' not in code
        ]
        for method, path in re.findall(
            r"\b(GET|POST|PUT|PATCH|DELETE)\s+(/api/[^\s`?,;:)|…]+)(?!…)", text
        ):
            said = f"{method} {path.rstrip('.')}"
            if not any(call.fullmatch(said) for call in calls):
                wrong.append((document.name, said))

    assert wrong == []
