"""Rules that every template and the one script keep, those of later rooms too."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.template.loader import get_template, render_to_string

from quantlab.web.htmx import region_id

TEMPLATES = Path(settings.BASE_DIR) / "templates"
SCRIPT = Path(settings.BASE_DIR) / "static" / "js" / "lab.js"
PAGES = sorted(TEMPLATES.rglob("*.html"))
REGIONS = [page for page in PAGES if page.name.startswith("_")]

# What the content security policy forbids, or would have to be loosened for.
INLINE = {
    "an inline script": r"<script(?![^>]*\b(src=|type=\"application/json\"))",
    "an inline style sheet": r"<style\b",
    "a style attribute": r"\sstyle\s*=",
    "an event handler": r"\son[a-z]+\s*=(?!=)",
    "script run by htmx": r"\bhx-on\b|\bhx-vals=['\"]js:",
    "a script address": r"javascript:",
    "another host": r"(src|href|action)=['\"](https?:)?//",
}
# Numbers are formatted by lab_format; results are never promised.
WORDING = {
    "a format outside lab_format": r"\|\s*(floatformat|intcomma|stringformat:.\.\d)",
    "percent by hand": r"\*\s*100\b",
    "a promise": r"(?i)\b(will|proven|guaranteed|significant|significantly)\b",
    "a boast": r"(?i)beats the market",
    "a tone that is not ours": r"(?i)\b(please|oops)\b",
}


def name_of(page: Path) -> str:
    return page.relative_to(TEMPLATES).as_posix()


def broken_rules(source: str, rules: dict[str, str]) -> list[str]:
    return [rule for rule, pattern in rules.items() if re.search(pattern, source)]


def region_faults(name: str, source: str) -> list[str]:
    """Return what keeps a file with an underscore from being a region."""
    own_id = region_id(name)
    first_line, _, _ = source.partition("\n")
    markup = re.sub(r"(?s)\{#.*?#\}|\{% comment %\}.*?\{% endcomment %\}", "", source)
    markup = re.sub(r"\{% (load|with|url) [^%]*%\}", "", markup).strip()
    faults = []
    if not re.match(rf"\{{# Region #{own_id}\. Context: \S", first_line):
        faults.append(f"first line is not '{{# Region #{own_id}. Context: …'")
    if "{% extends" in source:
        faults.append("a region extends nothing")
    if not re.match(rf"<[a-z]+\s[^<]*?\bid=\"{own_id}\"", markup):
        faults.append(f'root element has no id="{own_id}"')
    return faults


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_template_keeps_the_rules(page):
    source = page.read_text()

    assert broken_rules(source, INLINE) == []
    assert broken_rules(source, WORDING) == []
    get_template(name_of(page))


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        ("<script>alert(1)</script>", "an inline script"),
        ('<script type="module">x</script>', "an inline script"),
        ("<style>p {}</style>", "an inline style sheet"),
        ('<p style="color: red">', "a style attribute"),
        ('<button onclick="go()">', "an event handler"),
        ("<p hx-on:click='x'>", "script run by htmx"),
        ('<a href="javascript:x">', "a script address"),
        ('<script src="https://cdn.example/x.js">', "another host"),
    ],
)
def test_the_rules_find_what_the_policy_forbids(source, rule):
    assert broken_rules(source, INLINE) == [rule]


def test_data_and_linked_scripts_are_allowed():
    source = '<script type="application/json">{}</script><script src="/a.js"></script>'

    assert broken_rules(source, INLINE) == []


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        ("{{ x|floatformat:2 }}", "a format outside lab_format"),
        ("{{ x|stringformat:'.2f' }}", "a format outside lab_format"),
        ("{% widthratio x * 100 %}", "percent by hand"),
        ("This Will rise.", "a promise"),
        ("It beats the market.", "a boast"),
    ],
)
def test_the_rules_find_wrong_words(source, rule):
    assert broken_rules(source, WORDING) == [rule]


def test_every_region_is_one():
    faults = {
        name_of(region): region_faults(name_of(region), region.read_text())
        for region in REGIONS
    }

    assert {name: found for name, found in faults.items() if found} == {}


REGION = """{# Region #run-status. Context: run. Polls itself. #}
{% load lab_format %}
<section id="run-status"
  {% if not run.is_finished %}hx-get="{{ run.url }}"{% endif %}>
</section>
"""


def test_the_example_of_a_region_has_no_faults():
    assert region_faults("experiments/_run_status.html", REGION) == []


@pytest.mark.parametrize(
    "source",
    [
        REGION.replace("Context", "Needs"),
        REGION.replace('id="run-status"', 'id="status"'),
        REGION + '{% extends "base.html" %}',
        REGION.replace("<section id", "<div></div><section id"),
    ],
)
def test_the_faults_of_a_region_are_found(source):
    assert len(region_faults("experiments/_run_status.html", source)) == 1


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_icon_that_is_asked_for_is_drawn(page):
    asked = re.findall(r'components/icon\.html" with name="([\w-]+)"', page.read_text())

    for name in asked:
        drawn = render_to_string("components/icon.html", {"name": name})
        assert re.search(r"<(path|circle)", drawn), name


class TestScript:
    def test_it_stays_small(self):
        assert len(SCRIPT.read_text().splitlines()) <= 300

    @pytest.mark.parametrize(
        "forbidden", ["eval(", "new Function", "innerHTML", "document.write", "http:"]
    )
    def test_it_runs_no_text(self, forbidden):
        assert forbidden not in SCRIPT.read_text()


class TestFrame:
    """Every page carries what rule 7 and the policy need of it."""

    @pytest.fixture
    def page(self, client, db):
        return client.get("/keyboard").content.decode()

    def test_htmx_swaps_422_and_treats_other_errors_as_errors(self, page):
        config = re.search(r"<meta name=\"htmx-config\" content='([^']*)'>", page)

        assert config is not None
        assert '"allowEval": false' in config[1]
        assert '"includeIndicatorStyles": false' in config[1]
        swapped = config[1].index('{"code": "422", "swap": true}')
        assert swapped < config[1].index('{"code": "[45]..", "swap": false')

    def test_requests_of_htmx_carry_the_csrf_token(self, page):
        assert re.search(r"<body hx-headers='\{\"X-CSRFToken\": \"\w{64}\"\}'", page)

    def test_the_keyboard_reaches_the_content_first(self, page):
        body = page.split("<body", 1)[1]

        assert re.search(r"<a [^>]*>", body)[0] == '<a class="btn skip" href="#main">'
        assert 'id="main"' in body
        assert page.count("<h1") == 1

    def test_the_foot_says_what_a_number_is_not(self, page):
        assert "Nothing here is a forecast or advice." in page
