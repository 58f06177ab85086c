"""RunConfig: canonical, frozen, structural; every refusal names its field."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies import __version__
from strategies.config import RunConfig, epoch_ms
from strategies.documents import canonical_json, merge_patch
from strategies.errors import ConfigError

SMA = {"name": "sma_cross", "params": {"fast": 20, "slow": 50}}


def config(**changes):
    return RunConfig(**{"symbol": "SP500", "strategy": SMA} | changes)


def test_an_outsider_can_recompute_the_hash():
    # The recipe of docs/library.md: drop what is empty, add the version, sort, sha256.
    body = {k: v for k, v in config(seed=7).document().items() if v not in ({}, [])}
    body["risk"] = {"name": "fixed_fraction"}
    body["execution"] = {k: v for k, v in body["execution"].items() if v != {}}
    body["code_version"] = __version__
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))

    assert config(seed=7).config_hash == hashlib.sha256(text.encode()).hexdigest()


def test_run_hash_is_the_hash_of_the_hash():
    one = config()

    assert one.run_hash == hashlib.sha256(one.config_hash.encode()).hexdigest()


def test_the_family_ignores_the_seed_and_nothing_else():
    assert config(seed=1).config_hash != config(seed=2).config_hash
    assert config(seed=1).config_family_hash == config(seed=2).config_family_hash
    assert config().config_family_hash != config(rf=0.01).config_family_hash


def test_the_hash_does_not_move():
    # A golden value: it may change only together with strategies.__version__.
    assert __version__ == "0.2.0"
    assert config().config_hash == (
        "b1dad3d062e97d0f4e5134f2c1ba1c134d7483fb35a34b9d9cc47b15445d5235"
    )


def test_keys_left_out_null_or_empty_are_the_same_config():
    plain = config()

    assert config(expr=None, exits={}, indicators=[]).config_hash == plain.config_hash
    assert config(sizing={"cap": 1.0}).config_hash == plain.config_hash
    assert config(execution={"overrides": {}}).config_hash == plain.config_hash


def test_numbers_are_normalised_before_they_are_used_and_hashed():
    assert config(rf=0.1 + 0.2).rf == 0.3
    assert config(rf=0.1 + 0.2).config_hash == config(rf=0.3).config_hash
    assert config(initial_cash=5).config_hash == config(initial_cash=5.0).config_hash
    assert "-0.0" not in config(rf=-0.0).canonical_json()


def test_a_universe_of_one_is_a_symbol():
    one = RunConfig(universe=["SP500"], strategy=SMA)

    assert one.symbol == "SP500"
    assert one.config_hash == config().config_hash


@pytest.mark.parametrize(
    ("value", "ms"),
    [
        (915408000000, 915408000000),
        ("1999-01-04", 915408000000),
        ("1999-01-04T00:00:00Z", 915408000000),
        ("1999-01-04T01:00:00+01:00", 915408000000),
        ("1999-01-04T00:00:00", 915408000000),
    ],
)
def test_times_are_read_in_three_ways(value, ms):
    assert epoch_ms(value) == ms


def test_a_date_as_end_means_its_last_bar():
    assert config(end="1999-01-04").end_ms == 915408000000 + 86_400_000 - 1


@pytest.mark.parametrize("value", ["1999-02-30", "soon", True, [1], float("inf")])
def test_what_is_no_time_is_refused(value):
    with pytest.raises(ConfigError) as caught:
        config(start=value)

    assert caught.value.problems[0].field == "start"


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"symbol": None}, "symbol", "invalid_value"),
        ({"expr": "close"}, "strategy", "invalid_value"),
        ({"universe": ["A", "B"]}, "symbol", "invalid_value"),
        ({"start": "2002-01-01", "end": "2001-01-01"}, "end", "invalid_value"),
        (
            {"execution": {"slippage_bps": -1}},
            "execution.slippage_bps",
            "invalid_value",
        ),
        ({"execution": {"slippage_bps": float("nan")}}, "execution.slippage_bps", None),
        ({"execution": {"fill": "mid"}}, "execution.fill", "invalid_value"),
        ({"execution": {"execution_lag": 0}}, "execution.execution_lag", None),
        (
            {"execution": {"comission_bps": 1}},
            "execution.comission_bps",
            "unknown_field",
        ),
        ({"intial_cash": 5}, "intial_cash", "unknown_field"),
        ({"initial_cash": 0}, "initial_cash", "invalid_value"),
        ({"initial_cash": float("inf")}, "initial_cash", "invalid_value"),
        ({"strategy": {"params": {}}}, "strategy.name", "missing_field"),
        ({"strategy": "sma"}, "strategy", "invalid_value"),
        ({"seed": 1.5}, "seed", "invalid_value"),
        ({"seed": -1}, "seed", "invalid_value"),
    ],
)
def test_each_refusal_names_its_field(changes, field, code):
    with pytest.raises(ConfigError) as caught:
        config(**changes)

    problems = {p.field: p for p in caught.value.problems}
    assert field in problems
    assert code is None or problems[field].code == code
    assert problems[field].message.startswith(field)


def test_all_problems_are_told_at_once():
    with pytest.raises(ConfigError) as caught:
        config(execution={"slippage_bps": -1, "fill": "mid"}, seed=-1)

    assert len(caught.value.problems) == 3


def test_a_typing_mistake_gets_a_suggestion():
    with pytest.raises(ConfigError) as caught:
        config(execution={"comission_bps": 1})

    assert caught.value.problems[0].advice == "Did you mean 'commission_bps'?"


def test_a_config_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        config().seed = 3


def test_a_merge_patch_changes_only_what_it_names():
    changed = config().with_changes({"strategy": {"params": {"fast": 10}}})

    assert changed.strategy.params == {"fast": 10, "slow": 50}
    assert changed.execution == config().execution


def test_a_patch_to_another_strategy_starts_from_its_defaults():
    changed = config().with_changes({"strategy": {"name": "rsi_reversion"}})

    assert changed.strategy.params == {}


def test_null_in_a_patch_removes_the_key():
    assert merge_patch({"a": 1, "b": {"c": 2}}, {"a": None, "b": {"c": 3}}) == {
        "b": {"c": 3}
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=4), JSON, max_size=5))
def test_canonical_json_depends_on_content_only(value):
    shuffled = dict(reversed(list(value.items())))

    assert canonical_json(value) == canonical_json(shuffled)
    assert canonical_json(json.loads(canonical_json(value))) == canonical_json(value)
