"""Notes: what people mean is shown, what a stranger could do with them is not."""

from __future__ import annotations

import re

import pytest

from quantlab.web.markdown import as_html

FORBIDDEN = re.compile(
    r"<\s*(script|style|iframe|svg|form|input|object|math|base|meta|link)\b"
    r"|<[^>]*\s(on\w+|style|id|class|srcdoc|formaction)\s*="
    r"|(href|src)\s*=\s*[\"']?\s*(javascript|data|vbscript|file):",
    re.IGNORECASE,
)
ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java&#115;cript:alert(1))",
    "[x](&#x6A;avascript:alert(1))",
    "<javascript:alert(1)>",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "![x](data:image/svg+xml;base64,PHN2Zz4=)",
    "[x](vbscript:x)",
    '[x](/a "onclick=alert(1)")',
    '[x](/a"onmouseover="alert(1))',
    "<a href='/a' onclick='alert(1)'>x</a>",
    "<iframe src=//evil></iframe>",
    '<p style="position:fixed">x</p>',
    "```\n<script>alert(1)</script>\n```",
    "[a]: javascript:alert(1)\n\n[a]",
    "<math><mtext></mtext><style><img src onerror=alert(1)>",
    '![a](/x.png"onerror="alert(1))',
]


@pytest.mark.parametrize("text", ATTACKS)
def test_nothing_acts(text):
    assert not FORBIDDEN.search(as_html(text))


def test_what_is_meant_is_shown():
    html = as_html("**Why** it *fell*:\n\n- costs\n- `slippage_bps`\n\n> later")

    assert "<strong>Why</strong> it <em>fell</em>" in html
    assert "<li>costs</li>" in html
    assert "<code>slippage_bps</code>" in html
    assert "<blockquote>" in html


def test_lines_stay_lines_and_tables_are_tables():
    assert "one<br>" in as_html("one\ntwo")
    assert "<td>0.5</td>" in as_html("|a|\n|-|\n|0.5|")


def test_headings_are_below_those_of_the_page():
    assert as_html("# A\n## B\n#### C") == "<h3>A</h3>\n<h4>B</h4>\n<h6>C</h6>\n"


def test_links_lead_out_without_telling_where_from():
    html = as_html("[x](https://example.com/?a=1&b=2)")

    assert 'rel="nofollow noopener noreferrer"' in html
    assert 'href="https://example.com/?a=1&amp;b=2"' in html


@pytest.mark.parametrize("address", ["https://e.com/x.png", "//e.com/x.png", "x.png"])
def test_no_image_is_loaded_from_elsewhere(address):
    html = as_html(f"![a curve]({address})")

    assert "src" not in html
    assert 'alt="a curve"' in html


def test_an_image_of_the_lab_is_shown():
    html = as_html("![a](/api/runs/1/plots.png)")

    assert 'src="/api/runs/1/plots.png"' in html


def test_nothing_is_nothing():
    assert as_html("") == ""
