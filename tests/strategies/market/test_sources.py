"""Sources: one door to all bars, and which of three names is wrong."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from strategies.errors import CandleError, StrategyError
from strategies.market.roots import data_root, quant_home, replace_file
from strategies.market.sources import (
    describe,
    load_candles,
    load_symbol,
    source_version,
    symbols,
)
from strategies.market.symbol import is_symbol

ROOT = Path(__file__).parents[3]
DAY = 86_400_000
ASKED = {
    "provider": "synthetic",
    "symbol": "SYN-gbm-1",
    "timeframe": "1d",
    "start_ms": None,
    "end_ms": None,
}


def config(**changes):
    return SimpleNamespace(**{**ASKED, **changes})


def refusal(call, *arguments):
    with pytest.raises(StrategyError) as refused:
        call(*arguments)
    return refused.value


def test_a_config_gets_its_window_and_no_bar_outside():
    whole = load_candles(config())
    start, end = int(whole.ts[10]), int(whole.ts[19])
    window = load_candles(config(start_ms=start, end_ms=end))

    assert len(whole) == 2520
    assert len(window) == 10
    assert (window.ts[0], window.ts[-1]) == (start, end)
    assert window.fingerprint == whole.between(start, end).fingerprint


def test_a_synthetic_market_goes_on_as_long_as_asked():
    whole = load_candles(config())
    longer = load_candles(config(end_ms=int(whole.ts[-1]) + 7 * DAY))

    assert len(longer) == 2525


@pytest.mark.parametrize(
    ("window", "advice"),
    [
        ({"start_ms": 4_000_000_000_000}, "There are bars from 2010-01-04 to"),
        ({"end_ms": 1_262_563_200_000}, "There are bars from 2010-01-04 to"),
        ({"end_ms": 0}, "Choose a later end"),
    ],
)
def test_a_window_with_fewer_than_two_bars_is_refused(window, advice):
    error = refusal(load_candles, config(**window))

    assert isinstance(error, CandleError)
    assert error.code == "too_few_bars"
    assert error.advice.startswith(advice)


def test_everything_is_listed_by_provider(home):
    listed = symbols()

    assert {"SP500", "NASDAQ"} <= {info.symbol for info in listed}
    assert {info.provider for info in listed} == {"builtin", "synthetic"}
    assert symbols("builtin") == [i for i in listed if i.provider == "builtin"]
    for info in symbols("synthetic"):
        made = load_symbol(info.provider, info.symbol, info.timeframe)
        assert (info.start_ms, info.end_ms) == (made.ts[0], made.ts[-1])
        assert (info.rows, info.calendar) == (len(made), made.calendar)


@pytest.mark.parametrize(
    ("asked", "code", "advice"),
    [
        (("bulitin", "SP500", "1d"), "unknown_provider", "Did you mean 'builtin'?"),
        (("x", "SP500", "1d"), "unknown_provider", "Use one of builtin, files"),
        (("builtin", "SP50", "1d"), "unknown_symbol", "Did you mean 'SP500'?"),
        (("builtin", "sp500", "1d"), "unknown_symbol", "Did you mean 'SP500'?"),
        (("builtin", "ZZ", "1d"), "unknown_symbol", "It has SP500, NASDAQ."),
        (("builtin", "SYN-gbm-9", "1d"), "unknown_symbol", "The provider 'synthetic'"),
        (("files", "SP500", "1d"), "unknown_symbol", "The provider 'builtin' has it."),
        (("files", "ZZ", "1d"), "unknown_symbol", "Put ZZ.parquet or ZZ.csv"),
        (("synthetic", "SYN-gmb-1", "1d"), "unknown_symbol", "Did you mean 'SYN-gbm-1"),
        (("builtin", "SP500", "1h"), "unknown_timeframe", "It has 1d."),
        (("builtin", "SP500", "dday"), "unknown_timeframe", "Did you mean 'day'?"),
    ],
)
def test_the_wrong_name_is_said_with_advice(home, asked, code, advice):
    for call in (describe, load_symbol, source_version):
        error = refusal(call, *asked)
        assert error.code == code
        assert error.field == code.removeprefix("unknown_")
        assert error.advice.startswith(advice)


@pytest.mark.parametrize(
    "symbol",
    [
        "../secret",
        "..",
        "a/b",
        "a\\b",
        "/etc/passwd",
        ".hidden",
        "A..B",
        "",
        "A B",
        "A\n",
        "A\0",
        "Ä",
        "A" * 41,
        "A*",
        "%2e%2e",
    ],
)
@pytest.mark.parametrize("provider", ["builtin", "files", "synthetic"])
def test_no_symbol_leads_out_of_the_data_folder(home, provider, symbol):
    (home / "data" / "1d").mkdir(parents=True)
    (home / "data" / "secret.csv").write_text("date,open,high,low,close\n")

    assert not is_symbol(symbol)
    for call in (describe, load_symbol, source_version):
        assert refusal(call, provider, symbol, "1d").code == "unknown_symbol"


@pytest.mark.parametrize("symbol", ["A", "BRK.B", "ES=F", "^GSPC", "EUR_USD-x,1"])
def test_usual_symbols_are_symbols(symbol):
    assert is_symbol(symbol)


def test_a_config_without_a_symbol_is_refused():
    assert refusal(load_candles, config(symbol=None)).field == "symbol"


def test_versions_are_stable_and_name_their_provider(home):
    token = source_version("synthetic", "SYN-gbm-1", "1d")

    assert token == source_version("synthetic", "SYN-gbm-1", "day")
    assert token.startswith("synthetic:")


def test_the_roots_follow_the_environment(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("QUANT_HOME", raising=False)
    monkeypatch.delenv("QUANT_DATA_ROOT", raising=False)
    assert quant_home() == tmp_path / "var"
    assert data_root() == tmp_path / "var" / "data"

    monkeypatch.setenv("QUANT_HOME", str(tmp_path / "home"))
    assert data_root() == tmp_path / "home" / "data"
    monkeypatch.setenv("QUANT_DATA_ROOT", str(tmp_path / "mine"))
    assert data_root() == tmp_path / "mine"


def test_a_failed_write_leaves_the_old_file_alone(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")

    def fail(partial):
        partial.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        replace_file(path, fail)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_asking_what_there_is_imports_nothing_heavy(home):
    code = (
        "import sys; from strategies.market import sources as s;"
        "s.symbols(); s.describe('builtin', 'SP500', '1d');"
        "s.source_version('synthetic', 'SYN-gbm-1', '1h');"
        "heavy = {'numba', 'arch', 'pandas', 'pyarrow'} & set(sys.modules);"
        "sys.exit(', '.join(heavy) or 0)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )

    assert answer.returncode == 0, answer.stderr
