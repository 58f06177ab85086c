"""The seed's names: a catalog of a frame, and expressions drawn from it."""

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import pandas as pd
import pytest

from strategies import parse
from strategies.discovery.catalog import (
    build_feature_catalog,
    generate_expressions,
    set_dynamic_catalog,
)
from strategies.dsl.nodes import walk
from strategies.errors import ConfigError

FRAME = pd.DataFrame(
    {
        "date": pd.to_datetime(["2024-01-02", "2024-01-03"]),
        "symbol": ["A", "A"],
        "Close": [1.0, 2.0],
        "c_sek": [10.0, 11.0],
        "eps_ttm": [0.1, 0.2],
        "sector": ["x", "x"],
        "note_id": [1, 2],
    }
)


def test_a_frame_gives_its_columns_with_their_lags():
    found = build_feature_catalog(FRAME, {"eps": 45, "c_sek": 1}, ignore=["note_id"])

    assert [tuple(one) for one in found] == [
        ("close", "close", 0),
        ("c_sek", "c", 1),
        ("eps_ttm", "eps", 45),
        ("returns", "returns", 0),
    ]
    for lags, code in (({"esp": 45}, "unknown_domain"), ({"eps": -1}, "bad_lag")):
        with pytest.raises(ConfigError) as refusal:
            build_feature_catalog(FRAME, lags)
        assert refusal.value.code == code


def test_expressions_are_drawn_from_the_catalog_with_its_lags():
    def drawn():
        set_dynamic_catalog(build_feature_catalog(FRAME, {"eps": 45}))
        return generate_expressions(
            60, seed=3, allowed_terminals=["eps_ttm", "returns"]
        )

    found = copy_context().run(drawn)

    assert len(found) == len({one[0] for one in found}) == 60
    for one in found:
        made = parse(one[0])
        assert set(made.fields) <= {"eps_ttm", "returns"}
        assert (one.expr_hash, one.complexity) == (
            made.expr_hash,
            made.complexity.score,
        )
        for part in walk(made.root):
            if "eps_ttm" in [arg.value for arg in part.args]:
                assert part.args[1].number >= 45
    assert found == copy_context().run(drawn)


def test_a_catalog_is_not_seen_by_others():
    copy_context().run(set_dynamic_catalog, build_feature_catalog(FRAME))
    with ThreadPoolExecutor(1) as pool:
        elsewhere = pool.submit(generate_expressions, 40, 1).result()

    assert generate_expressions(40, 1) == elsewhere
    assert any("volume" in parse(one.expr).fields for one in elsewhere)


def test_what_cannot_be_asked_is_refused():
    for code, asked in {
        "out_of_range": {"n": 0},
        "unknown_field": {"n": 1, "allowed_terminals": ["c_sek"]},
        "no_columns": {"n": 1, "allowed_terminals": []},
    }.items():
        with pytest.raises(ConfigError) as refusal:
            generate_expressions(**asked)
        assert refusal.value.code == code
    assert len(generate_expressions(2_000, 1, 1, ["returns"])) < 2_000
