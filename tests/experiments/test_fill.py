"""A lab that was made up: its size, its label, and that its counts hold."""

from __future__ import annotations

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from experiments.models import LedgerEntry, ModelExperiment, ModelRun, RunMetric
from experiments.selectors.honesty import honesty_of
from experiments.selectors.ledger import lab_totals
from experiments.services.fill import fill_lab
from experiments.services.made_up import TAG, made_up_config
from jobs.models import Job
from strategies.library.resolve import resolve
from tests.experiments.rows import POOL, add_trial

RUNS = 60


@pytest.fixture
def filled(db):
    return fill_lab(runs=RUNS, experiments=5, seed=1)


def test_everything_is_there_and_says_what_it_is(filled):
    runs = list(ModelRun.objects.select_related("job"))
    questions = list(ModelExperiment.objects.all())

    assert (len(runs), len(questions)) == (RUNS, 5)
    assert all(TAG in one.tags for one in [*runs, *questions])
    assert all(run.job.is_finished for run in runs)  # the worker has nothing to do
    assert Job.objects.count() == RUNS


def test_what_succeeded_was_counted_once(filled):
    done = ModelRun.objects.exclude(data_fingerprint="")
    families = set(done.values_list("pool", "config_family_hash"))

    assert filled.trials == done.count() == LedgerEntry.objects.count()
    assert lab_totals().trials == len(families)
    counted = {luck.pool: luck.n_trials for luck in honesty_of(done).values() if luck}
    assert sum(counted.values()) == len(families)
    assert RunMetric.objects.filter(key="sharpe").count() == done.count()


def test_real_data_has_no_more_trials_than_before(db):
    add_trial("1")

    fill_lab(runs=5, experiments=0)

    assert LedgerEntry.objects.filter(pool=POOL).count() == 1


def test_a_seed_gives_the_same_lab(db):
    fill_lab(runs=5, experiments=2, seed=7)
    fill_lab(runs=5, experiments=2, seed=7)

    names = list(ModelRun.objects.order_by("pk").values_list("config_hash", flat=True))
    assert all(names.count(name) == 2 for name in names)


def test_its_configs_could_be_run_again():
    rng = np.random.default_rng(2)

    for _ in range(30):
        resolve(made_up_config(rng, None))


def test_every_page_of_it_opens(filled, client):
    for run in ModelRun.objects.filter(deleted_at=None)[:15]:
        assert client.get(run.get_absolute_url()).status_code == 200
        assert client.get(f"{run.get_absolute_url()}?tab=charts").status_code == 200


@pytest.mark.parametrize(
    "asked",
    [
        {"runs": 0},
        {"runs": 10, "experiments": 11},
        {"runs": 10, "experiments": -1},
        {"runs": 2_000_000},
        {"runs": 10, "experiments": 1, "seed": -1},
    ],
)
def test_nonsense_is_refused_before_anything_is_written(asked, db):
    with pytest.raises(CommandError, match="choose"):
        call_command("fill", **asked)

    assert not ModelRun.objects.exists()


def test_a_lab_that_is_not_set_up_is_not_filled(monkeypatch, db):
    command = "experiments.management.commands.fill"
    monkeypatch.setattr(f"{command}.setup_is_current", lambda: False)

    with pytest.raises(CommandError, match="setup"):
        call_command("fill", runs=1, experiments=0)
