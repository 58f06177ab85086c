"""What the first page of the repository says works, word for word."""

from __future__ import annotations

import json
import re
import shlex
import urllib.request
from itertools import pairwise
from pathlib import Path

README = Path(__file__).parent.parent.parent / "README.md"
HOME = "http://127.0.0.1:8000"


def curl_in(text: str) -> tuple[str, dict[str, str], bytes]:
    """Return address, headers and body of the first curl command."""
    block = re.search(r"```sh\n(curl .*?)```", text, re.DOTALL)
    assert block is not None
    words = shlex.split(block[1].replace("\\\n", " "))
    pairs = list(pairwise(words))
    headers = dict(word.split(": ", 1) for flag, word in pairs if flag == "-H")
    [body] = [word for flag, word in pairs if flag == "-d"]
    return words[1], headers, body.encode()


def test_the_example_of_the_api_returns_a_result(lab_url):
    address, headers, body = curl_in(README.read_text())
    assert address.startswith(HOME)
    request = urllib.request.Request(
        address.replace(HOME, lab_url), data=body, headers=headers
    )

    with urllib.request.urlopen(request, timeout=60) as answer:
        run = json.load(answer)

    assert run["status"] == "succeeded"
    assert run["metrics"]["n_bars"] == 5031
    assert run["honesty"]["n_trials"] >= 1


def test_the_screenshots_are_there_and_small():
    pictures = re.findall(r"!\[[^]]+\]\((docs/[\w-]+\.png)\)", README.read_text())

    assert len(pictures) == 3
    for name in pictures:
        picture = README.parent / name
        assert picture.read_bytes()[:4] == b"\x89PNG"
        assert picture.stat().st_size <= 250_000
