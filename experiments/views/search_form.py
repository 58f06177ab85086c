"""How every search begins, a sweep or a walk-forward: shown, judged, started."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.http import urlencode

from experiments.forms.sweep import SweepForm
from experiments.models import ModelExperiment
from experiments.selectors.experiments import experiment_get
from experiments.services.experiments import experiment_config
from experiments.services.runs import Submission
from experiments.views.run_form import moved
from quantlab.web.htmx import HtmxHttpRequest, render_page
from strategies import RunConfig
from strategies.documents import patch_between
from strategies.errors import StrategyError

AnyForm = TypeVar("AnyForm", bound=SweepForm)
Start = tuple[RunConfig, Mapping[str, Any]]  # what is searched around, first values

PAGE = "experiments/search_new.html"
REGION = "experiments/_search_form.html"


@dataclass(frozen=True, kw_only=True)
class SearchPage(Generic[AnyForm]):
    """A page on which one kind of search is asked for.

    `cost` returns what the template `plan` needs to tell what would happen; it and
    `launch` raise what stands in the way. `starts` are the words that an address may
    hold.
    """

    title: str
    about: str
    plan: str
    form: type[AnyForm]
    starts: tuple[str, ...]
    start: Callable[[HttpRequest, ModelExperiment], Start]
    cost: Callable[[AnyForm, ModelExperiment], dict[str, Any]]
    launch: Callable[[AnyForm, ModelExperiment], Submission]
    reused: str
    context: Callable[[], dict[str, Any]] = dict

    def answer(self, request: HtmxHttpRequest, experiment_id: UUID) -> HttpResponse:
        """Show the form, judge it while it is filled in (`?validate`), or start it."""
        experiment = experiment_get(experiment_id)
        experiment.refuse_foreign()
        base, asked = self.start(request, experiment)
        own = experiment_config(experiment).document()
        changed = patch_between(own, base.document())
        make = partial(self.form, base=base, asked=asked, config=changed)
        show = partial(self._show, request, experiment)
        if request.method != "POST":
            return show(make())
        form = make(request.POST)
        if "validate" in request.GET:
            form.is_valid()
            return show(form, is_live=True)
        if form.is_valid():
            try:
                return moved(request, self._launched(request, form, experiment))
            except StrategyError as exc:
                form.refuse(exc)
        return show(form, status=422)

    def _launched(
        self, request: HttpRequest, form: AnyForm, experiment: ModelExperiment
    ) -> str:
        submission = self.launch(form, experiment)
        if submission.reused:
            messages.info(request, self.reused)
        return submission.run.get_absolute_url()

    def _show(
        self,
        request: HtmxHttpRequest,
        experiment: ModelExperiment,
        form: AnyForm,
        *,
        status: int = 200,
        is_live: bool = False,
    ) -> HttpResponse:
        context = {
            "title": self.title,
            "about": self.about,
            "plan": self.plan,
            "experiment": experiment,
            "form": form,
            "action": self._address(request),
            "is_live": is_live,
            **self.context(),
            **self._cost(form, experiment),
        }
        return render_page(request, PAGE, REGION, context=context, status=status)

    def _address(self, request: HttpRequest) -> str:
        """Return where the form is sent: here, and not only to be judged."""
        asked = {key: request.GET[key] for key in self.starts if request.GET.get(key)}
        return f"{request.path}?{urlencode(asked)}" if asked else request.path

    def _cost(self, form: AnyForm, experiment: ModelExperiment) -> dict[str, Any]:
        """Return what the form would start; nothing while it cannot be started.

        What stands in the way is told at its field, where something was sent.
        """
        sent = form.as_sent
        if not sent.is_valid():
            return {}
        try:
            return self.cost(sent, experiment)
        except StrategyError as exc:
            sent.refuse(exc)
            return {}
