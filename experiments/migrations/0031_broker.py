import uuid

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("experiments", "0028_finding"),
    ]

    operations = [
        migrations.CreateModel(
            name="BrokerOrder",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("owner", models.CharField(blank=True, max_length=80)),
                ("symbol", models.CharField(max_length=40)),
                (
                    "side",
                    models.CharField(
                        choices=[("buy", "Buy"), ("sell", "Sell")], max_length=4
                    ),
                ),
                ("qty", models.DecimalField(decimal_places=8, max_digits=15)),
                (
                    "order_type",
                    models.CharField(
                        choices=[("mkt", "Market"), ("lmt", "Limit")], max_length=3
                    ),
                ),
                (
                    "limit_price",
                    models.DecimalField(
                        blank=True, decimal_places=8, max_digits=15, null=True
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("filled", "Filled"),
                            ("cancelled", "Cancelled"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now),
                ),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "db_table": "broker_orders",
                "ordering": ("-created_at", "-pk"),
                "indexes": [
                    models.Index(
                        fields=["owner", "-created_at"], name="idx_orders_newest"
                    ),
                    models.Index(fields=["owner", "status"], name="idx_orders_status"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("qty__gt", 0)), name="order_has_qty"
                    )
                ],
            },
        ),
    ]
