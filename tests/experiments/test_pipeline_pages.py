"""Pages of pipelines: the wizard's steps, the dry run, the start, what came of it."""

from __future__ import annotations

import re
from html import unescape
from uuid import uuid4

import pytest
from django.utils import timezone

from experiments.forms.fields import date_of
from experiments.forms.pipeline import RAILS, PipelineForm, values_of
from experiments.models import Dataset, DatasetKind, PipelineRun
from experiments.selectors.dependents import dataset_dependents
from experiments.services.pipeline_plan import pipeline_plan
from experiments.services.presets import preset_create
from experiments.views.pipeline_form import loosened
from experiments.views.pipeline_result import titled
from jobs.models import Job
from tests.experiments.pipelines import run_through, submitted
from tests.experiments.rows import add_dataset
from tests.factories import finished_run

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]
NEW = "/pipeline/new"
SMALL = {
    "universe": "named",
    "symbols": "SYN-trend-1, SYN-gbm-2",
    "provider": "synthetic",
    "start_date": "2012-01-02",
    "end_date": "2012-01-29",
    "width": "own",
    "thresholds": ["0.50", "0.52"],
    "ladders": "",
    "min_trades": "1000000",
}

AVERAGES = {"params": {"fast": [5, 9], "slow": [30]}}


def first(**changes):
    """Return what the form sends on its first page, with changes."""
    return {k: v for k, v in PipelineForm().initial.items() if v != ""} | changes


def sent(client, go, step, **changes):
    return client.post(NEW, first(**changes) | {"go": go, "step": step})


def text_of(answer) -> str:
    return re.sub(r"\s+", " ", answer.content.decode())


def told_at(answer, where: str) -> str:
    """Return what stands in the element with this id."""
    _, _, after = text_of(answer).partition(f'id="{where}"')
    return after[:600]


def seen_in(answer) -> str:
    return re.search(r'name="seen" value="([0-9a-f]{64})"', text_of(answer))[1]


def test_three_steps_lead_to_a_dry_run_and_that_to_a_pipeline(client):
    page = text_of(client.get(NEW))
    assert "1. What to trade" in page
    assert "<b>20</b> of 50 allowed" in page  # symbols of the practice market
    assert "No pipeline yet" in text_of(client.get("/pipeline"))

    second = text_of(sent(client, "2", "1"))
    third = text_of(sent(client, "3", "2", width="wide"))
    assert "How widely should it search?" in second
    assert "<small>20 symbols, " in second
    assert "<b>48</b> of 50 allowed" in third
    assert "What must a configuration reach?" in third

    check = sent(client, "4", "3", **SMALL)
    assert "Nothing has run, and nothing has been counted." in text_of(check)
    assert "2 symbols" in text_of(check)
    assert "2 configurations" in text_of(check)
    assert not PipelineRun.objects.exists()
    unseen = text_of(sent(client, "run", "4", **SMALL))
    assert "The plan has changed meanwhile" in unseen
    assert not Job.objects.exists()

    started = sent(client, "run", "4", **SMALL, seen=seen_in(check))
    row = PipelineRun.objects.get()
    assert (started.status_code, started["Location"]) == (302, row.get_absolute_url())
    again = sent(client, "run", "4", **SMALL, seen=seen_in(check))
    assert again["Location"] == row.get_absolute_url()  # it is there: opened


def test_what_cannot_be_run_is_said_in_its_step(client):
    for step, changes, where, words in (
        ("1", {"universe": "sp500"}, "universe-told", "no bars of"),
        ("1", {"universe": "named", "symbols": ""}, "universe-told", "empty"),
        ("1", {"cap": "51"}, "id_cap_error", "more than the 50"),
        ("2", SMALL | {"thresholds": []}, "width-told", "nothing to try"),
        ("2", SMALL | {"ladders": "0.6, 0.5"}, "id_ladders_error", "rising"),
        ("2", {"commission_bps": "-1"}, "id_commission_bps_error", "-1"),
        ("3", {"min_dsr": "2"}, "id_min_dsr_error", "2"),
    ):
        answer = sent(client, str(int(step) + 1), step, **changes)
        assert answer.status_code == 422, (step, changes)
        told = told_at(answer, where)
        assert words in told, (step, told)
        live = client.post(f"{NEW}?validate=1", first(**changes) | {"step": step})
        assert live.status_code == 200
    elsewhere = client.post(f"{NEW}?validate=1", first(cap="51") | {"step": "2"})
    assert "Step 1, what to trade" in text_of(elsewhere)
    back = sent(client, "1", "2", thresholds=[], width="own", ladders="")
    assert back.status_code == 200  # going back judges nothing
    assert "error-summary" not in text_of(back)


def test_a_spent_budget_is_a_friendly_refusal_on_the_page(client, settings):
    check = sent(client, "4", "3", **SMALL)
    settings.QUANT_OWN_JOBS = 1
    Job.objects.create(kind="sweep")

    refused = sent(client, "run", "4", **SMALL, seen=seen_in(check))

    assert (refused.status_code, refused["Retry-After"]) == (429, "10")
    assert "1 of 1 jobs are at work or wait already" in text_of(refused)
    shown = sent(client, "4", "3", **SMALL)
    assert "No jobs are left" in text_of(
        shown
    )  # beside the button, before it is pressed


def test_the_page_shows_stages_verdicts_and_next_steps_in_two_tongues(client):
    check = sent(client, "4", "3", **SMALL)
    address = sent(client, "run", "4", **SMALL, seen=seen_in(check))["Location"]
    row = PipelineRun.objects.get()
    waiting = text_of(client.get(address))
    assert "Cancel the pipeline" in waiting
    assert "every 1s" in waiting
    asks = {"HX-Request": "true", "HX-Target": "pipeline-progress"}
    region = client.get(f"{address}?was=old", headers=asks)
    assert region["HX-Trigger"] == '{"pipeline-changed": {}}'
    assert b"<html" not in region.content
    asked = text_of(client.get(f"{address}/cancel"))
    assert "Keep running" in asked

    document = run_through(row)

    assert document["status"] == "stopped"
    expert = text_of(client.get(address))
    client.cookies["view"] = "novice"
    novice = text_of(client.get(address))
    assert "stopped by guardrails" in expert
    assert "stopped by safety limits" in novice
    assert "every 1s" not in expert
    assert "trades, needs 1,000,000" in expert
    assert expert.count("<tr data-honesty>") == 2
    said = document["said"]
    assert "The best by Sharpe: " in said["expert"]
    assert "trades, needs 1,000,000" in said["expert"].partition("Sharpe: ")[2]
    assert "fewer than the 1,000,000 that are asked" in said["novice"]
    numbers = [
        re.findall(r'<td class="num"[^>]*>(.*?)</td>', one) for one in (expert, novice)
    ]
    assert numbers[0] == numbers[1]
    listed = text_of(client.get("/pipeline?status=stopped"))
    assert "nothing trained" in listed
    assert "No pipeline matches" in text_of(client.get("/pipeline?q=nowhere"))
    ended = client.post(f"{address}/cancel", follow=True)
    assert "had finished before" in text_of(ended)
    assert client.get(f"/pipeline/{uuid4()}").status_code == 404
    loose = text_of(client.get(f"{NEW}?from={row.pk}&loosened=1&step=3"))
    assert "Loosened after the result was seen" in loose
    assert 'name="min_trades" value="1000000"' not in loose


def test_its_runs_lead_back_to_it_and_it_leads_to_them(client):
    asked = {"universe": ["SYN-gbm-1"], "grid": AVERAGES, "persist": False}
    row = submitted("sma_cross", name="Two averages", **asked)
    PipelineRun.objects.update(dataset_run=add_dataset(kind=DatasetKind.BUILT))
    document = run_through(row)
    finished_run(name="Of nobody")
    run_id = document["backtests"]["run_ids"][0]

    [link] = re.findall(
        r'href="([^"]+)">Its runs', text_of(client.get(row.get_absolute_url()))
    )
    for q in (str(row.pk), '"two aver"'):
        found = client.get("/api/runs", {"q": f"pipeline:{q}"}).json()["items"]
        assert sorted(one["run_id"] for one in found) == sorted(
            document["backtests"]["run_ids"]
        )
    listed = text_of(client.get(unescape(link)))
    assert "Of nobody" not in listed
    assert run_id in listed
    back = f'href="{row.get_absolute_url()}"'
    assert back in text_of(client.get(f"/model-lab/runs/{run_id}"))
    assert back in text_of(client.get(f"/model-lab/runs/{run_id}?tab=reproduce"))
    steps = client.get(f"/api/runs/{run_id}/provenance").json()["steps"]
    nodes = [node for step in steps for node in step["nodes"]]
    assert row.plan_hash in [one["hash"] for one in nodes if one["kind"] == "pipeline"]
    rests = dataset_dependents(Dataset.objects.get())["groups"]
    assert [(one["kind"], one["items"][0]["name"]) for one in rests] == [
        ("pipelines", "Two averages")
    ]
    PipelineRun.objects.update(deleted_at=timezone.now())
    assert back not in text_of(client.get(f"/model-lab/runs/{run_id}"))


def test_running_again_asks_for_the_same_plan():
    simple = {"universe": {"symbols": ["SYN-trend-1"]}, "mode": "simple"}
    daily = {
        "universe": {"symbols": ["SYN-trend-1", "SYN-gbm-3"]},
        "timeframe": "1d",
        "start_date": "2012-01-02",
        "end_date": "2012-03-01",
        "grid": {"thresholds_list": [[0.5], [0.52, 0.55]], "allowed_hours_list": [[]]},
        "guardrails": {"min_trades": 3, "max_pbo": 0.4},
        "execution": {"commission_bps": 2.5},
    }
    rule = {"universe": simple["universe"], "grid": AVERAGES}
    for model_id, body in (
        ("momentum_logit", simple),
        ("momentum_hgb", daily),
        ("sma_cross", rule),
    ):
        asked = pipeline_plan(model_id=model_id, body=body)
        values = values_of(asked.plan.document(), asked.universe, asked.sweep)
        form = PipelineForm({**PipelineForm().initial, **values})
        assert form.is_valid(), form.errors
        again = pipeline_plan(model_id=form.model.name, body=form.request())
        plans = [one.plan.document() for one in (asked, again)]
        for plan in plans:  # the form knows days only
            plan |= {key: date_of(plan[key]) for key in ("start", "end")}
        assert plans[0] == plans[1]


def test_loosened_limits_are_what_the_best_just_reaches():
    def verdict(key, status, value):
        return {"key": key, "status": status, "value": value}

    board = [
        {
            "verdicts": [
                verdict("min_trades", "fail", 34),
                verdict("min_sharpe", "pass", 0.2),
                verdict("min_dsr", "fail", 0.48377),
                verdict("max_position_rate", "fail", 0.70211),
                verdict("max_pbo", "unknown", None),
            ]
        }
    ]

    assert loosened(board) == {
        "min_trades": "34",
        "min_dsr": "0.483",
        "max_position_rate": "0.703",
        "max_pbo": "",
    }
    assert set(loosened(board)) < set(RAILS)
    assert loosened([]) == {}
    assert titled({"thresholds": [0.5], "allowed_hours": [9, 10, 11]}) == {
        "title": "threshold 0.5",
        "hours": "hours 09–12",
    }
    assert titled({"params": {"fast": 5, "slow": 30}, "allowed_hours": [9, 15]}) == {
        "title": "fast 5, slow 30",
        "hours": "hours 09, 15",
    }


def test_a_saved_sweep_can_be_chosen_and_one_with_constraints_says_why_not(client):
    assert "A saved sweep" not in client.get(f"{NEW}?step=2").content.decode()
    space = {"fast": [5, 10], "slow": [30, 40, 60]}
    preset_create(kind="sweep", name="Free", config={"space": space})
    bound = {"space": space, "constraints": ["2 * fast < slow"]}
    preset_create(kind="sweep", name="Bound", config=bound)
    said = {"model_id": "sma_cross", "width": "saved"}

    chosen = sent(client, "4", "3", **said, preset="Free")
    assert len(chosen.context["asked"].plan.grid) == 6
    refused = sent(client, "3", "2", **said, preset="Bound")
    assert refused.status_code == 422
    assert "has constraints of its own" in text_of(refused)
