"""The calls that pages print: read off a page, and made word for word."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import urllib.request
from html import unescape
from pathlib import Path

from tests.lab import ROOT

ALONE = """
import contextlib, io, json, sys, traceback
found = []
for code in json.load(sys.stdin):
    names, printed, fault = {}, io.StringIO(), None
    with contextlib.redirect_stdout(printed):
        try:
            exec(code, names)
        except Exception:
            fault = traceback.format_exc()
    answer = names.get("answer")
    if hasattr(answer, "to_dict"):
        answer = answer.reset_index().to_dict("records")
    found.append([answer, printed.getvalue(), fault])
json.dump(found, sys.stdout, default=str)
"""


def calls_in(html):
    """Return the printed calls of a page by their ids: curl-… and python-…."""
    found = re.findall(
        r'(?s)<code id="((?:curl|python)-[^"]+)"[^>]*>(.*?)</code>', html
    )
    return {name: unescape(code) for name, code in found}


def answer_to(command, folder):
    """Return what the lab answers to a printed curl command; None for a file.

    Where there is no curl, the command is read as curl reads it, and sent.
    """
    if shutil.which("curl") is None:
        content = _sent(command, Path(folder))
    else:
        command = command.replace("curl ", "curl -sSf ", 1)
        shell = ["/bin/sh", "-c", command]
        done = subprocess.run(shell, cwd=folder, capture_output=True, check=True)
        content = done.stdout
    return json.loads(content) if content else None


def _sent(command, folder):
    name, address, *options = shlex.split(command.replace("\\\n", " "))
    assert name == "curl"
    assert len(options) % 2 == 0
    said = [*zip(options[::2], options[1::2], strict=True)]
    assert {option for option, _ in said} <= {"-H", "-d", "-o"}
    headers = dict(value.split(": ", 1) for option, value in said if option == "-H")
    other = {option: value for option, value in said if option != "-H"}
    body = other["-d"].encode() if "-d" in other else None
    request = urllib.request.Request(address, body, headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        content = answer.read()
    if "-o" not in other:
        return content
    (folder / other["-o"]).write_bytes(content)
    return b""


def python_said(codes, folder):
    """Return of each Python call its `answer` and what it printed.

    All run in one process, each with names of its own; a data frame is its rows.
    """
    asked = json.dumps([*codes])
    command = [sys.executable, "-c", ALONE]
    here = {"PYTHONPATH": str(ROOT), "PATH": ""}
    done = subprocess.run(
        command, input=asked.encode(), cwd=folder, env=here, capture_output=True
    )
    found = json.loads(done.stdout)
    faults = [fault for _, _, fault in found if fault]
    assert not faults, "\n".join(faults)
    return [(answer, printed.rstrip("\n")) for answer, printed, _ in found]
