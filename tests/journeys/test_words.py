"""Words: nothing promises the future, and the switch of views moves no number."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from experiments.services.experiments import experiment_create
from tests.factories import CONFIG, finished_run, finished_sweep

ROOT = Path(__file__).parent.parent.parent
SAID = ("templates", "strategies", "experiments", "jobs", "quantlab", "static/js")
PROMISES = re.compile(
    r"""
    \bguarantee[ds]?\b(?!\ (that\ the\ file|order)) | \brisk[ -]?free\ (profit|money)
    | \b(will|shall|is\ going\ to|are\ going\ to)\ (\w+ly\ )?
      (earn|profit|outperform|win|make\ (you\ )?(money|a\ profit)
      |(go\ on\ )?rise|beat|double|pay\ off|be\ profitable)\b
    | \b(can(no|')t|never)\ lose\b | \bbeats?\ the\ market\b | \bsure\ (thing|win)
    | \bget\ rich\b | \bcertain\ (profit|gain|return)s?\b | \bfuture\ (profit|gain)s?\b
    | \b(works|pays)\ in\ the\ future\b
    """,
    re.VERBOSE | re.IGNORECASE,
)
TAG, NUMBER = re.compile(r"<[^>]*>"), re.compile(r"−?\d[\d,]*(?:\.\d+)?")


def texts() -> Iterator[tuple[Path, str]]:
    """Yield every text that people may read: templates, scripts, texts of modules."""
    for folder in SAID:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix == ".py":
                yield from ((path, one) for one in _literals(path))
            elif path.suffix in (".html", ".js") and "vendor" not in path.parts:
                yield path, path.read_text()


def _literals(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield " ".join(node.value.split())


def test_no_text_promises_the_future():
    found = [
        (str(path.relative_to(ROOT)), match[0])
        for path, text in texts()
        for match in [PROMISES.search(text)]
        if match
    ]

    assert found == []


def test_a_promise_would_be_found():
    for text in (
        "This strategy will earn 5% a year.",
        "Guaranteed profits",
        "a sure thing",
        "It will probably outperform.",
        "You cannot lose.",
        "It beats the market.",
        "The model is going to rise",
    ):
        assert PROMISES.search(text), text
    for text in ("would have earned", "it earned 5%", "a risk-free rate", "no guard"):
        assert not PROMISES.search(text), text


def numbers(client, address: str, view: str) -> Counter[str]:
    """Return the numbers of a page's main part as people read them."""
    client.cookies["view"] = view
    answer = client.get(address)
    assert answer.status_code == 200, address
    main = answer.content.decode().partition("<main")[2].partition("</main>")[0]
    main = re.sub(r"(?s)<(script|svg|time)\b.*?</\1>", " ", main)
    return Counter(NUMBER.findall(TAG.sub(" ", main)))


@pytest.mark.django_db
def test_the_switch_of_views_changes_words_and_no_number(client):
    setting = {key: CONFIG[key] for key in ("provider", "end")}
    experiment = experiment_create(
        name="Does the trend last?",
        model_key="sma_cross",
        params={"fast": 5, "slow": 20},
        universe=["SYN-gbm-1"],
        **setting,
    )
    run = finished_run(experiment=experiment)
    other = finished_run(changes={"strategy": {"params": {"fast": 7}}})
    sweep = finished_sweep(experiment, space={"fast": [3, 4], "slow": [20, 30]})

    for address in (
        run.get_absolute_url(),
        f"{run.get_absolute_url()}?tab=critic",
        f"{run.get_absolute_url()}?tab=config",
        sweep.get_absolute_url(),
        experiment.get_absolute_url(),
        f"/model-lab/compare?runs={run.pk},{other.pk}",
        "/backtesting",
        "/models/momentum_logit",
        "/",
    ):
        expert = numbers(client, address, "expert")
        novice = numbers(client, address, "novice")
        assert expert == novice, (address, expert - novice, novice - expert)
