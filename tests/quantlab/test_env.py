"""Typed environment readers refuse nonsense with one clear line."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from quantlab import env


@pytest.mark.parametrize(("raw", "value"), [("1", True), ("No", False), ("", True)])
def test_bool_reads_plain_words(monkeypatch, raw, value):
    monkeypatch.setenv("QUANT_X", raw)

    assert env.env_bool("QUANT_X", default=True) is value


@pytest.mark.parametrize(
    ("read", "raw", "says"),
    [
        (lambda n: env.env_bool(n, default=True), "maybe", "use 1 or 0"),
        (lambda n: env.env_int(n, default=1, minimum=1), "two", "not a whole number"),
        (lambda n: env.env_int(n, default=1, minimum=1), "0", "at least 1"),
        (lambda n: env.env_float(n, default=1, minimum=0.5), "x", "not a number"),
        (lambda n: env.env_float(n, default=1, minimum=0.5), "nan", "at least 0.5"),
        (lambda n: env.env_float(n, default=1, minimum=0.5), "inf", "at least 0.5"),
        (lambda n: env.env_choice(n, default="a", choices=("a",)), "live", "use a"),
    ],
)
def test_nonsense_names_the_variable_and_the_remedy(monkeypatch, read, raw, says):
    monkeypatch.setenv("QUANT_X", raw)

    with pytest.raises(ImproperlyConfigured, match=rf"QUANT_X=.*{says}"):
        read("QUANT_X")


def test_a_folder_that_is_a_file_is_refused(monkeypatch, tmp_path):
    file = tmp_path / "home"
    file.write_text("")
    monkeypatch.setenv("QUANT_X", str(file))

    with pytest.raises(ImproperlyConfigured, match="a folder is needed"):
        env.env_folder("QUANT_X", default=Path("var"))


def test_a_file_that_is_a_folder_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("QUANT_X", str(tmp_path))

    with pytest.raises(ImproperlyConfigured, match="a file is needed"):
        env.env_file("QUANT_X", default=Path("x.db"))


def test_lists_are_split_and_trimmed(monkeypatch):
    monkeypatch.setenv("QUANT_X", " lab.local, , 10.0.0.2 ")

    assert env.env_list("QUANT_X") == ["lab.local", "10.0.0.2"]


def test_a_server_needs_its_driver_and_its_secret_stays_one(monkeypatch):
    drivers = {"postgresql": "django", "redis": "no_such_driver"}
    assert env.env_url("QUANT_X", drivers=drivers) == ""
    monkeypatch.setenv("QUANT_X", "postgresql://me:secret@host/lab")
    assert env.env_url("QUANT_X", drivers=drivers).endswith("@host/lab")
    for given, says in {
        "redis://:secret@host": "needs no_such_driver, an extra",
        "mysql://me:secret@host": "begin with postgresql:// or redis://",
        "secret": "begin with postgresql:// or redis://",
    }.items():
        monkeypatch.setenv("QUANT_X", given)
        with pytest.raises(ImproperlyConfigured, match=f"QUANT_X: .*{says}") as caught:
            env.env_url("QUANT_X", drivers=drivers)
        assert "secret" not in str(caught.value)
    assert not any("secret" in one.value for one in env.variables())
