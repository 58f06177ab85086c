from __future__ import annotations

from django.apps import AppConfig


class ExperimentsConfig(AppConfig):
    name = "experiments"
    verbose_name = "Notebook"

    def ready(self) -> None:
        from jobs.registry import JobKind, register, register_chore

        register_chore("experiments.services.datasets:raw_tidy")
        register(
            JobKind(
                "backtest",
                "experiments.tasks:backtest",
                "Backtest",
                stages=(
                    "data_loading",
                    "features",
                    "signals",
                    "simulation",
                    "metrics",
                    "artifacts",
                ),
            )
        )
        register(
            JobKind(
                "sweep",
                "experiments.tasks:sweep",
                "Sweep",
                stages=("data_loading", "evaluating", "artifacts"),
                is_long=True,
            )
        )
        register(
            JobKind(
                "walk_forward",
                "experiments.tasks:walk_forward",
                "Walk-forward",
                stages=("data_loading", "evaluating", "simulation", "artifacts"),
                is_long=True,
            )
        )
        register(
            JobKind(
                "validate",
                "experiments.tasks:validate",
                "Validation",
                stages=("data_loading", "validation", "artifacts"),
                is_long=True,
            )
        )
        register(
            JobKind(
                "intake",
                "experiments.tasks:intake",
                "Import of data",
                stages=("reading", "writing"),
                is_long=True,
            )
        )
        register(
            JobKind(
                "fetch",
                "experiments.tasks:fetch",
                "Fetch of data",
                stages=("data_loading",),
                is_long=True,
                max_running=1,  # a provider counts the requests of all together
            )
        )
        register(
            JobKind(
                "dataset",
                "experiments.tasks:dataset",
                "Dataset",
                stages=("data_loading", "features", "artifacts"),
                is_long=True,
            )
        )
        register(
            JobKind(
                "picture",
                "experiments.tasks:picture",
                "Picture",
                payload={"name": str, "form": str, "theme": str},
                quick=True,
            )
        )
        register(
            JobKind(
                "overfitting",
                "experiments.tasks:overfitting",
                "Test for overfitting",
                payload={"pool": str, "sweep_id": str},
                stages=("reading", "testing"),
                quick=True,
            )
        )
        register(
            JobKind(
                "why",
                "experiments.tasks:why",
                "Why this trade",
                payload={"number": int},
                stages=("reading",),
                quick=True,
            )
        )
        for kind, label in (
            ("leak_check", "Look-ahead check"),
            ("preview", "Preview"),
        ):
            register(
                JobKind(
                    kind,
                    f"experiments.tasks:{kind}",
                    label,
                    payload={"expr": str, "config": dict},
                    stages=("reading", "looking"),
                    quick=True,
                )
            )
        register(
            JobKind(
                "strategy_sheet",
                "experiments.tasks:strategy_sheet",
                "Sheet of a strategy",
                payload={"expr_hash": str},
                stages=("reading", "testing"),
                quick=True,
            )
        )
