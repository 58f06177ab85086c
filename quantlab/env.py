"""Typed readers of the environment: nonsense stops the start with one clear line."""

from __future__ import annotations

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off"})


def env_str(name: str, *, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def env_bool(name: str, *, default: bool) -> bool:
    raw = env_str(name).lower()
    if not raw:
        return default
    if raw not in TRUE | FALSE:
        raise ImproperlyConfigured(f"{name}={raw!r}: use 1 or 0.")
    return raw in TRUE


def env_float(name: str, *, default: float, minimum: float) -> float:
    raw = env_str(name)
    try:
        value = float(raw) if raw else default
    except ValueError:
        raise ImproperlyConfigured(f"{name}={raw!r}: not a number.") from None
    if not minimum <= value < float("inf"):
        raise ImproperlyConfigured(f"{name}={raw}: must be at least {minimum:g}.")
    return value


def env_int(name: str, *, default: int, minimum: int) -> int:
    raw = env_str(name)
    try:
        value = int(raw) if raw else default
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
