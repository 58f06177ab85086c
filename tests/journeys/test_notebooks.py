"""The example notebooks: kept without results, and every cell does what it says."""

from __future__ import annotations

import ast
import json

from tests.lab import ROOT

NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
OF_DOCS = "http://127.0.0.1:8000"


def code_of(path):
    """Return the text of each code cell."""
    cells = json.loads(path.read_text())["cells"]
    return ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]


def shown(code, names):
    """Run a cell as a notebook does; return what it shows of its last line."""
    tree = ast.parse(code)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    if last is None:
        return ""
    value = eval(compile(ast.Expression(last.value), "cell", "eval"), names)
    return value._repr_html_() if hasattr(value, "_repr_html_") else repr(value)


def executed(number, lab_url):
    """Return the names that a notebook leaves, and what its cells show."""
    names = {}
    cells = code_of(NOTEBOOKS[number - 1])
    said = [shown(code.replace(OF_DOCS, lab_url), names) for code in cells]
    return names, "\n".join(said)


def test_they_are_kept_without_results():
    assert len(NOTEBOOKS) == 4
    for path in NOTEBOOKS:
        notebook = json.loads(path.read_text())
        assert notebook["nbformat"] == 4
        assert notebook["cells"][0]["cell_type"] == "markdown"
        for cell in notebook["cells"]:
            assert not cell.get("outputs")
            assert cell.get("execution_count") is None


def test_a_first_backtest(lab_url, demo):
    names, said = executed(1, lab_url)

    assert names["run"].metrics == demo["SMA 20/50"]["metrics"]
    assert "<svg" in said  # its curve
    assert f"{names['run'].honesty['n_trials']:,} trials" in said
    assert len(names["both"].resample("YE").last()) == 20
    assert names["written"].config["universe"] == [f"SYN-gbm-{n}" for n in (1, 2, 3)]


def test_a_sweep_and_what_luck_says(lab_url, demo, capsys):
    names, _ = executed(2, lab_url)

    best = names["candidates"]["sharpe"].max()
    assert len(names["candidates"]) == 18
    assert names["luck"]["n_trials"] >= 18
    printed = capsys.readouterr().out
    is_more = best > names["luck"]["expected_max_sharpe"]
    assert f"it is {'more' if is_more else 'no more'} than that" in printed
    assert names["walk"].kind == "walk_forward"


def test_a_search_for_expressions(lab_url, demo):
    """The search is that of the walk over every page: who comes second finds it."""
    names, said = executed(3, lab_url)

    assert len(names["tried"]) == 40
    assert "placebo_best" in said
    kept = [one["expr"] for one in names["found"]["kept"]]
    assert all(expr in [*names["tried"]["expr"]] for expr in kept)


def test_a_run_is_proved_and_handed_on(lab_url, demo):
    names, said = executed(4, lab_url)

    assert names["run"].proof["status"] == "identical"
    assert all(one["ok"] for one in names["run"].proof["files"])
    assert "'outcome': 'here'" in said
    assert "<html" in (names["folder"] / "report.html").read_text()
