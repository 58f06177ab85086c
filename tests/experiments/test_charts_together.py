"""The charts of a page load themselves at the same time, the first of all too."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
FIRST_CHARTS = """
import os, sys, threading, time
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
import django; django.setup()
import altair  # as the first chart left it: pandas is not loaded yet
from unittest.mock import patch
from django.http import Http404
from experiments.charts import of_run
failures = []
def draw(run, report, asked):
    import altair as alt
    alt.Chart(alt.InlineData(values=[])).mark_line().properties(height=1).to_dict()
    raise Http404("drawn")
def one():
    try:
        of_run.run_figure(None, {}, "equity")
    except Http404:
        pass
    except Exception as exc:
        failures.append(repr(exc))
with patch.dict(of_run.FIGURES, {"equity": draw}):
    reader = threading.Thread(target=__import__, args=("pandas",))
    reader.start()  # another region reads a Parquet file
    while "pandas" not in sys.modules:
        time.sleep(0.0005)
    assert not hasattr(sys.modules["pandas"], "Timestamp"), "too late to tell"
    one(); reader.join()
assert not failures, failures
"""


def test_the_first_charts_after_a_start_do_not_disturb_each_other():
    answer = subprocess.run(
        [sys.executable, "-c", FIRST_CHARTS], cwd=ROOT, capture_output=True, text=True
    )

    assert answer.returncode == 0, answer.stderr
