"""Every write of presets: the row first, then its file, or neither."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import PurePath
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from experiments.artifacts.presets import drop_preset, preset_name, put_preset
from experiments.models import Preset, PresetKind, Visibility
from experiments.selectors.presets import kind_known, preset_file
from experiments.services.words import name_taken
from quantlab.web.problem import Problem
from quantlab.web.strict_json import read_json
from strategies import RunConfig
from strategies.errors import ConfigError, StrategyError
from strategies.guardrails import Guardrails
from strategies.library.resolve import resolve

MAX_FILE_BYTES = 1_000_000


@transaction.atomic
def preset_create(
    *,
    kind: str,
    name: str,
    config: Any,
    visibility: str = Visibility.PRIVATE.value,
    owner: str = "",
) -> Preset:
    """Keep a config under a new name; 409 if another preset of its kind has it."""
    name = preset_name(name)
    checked = checked_config(kind_known(kind), config)
    _check_visibility(kind, visibility, checked)
    return _kept(
        Preset(kind=kind, name=name, config=checked, visibility=visibility, owner=owner)
    )


@transaction.atomic
def preset_put(
    *, kind: str, name: str, config: Any, visibility: str = "", owner: str = ""
) -> tuple[Preset, bool]:
    """Keep a config under a name, a new one or not; also return whether it is new.

    Whoever may see it stays as it is where `visibility` is left out. 409 for a name
    under which somebody else keeps one.
    """
    name = preset_name(name)
    checked = checked_config(kind_known(kind), config)
    known = Preset.everyones.filter(kind=kind, name=name, deleted_at__isnull=True)
    preset = known.select_for_update().first()
    is_new = preset is None
    if preset is None:
        preset = Preset(kind=kind, name=name, owner=owner)
    elif not preset.is_mine:
        raise _taken(preset)
    preset.config, preset.visibility = checked, visibility or preset.visibility
    _check_visibility(kind, preset.visibility, checked)
    return _kept(preset), is_new


@transaction.atomic
def preset_update(
    *, preset: Preset, name: str | None = None, visibility: str | None = None
) -> Preset:
    """Rename it, or change who sees it; a public sweep has to have guardrails."""
    if visibility is not None:
        _check_visibility(preset.kind, visibility, preset.config)
        preset.visibility = visibility
        _kept(preset)
    return preset if name is None else preset_rename(preset=preset, name=name)


@transaction.atomic
def preset_guard(*, preset: Preset, guardrails: Mapping[str, Any]) -> Preset:
    """Keep other cut-offs with a sweep, or none; a public one has to have some."""
    bare = {key: value for key, value in preset.config.items() if key != "guardrails"}
    config = bare | ({"guardrails": dict(guardrails)} if guardrails else {})
    _check_visibility(preset.kind, preset.visibility, config)
    preset.config = config
    return _kept(preset)


@transaction.atomic
def preset_rename(*, preset: Preset, name: str) -> Preset:
    """Give it another name; 409 if that is taken. Runs remember the old one."""
    name = preset_name(name)
    if name == preset.name:
        return preset
    before, preset.name = preset.name, name
    _kept(preset)
    drop_preset(preset.kind, before)
    return preset


@transaction.atomic
def preset_delete(*, preset: Preset, moment: datetime | None = None) -> Preset:
    """Hide it and remove its file; `preset_restore` brings both back."""
    preset.deleted_at = moment or timezone.now()
    preset.save(update_fields=["deleted_at", "updated_at"])
    drop_preset(preset.kind, preset.name)
    return preset


@transaction.atomic
def preset_restore(*, preset: Preset) -> Preset:
    """Show it again; 409 if another has its name by now."""
    preset.refuse_foreign()
    if preset.deleted_at is None:
        return preset
    preset.deleted_at = None
    return _kept(preset)


def preset_import(*, file_name: str, content: bytes, replace: bool = False) -> Preset:
    """Keep what a file says: an exported preset, or a bare config named by the file.

    Raises `Problem` or `StrategyError` with what is wrong with it.
    """
    if len(content) > MAX_FILE_BYTES:
        raise Problem(status=422, code="too_large", message="It is larger than 1 MB.")
    said = read_json(content, what="The file")
    if not isinstance(said, Mapping):
        raise ConfigError("The file is no JSON object.", code="invalid_value")
    named = {"name": PurePath(file_name).stem, "kind": PresetKind.RUN.value}
    if "config" not in said:
        said = {"config": said}
    texts = {key: str(said.get(key, value)) for key, value in named.items()}
    if replace:
        return preset_put(config=said["config"], **texts)[0]
    return preset_create(config=said["config"], **texts)


def checked_config(kind: str, config: Any) -> dict[str, Any]:
    """Return the config as it is kept; that of a run must be one, with its defaults.

    Which bars there are is not asked: a preset may come from another lab.
    """
    if not isinstance(config, Mapping):
        raise ConfigError(
            "config must be an object.", code="invalid_value", field="config"
        )
    if kind != PresetKind.RUN:
        return dict(config)
    own = {key: value for key, value in config.items() if key != "preset_ref"}
    try:
        return resolve(RunConfig(**own)).document()
    except StrategyError as exc:
        problems = exc.problems if isinstance(exc, ConfigError) else (exc,)
        raise ConfigError.of(tuple(_below_config(one) for one in problems)) from None


def _check_visibility(kind: str, visibility: str, config: Mapping[str, Any]) -> None:
    """Refuse a word that is none, and a public sweep without a cut-off.

    Who takes over a search of somebody else should not take the best of it unasked.
    """
    if visibility not in Visibility.values:
        raise ConfigError(
            f"visibility cannot be {visibility!r:.40}.",
            code="invalid_value",
            field="visibility",
            advice="Use private or public.",
        )
    if kind != PresetKind.SWEEP:
        return
    asked = config.get("guardrails")
    if asked is not None or visibility == Visibility.PUBLIC:
        _check_guardrails(asked if asked is not None else {}, visibility)


def _check_guardrails(asked: Any, visibility: str) -> None:
    if not isinstance(asked, Mapping):
        raise ConfigError(
            "guardrails must be an object.",
            code="invalid_value",
            field="config.guardrails",
        )
    try:
        cutoffs = Guardrails(**asked).changed().keys() - {"sharpe_basis"}
    except ConfigError as exc:
        prefix = "guardrails"
        for problem in exc.problems:
            problem.field = f"{prefix}.{problem.field}"
        raise ConfigError.of(tuple(map(_below_config, exc.problems))) from None
    if visibility == Visibility.PUBLIC and not cutoffs:
        raise ConfigError(
            "A sweep that others see needs guardrails: without them whoever runs it "
            "would keep the best of it, however bad that is.",
            code="needs_guardrails",
            field="config.guardrails",
            advice='Add "guardrails": {"min_trades": 50, "min_sharpe": 0.5} to it, or '
            "keep it private.",
        )


def _below_config(problem: StrategyError) -> ConfigError:
    return ConfigError(
        problem.message,
        code=problem.code,
        field=f"config.{problem.field}".rstrip("."),
        advice=problem.advice,
    )


def _kept(preset: Preset) -> Preset:
    """Save the row and its file; a file that cannot be written keeps no row either."""
    try:
        preset.save()
    except IntegrityError:
        raise _taken(preset) from None
    put_preset(preset.kind, preset.name, preset_file(preset))
    return preset


def _taken(preset: Preset) -> Problem:
    advice = "Choose another name, or replace that one."
    return name_taken(f"{preset.kind} preset", preset.name, advice)
