"""Pages of presets: the list, saving one from a run, running, renaming, carrying."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
)

from experiments.forms.preset import (
    GuardrailsForm,
    ImportForm,
    PresetNameForm,
    name_offered,
)
from experiments.forms.run import RunForm
from experiments.models import ModelRun, Preset, PresetKind, RunKind
from experiments.selectors.plan import as_settled
from experiments.selectors.presets import (
    preset_get,
    preset_links,
    preset_page,
    sweepable,
    swept_names,
)
from experiments.selectors.runs import run_get
from experiments.services.presets import (
    preset_create,
    preset_delete,
    preset_guard,
    preset_import,
    preset_update,
)
from experiments.services.runs import run_request, run_title
from experiments.templatetags.plan_words import setting_name
from experiments.views.run_form import FormPage, opened
from experiments.views.trash import say_deleted
from quantlab.web.htmx import HtmxHttpRequest, asks_for_body, body_answer
from quantlab.web.lists import asked_of
from quantlab.web.problem import Problem
from strategies import RunConfig
from strategies.errors import StrategyError

ROWS_PER_PAGE = 50
BY_NAME = "name"


@require_http_methods(["GET", "POST"])
def preset_list(request: HttpRequest) -> HttpResponse:
    """Show the presets by name, or keep those in the files that were sent."""
    if request.method == "GET":
        return _listed(request, ImportForm())
    form = ImportForm(request.POST, request.FILES)
    return _imported(request, form) if form.is_valid() else _listed(request, form)


def _listed(
    request: HttpRequest,
    form: ImportForm,
    refused: list[tuple[str, str]] | None = None,
) -> HttpResponse:
    asked = asked_of(request, (), BY_NAME)
    page = preset_page(q=asked["q"], limit=ROWS_PER_PAGE, cursor=asked["cursor"])
    following = asked.query(cursor=page.next_cursor or "")
    context = {
        "rows": [_row(preset) for preset in page.items],
        "q": asked["q"],
        "asked": asked,
        "first_query": asked.query(cursor=""),
        "next_query": following if page.next_cursor else "",
        "download": asked.download(reverse("api:list_presets")),
        "form": form,
        "refused": refused,
    }
    is_wrong = bool(refused) or bool(form.errors)
    return render(
        request, "experiments/presets.html", context, status=422 if is_wrong else 200
    )


def _row(preset: Preset) -> dict[str, Any]:
    is_run = preset.kind == PresetKind.RUN
    return {
        "preset": preset,
        "links": preset_links(preset),
        "is_run": is_run,
        "is_sweep": preset.kind == PresetKind.SWEEP,
        "words": _title(preset) if is_run else _axes(preset),
    }


def _title(preset: Preset) -> str:
    """Return rule and data; "" for a config that this version would refuse."""
    try:
        return run_title(RunConfig(**preset.config))
    except StrategyError:
        return ""


def _axes(preset: Preset) -> str:
    return " × ".join(setting_name(name) for name in swept_names(preset))


@require_http_methods(["GET", "POST"])
def preset_new(request: HttpRequest) -> HttpResponse:
    """Save the config of the run `?run=` under a name."""
    run = run_get(request.GET.get("run", ""))
    title = run.name or run.job.title
    form = PresetNameForm(
        request.POST or None, name=name_offered(title), of=preset_of(run)
    )
    if asks_for_body(request):
        return body_answer(request, form)
    if form.is_valid():
        try:
            preset = preset_create(**form.request())
        except Problem as exc:
            form.refuse(exc)
        else:
            messages.success(request, f"Preset “{preset.name}” saved.")
            return redirect("experiments:preset-list")
    return _named(request, form, run=run, title=title, back_url=run.get_absolute_url())


def preset_of(run: ModelRun) -> dict[str, Any]:
    """Return kind and config of the preset that a run or a sweep would be."""
    if run.kind != RunKind.SWEEP:
        return {"kind": PresetKind.RUN, "config": run.config}
    search = {key: value for key, value in (run.search or {}).items() if key != "axes"}
    return {"kind": PresetKind.SWEEP, "config": search}


def _named(
    request: HttpRequest,
    form: PresetNameForm,
    *,
    title: str,
    back_url: str,
    run: ModelRun | None = None,
) -> HttpResponse:
    context = {"form": form, "run": run, "title": title, "back_url": back_url}
    status = 422 if form.errors else 200
    return render(request, "experiments/preset_name.html", context, status=status)


@require_http_methods(["GET", "POST"])
def preset_renamed(request: HttpRequest, kind: str, name: str) -> HttpResponse:
    preset = preset_get(kind, name)
    preset.refuse_foreign()
    form = PresetNameForm(request.POST or None, name=preset.name)
    if asks_for_body(request):
        return body_answer(request, form)
    here = reverse("experiments:preset-list")
    if form.is_valid():
        try:
            preset_update(preset=preset, **form.request())
        except Problem as exc:
            form.refuse(exc)
        else:
            return redirect(here)
    return _named(request, form, title=name, back_url=here)


@require_POST
def preset_deleted(request: HttpRequest, kind: str, name: str) -> HttpResponse:
    preset = preset_delete(preset=preset_get(kind, name))
    if preset.deleted_at is not None:
        say_deleted(request, f"Preset “{preset.name}” deleted.", preset.deleted_at)
    return redirect("experiments:preset-list")


def _imported(request: HttpRequest, form: ImportForm) -> HttpResponse:
    """Keep every file that can be kept; say of the others what is wrong with them."""
    kept, refused = [], []
    replace = form.cleaned_data["replace"]
    for file in form.cleaned_data["presets"]:
        try:
            kept.append(
                preset_import(file_name=file.name, content=file.read(), replace=replace)
            )
        except (Problem, StrategyError) as exc:
            refused.append((file.name, f"{exc.message} {exc.advice}".strip()))
    if kept:
        names = ", ".join(preset.name for preset in kept)
        messages.success(request, f"{len(kept)} imported: {names[:200]}.")
    if refused:
        return _listed(request, ImportForm(), refused)
    return redirect("experiments:preset-list")


@require_http_methods(["GET", "POST"])
def preset_run(request: HtmxHttpRequest, kind: str, name: str) -> HttpResponse:
    """Run a preset with changes told before it starts; a sweep needs an experiment."""
    preset = preset_get(kind, name)
    if preset.kind == PresetKind.SWEEP:
        return _sweep_start(request, preset)
    if preset.kind != PresetKind.RUN:
        raise Http404("only a run and a sweep can be started")
    base = RunConfig(**preset.config)

    def launch(form: RunForm) -> str:
        return opened(request, run_request(body=form.request()))

    page = FormPage(
        template="experiments/run_new.html",
        form=partial(RunForm, base=base, preset=preset.name),
        launch=launch,
        context={
            "preset": preset,
            "submit": "Run the backtest",
            "back_url": reverse("experiments:preset-list"),
        },
        before=as_settled(base),
    )
    return page.answer(request)


@require_POST
def preset_guarded(request: HttpRequest, name: str) -> HttpResponse:
    """Keep other guardrails with a sweep; a public one needs some."""
    preset = preset_get(PresetKind.SWEEP, name)
    form = GuardrailsForm(request.POST)
    if form.is_valid():
        try:
            preset_guard(preset=preset, guardrails=form.asked)
        except StrategyError as exc:
            form.refuse(exc)
        else:
            messages.success(request, f"Guardrails of “{preset.name}” saved.")
            return redirect("experiments:preset-run", preset.kind, preset.name)
    return _sweep_start(request, preset, form)


def _sweep_start(
    request: HttpRequest, preset: Preset, form: GuardrailsForm | None = None
) -> HttpResponse:
    """Show whose space this can be: every experiment leads to the form, filled in."""
    q = request.GET.get("q", "")
    context = {
        "form": form or GuardrailsForm(initial=preset.config.get("guardrails")),
        "preset": preset,
        "axes": _axes(preset),
        "q": q,
        "experiments": sweepable(preset, q=q, limit=ROWS_PER_PAGE),
        "most": ROWS_PER_PAGE,
    }
    status = 422 if form and form.errors else 200
    return render(request, "experiments/preset_sweep.html", context, status=status)
