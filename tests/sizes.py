"""How large a test is: small in `make test`, at full size in `make torture`."""

import os

IS_TORTURE = bool(os.environ.get("QUANT_TORTURE"))


def examples(few: int) -> int:
    """Return how many scenes a property is tried on."""
    return few * 30 if IS_TORTURE else few
