"""Importing this module warms the process. Only the fork server does, by its name."""

from __future__ import annotations

from jobs.warm import logger, warm_up

try:
    warm_up()
except ImportError:
    # The fork server would swallow it without a word; a cold child says it properly.
    logger.exception("preload_failed")
