"""The charts of a run by the last word of their address, in the order of a page."""

from __future__ import annotations

TITLES = {
    "equity": "Equity and drawdown",
    "rolling": "Rolling Sharpe",
    "returns": "Returns of the bars",
    "months": "Monthly returns, %",
    "years": "Yearly returns",
    "price": "Price with fills",
    "breakdown": "Where the profit came from",
}
OF_WALK = {
    "degradation": "In sample and out of sample",
    "chosen": "What each window chose",
}
OF_SWEEP = {
    "contour": "Two parameters as a landscape",
    "slices": "One parameter at a time",
    "parallel": "All parameters at once",
    "sharpes": "Sharpe ratios and luck",
    "importance": "Which parameters matter",
    "progress": "Best found so far",
}
OF_GENERATE = {
    "noise": "What it found, and what noise gives",
    "race": "Best so far against luck",
    "decay": "Train, validation and sealed test",
}
EVERY = TITLES | OF_SWEEP | OF_WALK | OF_GENERATE
