"""Log lines are JSON objects with the keys that others rely on."""

import json
import logging
import logging.config

import pytest
import structlog

from quantlab.logs import logging_settings


@pytest.fixture(autouse=True)
def _restore():
    yield
    structlog.reset_defaults()
    logging.getLogger().handlers.clear()


def test_our_lines_and_those_of_libraries_look_alike(capsys):
    logging.config.dictConfig(logging_settings("INFO"))

    structlog.get_logger("jobs").info("job_start", job_id="job_1", type="backtest")
    logging.getLogger("some.library").warning("careful %s", "now")

    ours, theirs = map(json.loads, capsys.readouterr().err.strip().splitlines())
    assert ours["event"] == "job_start"
    assert (ours["level"], ours["job_id"], ours["type"]) == (
        "INFO",
        "job_1",
        "backtest",
    )
    assert ours["ts"].endswith("Z")
    assert (theirs["event"], theirs["level"]) == ("careful now", "WARNING")
