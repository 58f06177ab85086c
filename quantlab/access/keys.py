"""Every read and write of API keys: shown once, kept as a hash, revoked for good."""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from quantlab.access.models import ApiKey
from quantlab.web.person import Scope
from quantlab.web.problem import Problem
from strategies.errors import ConfigError

BEGINNING = "ql_"
SHOWN = len(BEGINNING) + 6
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
# What the admin calls the lab itself, and searches those that are not named.
RESERVED = ("lab", "me", "others")
MAX_LABEL = 80
# A key is used often and written down seldom.
MINUTE = timedelta(minutes=1)


def keys() -> list[ApiKey]:
    """Return all keys, those that still open something first."""
    return sorted(ApiKey.objects.all(), key=lambda key: key.state != "active")


def key_get(key_id: UUID | str) -> ApiKey:
    try:
        found = ApiKey.objects.filter(pk=UUID(str(key_id))).first()
    except ValueError:
        found = None
    if found is None:
        raise Problem(
            status=404, message="There is no such key.", next_steps=["GET /api/keys"]
        )
    return found


def key_create(
    *,
    owner: str = "",
    label: str = "",
    scope: str = Scope.RUN.value,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Make a key; its text is returned here and can never be read again."""
    text = BEGINNING + secrets.token_urlsafe(32)
    key = ApiKey.objects.create(
        owner=_owner(owner),
        label=_label(label),
        scope=_scope(scope),
        expires_at=_end(expires_at),
        hint=text[:SHOWN],
        token_hash=_hashed(text),
    )
    return key, text


def key_revoke(*, key: ApiKey) -> ApiKey:
    """Let it open nothing from now on, sessions included; asking again is fine."""
    if key.revoked_at is None:
        key.revoked_at = timezone.now()
        key.save(update_fields=["revoked_at"])
    return key


def key_shown(text: str) -> ApiKey | None:
    """Return the key that was sent, None for none of ours; 401 for one that ended."""
    if not text.startswith(BEGINNING):
        return None
    key = ApiKey.objects.filter(token_hash=_hashed(text)).first()
    return key and key_used(key)


def key_used(key: ApiKey) -> ApiKey:
    """Note that it was used, to the minute; 401 for one that was revoked or ended."""
    if key.state != "active":
        raise Problem(
            status=401,
            message=f"This key is {key.state}.",
            advice="Ask whoever runs this lab for another one.",
        )
    now = timezone.now()
    unseen = Q(last_used_at=None) | Q(last_used_at__lt=now - MINUTE)
    if key.last_used_at is None or key.last_used_at < now - MINUTE:
        ApiKey.objects.filter(unseen, pk=key.pk).update(last_used_at=now)
    return key


def key_document(key: ApiKey) -> dict[str, Any]:
    """Return what may be read of a key."""
    return {
        "id": str(key.pk),
        "owner": key.owner,
        "label": key.label,
        "scope": key.scope,
        "state": key.state,
        "hint": key.hint,
        "created_at": key.created_at,
        "last_used_at": key.last_used_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "links": {"self": f"/api/keys/{key.pk}", "page": "/settings/keys"},
    }


def _hashed(text: str) -> str:
    """Return what is kept: the text has 256 random bits, so no salt slows a guess."""
    return hashlib.sha256(text.encode()).hexdigest()


def _owner(text: str) -> str:
    name = text.strip().lower()
    if not name or (NAME.fullmatch(name) and name not in RESERVED):
        return name
    raise _refused("owner", "Use up to 40 of a-z, 0-9, dot, dash and underscore.")


def _label(text: str) -> str:
    label = " ".join(text.split())
    if len(label) > MAX_LABEL or not label.isprintable():
        raise _refused("label", f"Use at most {MAX_LABEL} characters on one line.")
    return label


def _scope(word: str) -> str:
    if word not in tuple(Scope):
        raise _refused("scope", "Use read, run or admin.")
    return word


def _end(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    if timezone.is_naive(moment):
        moment = timezone.make_aware(moment)
    if moment <= timezone.now():
        raise _refused("expires_at", "Choose a moment that is still to come.")
    return moment


def _refused(field: str, advice: str) -> ConfigError:
    return ConfigError(
        f"{field} cannot be that.", code="invalid_value", field=field, advice=advice
    )
