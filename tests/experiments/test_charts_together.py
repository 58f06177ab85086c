"""The charts of a page load themselves at the same time, the first of all too."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
FIRST_CHARTS = """
import os, sys, threading
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
__import__(sys.argv[1])
assert "altair" not in sys.modules, "too late to tell"
from unittest.mock import patch
from django.http import Http404
from experiments.charts import of_run
failures = []
def draw(run, report, asked):
    import altair as alt
    alt.Chart(alt.InlineData(values=[])).mark_line().properties(height=1).to_dict()
    raise Http404("drawn")
def one():
    import pandas as pd  # another region reads a Parquet file
    try:
        pd.Timestamp(0)
        of_run.run_figure(None, {}, "equity")
    except Http404:
        pass
    except Exception as exc:
        failures.append(repr(exc))
with patch.dict(of_run.FIGURES, {"equity": draw}):
    regions = [threading.Thread(target=one) for _ in range(6)]
    for region in regions:
        region.start()
    for region in regions:
        region.join()
assert not failures, failures
"""


@pytest.mark.parametrize("server", ["quantlab.asgi", "quantlab.wsgi"])
def test_the_first_charts_after_a_start_do_not_disturb_each_other(server):
    answer = subprocess.run(
        [sys.executable, "-c", FIRST_CHARTS, server],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )

    assert answer.returncode == 0, answer.stderr
