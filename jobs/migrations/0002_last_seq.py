from django.db import migrations, models
from django.db.models import Max, OuterRef, Subquery
from django.db.models.functions import Coalesce


def count_events(apps, schema_editor):
    """Go on after the events there are."""
    job = apps.get_model("jobs", "Job")
    event = apps.get_model("jobs", "JobEvent")
    of_job = event.objects.filter(job_id=OuterRef("pk")).order_by().values("job_id")
    newest = Subquery(of_job.annotate(newest=Max("seq")).values("newest"))
    job.objects.update(last_seq=Coalesce(newest, 0))


class Migration(migrations.Migration):
    dependencies = [("jobs", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="job",
            name="last_seq",
            field=models.PositiveIntegerField(
                default=0,
                help_text="Number of the newest event, also after its deletion.",
            ),
        ),
        migrations.RunPython(count_events, migrations.RunPython.noop),
    ]
