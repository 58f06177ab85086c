"""A lab that was started as a new user starts it, for journeys without a browser."""

from __future__ import annotations

from tests.browser.conftest import lab_url

__all__ = ["lab_url"]
