"""State machines: by hand, by mirror, compiled or not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from strategies.kernels.signals import latch_both_nb, latch_nb


def conditions(*rows):
    return tuple(np.array(row, dtype=bool) for row in rows)


def test_latch_by_hand():
    enter, leave = conditions(
        [0, 1, 0, 0, 1, 1, 0],
        [1, 0, 0, 1, 0, 1, 0],
    )

    # in at 1, out at 3, in at 4, out at 5 where both are true, nothing after
    np.testing.assert_array_equal(latch_nb(enter, leave), [0, 1, 1, 0, 1, 0, 0])


def test_latch_both_by_hand():
    sides = conditions(
        [1, 0, 0, 0, 0, 1, 1],  # enter long
        [0, 0, 1, 0, 0, 0, 0],  # leave long
        [0, 0, 0, 1, 0, 0, 1],  # enter short
        [0, 0, 0, 0, 0, 0, 0],  # leave short
    )

    # long, held, flat, short, held, turned by the opposite entry, both: unchanged
    np.testing.assert_array_equal(latch_both_nb(*sides), [1, 1, 0, -1, -1, 1, 1])


four = st.integers(1, 40).flatmap(
    lambda n: st.tuples(*[arrays(np.bool_, n) for _ in range(4)])
)


@given(four)
@settings(deadline=None)
def test_exchanging_the_sides_turns_the_sign(sides):
    enter_long, leave_long, enter_short, leave_short = sides
    mirrored = latch_both_nb(enter_short, leave_short, enter_long, leave_long)

    np.testing.assert_array_equal(latch_both_nb(*sides), -mirrored)


@given(four)
@settings(deadline=None)
def test_with_a_silent_short_side_both_is_one_latch(sides):
    enter, leave, _, _ = sides
    never = np.zeros_like(enter)

    np.testing.assert_array_equal(
        latch_both_nb(enter, leave, never, never), latch_nb(enter, leave)
    )


@pytest.mark.parametrize(("kernel", "n_sides"), [(latch_nb, 2), (latch_both_nb, 4)])
def test_compiled_kernel_equals_its_python_source(kernel, n_sides):
    sides = np.random.default_rng(seed=5).random((n_sides, 300)) < 0.3

    np.testing.assert_array_equal(kernel(*sides), kernel.py_func(*sides))
