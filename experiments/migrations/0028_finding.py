import uuid

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("experiments", "0024_pipelines"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="modelrun",
            index=models.Index(
                condition=models.Q(("deleted_at__isnull", True)),
                fields=["updated_at"],
                name="idx_runs_changed",
            ),
        ),
        migrations.CreateModel(
            name="SavedView",
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
                (
                    "list",
                    models.CharField(
                        choices=[
                            ("runs", "Runs"),
                            ("experiments", "Experiments"),
                            ("strategies", "Strategies"),
                        ],
                        max_length=20,
                    ),
                ),
                ("name", models.CharField(max_length=60)),
                (
                    "query",
                    models.CharField(
                        help_text="Without its question mark.", max_length=2000
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now),
                ),
                ("updated_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "db_table": "saved_views",
                "ordering": ("list", "name"),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("owner", "list", "name"), name="saved_view_once_a_name"
                    )
                ],
            },
        ),
    ]
