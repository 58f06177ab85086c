"""Typed readers of the environment: nonsense stops the start with one clear line.

Whatever is read is remembered with where it came from, so that a page can show it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off"})


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable the lab has asked for; the value of a secret is never kept."""

    name: str
    value: str
    is_set: bool
    is_secret: bool


_asked: dict[str, Variable] = {}


def variables() -> list[Variable]:
    """Return every variable that was asked for so far, by name."""
    return sorted(_asked.values(), key=lambda variable: variable.name)


def unknown_variables() -> list[str]:
    """Return what is set for this lab and read by nobody: most likely misspelt."""
    return sorted(
        name for name in os.environ if name.startswith("QUANT_") and name not in _asked
    )


def env_str(name: str, *, default: str = "", is_secret: bool = False) -> str:
    given = os.environ.get(name, "").strip()
    shown = "" if is_secret else given or default
    _asked[name] = Variable(name, shown, bool(given), is_secret)
    return given or default


def env_bool(name: str, *, default: bool) -> bool:
    raw = env_str(name, default="1" if default else "0").lower()
    if raw not in TRUE | FALSE:
        raise ImproperlyConfigured(f"{name}={raw!r}: use 1 or 0.")
    return raw in TRUE


def env_float(name: str, *, default: float, minimum: float) -> float:
    raw = env_str(name, default=f"{default:g}")
    try:
        value = float(raw)
    except ValueError:
        raise ImproperlyConfigured(f"{name}={raw!r}: not a number.") from None
    if not minimum <= value < float("inf"):
        raise ImproperlyConfigured(f"{name}={raw}: must be at least {minimum:g}.")
    return value


def env_int(name: str, *, default: int, minimum: int) -> int:
    raw = env_str(name, default=str(default))
    try:
        value = int(raw)
    except ValueError:
        raise ImproperlyConfigured(f"{name}={raw!r}: not a whole number.") from None
    if value < minimum:
        raise ImproperlyConfigured(f"{name}={value}: must be at least {minimum}.")
    return value


def env_choice(name: str, *, default: str, choices: tuple[str, ...]) -> str:
    value = env_str(name, default=default)
    if value not in choices:
        raise ImproperlyConfigured(f"{name}={value!r}: use {' or '.join(choices)}.")
    return value


def env_list(name: str) -> list[str]:
    return [part.strip() for part in env_str(name).split(",") if part.strip()]


def env_origins(name: str) -> list[str]:
    """Return origins as browsers send them; one that could mean several is refused."""
    origins = env_list(name)
    for origin in origins:
        parts = urlsplit(origin)
        is_exact = parts.scheme in ("http", "https") and parts.netloc
        if (
            origin != f"{parts.scheme}://{parts.netloc}"
            or not is_exact
            or "*" in origin
        ):
            raise ImproperlyConfigured(
                f"{name}={origin!r}: use exact origins, https://lab.example:8443."
            )
    return origins


def env_folder(name: str, *, default: Path) -> Path:
    """Return an absolute folder; it may not exist yet, but must not be a file."""
    folder = Path(env_str(name, default=str(default))).expanduser().resolve()
    if folder.exists() and not folder.is_dir():
        raise ImproperlyConfigured(f"{name}={folder}: is a file, a folder is needed.")
    return folder


def env_file(name: str, *, default: Path) -> Path:
    """Return an absolute path for a file; it must not be a folder."""
    path = Path(env_str(name, default=str(default))).expanduser().resolve()
    if path.is_dir():
        raise ImproperlyConfigured(f"{name}={path}: is a folder, a file is needed.")
    return path


def env_url(name: str, *, drivers: Mapping[str, str]) -> str:
    """Return the address of a server, a secret; "" if there is none.

    `drivers` maps each scheme to the package that speaks it, which need not be here.
    """
    given = env_str(name, is_secret=True)
    scheme, found, _ = given.partition("://")
    if given and (not found or scheme not in drivers):
        words = " or ".join(f"{one}://" for one in drivers)
        raise ImproperlyConfigured(f"{name}: has to begin with {words}.")
    if given and find_spec(drivers[scheme]) is None:
        raise ImproperlyConfigured(
            f"{name}: needs {drivers[scheme]}, an extra of pyproject.toml that is not "
            "installed; docs/deploying.md says how."
        )
    return given
