"""What a lab needs before its first page: tables, the chart bundle, static files.

`setup_lab` runs in a process of its own (`manage.py setup`), because some steps
import libraries that the web process never loads. A stamp says for which sources
it was done, so that a second start skips it.
"""

from __future__ import annotations

import compileall
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.core.management import call_command

from experiments.artifacts.store import write_whole
from experiments.services.demo import demo_create
from strategies.kernels import cache_folder

STAMP_NAME = ".setup"
KERNELS_STAY_S = 30 * 24 * 3600  # another checkout may share the folder


def setup_fingerprint() -> str:
    """Return the sha256 of everything whose change asks for a new set-up."""
    root: Path = settings.BASE_DIR
    watched = [root / "requirements.txt", root / "quantlab" / "settings.py"]
    watched += sorted((root / "static").rglob("*.*"))
    watched += sorted((root / "strategies" / "kernels").glob("*.py"))
    for app in ("experiments", "jobs", "quantlab/access"):
        watched += sorted((root / app / "migrations").glob("0*.py"))
    digest = hashlib.sha256(str(settings.DATABASE_URL or "sqlite").encode())
    for path in watched:
        digest.update(str(path.relative_to(root)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def setup_is_current() -> bool:
    stamp: Path = settings.QUANT_HOME / STAMP_NAME
    database_is_there = settings.DATABASE_URL or settings.QUANT_DB_PATH.exists()
    return (
        bool(database_is_there)
        and stamp.exists()
        and stamp.read_text() == setup_fingerprint()
        and cache_folder().exists()
    )


def setup_lab(say: Callable[[str], None]) -> None:
    """Bring the lab to the state that the present sources expect; safe to repeat."""
    from strategies.market.builtin import install_builtin
    from strategies.market.sessions import sessions_of

    os.umask(0o077)
    for folder in (settings.QUANT_HOME, settings.QUANT_DATA_ROOT):
        folder.mkdir(parents=True, exist_ok=True)
    # Compiling is most of a first start, so it goes on beside everything else.
    compiling = [_compile("half"), _compile("all")]
    say("Tables")
    call_command("migrate", interactive=False, verbosity=0)
    say("Market data")
    install_builtin()
    sessions_of("XNYS")  # slow to import where they come from, so it is done here
    say("Chart bundle")
    build_chart_bundle(settings.BUILT_STATIC)
    say("Static files")
    call_command("collectstatic", interactive=False, verbosity=0, clear=True)
    say("Python")
    compile_python()
    say("Kernels")
    if any(process.wait() for process in compiling):
        raise RuntimeError("The kernels could not be compiled.")
    forget_kernels(cache_folder())
    if demo_create():
        say("Demo: backtests, a sweep, a walk-forward, a pipeline wait for the worker")
    write_whole(settings.QUANT_HOME / STAMP_NAME, setup_fingerprint())


def compile_behind() -> subprocess.Popen[bytes] | None:
    """Compile what only expressions call, once the lab is open; None if it was done.

    As much as all the rest, and no page waits for it: it gets what time is left over.
    """
    mark = cache_folder() / "expressions.done"
    return None if mark.exists() else _compile("expressions", str(mark))


def compile_python() -> None:
    """Write what Python compiles our sources to, or each start would, where it may not.

    It writes by itself, but for PYTHONDONTWRITEBYTECODE and modules never loaded.
    """
    for package in ("quantlab", "jobs", "experiments", "strategies"):
        compileall.compile_dir(settings.BASE_DIR / package, quiet=2)


def forget_kernels(current: Path) -> None:
    """Remove what was compiled for other versions and has not been set up for long."""
    os.utime(current)
    for folder in current.parent.iterdir():
        is_kernels = folder.is_dir() and re.fullmatch(r"[0-9a-f]{16}", folder.name)
        if is_kernels and time.time() - folder.stat().st_mtime > KERNELS_STAY_S:
            shutil.rmtree(folder)


def _compile(*part: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "strategies.warmup", *part]
    return subprocess.Popen(command, cwd=settings.BASE_DIR)  # noqa: S603 - fixed words


def build_chart_bundle(folder: Path) -> Path:
    """Write Vega, Vega-Lite, Vega-Embed and the interpreter as one script."""
    import vl_convert

    bundle = vl_convert.javascript_bundle("window.vegaEmbed=vegaEmbed;")
    target = folder / "vega" / "vega.js"
    # Unwrapped, its top-level constants clash with every other script.
    write_whole(target, f"(()=>{{{bundle}}})();\n")
    return target
