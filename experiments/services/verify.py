"""Are the files of a run still what they were when it finished?"""

from __future__ import annotations

from typing import Any

from experiments.artifacts.store import run_store
from experiments.models import ModelRun
from experiments.selectors.artifacts import files_needed


def run_verify(*, run: ModelRun) -> dict[str, Any]:
    """Hash every file of a run again and compare; reads the whole folder."""
    files_needed(run)
    return run_store().verify(str(run.pk), run.manifest_sha)
