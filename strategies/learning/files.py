"""A trained estimator as a file that runs nothing when it is read."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

from strategies.errors import StrategyError

MOST_BYTES = 64 * 2**20
MOST_UNPACKED = 512 * 2**20
MOST_PARTS = 10_000
# Beyond what skops trusts by itself: the trees of a histogram gradient boosting.
TRUSTED = ("sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",)
SCHEMA = "schema.json"
MOST_SCHEMA = 32 * 2**20
BOOSTING = "sklearn.ensemble._hist_gradient_boosting"
# All that our models are made of: how skops reads a part, its module and its name.
# skops trusts far more, every estimator of scikit-learn among it.
PARTS = frozenset(
    {
        ("DictNode", "builtins", "dict"),
        ("JsonNode", "builtins", "str"),
        ("ListNode", "builtins", "list"),
        ("TupleNode", "builtins", "tuple"),
        ("TypeNode", "builtins", "str"),
        ("NdArrayNode", "numpy", "float64"),
        ("NdArrayNode", "numpy", "ndarray"),
        ("NdArrayNode", "numpy", "uint64"),
        ("RandomGeneratorNode", "numpy.random._generator", "Generator"),
        ("LossNode", "sklearn._loss._loss", "CyHalfBinomialLoss"),
        ("ObjectNode", "sklearn._loss.link", "Interval"),
        ("ObjectNode", "sklearn._loss.link", "LogitLink"),
        ("ObjectNode", "sklearn._loss.loss", "HalfBinomialLoss"),
        ("ObjectNode", f"{BOOSTING}.binning", "_BinMapper"),
        (
            *("ObjectNode", f"{BOOSTING}.gradient_boosting"),
            "HistGradientBoostingClassifier",
        ),
        ("ObjectNode", f"{BOOSTING}.predictor", "TreePredictor"),
        ("ObjectNode", "sklearn.linear_model._logistic", "LogisticRegression"),
        ("ObjectNode", "sklearn.pipeline", "Pipeline"),
        ("ObjectNode", "sklearn.preprocessing._data", "StandardScaler"),
        ("ObjectNode", "sklearn.preprocessing._label", "LabelEncoder"),
    }
)


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
        As `model_checked`.
    """
    from skops.io import get_untrusted_types, loads

    model_checked(data)
    try:
        strange = set(get_untrusted_types(data=data)) - set(TRUSTED)
        if strange:
            raise _bad_model(_holds(strange))
        return loads(data, trusted=list(TRUSTED))
    except StrategyError:
        raise
    except Exception as exc:  # whatever a file that somebody made up brings about
        raise _bad_model("It cannot be read.") from exc


def model_checked(data: bytes) -> None:
    """Refuse a file that cannot be a model of ours; nothing of it is loaded.

    It needs neither skops nor scikit-learn, so whoever only keeps models asks too.

    Raises
    ------
    StrategyError
        ``model_too_large``, or ``bad_model`` for what is no skops file or names a type
        that no model of ours is made of.
    """
    _check_size(data)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if archive.getinfo(SCHEMA).file_size > MOST_SCHEMA:
                raise _bad_model("Its list of parts is too long.")
            schema = json.loads(archive.read(SCHEMA))
        strange = {f"{one[1]}.{one[2]}" for one in _parts(schema) if one not in PARTS}
    except StrategyError:
        raise
    except Exception as exc:  # as above
        raise _bad_model("It cannot be read.") from exc
    if strange:
        raise _bad_model(_holds(strange))


def _parts(schema: Any) -> Iterator[tuple[str, str, str]]:
    """Yield each part that a schema names: how it is read, its module, its name."""
    waiting = [schema]
    if "__loader__" not in schema:
        raise _bad_model("It names no type.")
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            if "__loader__" in one:
                yield one["__loader__"], one["__module__"], one["__class__"]
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)


def _holds(strange: set[str]) -> str:
    return f"It holds {', '.join(sorted(strange))[:200]}."


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
