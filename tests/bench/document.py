"""`docs/benchmarks.md`: the engine writes its part, the product its own behind it."""

from __future__ import annotations

from pathlib import Path

DOCUMENT = Path(__file__).parents[2] / "docs" / "benchmarks.md"
PRODUCT = "## The product over HTTP"


def engine_written(text: str) -> None:
    """Put the engine's part in place of the last; the product's section stays."""
    _, heading, product = DOCUMENT.read_text().partition(PRODUCT)
    DOCUMENT.write_text(f"{text.rstrip()}\n" + (heading and f"\n{heading}{product}"))


def product_written(text: str) -> None:
    """Put the product's section, which begins with its heading, behind the rest."""
    engine = DOCUMENT.read_text().partition(PRODUCT)[0]
    DOCUMENT.write_text(f"{engine.rstrip()}\n\n{text}")
