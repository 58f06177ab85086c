from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('experiments', '0026_reproductions'),
    ]

    operations = [
        migrations.AddField(
            model_name='preset',
            name='owner',
            field=models.CharField(blank=True, max_length=80),
        ),
        migrations.AddField(
            model_name='preset',
            name='visibility',
            field=models.CharField(choices=[('private', 'Private'), ('public', 'Public')], default='private', max_length=10),
        ),
    ]
