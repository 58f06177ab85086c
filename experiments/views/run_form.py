"""How every form that ends in a config is answered: shown, looked at, checked, sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django_htmx.http import HttpResponseClientRedirect

from experiments.forms.config import ConfigForm
from experiments.forms.fields import PARAM
from experiments.selectors.plan import Change, Plan, config_changes, run_plan
from experiments.services.runs import Submission
from quantlab.web.appearance import chosen
from quantlab.web.htmx import HtmxHttpRequest, render_page
from strategies import RunConfig
from strategies.errors import StrategyError

AnyForm = TypeVar("AnyForm", bound=ConfigForm)

REGION = "experiments/_run_form.html"


@dataclass(frozen=True, kw_only=True)
class FormPage(Generic[AnyForm]):
    """A page with a form; `launch` does what it is for and returns where to go."""

    template: str
    form: Callable[..., AnyForm]
    launch: Callable[[AnyForm], str]
    context: dict[str, Any]
    other_regions: tuple[str, ...] = ()
    experiment_id: UUID | None = None
    before: RunConfig | None = None  # what the changes are told against

    def answer(self, request: HtmxHttpRequest) -> HttpResponse:
        """Show the form, or judge what was sent.

        `?validate` judges while it is filled in and does nothing; the button `choose`
        shows the fields of another strategy to who has no script.
        """
        make = partial(self.form, novice=chosen(request, "view") == "novice")
        if request.method != "POST":
            return self._show(request, make(asked=_asked(request)))
        sent = request.POST.dict()
        if "choose" in sent:
            return self._show(request, make(asked=sent))
        form = make(sent)
        is_live = "validate" in request.GET
        if is_live:
            form.is_valid()
            form.forgive_blanks()
            # Status 200: an answer to a question, not the refusal of a submission.
            return self._show(request, form, is_live=True)
        return self._launched(request, form)

    def _launched(self, request: HtmxHttpRequest, form: AnyForm) -> HttpResponse:
        if form.is_valid():
            form.refuse_unseen()
        if form.is_valid():
            try:
                return moved(request, self.launch(form))
            except StrategyError as exc:
                form.refuse(exc)
        return self._show(request, form, status=422)

    def _show(
        self,
        request: HtmxHttpRequest,
        form: AnyForm,
        *,
        status: int = 200,
        is_live: bool = False,
    ) -> HttpResponse:
        context = self.context | {
            "form": form,
            "action": request.path,
            "is_live": is_live,
            "plan": cache(partial(self._plan, form)),
            "changes": cache(partial(self._changes, form)),
            "is_rerun": self.before is not None,
        }
        return render_page(
            request,
            self.template,
            REGION,
            *self.other_regions,
            context=context,
            status=status,
        )

    def _plan(self, form: AnyForm) -> Plan | None:
        config = form.settled()
        if config is None:
            return None
        return run_plan(config, experiment_id=self.experiment_id)

    def _changes(self, form: AnyForm) -> list[Change]:
        config = form.settled()
        if config is None or self.before is None:
            return []
        return config_changes(self.before, config)


def _asked(request: HttpRequest) -> dict[str, str]:
    """Return first values that a link may carry: ?strategy=macd&param_fast=10."""
    names = ("strategy", "provider", "symbol", "timeframe")
    params = [name for name in request.GET if name.startswith(PARAM)]
    named = (*names, *params)
    return {name: request.GET[name] for name in named if request.GET.get(name)}


def moved(request: HtmxHttpRequest, address: str) -> HttpResponse:
    """Lead to another page; as a whole, for its scripts are those of its own head."""
    if request.htmx:
        return HttpResponseClientRedirect(address)
    return redirect(address)


def opened(request: HttpRequest, submission: Submission) -> str:
    """Return the page of a run, and say so when it is an earlier one."""
    if submission.reused:
        messages.info(request, "This run has the same settings, so it was opened.")
    return submission.run.get_absolute_url()
