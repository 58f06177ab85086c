"""What a computation of metrics hands back: values, or why there are none."""

from __future__ import annotations

from typing import NamedTuple

REASONS: dict[str, str] = {
    "zero_vol": "The returns did not vary, so there is nothing to divide by.",
    "no_trades": "There is no closed round trip of the kind this number is made of.",
    "no_losses": "Nothing was lost in this sample, so there is nothing to divide by.",
    "short_sample": "The sample is too short for this number to say much.",
    "ruined": "The account fell to zero and stayed there.",
}


class Figures(NamedTuple):
    """Some computed metrics, and why one is undefined or doubtful.

    Attributes
    ----------
    values : dict of str to float or int
        Keys of `strategies.metrics.registry.METRICS`; NaN where one is undefined.
    reasons : dict of str to str
        Metric to a key of `REASONS`; empty when there is nothing to say, never for NaN.
    """

    values: dict[str, float | int]
    reasons: dict[str, str]
