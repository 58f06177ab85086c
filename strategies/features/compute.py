"""Candles in, feature columns out; nothing is computed twice for one cache."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock
from typing import TYPE_CHECKING, Protocol

from strategies.features.catalog import Feature
from strategies.kernels import resolve
from strategies.types import FloatArray

if TYPE_CHECKING:
    from strategies.market.candles import Candles

Arrays = tuple[FloatArray, ...]


class FeatureCache(Protocol):
    """Where computed features are kept.

    The key is the candles' fingerprint, which covers every bar and so the last one
    too, and the feature with all its parameters.
    """

    def get(self, fingerprint: str, feature: Feature) -> Arrays | None:
        """Return the arrays kept under this key, or None."""

    def put(self, fingerprint: str, feature: Feature, arrays: Arrays) -> None:
        """Keep read-only `arrays`, or decide not to."""


class MemoryFeatureCache:
    """Keeps the features used last in memory; safe to share between threads.

    Parameters
    ----------
    max_bytes : int
        What the arrays together may take; the feature unused longest goes first. One
        that alone takes more is not kept.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.used_bytes = 0
        self._kept: OrderedDict[tuple[str, Feature], Arrays] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, fingerprint: str, feature: Feature) -> Arrays | None:
        """Return the arrays kept under this key, or None."""
        key = (fingerprint, feature)
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key]

    def put(self, fingerprint: str, feature: Feature, arrays: Arrays) -> None:
        """Keep `arrays`, and forget what was unused longest to make room."""
        key = (fingerprint, feature)
        size = _bytes_of(arrays)
        with self._lock:
            self.used_bytes -= _bytes_of(self._kept.pop(key, ()))
            if size > self.max_bytes:
                return
            self._kept[key] = arrays
            self.used_bytes += size
            while self.used_bytes > self.max_bytes:
                _, oldest = self._kept.popitem(last=False)
                self.used_bytes -= _bytes_of(oldest)


class EarlierBars:
    """Features of some bars as if computed on all bars before them too.

    A cache for the ordinary walk: what is computed of ``candles.between(...)`` with it
    is warm from its first bar on.

    Parameters
    ----------
    candles : Candles
        All bars.
    bars : range
        Those that are looked at.
    cache : FeatureCache, optional
        Where the features of all bars are kept.
    """

    def __init__(
        self, candles: Candles, bars: range, cache: FeatureCache | None = None
    ) -> None:
        self._candles, self._bars, self._cache = candles, bars, cache

    def get(self, fingerprint: str, feature: Feature) -> Arrays:
        """Return the arrays of the bars that are looked at."""
        arrays = _cached(self._candles, feature, self._cache)
        return tuple(array[self._bars.start : self._bars.stop] for array in arrays)

    def put(self, fingerprint: str, feature: Feature, arrays: Arrays) -> None:
        """Keep nothing: there is no need."""


def compute_features(
    candles: Candles,
    features: Sequence[Feature],
    cache: FeatureCache | None = None,
) -> dict[str, FloatArray]:
    """Return the columns of `features`.

    Parameters
    ----------
    candles : Candles
        Of ``n_bars`` bars. A NaN in a column it reads makes a feature NaN at that bar
        and in every window that holds it; later windows are unaffected.
    features : sequence of Feature
    cache : FeatureCache, optional
        Asked first and told afterwards.

    Returns
    -------
    dict of str to float64 array of shape (n_bars,)
        Read-only arrays keyed by `Feature.columns`: ``"sma(close, 20)"``,
        ``"macd(close, 12, 26, 9).signal"``. NaN while warming up. Row ``t`` depends
        on bars ``0 … t`` only.
    """
    columns: dict[str, FloatArray] = {}
    for feature in features:
        arrays = _cached(candles, feature, cache)
        columns.update(zip(feature.columns, arrays, strict=True))
    return columns


def _cached(candles: Candles, feature: Feature, cache: FeatureCache | None) -> Arrays:
    if cache is None:
        return _computed(candles, feature)
    arrays = cache.get(candles.fingerprint, feature)
    if arrays is None:
        arrays = _computed(candles, feature)
        cache.put(candles.fingerprint, feature, arrays)
    return arrays


def _computed(candles: Candles, feature: Feature) -> Arrays:
    spec = feature.spec
    inputs = [getattr(candles, name) for name in spec.inputs]
    given = [candles] if spec.of_candles else inputs
    answer = resolve(spec.kernel)(*given, *feature.values)
    arrays: Arrays = answer if isinstance(answer, tuple) else (answer,)
    for array in arrays:
        array.flags.writeable = False
    return arrays


def _bytes_of(arrays: Arrays) -> int:
    return sum(array.nbytes for array in arrays)
