"""How large a test is: small in `make test`, at full size in `make torture`."""

import os
from collections.abc import Sequence
from typing import TypeVar

import pytest

T = TypeVar("T")
IS_TORTURE = bool(os.environ.get("QUANT_TORTURE"))
only_torture = pytest.mark.skipif(not IS_TORTURE, reason="long: make torture runs it")


def examples(few: int) -> int:
    """Return how many scenes a property is tried on."""
    return few * 30 if IS_TORTURE else few


def looks(*all_of_them: T) -> Sequence[T]:
    """Return the looks a walk is repeated in, or the first: other walks have others."""
    return all_of_them if IS_TORTURE else all_of_them[:1]
