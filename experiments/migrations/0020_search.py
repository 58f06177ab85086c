import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('experiments', '0017_fetched_datasets'),
    ]

    operations = [
        migrations.AlterField(
            model_name='modelrun',
            name='kind',
            field=models.CharField(choices=[('backtest', 'Backtest'), ('sweep', 'Sweep'), ('walk_forward', 'Walk Forward'), ('validate', 'Validate'), ('generate', 'Generate')], default='backtest', editable=False, max_length=20),
        ),
        migrations.CreateModel(
            name='SealOpening',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('run_id', models.CharField(max_length=36, unique=True)),
                ('pool', models.CharField(help_text='Its instruments, as a sha256.', max_length=64)),
                ('instruments', models.JSONField()),
                ('start_ms', models.BigIntegerField(help_text='First bar of the test span.')),
                ('end_ms', models.BigIntegerField(help_text='Its last bar.')),
                ('n_shown', models.PositiveIntegerField(help_text='Expressions tested on it.')),
                ('opened_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'db_table': 'ledger_seals',
                'ordering': ('pk',),
                'indexes': [models.Index(fields=['end_ms', 'start_ms'], name='idx_seals_span')],
            },
        ),
        migrations.CreateModel(
            name='SearchBatch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField(help_text='Its place among all of the run.')),
                ('is_placebo', models.BooleanField(help_text='Searched where there is nothing.')),
                ('n_expressions', models.PositiveIntegerField(help_text='Twins and refused ones too.')),
                ('n_trials', models.PositiveIntegerField(help_text='Backtests; 0 of a placebo.')),
                ('first_week', models.IntegerField(help_text='That its weekly returns begin with.')),
                ('n_weeks', models.PositiveIntegerField(help_text='Of them.')),
                ('seconds', models.FloatField(help_text='That it took.')),
                ('data_fingerprint', models.CharField(max_length=64)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='batches', to='experiments.modelrun')),
            ],
            options={
                'verbose_name_plural': 'search batches',
                'db_table': 'model_search_batches',
                'ordering': ('run', 'number'),
                'constraints': [models.UniqueConstraint(fields=('run', 'number'), name='search_batch_once_a_run')],
            },
        ),
    ]
