import django.db.models.deletion
from django.db import migrations, models


def symbols_fill(apps, schema_editor):
    """Find the runs of several symbols that are there already by each of them."""
    runs = apps.get_model("experiments", "ModelRun")
    rows = apps.get_model("experiments", "RunSymbol")
    wide = runs.objects.filter(symbol="").values_list("pk", "config")
    for pk, config in wide.iterator():
        listed = config.get("universe")
        if isinstance(listed, list):
            rows.objects.bulk_create(rows(run_id=pk, symbol=s) for s in set(listed))


class Migration(migrations.Migration):
    dependencies = [("experiments", "0013_built_datasets")]

    operations = [
        migrations.AddField(
            model_name="modelexperiment",
            name="members",
            field=models.JSONField(
                blank=True,
                help_text="Since when a symbol is in it, until when.",
                null=True,
            ),
        ),
        migrations.CreateModel(
            name="RunSymbol",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("symbol", models.CharField(max_length=80)),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="symbol_rows",
                        to="experiments.modelrun",
                    ),
                ),
            ],
            options={
                "db_table": "model_run_symbols",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("symbol", "run"), name="symbol_once_a_run"
                    )
                ],
            },
        ),
        migrations.RunPython(symbols_fill, migrations.RunPython.noop, elidable=True),
    ]
