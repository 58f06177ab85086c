"""The page that says whose a thing is, and lets its owner share it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from experiments.forms.sharing import ShareForm
from experiments.models import Owned
from experiments.selectors.sharing import share_document, shareable
from experiments.services.sharing import shared
from quantlab.web.htmx import asks_for_body, body_answer
from strategies.errors import ConfigError

WORDS = {"public": "Everybody here can read it now.", "private": "It is private now."}


@require_http_methods(["GET", "POST"])
def share(request: HttpRequest, kind: str, key: str) -> HttpResponse:
    one = shareable(kind, key)
    form = ShareForm(request.POST or None, initial={"visibility": one.visibility})
    if asks_for_body(request):
        return body_answer(request, form)
    if request.method == "GET":
        return _shown(request, kind, one, form)
    try:
        shared(one=one, **form.so_far())
    except ConfigError as refusal:
        one.refresh_from_db()
        return _shown(request, kind, one, form, refusal)
    messages.success(request, WORDS[one.visibility])
    return redirect("experiments:share", kind, key)


def _shown(
    request: HttpRequest,
    kind: str,
    one: Owned,
    form: ShareForm,
    refusal: ConfigError | None = None,
) -> HttpResponse:
    document = share_document(kind, one)
    context = {"one": one, "share": document, "refusal": refusal}
    if document["is_mine"]:
        context["form"] = form
    status = 422 if refusal else 200
    return render(request, "experiments/share.html", context, status=status)
