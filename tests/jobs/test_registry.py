from __future__ import annotations

import pytest

from jobs import registry
from jobs.registry import JobKind, UnknownKind, kind_named, register, resolve

KIND = JobKind("k", "m:f", "K", payload={"n": int, "name": str, "seed": int | None})


@pytest.mark.parametrize(
    ("payload", "complaint"),
    [
        ({"n": 1, "name": "x"}, r"missing \['seed'\]"),
        ({"n": 1, "name": "x", "seed": 1, "no": 1}, r"unknown \['no'\]"),
        ({"n": "1", "name": "x", "seed": 1}, "n='1' is not"),
        ({"n": True, "name": "x", "seed": 1}, "n=True is not"),
        ({"n": 1, "name": None, "seed": 1}, "name=None is not"),
    ],
)
def test_a_payload_the_kind_does_not_declare_is_refused(payload, complaint):
    with pytest.raises(ValueError, match=complaint):
        KIND.check_payload(payload)


def test_a_declared_payload_passes():
    KIND.check_payload({"n": 1, "name": "x", "seed": None})


def test_a_name_means_one_kind():
    register(KIND)
    register(KIND)

    assert kind_named("k") is KIND
    assert KIND in registry.kinds()
    with pytest.raises(ValueError, match="'k' is registered twice"):
        register(JobKind("k", "other:f", "K"))


def test_an_unknown_kind_says_which_was_meant():
    with pytest.raises(UnknownKind) as caught:
        kind_named("nothin")

    assert caught.value.advice == "Did you mean 'nothing'?"


def test_a_handler_is_found_by_its_dotted_name():
    assert resolve("tests.jobs.kinds:nothing").__name__ == "nothing"
