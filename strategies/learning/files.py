"""A trained estimator as a file that runs nothing when it is read."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from strategies.errors import StrategyError

MOST_BYTES = 64 * 2**20
MOST_UNPACKED = 512 * 2**20
MOST_PARTS = 10_000
# Beyond what skops trusts by itself: the trees of a histogram gradient boosting.
TRUSTED = ("sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",)


def model_bytes(estimator: Any) -> bytes:
    """Return an estimator as a skops file.

    Two files of the same model differ: they hold addresses in memory. What a model is
    says `strategies.learning.training.Training.identity`.

    Raises
    ------
    StrategyError
        ``model_too_large``.
    """
    from skops.io import dumps

    data: bytes = dumps(estimator, compression=zipfile.ZIP_DEFLATED)
    _check_size(data)
    return data


def model_of(data: bytes) -> Any:
    """Return the estimator of a skops file.

    Raises
    ------
    StrategyError
        ``model_too_large``, or ``bad_model`` for what is no such file or holds types
        that no model of ours is made of.
    """
    from skops.io import get_untrusted_types, loads

    _check_size(data)
    try:
        strange = set(get_untrusted_types(data=data)) - set(TRUSTED)
        if strange:
            raise _bad_model(f"It holds {', '.join(sorted(strange))[:200]}.")
        return loads(data, trusted=list(TRUSTED))
    except StrategyError:
        raise
    except Exception as exc:  # whatever a file that somebody made up brings about
        raise _bad_model("It cannot be read.") from exc


def _check_size(data: bytes) -> None:
    """Refuse what would take too much memory, before any of it is unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
    except zipfile.BadZipFile:
        raise _bad_model("It is no archive.") from None
    unpacked = sum(part.file_size for part in parts)
    if len(data) > MOST_BYTES or unpacked > MOST_UNPACKED or len(parts) > MOST_PARTS:
        raise StrategyError(
            f"The model takes {max(len(data), unpacked) / 2**20:,.0f} MB.",
            code="model_too_large",
            field="model",
            advice="Train it with fewer trees or leaves.",
        )


def _bad_model(why: str) -> StrategyError:
    return StrategyError(
        f"This is no model that was trained here. {why}",
        code="bad_model",
        field="model",
        advice="Train it again.",
    )
