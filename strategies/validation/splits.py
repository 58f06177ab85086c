"""How bars are cut into those that teach and those that judge.

Bars are counted from 0; a `range` of them indexes an array (``equity[split.test]``).
Purged bars stand between training and test, because their labels reach into it; bars
under embargo follow a test and are left out for distance.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np

from strategies.errors import ConfigError
from strategies.types import IntArray

MOST_WINDOWS = 1_000
MOST_FOLDS = 100
MOST_COMBINATIONS = 10_000

LEARN, TEST, PURGE, EMBARGO = range(4)


@dataclass(frozen=True, slots=True)
class Split:
    """One window of a walk-forward: it learns on some bars and is judged on later ones.

    Attributes
    ----------
    index : int
        Which window, from 0.
    train, test : range
        Bars, the end excluded.
    purged : range
        The bars between the two, which neither sees.
    embargoed : range
        The bars after the test that no window tests; they may lie beyond the data.
    """

    index: int
    train: range
    test: range
    purged: range
    embargoed: range


@dataclass(frozen=True, slots=True)
class Fold:
    """One split of a cross-validation: the test may lie anywhere, in several parts.

    Attributes
    ----------
    index : int
    train, test, purged, embargoed : tuple of range
        Bars, in order; together all bars, each once.
    """

    index: int
    train: tuple[range, ...]
    test: tuple[range, ...]
    purged: tuple[range, ...]
    embargoed: tuple[range, ...]

    @property
    def train_bars(self) -> IntArray:
        """The bars it learns on, ascending."""
        return bars_of(self.train)

    @property
    def test_bars(self) -> IntArray:
        """The bars it is judged on, ascending."""
        return bars_of(self.test)


def bars_of(stretches: Iterable[range]) -> IntArray:
    """Return the bars of some stretches as one int64 array."""
    parts = [np.arange(one.start, one.stop) for one in stretches]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)


def rolling_splits(
    n: int,
    *,
    train: int,
    test: int,
    purge: int = 0,
    embargo: int = 0,
    anchored: bool = False,
    windows: int | None = None,
) -> list[Split]:
    """Return the windows of a walk-forward, oldest first.

    Parameters
    ----------
    n : int
        Bars there are.
    train, test : int
        Bars of each window to learn and to be judged on. What is left at the end and
        too short for a whole test is not used.
    purge : int
        Bars between the two; the horizon of what is learnt.
    embargo : int
        Bars between a test and the next one. The next window moves on by
        ``test + embargo``: without embargo the tests join without a gap.
    anchored : bool
        Every window learns from bar 0 on, so later ones learn on more.
    windows : int, optional
        How many, from the first one on; as many as there is room for if left out.

    Raises
    ------
    ConfigError
        ``out_of_range``, ``bad_split`` or ``too_few_bars``, naming the field.
    """
    _check_counts({"train": (train, 1), "test": (test, 1)})
    _check_counts({"purge": (purge, 0), "embargo": (embargo, 0)})
    if purge >= train:
        raise ConfigError(
            f"purge is {purge:,} bars, the training window only {train:,}.",
            code="bad_split",
            field="purge",
            advice="Purge fewer bars than a window learns on.",
        )
    length, step = train + purge + test, test + embargo
    room = (n - length) // step + 1 if n >= length else 0
    if room < 1:
        raise ConfigError(
            f"One window takes {length:,} bars, but there are only {n:,}.",
            code="too_few_bars",
            field="train",
            advice="Use shorter windows, or more history.",
        )
    return [
        _window(i, i * step, train, test, purge, embargo, anchored)
        for i in range(_n_windows(windows, room))
    ]


def _window(
    index: int,
    shift: int,
    train: int,
    test: int,
    purge: int,
    embargo: int,
    anchored: bool,
) -> Split:
    learnt = shift + train
    begin, end = learnt + purge, learnt + purge + test
    return Split(
        index=index,
        train=range(0 if anchored else shift, learnt),
        test=range(begin, end),
        purged=range(learnt, begin),
        embargoed=range(end, end + embargo),
    )


def _n_windows(wanted: int | None, room: int) -> int:
    if wanted is not None:
        _check_counts({"windows": (wanted, 1)})
        if wanted > room:
            raise ConfigError(
                f"{wanted:,} windows were asked for; there is room for {room:,}.",
                code="too_few_bars",
                field="windows",
                advice=f"Ask for at most {room:,}, or use shorter windows.",
            )
    count = room if wanted is None else wanted
    if count > MOST_WINDOWS:
        raise ConfigError(
            f"These are {count:,} windows; at most {MOST_WINDOWS:,} are allowed.",
            code="too_many_windows",
            field="test",
            advice="Use longer test windows.",
        )
    return count


def purged_folds(n: int, *, folds: int, purge: int = 0, embargo: int = 0) -> list[Fold]:
    """Return purged K-fold: each stretch is the test once, all others teach.

    Parameters
    ----------
    n : int
        Bars there are.
    folds : int
        Stretches of equal length; the first ones have one bar more if it must be.
    purge : int
        The horizon of a label, in bars: so many training bars are dropped on either
        side of a test, because their labels and those of the test overlap.
    embargo : int
        Further training bars dropped after a test.

    Raises
    ------
    ConfigError
        ``out_of_range``, ``bad_split`` or ``too_few_bars``, naming the field.

    Notes
    -----
    López de Prado, Advances in Financial Machine Learning (2018), chapter 7.
    """
    return combinatorial_folds(
        n, folds=folds, test_folds=1, purge=purge, embargo=embargo
    )


def combinatorial_folds(
    n: int, *, folds: int, test_folds: int = 2, purge: int = 0, embargo: int = 0
) -> list[Fold]:
    """Return combinatorial purged cross-validation: every choice of test stretches.

    Parameters
    ----------
    n, folds, purge, embargo
        See `purged_folds`.
    test_folds : int
        How many stretches are the test at a time.

    Raises
    ------
    ConfigError
        ``out_of_range``, ``bad_split`` or ``too_few_bars``, naming the field.

    Notes
    -----
    López de Prado (2018), chapter 12. The splits make `n_paths` whole histories.
    """
    _check_counts({"folds": (folds, 2), "test_folds": (test_folds, 1)})
    _check_counts({"purge": (purge, 0), "embargo": (embargo, 0)})
    _check_folds(n, folds, test_folds)
    edges = np.cumsum([0, *(len(part) for part in np.array_split(np.empty(n), folds))])
    stretches = [range(int(a), int(b)) for a, b in pairwise(edges)]
    chosen = combinations(stretches, test_folds)
    found = [_fold(i, n, tests, purge, embargo) for i, tests in enumerate(chosen)]
    for fold in found:
        if not fold.train:
            raise ConfigError(
                f"Split {fold.index} is left with no bar to learn on.",
                code="bad_split",
                field="purge" if purge >= embargo else "embargo",
                advice="Drop fewer bars around a test, or use fewer folds.",
            )
    return found


def n_paths(folds: int, test_folds: int) -> int:
    """Return of how many whole histories the tests of all combinations are made."""
    return math.comb(folds - 1, test_folds - 1)


def _fold(
    index: int, n: int, tests: tuple[range, ...], purge: int, embargo: int
) -> Fold:
    """Say of each bar what it is; a test outranks a purge, that an embargo."""
    kind = np.zeros(n, dtype=np.int64)
    for test in tests:
        kind[test.stop + purge : test.stop + purge + embargo] = EMBARGO
    for test in tests:
        kind[max(0, test.start - purge) : test.stop + purge] = PURGE
    for test in tests:
        kind[test.start : test.stop] = TEST
    edges = [0, *(np.flatnonzero(np.diff(kind)) + 1).tolist(), n]
    stretches = [range(a, b) for a, b in pairwise(edges)]
    parts = [
        tuple(one for one in stretches if kind[one.start] == wanted)
        for wanted in (LEARN, TEST, PURGE, EMBARGO)
    ]
    return Fold(index, *parts)


def _check_folds(n: int, folds: int, test_folds: int) -> None:
    if folds > min(n, MOST_FOLDS):
        raise ConfigError(
            f"{folds:,} folds were asked for, of {n:,} bars.",
            code="too_few_bars" if folds > n else "out_of_range",
            field="folds",
            advice=f"Choose 2 to {min(n, MOST_FOLDS)}.",
        )
    if test_folds >= folds:
        raise ConfigError(
            f"{test_folds} of {folds} folds to test on leave none to learn on.",
            code="bad_split",
            field="test_folds",
            advice="Test on fewer folds than there are.",
        )
    if math.comb(folds, test_folds) > MOST_COMBINATIONS:
        raise ConfigError(
            f"{test_folds} of {folds} folds are {math.comb(folds, test_folds):,} "
            f"splits; at most {MOST_COMBINATIONS:,} are allowed.",
            code="out_of_range",
            field="folds",
            advice="Use fewer folds.",
        )


def _check_counts(counts: dict[str, tuple[int, int]]) -> None:
    for name, (value, least) in counts.items():
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            raise ConfigError(
                f"{name} is {value!r:.40}, which is not a whole number.",
                code="wrong_type",
                field=name,
                advice=f"Choose a whole number from {least} up.",
            )
        if value < least:
            raise ConfigError(
                f"{name} is {value:,}; it must be at least {least}.",
                code="out_of_range",
                field=name,
                advice=f"Choose a whole number from {least} up.",
            )
