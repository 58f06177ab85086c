"""A lab in a notebook: `Lab("http://127.0.0.1:8000").backtest(config).equity`.

Asks the lab's API and answers with data frames. Everything that is run through it is
counted as if it had been run on a page: there is no way to try in secret. Imports
neither Django nor the research library: pandas and pyarrow are all it needs.
"""

from quantlab.client.comparison import Comparison
from quantlab.client.errors import LabError
from quantlab.client.lab import Lab
from quantlab.client.run import Run

__all__ = ["Comparison", "Lab", "LabError", "Run"]
