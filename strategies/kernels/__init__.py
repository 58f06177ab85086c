"""The numba floor: arrays in, arrays out, no checks.

numba does not recompile a caller when a callee in another file changes, and would
return old numbers. Its cache therefore lives in a folder named by the hash of all
kernel sources; the folder is chosen here, before numba is imported for the first time.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from strategies import __version__


@cache
def kernel_hash() -> str:
    """Return the sha256 of the library's version and every kernel source."""
    digest = hashlib.sha256(__version__.encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def cache_folder() -> Path:
    """Return where compiled kernels are kept: below `QUANT_NUMBA_CACHE`."""
    root = os.environ.get("QUANT_NUMBA_CACHE")
    base = Path(root) if root else Path.home() / ".cache" / "quantlab" / "numba"
    return base / kernel_hash()[:16]


os.environ["NUMBA_CACHE_DIR"] = str(cache_folder())


@cache
def resolve(name: str) -> Callable[..., Any]:
    """Return the kernel for a dotted name: ``strategies.kernels.rolling:sma_nb``."""
    module, _, function = name.partition(":")
    kernel: Callable[..., Any] = getattr(import_module(module), function)
    return kernel
