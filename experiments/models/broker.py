"""An order at the paper broker; positions are what the filled ones add up to."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone


class OrderSide(models.TextChoices):
    BUY = "buy"
    SELL = "sell"


class OrderType(models.TextChoices):
    MARKET = "mkt", "Market"
    LIMIT = "lmt", "Limit"


class OrderStatus(models.TextChoices):
    OPEN = "open"
    FILLED = "filled"
    CANCELLED = "cancelled"


class BrokerOrder(models.Model):
    """Fifteen digits, which SQLite keeps exactly: 0.1 and 0.2 are 0.3 of a share."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.CharField(max_length=80, blank=True)
    symbol = models.CharField(max_length=40)
    side = models.CharField(max_length=4, choices=OrderSide)
    qty = models.DecimalField(max_digits=15, decimal_places=8)
    order_type = models.CharField(max_length=3, choices=OrderType)
    limit_price = models.DecimalField(
        max_digits=15, decimal_places=8, null=True, blank=True
    )
    status = models.CharField(max_length=10, choices=OrderStatus)
    created_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "broker_orders"
        ordering = ("-created_at", "-pk")
        indexes = (
            models.Index(fields=["owner", "-created_at"], name="idx_orders_newest"),
            models.Index(fields=["owner", "status"], name="idx_orders_status"),
        )
        constraints = (
            models.CheckConstraint(condition=Q(qty__gt=0), name="order_has_qty"),
        )

    def __str__(self) -> str:
        return f"{self.side} {self.qty.normalize():f} {self.symbol}"
