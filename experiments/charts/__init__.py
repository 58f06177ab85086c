"""Result -> figure: a Vega-Lite spec with the numbers its sentence and its table need.

Pure functions of what selectors return. A spec never holds a colour: it names styles
and ranges of the theme's Vega config. altair is imported where a spec is finished.
"""

from experiments.charts.compare import compare_figure
from experiments.charts.figure import Figure
from experiments.charts.growth import equity_figure
from experiments.charts.histogram import returns_figure
from experiments.charts.months import months_figure
from experiments.charts.price import price_figure
from experiments.charts.rolling import rolling_figure
from experiments.charts.years import years_figure

__all__ = [
    "Figure",
    "compare_figure",
    "equity_figure",
    "months_figure",
    "price_figure",
    "returns_figure",
    "rolling_figure",
    "years_figure",
]
