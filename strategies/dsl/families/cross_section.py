"""Primitives across the symbols of a bar, or of a group within it."""

from __future__ import annotations

from strategies.dsl.primitive import (
    GROUP_NAN,
    LABELS,
    ROW_NAN,
    Argument,
    Primitive,
    X,
    Y,
)

XG = (X, LABELS)
FLAT_NAN = "A name without a value stays NaN; all are where the values are flat."


def _rows(
    name: str,
    meaning: str,
    kernel: str,
    *aliases: str,
    args: tuple[Argument, ...] = (X,),
    unit: str = "same",
    nan: str = ROW_NAN,
    example: str = "",
    family: str = "cross-section",
) -> Primitive:
    return Primitive(
        name=name,
        aliases=aliases,
        arguments=args,
        family=family,
        shape="rows",
        kernel=f"strategies.kernels.{kernel}",
        unit=unit,
        nan=nan,
        meaning=meaning,
        example=example or f"{name}(returns)",
    )


def _group(
    name: str, meaning: str, kernel: str, *aliases: str, unit: str = "same"
) -> Primitive:
    return _rows(
        name,
        meaning,
        f"group:{kernel}",
        *aliases,
        args=XG,
        unit=unit,
        nan=GROUP_NAN,
        example=f"{name}(returns, sector)",
        family="group",
    )


def _derived(
    name: str,
    meaning: str,
    formula: str,
    *aliases: str,
    args: tuple[Argument, ...] = (X,),
    unit: str = "same",
    nan: str = ROW_NAN,
    example: str = "",
    family: str = "cross-section",
    truth: bool = False,
) -> Primitive:
    return Primitive(
        name=name,
        aliases=aliases,
        arguments=args,
        family=family,
        shape="derived",
        formula=formula,
        unit=unit,
        nan=nan,
        meaning=meaning,
        example=example or f"{name}(returns)",
        truth=truth,
    )


ROWS = (
    _rows("rank", "Average rank over the number of valid names, above 0 to 1.",
          "cross_section:rank_nb", "cs_rank", unit="pure",
          example="rank(-delta(close, 5))"),
    _rows("scale", "Rescaled so that the absolute values sum to a.",
          "cross_section:scale_nb", args=(X, Argument("a", "number", 1.0)),
          unit="pure", nan=FLAT_NAN, example="scale(rank(returns) - 0.5)"),
    _rows("zscore", "Distance from the market's mean in standard deviations (ddof 1).",
          "cross_section:zscore_nb", "cs_zscore", "normalize", unit="pure",
          nan=FLAT_NAN),
    _rows("cs_mean", "Mean of the market.", "cross_section:mean_nb"),
    _rows("cs_std", "Standard deviation of the market (ddof 1).",
          "cross_section:stddev_nb"),
    _rows("cs_sum", "Sum of the market.", "cross_section:sum_nb"),
    _rows("cs_min", "Smallest value of the market.", "cross_section:lowest_nb"),
    _rows("cs_max", "Largest value of the market.", "cross_section:highest_nb"),
    _rows("cs_median", "Middle value of the market.", "cross_section:median_nb"),
    _rows("cs_count", "How many names have a value.", "cross_section:count_nb",
          unit="pure"),
    _rows("winsorize", "Kept within k standard deviations of the market's mean.",
          "cross_section:winsorize_nb", args=(X, Argument("k", "number", 4.0, 0.0)),
          example="winsorize(returns, 3)"),
    _rows("bucket", "Which of n equally full buckets a name is in, 1 to n.",
          "cross_section:bucket_nb", "cs_quantile",
          args=(X, Argument("n", "number", 5.0, 1.0, 1000.0)), unit="pure",
          example="bucket(returns, 5)"),
    _rows("normal_rank", "The rank as a draw of the normal distribution.",
          "cross_section:normal_rank_nb", unit="pure"),
    _rows("cs_residual", "What is left of x after a line on y across the market.",
          "cross_section:residual_nb", "regression_neut", args=(X, Y), nan=FLAT_NAN,
          example="cs_residual(returns, log(volume))"),
    _rows("vector_neut", "x without its projection on y across the market.",
          "cross_section:projected_out_nb", "vector_neutralize", args=(X, Y),
          nan=FLAT_NAN, example="vector_neut(returns, rank(volume))"),
    _group("group_mean", "Mean of the group.", "mean_nb"),
    _group("group_sum", "Sum of the group.", "sum_nb"),
    _group("group_std", "Standard deviation of the group (ddof 1).", "stddev_nb"),
    _group("group_min", "Smallest value of the group.", "lowest_nb"),
    _group("group_max", "Largest value of the group.", "highest_nb"),
    _group("group_count", "How many names of the group have a value.", "count_nb",
           unit="pure"),
    _group("group_rank", "Average rank in the group over its valid names.", "rank_nb",
           unit="pure"),
    _derived("demean", "Distance from the market's mean.", "{x} - cs_mean({x})",
             "cs_demean"),
    _derived("cs_scale", "Where a name lies between the market's extremes, 0 to 1.",
             "({x} - cs_min({x})) / (cs_max({x}) - cs_min({x}))", unit="pure",
             nan=FLAT_NAN),
    _derived("top", "Whether a name is among the n largest; ties share the average.",
             "rank({x}) * cs_count({x}) > cs_count({x}) - {n}",
             args=(X, Argument("n", "number", None, 1.0)), unit="pure",
             example="top(returns, 10)", truth=True),
    _derived("bottom", "Whether a name is among the n smallest; ties share the "
             "average.", "rank({x}) * cs_count({x}) < {n} + 1",
             args=(X, Argument("n", "number", None, 1.0)), unit="pure",
             example="bottom(returns, 10)", truth=True),
    _derived("indneutralize", "Distance from the mean of the group.",
             "{x} - group_mean({x}, {g})", "group_neutralize", "group_demean",
             args=XG, nan=GROUP_NAN, example="indneutralize(returns, IndClass.sector)",
             family="group"),
    _derived("group_zscore", "Distance from the group's mean in standard deviations.",
             "({x} - group_mean({x}, {g})) / group_std({x}, {g})", args=XG,
             unit="pure", nan=GROUP_NAN, example="group_zscore(returns, sector)",
             family="group"),
    _derived("group_scale", "Where a name lies between the group's extremes, 0 to 1.",
             "({x} - group_min({x}, {g})) / "
             "(group_max({x}, {g}) - group_min({x}, {g}))", args=XG, unit="pure",
             nan=GROUP_NAN, example="group_scale(returns, sector)", family="group"),
)  # fmt: skip
