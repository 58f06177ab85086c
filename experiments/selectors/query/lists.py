"""The search languages of the lists: of runs, of experiments, of saved strategies."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from experiments.models import ModelRun, PipelineRun, RunKind, RunMetric
from experiments.selectors.conditions import (
    ended,
    holds,
    named_or_tagged,
    owned_by,
    tagged,
    trading,
)
from experiments.selectors.query.fields import (
    Field,
    Read,
    age,
    begins,
    condition,
    flag,
    is_none,
    lasting,
    metric,
    metric_compared,
    metric_of_run,
    moment,
    number,
    text,
)
from experiments.selectors.query.language import Language
from experiments.selectors.query.tree import Test
from jobs.models import ALIASES, JobStatus
from strategies.metrics.registry import Metric

STATUSES = (*JobStatus.values, *ALIASES)

# What all of them have.
NAME = Field(
    "name", "Part of the name; = for all of it.", 'name:"SMA 20"', text("name")
)
TAG = Field("tag", "One whole tag.", "tag:mean-rev", condition(tagged))
NOTES = Field("notes", "Part of the notes.", "notes:cost", text("notes"))
STARRED = Field("starred", "With a star.", "starred", flag("starred"), is_flag=True)
ARCHIVED = Field(
    "archived",
    "In the archive; else such rows are left out.",
    "archived",
    flag("archived"),
    is_flag=True,
)
CREATED = Field(
    "created",
    "A year, month, day or moment.",
    "created >= 2026-11",
    moment("created_at"),
)
UPDATED = Field(
    "updated", "When it was changed last.", "updated:today", moment("updated_at")
)
OWNER = Field(
    "owner",
    "Whose it is: a name, or me, others (shared with you), lab.",
    "owner:me",
    condition(owned_by),
)
AGE = Field(
    "age", "How long ago it was created: s m h d w.", "age < 7d", age("created_at")
)


def _in_experiment(word: str, prefix: str) -> Q:
    try:
        return Q(**{f"{prefix}experiment_id": UUID(word)})
    except ValueError:
        return Q(**{f"{prefix}experiment__name__icontains": word})


def _of_pipeline(word: str, prefix: str) -> Q:
    """Return what a pipeline tried and what it trained, by its name or its id."""
    try:
        which = Q(pk=UUID(word))
    except ValueError:
        which = Q(name__icontains=word)
    found = PipelineRun.objects.filter(which, deleted_at__isnull=True)
    rows = found.values_list("backtest_run_ids", "training_run_id")
    made = [key for tried, trained in rows for key in (*tried, trained) if key]
    return Q(**{f"{prefix}pk__in": made})


def _of_kind(word: str, prefix: str) -> Q:
    return Q(**{f"{prefix}kind": word.casefold()})


RUNS = Language(
    what="runs",
    looks_in="names and tags",
    fields=(
        NAME,
        TAG,
        Field(
            "status", "What became of it.", "status:failed", condition(ended, STATUSES)
        ),
        Field(
            "kind", "Kind of work.", "kind:sweep", condition(_of_kind, RunKind.values)
        ),
        Field("strategy", "Part of its name.", "strategy:sma", text("strategy")),
        Field(
            "symbol",
            "Traded, alone or among others.",
            "symbol:SP500",
            condition(trading),
        ),
        Field(
            "experiment",
            "Part of its name, or its id.",
            "experiment:trend",
            condition(_in_experiment),
        ),
        Field(
            "pipeline",
            "Tried or trained by it: part of its name, or its id.",
            "pipeline:momentum",
            condition(_of_pipeline),
        ),
        OWNER,
        NOTES,
        STARRED,
        Field(
            "pinned",
            "Kept on top of its experiment.",
            "pinned",
            flag("pinned"),
            is_flag=True,
        ),
        ARCHIVED,
        CREATED,
        Field(
            "started", "When work began.", "started:today", moment("job__started_at")
        ),
        Field(
            "finished", "When work ended.", "finished:today", moment("job__finished_at")
        ),
        AGE,
        Field(
            "took",
            "How long the work took: ms s m h.",
            "took > 1m30s",
            lasting("job__started_at", "job__finished_at"),
        ),
        Field(
            "hash",
            "Beginning of the hash of its config.",
            "hash:3f2a",
            begins("config_hash"),
        ),
        Field(
            "preset", "Preset it was started from.", "preset:base", text("preset_ref")
        ),
        Field("seed", "Its seed.", "seed:0", number("seed")),
    ),
    metric=metric_of_run,
    words=named_or_tagged,
    metric_words="A run without the number is not found by any comparison of it.",
    examples=(
        "sharpe > 1 and tag:mean-rev and status:succeeded",
        "max_drawdown > -20% and trade_count >= 30",
        "kind:sweep and age < 7d",
        "not starred (symbol:SP500 or symbol:NASDAQ)",
    ),
)


def _of_the_one(prefix: str) -> QuerySet[RunMetric]:
    return RunMetric.objects.filter(run=OuterRef(f"{prefix}pk"))


# The same where much is found: a list meets enough on its way, and asks run by run.
MANY_RUNS = replace(RUNS, metric=lambda of: metric(of, _of_the_one))


def _runs_of_experiment() -> QuerySet[ModelRun]:
    return ModelRun.objects.filter(experiment=OuterRef("pk"), deleted_at__isnull=True)


def _has_run(meaning: Q) -> Q:
    return Q(Exists(_runs_of_experiment().filter(meaning)))


def _numbers_of_experiment(prefix: str) -> QuerySet[RunMetric]:
    return RunMetric.objects.filter(
        experiment=OuterRef(f"{prefix}pk"), run__deleted_at__isnull=True
    )


def _of_its_runs(of: Metric) -> Read:
    return metric(of, _numbers_of_experiment)


EXPERIMENTS = Language(
    what="experiments",
    looks_in="names and tags",
    fields=(
        NAME,
        TAG,
        Field(
            "status",
            "That of one of its runs.",
            "status:failed",
            condition(lambda word, prefix: _has_run(ended(word)), STATUSES),
        ),
        Field(
            "kind",
            "That of one of its runs.",
            "kind:walk_forward",
            condition(
                lambda word, prefix: _has_run(_of_kind(word, "")), RunKind.values
            ),
        ),
        Field(
            "strategy", "Part of its rule's name.", "strategy:sma", text("model_key")
        ),
        Field(
            "symbol",
            "In its universe.",
            "symbol:SP500",
            condition(lambda word, prefix: holds(f"{prefix}universe", word)),
        ),
        Field("timeframe", "Of its bars.", "timeframe=1d", text("timeframe")),
        Field("provider", "Whose bars.", "provider:builtin", text("provider")),
        OWNER,
        NOTES,
        STARRED,
        ARCHIVED,
        CREATED,
        UPDATED,
        AGE,
    ),
    metric=_of_its_runs,
    words=named_or_tagged,
    metric_words="One of its runs has such a number.",
    examples=(
        "sharpe > 1 and tag:mean-rev",
        "strategy:sma and status:failed",
        "created >= 2026-11 and not starred",
    ),
)

OWN_NUMBERS = ("ann_return", "volatility", "sharpe", "max_drawdown")


def _of_the_run(prefix: str) -> QuerySet[RunMetric]:
    return RunMetric.objects.filter(run=OuterRef(f"{prefix}run_id"))


def _of_strategy(of: Metric) -> Read:
    if of.key not in OWN_NUMBERS:
        return metric(of, _of_the_run)

    def where(test: Test, prefix: str) -> Q:
        path = f"{prefix}{of.key}"
        if is_none(test):
            return Q(**{f"{path}__isnull": test.operator != "!="})
        return metric_compared(of, test, path)

    return where


def _written(words: str, prefix: str) -> Q:
    return (
        named_or_tagged(words, prefix)
        | Q(**{f"{prefix}canonical__icontains": words})
        | Q(**{f"{prefix}expr": words})
    )


SAVED_STRATEGIES = Language(
    what="strategies",
    looks_in="names, tags and expressions",
    fields=(
        NAME,
        TAG,
        Field(
            "expr", "Part of the expression.", 'expr:"delta(close"', text("canonical")
        ),
        OWNER,
        NOTES,
        Field(
            "complexity",
            "Its complexity.",
            "complexity < 5",
            number("complexity_score"),
            aliases=("complexity_score",),
        ),
        Field(
            "lookback",
            "Bars it looks back.",
            "lookback <= 20",
            number("lookback_bars"),
            aliases=("lookback_bars",),
        ),
        CREATED,
        UPDATED,
        AGE,
    ),
    metric=_of_strategy,
    words=_written,
    metric_words="That of the run that shows it.",
    examples=(
        "sharpe > 1 and complexity < 5",
        'expr:"delta(close" and not tag:old',
    ),
)

LANGUAGES = {one.what: one for one in (RUNS, EXPERIMENTS, SAVED_STRATEGIES)}
