"""The examples in the documentation are executed."""

import doctest
import importlib
import re
from pathlib import Path

import pytest

from quantlab.api import api
from tests.addresses import routes

ROOT = Path(__file__).parent.parent


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
        for path, methods in api.get_openapi_schema()["paths"].items()
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
