"""One request, tried again while its failure may pass."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from strategies.market.providers.client import ProviderError

ATTEMPTS = 4
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 20.0

T = TypeVar("T")


class Retries:
    """Waits twice as long after each failure, and never as long as anybody else.

    Parameters
    ----------
    rng : numpy Generator
        Of the jitter, half to one and a half of each wait.
    sleep : callable
        Is given seconds.
    on_wait : callable
        Is told why, and for how many seconds, before each wait; may raise.
    """

    def __init__(
        self,
        *,
        rng: np.random.Generator,
        sleep: Callable[[float], object] = time.sleep,
        on_wait: Callable[[str, float], object] = lambda why, wait_s: None,
    ) -> None:
        self._rng, self._sleep, self._on_wait = rng, sleep, on_wait

    def __call__(self, request: Callable[[], T], /) -> T:
        """Return what `request` returns.

        Raises
        ------
        ProviderError
            The fourth one that may pass, or the first that does not.
        """
        for attempt in range(1, ATTEMPTS):
            try:
                return request()
            except ProviderError as error:
                if not error.may_pass:
                    raise
                wait_s = min(FIRST_WAIT_S * 2 ** (attempt - 1), LONGEST_WAIT_S)
                wait_s *= self._rng.uniform(0.5, 1.5)
                self._on_wait(error.message, wait_s)
                self._sleep(wait_s)
        return request()
