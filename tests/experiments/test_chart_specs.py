"""What every spec of a chart keeps: valid, no colour, few marks, no NaN."""

from __future__ import annotations

import json
import re
import warnings
from typing import Any

import altair as alt

from tests.experiments.figures import figures

MOST_MARKS = 2_000
COLOUR = re.compile(
    r"#[0-9a-f]{3}|\b(rgba?|hsla?|oklch|lab)\(|"
    r"\b(black|white|gr[ae]y|red|green|blue|orange|steelblue|currentcolor)\b",
    re.IGNORECASE,
)
PAINT = {"color", "fill", "stroke", "background", "scheme"}


def painted(node: Any) -> list[tuple[str, Any]]:
    """Return every property of a spec that sets a colour; to read a field sets none."""
    if isinstance(node, list):
        return [found for one in node for found in painted(one)]
    if not isinstance(node, dict):
        return []
    own = [
        (key, node[key])
        for key in PAINT & node.keys()
        if not (isinstance(node[key], dict) and "field" in node[key])
    ]
    return own + [found for one in node.values() for found in painted(one)]


def n_marks(spec: dict[str, Any]) -> int:
    """Return how many items a spec draws: each layer draws each of its rows."""
    datasets = spec["datasets"]

    def of(node: dict[str, Any], data: dict[str, Any] | None) -> int:
        data = node.get("data", data)
        if "layer" in node:
            return sum(of(one, data) for one in node["layer"])
        rows = data["values"] if "values" in data else datasets[data["name"]]
        # Cells under the pointer are marks as well.
        has_cells = '"near"' in json.dumps(node.get("encoding", {}))
        return len(rows) * (2 if has_cells else 1)

    return of(spec, spec.get("data"))


def test_it_is_valid_vega_lite():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        for figure in figures().values():
            alt.LayerChart.from_dict(figure.spec, validate=True)


def test_it_names_styles_and_never_a_colour():
    for name, figure in figures().items():
        spec = {k: v for k, v in figure.spec.items() if k != "$schema"}

        assert painted(spec) == [], name
        assert COLOUR.search(json.dumps(spec)) is None, name
        assert '"config"' not in json.dumps(spec), name


def test_it_draws_at_most_2000_marks():
    for name, figure in figures().items():
        assert 0 < n_marks(figure.spec) <= MOST_MARKS, name


def test_it_takes_the_width_of_its_container_and_a_fixed_height():
    for name, figure in figures().items():
        assert figure.spec["width"] == "container", name
        assert 190 <= figure.spec["height"] <= 360, name


def test_it_is_json_without_nan():
    for figure in figures().values():
        json.dumps(figure.spec, allow_nan=False)
