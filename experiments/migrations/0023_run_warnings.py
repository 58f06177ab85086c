from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("experiments", "0022_learning"),
    ]

    operations = [
        migrations.AddField(
            model_name="modelrun",
            name="warnings",
            field=models.JSONField(
                blank=True,
                db_column="warnings_json",
                default=list,
                help_text="Of an expression: what was allowed but hardly meant, or stood in.",
            ),
        ),
    ]
