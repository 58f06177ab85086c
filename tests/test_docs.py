"""The examples in the documentation are executed."""

import doctest
import importlib
from pathlib import Path

import pytest

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
