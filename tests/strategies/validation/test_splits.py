"""How bars are cut: by hand, against a slow reference, and what is refused."""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pytest

from strategies.errors import ConfigError
from strategies.validation.splits import (
    combinatorial_folds,
    n_paths,
    purged_folds,
    rolling_splits,
)


def test_windows_by_hand() -> None:
    first, second = rolling_splits(20, train=8, test=4, purge=1, embargo=2)
    assert (first.train, first.purged) == (range(8), range(8, 9))
    assert (first.test, first.embargoed) == (range(9, 13), range(13, 15))
    assert (second.train, second.test) == (range(6, 14), range(15, 19))

    anchored = rolling_splits(20, train=8, test=4, anchored=True)
    assert [one.train for one in anchored] == [range(8), range(12), range(16)]
    assert [one.test for one in anchored] == [
        range(8, 12),
        range(12, 16),
        range(16, 20),
    ]
    assert (
        rolling_splits(20, train=8, test=4, windows=2)
        == (rolling_splits(20, train=8, test=4)[:2])
    )


def test_windows_never_overlap_and_stay_in_the_data() -> None:
    rng = np.random.default_rng(5)
    for _ in range(50):
        n, train, test = (int(rng.integers(low, 60)) for low in (40, 2, 2))
        purge, embargo = int(rng.integers(0, train)), int(rng.integers(0, 5))
        if train + purge + test > n:
            continue
        splits = rolling_splits(n, train=train, test=test, purge=purge, embargo=embargo)
        for split in splits:
            assert len(split.train) == train
            assert len(split.test) == test
            assert split.train.stop + purge == split.test.start
            assert split.test.stop <= n
        for one, other in pairwise(splits):
            assert other.test.start - one.test.stop == embargo
        assert splits[-1].test.stop + embargo + test > n


def test_folds_are_those_of_a_slow_reference() -> None:
    for n, folds, tests, purge, embargo in (
        (30, 5, 1, 0, 0),
        (30, 5, 1, 2, 3),
        (31, 6, 2, 1, 1),
        (23, 4, 2, 0, 2),
        (40, 4, 3, 2, 0),
    ):
        found = combinatorial_folds(
            n, folds=folds, test_folds=tests, purge=purge, embargo=embargo
        )
        parts = np.array_split(np.arange(n), folds)
        chosen = list(combinations(parts, tests))
        assert len(found) == len(chosen)
        for fold, stretches in zip(found, chosen, strict=True):
            tested = np.concatenate(stretches)
            lost = set()
            for part in stretches:
                lost |= set(range(part[0] - purge, part[-1] + purge + embargo + 1))
            learnt = [t for t in range(n) if t not in lost]
            np.testing.assert_array_equal(fold.test_bars, tested)
            np.testing.assert_array_equal(fold.train_bars, learnt)
            every = (*fold.train, *fold.test, *fold.purged, *fold.embargoed)
            assert sorted(t for one in every for t in one) == list(range(n))


def test_k_fold_tests_every_bar_once() -> None:
    tested = np.concatenate([fold.test_bars for fold in purged_folds(17, folds=4)])
    np.testing.assert_array_equal(tested, np.arange(17))


def test_combinations_make_whole_histories() -> None:
    # López de Prado (2018), 12.4: 6 groups, 2 of them tested: 15 splits, 5 paths.
    found = combinatorial_folds(60, folds=6, test_folds=2)
    assert len(found) == 15
    assert n_paths(6, 2) == 5
    counts = np.bincount(np.concatenate([fold.test_bars for fold in found]))
    assert set(counts.tolist()) == {5}


@pytest.mark.parametrize(
    ("asked", "field", "code"),
    [
        ({"train": 0, "test": 5}, "train", "out_of_range"),
        ({"train": 10, "test": -1}, "test", "out_of_range"),
        ({"train": 10, "test": True}, "test", "wrong_type"),
        ({"train": 10, "test": 5, "purge": -1}, "purge", "out_of_range"),
        ({"train": 10, "test": 5, "purge": 10}, "purge", "bad_split"),
        ({"train": 10, "test": 5, "embargo": 1.5}, "embargo", "wrong_type"),
        ({"train": 98, "test": 5}, "train", "too_few_bars"),
        ({"train": 10, "test": 5, "windows": 0}, "windows", "out_of_range"),
        ({"train": 10, "test": 5, "windows": 19}, "windows", "too_few_bars"),
    ],
)
def test_impossible_windows_are_refused(
    asked: dict[str, Any], field: str, code: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        rolling_splits(100, **asked)
    assert (refused.value.field, refused.value.code) == (field, code)
    assert refused.value.advice


def test_impossible_folds_are_refused() -> None:
    for asked, field in (
        ({"folds": 1}, "folds"),
        ({"folds": 101}, "folds"),
        ({"folds": 5, "test_folds": 5}, "test_folds"),
        ({"folds": 40, "test_folds": 20}, "folds"),
        ({"folds": 5, "purge": 90}, "purge"),
    ):
        with pytest.raises(ConfigError) as refused:
            combinatorial_folds(100, **asked)
        assert refused.value.field == field
