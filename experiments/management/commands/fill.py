from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from experiments.services.fill import fill_lab
from experiments.services.made_up import TAG
from experiments.services.setup import setup_is_current

MOST_RUNS = 1_000_000


class Command(BaseCommand):
    help = (
        "Fill the lab with made-up experiments and finished runs, to try lists at the "
        "size of a year's work. Use a QUANT_HOME of its own: trials are never removed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--runs", type=int, default=10_000)
        parser.add_argument("--experiments", type=int, default=200)
        parser.add_argument("--seed", type=int, default=0)

    def handle(
        self, *args: Any, runs: int, experiments: int, seed: int, **options: Any
    ) -> None:
        if not 1 <= runs <= MOST_RUNS:
            raise CommandError(f"--runs {runs}: choose 1 to {MOST_RUNS:,}.")
        if not 0 <= experiments <= runs:
            raise CommandError(
                f"--experiments {experiments}: choose 0 to {runs:,}, one run each."
            )
        if seed < 0:
            raise CommandError(f"--seed {seed}: choose 0 or more.")
        if not setup_is_current():
            raise CommandError("Set the lab up first: python manage.py setup")
        began = time.perf_counter()
        filled = fill_lab(runs=runs, experiments=experiments, seed=seed)
        self.stdout.write(
            f"Made up {filled.experiments:,} experiments and {filled.runs:,} runs with "
            f"{filled.trials:,} trials in {time.perf_counter() - began:.0f} s. "
            f"All have the tag {TAG}; their trials count in pools of their own."
        )
