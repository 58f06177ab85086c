"""The house keeps its shape: what the import contracts cannot say."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("quantlab", "strategies", "experiments", "jobs")
WEB = ("django", "ninja", "huey", "altair", "numba")
HEAVY = ("numba", "arch", "sklearn", "optuna", "vl_convert", "pandas", "altair", "fpdf")


def sources():
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path


def test_no_room_is_named_after_nothing():
    nothing = {"utils", "helpers", "common", "misc"}

    assert [p for p in sources() if p.stem in nothing] == []


def test_no_room_is_two_rooms():
    assert [p for p in sources() if p.read_text().count("\n") > 500] == []


def test_the_script_budget_holds():
    script = ROOT / "static" / "js" / "lab.js"

    assert script.read_text().count("\n") <= 300


def test_importing_the_library_imports_no_web_and_no_numba():
    code = (
        "import sys, strategies;"
        f"bad=[m for m in {WEB!r} if m in sys.modules];"
        "sys.exit(', '.join(bad) or 0)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )

    assert answer.returncode == 0, answer.stderr


@pytest.mark.django_db
def test_the_url_map_loads_nothing_heavy():
    code = (
        "import os, sys, django;"
        "os.environ['DJANGO_SETTINGS_MODULE']='tests.settings';"
        "django.setup();"
        "from django.urls import get_resolver; get_resolver().url_patterns;"
        f"bad=[m for m in {HEAVY!r} if m in sys.modules];"
        "sys.exit(', '.join(bad) or 0)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )

    assert answer.returncode == 0, answer.stderr
