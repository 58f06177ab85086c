"""Datasets: features of many symbols beside what came after, one row for each bar.

Row ``t`` holds features of the bars up to ``t`` and a label of the bars behind it: the
features are known at the close of ``t``, the label only some bars later. Whatever
learns from a dataset has to keep that distance between what it learns and what it
predicts.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from strategies.config import Membership
from strategies.dsl.derived import compares
from strategies.dsl.expression import Expression, parse
from strategies.errors import ConfigError, DslError, StrategyError, did_you_mean
from strategies.features.cache import FeatureFiles
from strategies.features.catalog import FEATURES, Feature
from strategies.features.compute import compute_features
from strategies.features.starter import STARTERS
from strategies.market.candles import Candles
from strategies.market.membership import members_at
from strategies.market.panel import Panel
from strategies.types import MAX_BARS, BoolArray, FloatArray, complete

if TYPE_CHECKING:
    import pyarrow as pa

KINDS = ("sign", "return")
LABEL = "label"
OWN_COLUMNS = ("ts_utc", "symbol", LABEL)
MOST_FEATURES = 60
KNOWN = (*FEATURES, *STARTERS)
BARE_WORD = re.compile(r"\s*[A-Za-z_]\w*\s*")


@dataclass(frozen=True, slots=True)
class Label:
    """What came after a bar.

    Attributes
    ----------
    kind : {"sign", "return"}
        The return over the bars that follow, or only whether it is up (1), down (−1)
        or neither (0).
    horizon_bars : int
        How many bars that return spans, from close to close.

    Raises
    ------
    ConfigError
        ``unknown_choice`` or ``out_of_range``.
    """

    kind: str = "sign"
    horizon_bars: int = 1

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConfigError(
                f"There is no label {self.kind!r:.40}.",
                code="unknown_choice",
                field="label.kind",
                advice=did_you_mean(self.kind, KINDS) or f"Use {' or '.join(KINDS)}.",
            )
        if not 1 <= self.horizon_bars <= MAX_BARS:
            raise ConfigError(
                f"A horizon of {self.horizon_bars} bars is outside 1 to {MAX_BARS}.",
                code="out_of_range",
                field="label.horizon_bars",
                advice="Say how many bars lie ahead, from 1.",
            )

    def document(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {"kind": self.kind, "horizon_bars": self.horizon_bars}


@dataclass(frozen=True, slots=True)
class Chosen:
    """One entry of the list of features: of the catalog, or an expression."""

    feature: Feature | None = None
    expression: Expression | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of its columns."""
        if self.feature is not None:
            return self.feature.columns
        return (self.expression.canonical,) if self.expression else ()

    def document(self) -> dict[str, Any]:
        """Return it as a request names it, complete."""
        if self.feature is not None:
            return {"name": self.feature.name, "params": self.feature.params}
        return {"expr": self.columns[0]}


def choose(asked: Sequence[str | Mapping[str, Any]]) -> tuple[Chosen, ...]:
    """Return what a list of features means, each once.

    Parameters
    ----------
    asked : sequence
        Names of the catalogs (``"rsi"``, ``"past_return"``), expressions
        (``"rank(delta(close, 5))"``), ``{"name": "rsi", "params": {"period": 7}}``
        or ``{"expr": "…"}``.

    Raises
    ------
    ConfigError
        With every problem found: ``unknown_feature``, what `Feature` and `parse`
        refuse, ``open_brace``, ``no_features``, ``too_many_features``.
    """
    found: dict[tuple[str, ...], Chosen] = {}
    problems: list[StrategyError] = []
    for place, one in enumerate(asked[: MOST_FEATURES + 1]):
        try:
            chosen = _chosen(one)
        except StrategyError as error:
            problems.append(_at(error, f"features.{place}"))
        else:
            found.setdefault(chosen.columns, chosen)
    if problems:
        raise ConfigError.of(tuple(problems))
    n_columns = sum(len(columns) for columns in found)
    if not found or n_columns > MOST_FEATURES or len(asked) > MOST_FEATURES:
        raise ConfigError(
            f"{max(n_columns, len(asked))} columns of features were asked for.",
            code="too_many_features" if found else "no_features",
            field="features",
            advice=f"Choose from 1 to {MOST_FEATURES}.",
        )
    return tuple(found.values())


def label_values(close: FloatArray, label: Label) -> FloatArray:
    """Return the label of each bar.

    Parameters
    ----------
    close : float64 array of shape (n_bars,)
    label : Label

    Returns
    -------
    float64 array of shape (n_bars,)
        NaN for the last `horizon_bars` bars, whose future is not known, and where one
        of the two closes is missing.
    """
    values = np.full(close.shape[0], np.nan)
    ahead = label.horizon_bars
    if ahead < close.shape[0]:
        with np.errstate(divide="ignore", invalid="ignore"):
            values[:-ahead] = close[ahead:] / close[:-ahead] - 1.0
    values[~np.isfinite(values)] = np.nan
    return np.sign(values) if label.kind == "sign" else values


class Columns:
    """The feature columns of several symbols, each computed once.

    Parameters
    ----------
    chosen : sequence of Chosen
    candles : sequence of Candles
        What expressions rank and compare across symbols is ranked among these.
    files : FeatureFiles
    tell : callable ``(n)``
        Told how many expressions are done.
    members : mapping of str to Membership, optional
        Who of them belongs to the universe when: only members are compared.
    """

    def __init__(
        self,
        chosen: Sequence[Chosen],
        candles: Sequence[Candles],
        files: FeatureFiles,
        tell: Callable[[int], object] = id,
        members: Mapping[str, Membership] | None = None,
    ) -> None:
        self._features = [one.feature for one in chosen if one.feature is not None]
        self._files = files
        self._order = [name for one in chosen for name in one.columns]
        texts = [one.expression for one in chosen if one.expression is not None]
        self._panel = Panel.of(candles) if texts else None
        self._matrices: dict[str, FloatArray] = {}
        if self._panel is not None:
            inside = members_at(self._panel, members)
            for text, matrix in _evaluated(texts, self._panel, files, inside):
                self._matrices[text.canonical] = matrix
                tell(len(self._matrices))

    def of(self, candles: Candles) -> dict[str, FloatArray]:
        """Return the columns of one of the symbols, on its own bars, in order."""
        cache = self._files.of(candles)
        values = compute_features(candles, self._features, cache)
        if self._panel is not None:
            rows = np.searchsorted(self._panel.ts, candles.ts)
            column = self._panel.symbols.index(candles.symbol)
            for name, matrix in self._matrices.items():
                values[name] = matrix[rows, column]
        return {name: values[name] for name in self._order}


def _evaluated(
    texts: Sequence[Expression], panel: Panel, files: FeatureFiles, inside: BoolArray
) -> Iterable[tuple[Expression, FloatArray]]:
    """Yield each expression with its matrix, read from the files where they have it.

    What depends on who is a member is not kept there.
    """
    from strategies.dsl.evaluate import evaluate

    cache = files.of_panel(panel)
    for text in texts:
        is_kept = bool(inside.all()) or not compares(text.root)
        matrix = cache.get(text.canonical) if is_kept else None
        if matrix is None:
            matrix = evaluate(text, panel, members=inside, cache=cache)
            if is_kept:
                cache.put(text.canonical, matrix)
        yield text, matrix


class DatasetFile:
    """A Parquet file in long form, written symbol by symbol, named by its sha256.

    Parameters
    ----------
    folder : Path
    name : str
        Of this attempt; a file that an earlier one left unfinished is written over.
    """

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._partial = folder, folder / f".{name}.partial"
        self._writer: Any = None

    def add(
        self, candles: Candles, columns: Mapping[str, FloatArray], label: FloatArray
    ) -> None:
        """Write the rows of one symbol; NaN becomes null."""
        import pyarrow.parquet as pq

        table = _table(candles, columns, label)
        if self._writer is None:
            self._writer = pq.ParquetWriter(
                self._partial, table.schema, compression="zstd"
            )
        self._writer.write_table(table)

    def settle(self) -> tuple[str, int]:
        """Put the file in its place; return its sha256 and its bytes."""
        self._writer.close()
        with self._partial.open("rb") as file:
            os.fsync(file.fileno())
            sha = hashlib.file_digest(file, "sha256").hexdigest()
        size = self._partial.stat().st_size
        self._partial.replace(dataset_path(self._folder, sha))
        return sha, size

    def discard(self) -> None:
        """Leave nothing of an attempt that did not settle."""
        if self._writer is not None:
            self._writer.close()
        self._partial.unlink(missing_ok=True)


def dataset_path(folder: Path, sha: str) -> Path:
    """Return where the file with this sha256 is kept."""
    if not re.fullmatch(r"[0-9a-f]{64}", sha):
        raise StrategyError(f"{sha[:40]!r} is no hash.", code="bad_name")
    return folder / f"{sha}.parquet"


def _table(
    candles: Candles, columns: Mapping[str, FloatArray], label: FloatArray
) -> pa.Table:
    import pyarrow as pa

    symbols = pa.array([candles.symbol] * len(candles), pa.string())
    arrays: dict[str, Any] = {"ts_utc": pa.array(candles.ts), "symbol": symbols}
    for name, values in (*columns.items(), (LABEL, label)):
        arrays[name] = pa.array(values, mask=~np.isfinite(values))
    return pa.table(arrays)


# --- one entry of the list -----------------------------------------------------------


def _chosen(asked: str | Mapping[str, Any]) -> Chosen:
    if isinstance(asked, str):
        name = asked.strip()
        return _named(name, {}) if name in KNOWN else _expression(asked)
    if set(asked) == {"expr"}:
        return _expression(str(asked["expr"]))
    odd = sorted(set(asked) - {"name", "params"})
    if odd or "name" not in asked:
        raise ConfigError(
            f"A feature has no key '{odd[0]:.40}'." if odd else "It has no name.",
            code="unknown_field" if odd else "missing_field",
            field=odd[0] if odd else "name",
            advice='Send a name, {"name", "params"} or {"expr"}.',
        )
    return _named(str(asked["name"]), asked.get("params") or {})


def _named(name: str, params: Mapping[str, Any]) -> Chosen:
    """Return an indicator of the library, or a family of the starter catalog."""
    if name not in STARTERS:
        return Chosen(feature=Feature(name, params))
    starter = STARTERS[name]
    values = complete(starter.params, params, owner=name, field="params")
    return Chosen(expression=starter.expression(*map(int, values.values())))


def _expression(text: str) -> Chosen:
    try:
        expression = parse(text)
    except DslError as error:
        if not BARE_WORD.fullmatch(text):
            raise
        guess = did_you_mean(text.strip(), KNOWN) or error.advice
        raise ConfigError(
            f"There is no feature named '{text.strip():.40}'.",
            code="unknown_feature",
            field="name",
            advice=guess or "GET /api/config/features lists them.",
        ) from None
    if expression.braces:
        raise ConfigError(
            f"'{{{expression.braces[0]:.40}}}' has no value.",
            code="open_brace",
            field="expr",
            advice="Write a number in its place.",
        )
    if expression.canonical in OWN_COLUMNS:
        raise ConfigError(
            f"A column called {expression.canonical} is there anyway.",
            code="duplicate_column",
            field="expr",
            advice="Leave it out.",
        )
    return Chosen(expression=expression)


def _at(error: StrategyError, place: str) -> StrategyError:
    """Return an error of one entry as one of the list."""
    below = error.field.removeprefix("features").strip(".")
    return ConfigError(
        error.message,
        code=error.code,
        field=f"{place}.{below}" if below else place,
        advice=error.advice,
    )
