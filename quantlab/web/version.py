"""Which commit this checkout stands on."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache

from django.conf import settings


@cache
def git_hash() -> str:
    """Return the commit this checkout stands on, or "" outside a checkout."""
    if not (settings.BASE_DIR / ".git").exists():
        return ""
    git = shutil.which("git")
    if git is None:
        return ""
    answer = subprocess.run(  # noqa: S603 - fixed words, no user text
        [git, "-C", str(settings.BASE_DIR), "rev-parse", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
        timeout=5,
    )
    return answer.stdout.strip() if answer.returncode == 0 else ""
