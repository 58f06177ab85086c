"""What tests of the notebook share."""

from __future__ import annotations

import pytest


@pytest.fixture
def home(tmp_path, settings, monkeypatch):
    """A home of a lab whose files and bars are nobody else's."""
    monkeypatch.setenv("QUANT_HOME", str(tmp_path))
    settings.QUANT_HOME = tmp_path
    return tmp_path
