"""The last file of a run's folder: which files there are, and what made them.

It is the only one that says when and for which run; every other file depends on
config, data and code alone.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TypedDict

from quantlab.web.version import git_hash
from strategies import __version__

if TYPE_CHECKING:
    from strategies import BacktestResult, Candles, UniverseResult

MANIFEST = "manifest.json"
PACKAGES = ("numpy", "pandas", "pyarrow", "numba")
LEARNERS = ("scikit-learn", "skops")


class FileEntry(TypedDict):
    name: str
    path: str
    sha256: str
    size: int
    mime: str


def manifest_document(
    run_id: str,
    created_at_ms: int,
    entries: Iterable[FileEntry],
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    return {
        **facts,
        "run_id": run_id,
        "created_at": created_at_ms,
        "files": sorted(entries, key=lambda entry: entry["name"]),
    }


def manifest_facts(
    result: BacktestResult | UniverseResult, candles: Iterable[Candles]
) -> dict[str, Any]:
    """Return what a manifest says of a result beside its files.

    `candles` are all bars that were read, those of another benchmark included.
    """
    return {
        "config_hash": result.config.config_hash,
        "code_version": __version__,
        "git_hash": git_hash(),
        "data_fingerprint": result.data_fingerprint,
        "candle_hashes": candle_hashes(candles),
        "versions": dict(_versions()),
        "cpu": dict(_cpu()),
        "accounting_check": asdict(result.simulation.accounting),
    }


def sweep_facts(
    config_hash: str, candles: Iterable[Candles], fingerprint: str
) -> dict[str, Any]:
    """Return what the manifest of a sweep says beside its files."""
    return {
        "config_hash": config_hash,
        "code_version": __version__,
        "git_hash": git_hash(),
        "data_fingerprint": fingerprint,
        "candle_hashes": candle_hashes(candles),
        "versions": dict(_versions()),
        "cpu": dict(_cpu()),
    }


def training_facts(
    config_hash: str, dataset_hash: str, identity: str
) -> dict[str, Any]:
    """Return what the manifest of a training says beside its files.

    `identity` says what the model is; the file of it differs on every writing.
    """
    learners = {name: version(name) for name in LEARNERS}
    return {
        "config_hash": config_hash,
        "code_version": __version__,
        "git_hash": git_hash(),
        "data_fingerprint": dataset_hash,
        "identity": identity,
        "versions": dict(_versions()) | learners,
        "cpu": dict(_cpu()),
    }


def candle_hashes(candles: Iterable[Candles]) -> dict[str, str]:
    """Return the fingerprint of each, by provider, symbol and timeframe."""
    return {
        f"{one.provider}:{one.symbol}:{one.timeframe}": one.fingerprint
        for one in candles
    }


@cache
def _versions() -> dict[str, str]:
    packages = {name: version(name) for name in PACKAGES}
    return {"python": platform.python_version()} | packages


@cache
def _cpu() -> dict[str, Any]:
    """Return the class of processor: equal bytes are promised within one class."""
    import numpy as np

    config: Any = np.show_config(mode="dicts")
    simd = config["SIMD Extensions"]
    features = sorted({*simd.get("baseline", ()), *simd.get("found", ())})
    return {"machine": platform.machine(), "features": features}
