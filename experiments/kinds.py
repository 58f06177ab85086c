"""The kinds of work of the notebook: what each carries, and how it runs."""

from __future__ import annotations

from jobs.registry import JobKind

# Regular work without a job of its own.
CHORES = (
    "experiments.services.datasets:raw_tidy",
    "experiments.services.reproduce:runs_prove_again",
    "experiments.services.retention:retention_nightly",
)

KINDS = (
    JobKind(
        "backtest",
        "experiments.tasks:backtest",
        "Backtest",
        stages=(
            *("data_loading", "features", "signals", "simulation", "metrics"),
            "artifacts",
        ),
        on_finish="experiments.services.demo:demo_keep",
    ),
    JobKind(
        "sweep",
        "experiments.tasks:sweep",
        "Sweep",
        stages=("data_loading", "evaluating", "artifacts"),
        is_long=True,
    ),
    JobKind(
        "walk_forward",
        "experiments.tasks:walk_forward",
        "Walk-forward",
        stages=("data_loading", "evaluating", "simulation", "artifacts"),
        is_long=True,
    ),
    JobKind(
        "validate",
        "experiments.tasks:validate",
        "Validation",
        stages=("data_loading", "validation", "artifacts"),
        is_long=True,
    ),
    JobKind(
        "generate",
        "experiments.tasks:generate",
        "Search for expressions",
        payload={"workers": int | None},
        stages=("data_loading", "generate", "selection"),
        is_long=True,
        max_running_per_owner=3,
        grace_s=120.0,  # what was searched so far is judged and kept
    ),
    JobKind(
        "intake",
        "experiments.tasks:intake",
        "Import of data",
        stages=("reading", "writing"),
        is_long=True,
    ),
    JobKind(
        "fetch",
        "experiments.tasks:fetch",
        "Fetch of data",
        stages=("data_loading",),
        is_long=True,
        max_running=1,  # a provider counts the requests of all together
    ),
    JobKind(
        "dataset",
        "experiments.tasks:dataset",
        "Dataset",
        stages=("data_loading", "features", "artifacts"),
        is_long=True,
    ),
    JobKind(
        "model_training",
        "experiments.tasks:model_training",
        "Model training",
        stages=("data_loading", "training", "artifacts"),
        is_long=True,
        max_running_per_owner=10,
    ),
    JobKind(
        "reproduce",
        "experiments.tasks:reproduce",
        "Reproduction",
        stages=("data_loading", "executing", "comparing"),
        is_long=True,
    ),
    JobKind(
        "pipeline",
        "experiments.tasks:pipeline",
        "Pipeline",
        stages=("dataset", "sweep", "guardrails", "training", "summary"),
        is_long=True,
        max_running_per_owner=10,
        retries=2,  # of the dataset's stage, where files and networks may fail
        on_finish="experiments.services.pipeline:pipeline_ended",
    ),
    JobKind(
        "retention",
        "experiments.tasks:retention",
        "Removal of files",
        stages=("removing",),
        max_running=1,
    ),
    JobKind(
        "picture",
        "experiments.tasks:picture",
        "Picture",
        payload={"name": str, "form": str, "theme": str},
        quick=True,
    ),
    JobKind(
        "overfitting",
        "experiments.tasks:overfitting",
        "Test for overfitting",
        payload={"pool": str, "sweep_id": str},
        stages=("reading", "testing"),
        quick=True,
    ),
    JobKind(
        "why",
        "experiments.tasks:why",
        "Why this trade",
        payload={"number": int},
        stages=("reading",),
        quick=True,
    ),
    JobKind(
        "critic",
        "experiments.tasks:critic",
        "Remarks",
        stages=("reading",),
        quick=True,
    ),
    JobKind(
        "leak_check",
        "experiments.tasks:leak_check",
        "Look-ahead check",
        payload={"expr": str, "config": dict},
        stages=("reading", "looking"),
        quick=True,
    ),
    JobKind(
        "preview",
        "experiments.tasks:preview",
        "Preview",
        payload={"expr": str, "config": dict},
        stages=("reading", "looking"),
        quick=True,
    ),
    JobKind(
        "strategy_sheet",
        "experiments.tasks:strategy_sheet",
        "Sheet of a strategy",
        payload={"expr_hash": str},
        stages=("reading", "testing"),
        quick=True,
    ),
    JobKind(
        "statistics",
        "experiments.tasks:statistics",
        "Statistics",
        payload={"subject": str, "asked": dict},
        stages=("reading",),
        quick=True,
    ),
)
