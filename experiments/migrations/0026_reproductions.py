import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

KINDS = [
    ("backtest", "Backtest"),
    ("sweep", "Sweep"),
    ("walk_forward", "Walk Forward"),
    ("validate", "Validate"),
    ("generate", "Generate"),
    ("model_training", "Model Training"),
    ("reproduce", "Reproduce"),
]
STATUSES = [
    ("identical", "Identical"),
    ("other_processor", "Other Processor"),
    ("differs", "Differs"),
    ("not_reproducible", "Not Reproducible"),
]


class Migration(migrations.Migration):
    dependencies = [
        ("experiments", "0023_run_warnings"),
    ]

    operations = [
        migrations.AlterField(
            model_name="modelrun",
            name="kind",
            field=models.CharField(
                choices=KINDS, default="backtest", editable=False, max_length=20
            ),
        ),
        migrations.CreateModel(
            name="Reproduction",
            fields=[
                (
                    "run",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="reproduction",
                        serialize=False,
                        to="experiments.modelrun",
                    ),
                ),
                ("status", models.CharField(choices=STATUSES, max_length=20)),
                ("document", models.JSONField(db_column="document_json")),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now),
                ),
            ],
            options={
                "db_table": "model_run_reproductions",
                "ordering": ("-created_at", "-run_id"),
            },
        ),
        migrations.AddIndex(
            model_name="reproduction",
            index=models.Index(
                fields=["-created_at", "-run"], name="idx_proofs_newest"
            ),
        ),
        migrations.AddConstraint(
            model_name="reproduction",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("status__in", [status for status, _ in STATUSES])
                ),
                name="proof_status_is_known",
            ),
        ),
    ]
