"""A lab of its own, and a frame of bars to spoil."""

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("QUANT_HOME", str(tmp_path))
    monkeypatch.delenv("QUANT_DATA_ROOT", raising=False)
    return tmp_path


@pytest.fixture
def bars():
    """Five weekdays: Monday 2024-01-08 to Friday 2024-01-12."""
    close = np.array([100.0, 101.0, 102.0, 101.0, 103.0])
    return pd.DataFrame(
        {
            "date": pd.date_range("2024-01-08", periods=5).strftime("%Y-%m-%d"),
            "open": close - 0.5,
            "high": close + 1.0,
            "low": close - 1.0,
            "close": close,
            "volume": [10.0, 20.0, 0.0, 30.0, 40.0],
        }
    )
