import dataclasses
import io
import json
import re
import subprocess
import sys

import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.app import cli

HEADER = "timestamp,instrument_name,futures_price,index_price,implied_volatility,open_interest\n"
ROWS = [
    "2026-02-05T09:36:47+00:00,BTC-27MAR26-60000-P,71800,71471.5,0.61,900\n",
    "2026-02-05T09:36:47+00:00,BTC-27MAR26-70000-P,71800,71471.5,0.561,1210.5\n",
    "2026-02-05T09:36:47+00:00,BTC-27MAR26-80000-C,71800,71471.5,0.52,1500\n",
    "2026-02-05T09:36:47+00:00,ETH-27MAR26-2000-C,2120,2110,0.7,100\n",
]


@pytest.fixture
def quotes(tmp_path):
    path = tmp_path / "quotes.csv"
    path.write_text(HEADER + "".join(ROWS))
    return path


def test_demo_prints_zone_and_core_and_writes_a_page(run, tmp_path):
    page = tmp_path / "demo.html"
    code, out, _ = run("demo", "--out", page)
    assert code == 0
    assert "Synthetic demonstration data" in out
    assert "short-gamma zone" in out
    assert "core" in out
    assert "BTC" in page.read_text(encoding="utf-8")


def test_demo_as_json(run):
    code, out, _ = run("demo", "--json")
    assert code == 0
    levels = json.loads(out)["levels"]
    assert levels["flips"][0]["slope"] > 0


def test_report_names_its_file_after_symbol_and_moment(run, quotes, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    code, out, err = run("report", quotes, "--symbol", "BTC")
    assert code == 0
    assert (tmp_path / "BTC-20260205T0936Z.html").stat().st_size > 10_000
    assert "written: BTC-20260205T0936Z.html" in err
    assert "1 rows of the file excluded" in out


@pytest.mark.parametrize(
    ("ending", "holds"), [(".md", "| gamma at spot"), (".json", '"flips"'), (".html", "<html")]
)
def test_report_writes_what_the_ending_says(run, quotes, tmp_path, ending, holds):
    path = tmp_path / f"report{ending}"
    code, _, _ = run("report", quotes, "--symbol", "BTC", "--out", path)
    assert code == 0
    assert holds in path.read_text(encoding="utf-8")


def test_levels_as_json_equal_the_library(run, quotes):
    code, out, _ = run("levels", quotes, "--symbol", "BTC", "--rule", "short_all", "--json")
    assert code == 0
    report = gf.analyze(gf.read_chain(quotes, symbol="BTC"), rule="short_all")
    said = {name: report.to_dict()[name] for name in ("warnings", "financing")}
    assert json.loads(out) == json.loads(json.dumps({**report.levels.to_dict(), **said}))


def test_json_stands_alone_even_where_a_report_is_written(run, quotes, tmp_path):
    code, out, _ = run("levels", quotes, "--symbol", "BTC", "--json", "--out", tmp_path / "report.md")
    assert code == 0
    assert "flips" in json.loads(out)
    assert "| gamma at spot" in (tmp_path / "report.md").read_text(encoding="utf-8")


def test_a_lowest_spot_of_zero_is_no_default(run, quotes):
    code, _, err = run("profile", quotes, "--symbol", "BTC", "--low", "0")
    assert code == 2
    assert "--low, --high: received 0 and 92,912.95; legal: 0 < LOW < HIGH." in err


def test_a_chain_is_repaired_first_where_asked(run, tmp_path):
    frame = gf.demo_chain().to_frame()
    names = {"contract": "instrument_name", "forward": "futures_price", "iv": "implied_volatility"}
    table = frame.rename(columns=names).assign(timestamp="2026-02-05T09:36:00+00:00", index_price=71_470.0)
    path = tmp_path / "quotes.csv"
    table[[*names.values(), "open_interest", "timestamp", "index_price"]].to_csv(path, index=False)
    code, out, _ = run("levels", path, "--repair", "--json")
    assert code == 0
    report = gf.analyze(gf.repair_chain(gf.read_chain(path)))
    said = {name: report.to_dict()[name] for name in ("warnings", "financing")}
    assert json.loads(out) == json.loads(json.dumps({**report.levels.to_dict(), **said}))


def test_rate_and_yield_are_given(run, tmp_path):
    path = tmp_path / "ibit.csv"
    chain = gf.demo_chain(symbol="IBIT")
    facts = {name: getattr(chain, name) for name in ("symbol", "vendor", "asof", "spot", "currency")}
    chain.to_frame().drop(columns="rate").assign(**facts).to_csv(path, index=False)
    rates = {"rate": 0.05, "dividend_yield": 0.02}
    code, out, _ = run("levels", path, "--rate", "0.05", "--dividend-yield", "0.02", "--json")
    assert code == 0
    assert json.loads(out)["gamma"] == gf.analyze(chain.with_columns(**rates)).levels.gamma
    code, out, _ = run("levels", path, "--rate", "0.05", "--repair", "--json")
    assert (
        json.loads(out)["gamma"] == gf.analyze(gf.repair_chain(gf.read_chain(path), rate=0.05)).levels.gamma
    )
    code, out, err = run("levels", path, "--repair", "--dividend-yield", "0.02")
    assert (code, out) == (2, "")
    assert "--dividend-yield: received 0.02 with --repair" in err


@pytest.fixture
def stock(tmp_path):
    """A file of American options without a rate or quotes."""
    chain = gf.demo_chain(symbol="IBIT")
    facts = {name: getattr(chain, name) for name in ("symbol", "vendor", "asof", "spot", "currency")}
    path = tmp_path / "stock.csv"
    chain.to_frame().drop(columns=["rate", "bid", "ask"]).assign(**facts).to_csv(path, index=False)
    return path


@pytest.mark.parametrize("command", ["report", "levels", "exposure", "profile"])
def test_every_command_says_the_rate_and_its_source(run, stock, command, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    default = "3.6 % a year: default, as the chain has none: about the average US federal funds rate of 2026"
    code, out, _ = run(command, stock)
    assert code == 0
    assert f"rate: {default}" in out
    assert "dividend yield: 0 % a year: neither the chain nor its quotes give one" in out
    assert "Synthetic demonstration data" in out
    code, out, _ = run(command, stock, "--json")
    found = json.loads(out)
    rate = found["financing"]["rate"]
    assert (rate["low"], rate["median"], rate["high"]) == (0.036, 0.036, 0.036)
    assert rate["source"].startswith("default, as the chain has none")
    assert len(found["warnings"]) == 1
    code, out, _ = run(command, stock, "--rate", "0", "--json")
    assert json.loads(out)["financing"]["rate"] == {
        "low": 0.0, "median": 0.0, "high": 0.0, "source": "as given"
    }  # fmt: skip


def test_a_rate_of_zero_that_is_given_is_zero(run, stock):
    gamma = {}
    for given in ("0", "0.036", None):
        code, out, _ = run("levels", stock, *(("--rate", given) if given else ()), "--json")
        assert code == 0
        gamma[given] = json.loads(out)["gamma"]
    chain = gf.read_chain(stock)
    for rate in ("0", "0.036"):
        book = gf.assign_positions(chain.with_columns(rate=float(rate)))
        assert gamma[rate] == pytest.approx(gf.aggregate_exposure(book).total()["gamma"], rel=1e-12)
    assert gamma[None] == gamma["0.036"]
    assert abs(gamma["0"] / gamma["0.036"] - 1) > 5e-4


def test_options_on_futures_without_a_forward_end_in_one_line(run, stock, tmp_path):
    path = tmp_path / "vix.csv"
    pd.read_csv(stock).assign(symbol="VIX", root="VIX").to_csv(path, index=False)
    code, out, err = run("levels", path)
    assert (code, out) == (2, "")
    assert "are options on futures" in err
    assert "--repair" in err
    assert len(err.strip().splitlines()) == 1


def test_exposure_table_is_written_whole(run, quotes, tmp_path):
    path = tmp_path / "exposure.csv"
    code, out, _ = run("exposure", quotes, "--symbol", "BTC", "--by", "strike", "--by", "kind", "--out", path)
    assert code == 0
    written = pd.read_csv(path)
    book = gf.assign_positions(gf.read_chain(quotes, symbol="BTC"))
    expected = gf.aggregate_exposure(book).by("strike", "kind")
    assert written["gamma"].tolist() == pytest.approx(expected["gamma"].tolist(), rel=1e-12)
    assert written["kind"].tolist() == ["put", "put", "call"]
    heads = [line.split() for line in out.splitlines() if line.startswith("strike")]
    assert heads[0][:3] == ["strike", "kind", "gamma"]
    assert "per 1%" in out


def test_profile_grid_is_the_one_asked_for(run, quotes):
    code, out, _ = run(
        "profile", quotes, "--symbol", "BTC", "--low", "60000", "--high", "80000", "--points", "5", "--json"
    )
    assert code == 0
    rows = json.loads(out)["rows"]
    assert [r["spot"] for r in rows] == [60_000, 65_000, 70_000, 75_000, 80_000]
    book = gf.assign_positions(gf.read_chain(quotes, symbol="BTC"))
    expected = gf.sweep_spot(book, [60_000, 65_000, 70_000, 75_000, 80_000]).table["gamma"]
    assert [r["gamma"] for r in rows] == pytest.approx(expected.tolist(), rel=1e-12)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "the file is empty"),
        ('{"result": [{"instrument_name": "BTC-27', "JSON breaks at line 1"),
        ("a,b\n1,2\n", "not recognised"),
        (HEADER + "".join(ROWS), "BTC (3 rows), ETH (1 rows). Pick one with --symbol 'BTC'."),
        (HEADER + ROWS[0].replace("0.61", "abc"), "not numbers"),
        (HEADER + ROWS[0].replace("BTC-27MAR26-60000-P", "BTC-27MAR26--60000-P"), "BTC-27MAR26--60000-P"),
        (HEADER + ROWS[0].replace("0.61", "0"), "1 rows: implied volatility zero"),
        (HEADER + ROWS[0].replace("2026-02-05T", "2026-04-05T"), "1 rows: expired"),
    ],
)
@pytest.mark.parametrize("command", ["report", "levels", "exposure", "profile"])
def test_bad_files_end_in_one_line_and_code_2(run, tmp_path, command, content, words):
    path = tmp_path / "bad.csv"
    path.write_text(content)
    code, out, err = run(command, path)
    assert code == 2
    assert out == ""
    assert words in err
    assert err.startswith("gammaflow: ")
    assert len(err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("levels", "QUOTES", "--symbol", "BTC", "--rule", "hope"), "gammaflow: --rule: received 'hope'"),
        (("levels", "QUOTES", "--symbol", "SOL"), ": --symbol 'SOL' is not in the file; it holds "),
        (("levels", "QUOTES", "--vendor", "cboe"), "Leave --vendor out or name the right one."),
        (("levels", "QUOTES", "--symbol", "BTC", "--vol-shift", "nan"), "--vol-shift: received nan"),
        (("report", "QUOTES", "--symbol", "BTC", "--out", "x.pdf"), "--out: received 'x.pdf'"),
        (("report", "QUOTES", "--symbol", "BTC", "--out", "no/such/folder/x.md"), "is not a folder"),
        (("levels", "QUOTES", "--vendor", "bloomberg"), "gammaflow: --vendor: received 'bloomberg'"),
        (("levels", "QUOTES", "--symbol", "BTC", "--asof", "noon"), "gammaflow: --asof: received 'noon'"),
        (
            ("levels", "QUOTES", "--symbol", "BTC", "--dynamics", "magic"),
            "gammaflow: --dynamics: received",
        ),
        (
            ("profile", "QUOTES", "--symbol", "BTC", "--low", "90000", "--high", "80000"),
            "--low, --high: received 90,000 and 80,000",
        ),
        (("exposure", "QUOTES", "--symbol", "BTC", "--by", "colour"), "gammaflow: --by: received"),
        (("levels", "no-such-file.csv"), "file not found"),
    ],
)
def test_bad_options_end_in_one_line_and_code_2(run, quotes, args, words):
    code, out, err = run(*(quotes if a == "QUOTES" else a for a in args))
    assert code == 2
    assert out == ""
    assert words in err
    assert len(err.strip().splitlines()) == 1


def test_verify_agrees_and_prints_each_greek(run, monkeypatch):
    code, out, _ = run("verify")
    assert code == 0
    for word in ("gamma", "vanna", "vollib"):
        assert word in out
    assert "-bit vectors" in out
    code, out, _ = run("verify", "--json")
    assert code == 0
    assert json.loads(out)["ok"] is True


def test_verify_ends_in_code_1_where_the_kernels_disagree(run, monkeypatch):
    good = cli.verify.run(False)
    bad = dataclasses.replace(good, table=good.table.assign(ok=False))
    monkeypatch.setattr(cli.verify, "run", lambda full: bad)
    code, _, _ = run("verify")
    assert code == 1


def test_unknown_commands_are_usage_errors(run):
    code, _, err = run("guess")
    assert code == 2
    assert "No such command" in err


@pytest.mark.slow
def test_the_installed_command_starts():
    done = subprocess.run(
        [sys.executable, "-c", "from gammaflow.app.cli import main; main()", "--help"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    for command in ("demo", "report", "exposure", "profile", "levels"):
        assert command in done.stdout


def test_exposure_by_strike_says_what_has_no_strike(run, quotes, monkeypatch):
    chain = gf.demo_chain(symbol="IBIT")
    notes = gf.book_notes(gf.demo_notes(), spot=chain.spot, asof=chain.asof, sigma=0.5)
    report = gf.analyze(gf.assign_positions(chain) + notes)
    monkeypatch.setattr(cli, "report_of", lambda *_, **__: report)
    words = report.exposure.left_out("strike")
    assert words.startswith("not by strike: 10 notes without a strike, gamma ")
    _, out, _ = run("exposure", quotes, "--by", "strike")
    assert words in out
    _, out, _ = run("exposure", quotes, "--by", "strike", "--json")
    found = json.loads(out)
    assert found["left_out"] == words
    by_strike = sum(row["gamma"] for row in found["rows"])
    total = report.exposure.total()["gamma"]
    assert by_strike + report.exposure.without_strike["gamma"] == pytest.approx(total, rel=1e-12)
    _, out, _ = run("exposure", quotes, "--by", "kind")
    assert "not by strike" not in out


def test_all_rules_are_compared_in_one_table(run, piped, quotes, tmp_path):
    chain = gf.read_chain(quotes, symbol="BTC")
    found = gf.compare_rules(chain, days=1.0)
    page, sheet = tmp_path / "rules.md", tmp_path / "rules.csv"
    command = ("levels", quotes, "--symbol", "BTC", "--rule", "all", "--days", "1")
    code, out, _ = run(*command, "--out", page, width=2_000)
    assert code == 0
    assert "| crypto_puts_bought |" in page.read_text(encoding="utf-8")
    for line in found.lines:
        assert line in out
    _, out, _ = run(*command, width=80)
    assert "Levels under each rule; gamma [USD per +1 % spot]" in out
    table = out[out.index("Levels under each rule") :]
    for name, row in found.brief().iterrows():
        (line,) = [line for line in table.splitlines() if line.startswith(f"{name} ")]
        assert re.split("  +", line.strip()) == [name, *row]
        assert len(line) <= 80
    _, out, err = piped(*command)
    values = pd.read_csv(io.StringIO(out), sep="\t", index_col="rule")
    assert values["gamma [USD per +1 % spot]"].tolist() == pytest.approx(found.table["gamma"].tolist())
    for line in found.lines:
        assert line in err
    code, out, _ = run(*command, "--json", "--out", sheet)
    assert code == 0
    answer = json.loads(out)
    rows = {row.pop("rule"): row for row in answer["rows"]}
    assert list(rows) == found.table.index.tolist()
    for name, row in rows.items():
        expected = found.table.loc[name]
        assert {k for k, v in row.items() if v is None} == set(expected.index[expected.isna()])
        for column, value in row.items():
            assert value is None or value == pytest.approx(expected[column], rel=1e-12)
    *lines, rate, yields = answer["description"]
    assert lines == list(found.lines)
    assert rate == "rate: 0 % a year: rows are quoted on forwards and not discounted"
    assert yields == "dividend yield: none: rows are quoted on forwards"
    assert answer["units"]["gamma"] == "USD per +1 % spot"
    written = pd.read_csv(sheet, index_col="rule")
    pd.testing.assert_frame_equal(written, found.table, rtol=1e-12)


def test_a_rule_by_name_on_the_command_line(run, quotes):
    code, out, _ = run("levels", quotes, "--symbol", "BTC", "--rule", "skew_adjusted", "--json")
    assert code == 0
    assert json.loads(out)["rule"].startswith("skew_adjusted (customers buy puts; they buy calls of expiries")
    code, _, err = run("report", quotes, "--symbol", "BTC", "--rule", "all")
    assert code == 2
    assert "rule: received 'all'; legal: 'calls_long_puts_short', 'short_all'" in err
    assert "'us_listed'" in err
    code, _, err = run("levels", quotes, "--symbol", "BTC", "--rule", "us_listed")
    assert code == 2
    assert "rule 'us_listed' has no share for Deribit/european/put (2 rows)" in err
    assert len(err.strip().splitlines()) == 1
