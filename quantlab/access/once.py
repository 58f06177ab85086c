"""`Idempotency-Key`: a request that was sent twice is carried out once.

A script that lost an answer sends the same request with the same key again, and gets
the answer that it missed. What was refused is not kept: asking again may help.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.deprecation import MiddlewareMixin

from quantlab.access.auth import is_admitted, owner_of
from quantlab.access.models import KeptAnswer
from quantlab.access.perimeter import is_api, refuse
from quantlab.web.bodies import UPLOADS
from quantlab.web.problem import Problem

HEADER = "Idempotency-Key"
MOST = 200  # characters of a key
KEPT_FOR = timedelta(days=1)
# Whoever began so long ago and has not answered was killed meanwhile.
LOST_AFTER = timedelta(minutes=10)
RETRY_AFTER_S = 1
NEVER = "/api/keys"  # an answer with a key in it is not kept
REPEATED = ("Content-Type", "Location", "ETag", "Preference-Applied")


class OnceOnly(MiddlewareMixin):
    """Answer a POST of the API that was answered before as it was answered then."""

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        given = request.headers.get(HEADER)
        if given is None or not takes_key(request) or not is_admitted(request):
            return None
        try:
            answer = _claimed(request, _checked(given))
        except Problem as refusal:
            return refuse(request, refusal)
        if answer.status is not None:
            return _again(answer)
        request.lab_answer = answer  # type: ignore[attr-defined]
        return None

    def process_response(
        self, request: HttpRequest, response: HttpResponse
    ) -> HttpResponse:
        answer: KeptAnswer | None = getattr(request, "lab_answer", None)
        if answer is None:
            return response
        if response.streaming or not 200 <= response.status_code < 300:
            answer.delete()
            return response
        answer.status = response.status_code
        answer.body = response.content
        answer.headers = {
            name: response[name] for name in REPEATED if response.has_header(name)
        }
        answer.save(update_fields=["status", "body", "headers"])
        return response


def takes_key(request: HttpRequest) -> bool:
    is_keys = request.path == NEVER or request.path.startswith(f"{NEVER}/")
    return request.method == "POST" and is_api(request) and not is_keys


def _checked(key: str) -> str:
    if 1 <= len(key) <= MOST and key.isascii() and key.isprintable():
        return key
    message = f"{HEADER} has 1 to {MOST} printable ASCII characters."
    raise Problem(
        status=422,
        code="invalid_value",
        message=message,
        advice="Send a UUID, made anew for each thing you ask for.",
        errors=[{"field": HEADER, "code": "invalid_value", "message": message}],
    )


def _claimed(request: HttpRequest, key: str) -> KeptAnswer:
    """Return the row of this key: answered, or ours to be; else it is refused."""
    now, asked = timezone.now(), _fingerprint(request)
    KeptAnswer.objects.filter(created_at__lt=now - KEPT_FOR).delete()
    answer, is_ours = KeptAnswer.objects.get_or_create(
        owner=owner_of(request), key=key, defaults={"asked": asked}
    )
    if answer.asked != asked:
        raise Problem(
            status=422,
            code="idempotency_key_reused",
            message=f"This {HEADER} came with another request before.",
            advice="Use a new key for each thing you ask for; one is kept for a day.",
        )
    if is_ours or answer.status is not None or _taken_over(answer):
        return answer
    raise Problem(
        status=409,
        code="still_in_progress",
        message="The same request is being carried out right now.",
        advice="Ask again in a moment for its answer.",
        retry_after_s=RETRY_AFTER_S,
    )


def _taken_over(answer: KeptAnswer) -> bool:
    """Take over from one that was lost; of several who see that, one does."""
    now = timezone.now()
    if answer.begun_at > now - LOST_AFTER:
        return False
    waiting = KeptAnswer.objects.filter(pk=answer.pk, status=None)
    return bool(waiting.filter(begun_at=answer.begun_at).update(begun_at=now))


def _fingerprint(request: HttpRequest) -> str:
    """Return what was asked as a sha256; of a file only how long it is."""
    digest = hashlib.sha256(f"{request.get_full_path()}\n".encode())
    if request.path in UPLOADS:
        digest.update(request.headers.get("Content-Length", "").encode())
    else:
        digest.update(request.body)
    return digest.hexdigest()


def _again(answer: KeptAnswer) -> HttpResponse:
    response = HttpResponse(bytes(answer.body), status=answer.status)
    for name, value in answer.headers.items():
        response[name] = value
    response["Idempotent-Replayed"] = "true"
    return response
