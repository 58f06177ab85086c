"""Keys of the lab's people, kept as hashes; and answers that are given once."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone

from quantlab.web.person import Person, Scope


class ApiKey(models.Model):
    """A key made out to a person. Whoever has it is that person, within its scope."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.CharField(
        max_length=40, blank=True, help_text="Whose it is; nothing for the lab itself."
    )
    label = models.CharField(max_length=80, blank=True, help_text="What it is for.")
    scope = models.CharField(
        max_length=5, choices=[(scope.value, scope.value) for scope in Scope]
    )
    hint = models.CharField(max_length=12, help_text="How it begins.")
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "api_keys"
        ordering = ("-created_at", "-id")
        constraints = (
            models.CheckConstraint(
                name="api_key_scope_is_known",
                condition=models.Q(scope__in=[scope.value for scope in Scope]),
            ),
        )

    def __str__(self) -> str:
        return f"{self.hint}… of {self.owner or 'the lab'}"

    @property
    def person(self) -> Person:
        return Person(self.owner, Scope(self.scope))

    @property
    def state(self) -> str:
        """Return active, revoked or expired."""
        if self.revoked_at is not None:
            return "revoked"
        is_over = self.expires_at is not None and self.expires_at <= timezone.now()
        return "expired" if is_over else "active"


class KeptAnswer(models.Model):
    """What a POST with an `Idempotency-Key` was answered; nothing while it is asked."""

    owner = models.CharField(max_length=40)
    key = models.CharField(max_length=200)
    asked = models.CharField(max_length=64, help_text="Path and body, as a sha256.")
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    headers = models.JSONField(default=dict)
    body = models.BinaryField(default=b"")
    begun_at = models.DateTimeField(default=timezone.now)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        db_table = "kept_answers"
        constraints = (
            models.UniqueConstraint(fields=["owner", "key"], name="kept_once_a_key"),
        )

    def __str__(self) -> str:
        return f"{self.key} of {self.owner}"
