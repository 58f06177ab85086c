"""What a computation of metrics hands back: a value, or why there is none."""

from __future__ import annotations

from typing import NamedTuple

REASONS: dict[str, str] = {
    "zero_vol": "The returns did not vary, so there is nothing to divide by.",
    "no_trades": "There is no closed round trip of the kind this number is made of.",
    "no_losses": "Nothing was lost in this sample, so there is nothing to divide by.",
    "short_sample": "The sample is too short for this number to say much.",
    "ruined": "The account fell to zero and stayed there.",
}


class Figure(NamedTuple):
    """One computed value of a metric, and why it is undefined or doubtful.

    Attributes
    ----------
    key : str
        Of `strategies.metrics.registry.METRICS`.
    value : float or int
        NaN where it is undefined.
    reason : str
        A key of `REASONS`; empty when there is nothing to say. Never empty for NaN.
    """

    key: str
    value: float | int
    reason: str = ""
