"""Filters on the command line: as in the library, told in the output, refused in the words of the options."""

import json

import pytest

import gammaflow as gf

F = gf.filters


@pytest.fixture(scope="module")
def quotes(tmp_path_factory):
    path = tmp_path_factory.mktemp("quotes") / "quotes.csv"
    chain = gf.demo_chain()
    few = chain.select(chain["strike"] % 5_000 == 0)
    few.to_frame(facts=True).to_csv(path, index=False)
    return path


OPTIONS = {
    ("--expiry", "next"): F.expiry("next"),
    ("--expiry", "week", "--min-oi", "100"): F.expiry("week") & F.min_open_interest(100),
    ("--expiry", "2026-03-27, 2026-02-27"): F.expiry(["2026-03-27", "2026-02-27"]),
    ("--expiry", "monthly", "--dte", "0:60"): F.monthly() & F.dte(0, 60),
    ("--dte", "1", "--delta", "0.05:0.5", "--min-oi", "2.5"): (
        F.dte(1, 1) & F.delta(0.05, 0.5) & F.min_open_interest(2.5)
    ),
    ("--dte", "30:", "--delta", ":0.3"): F.dte(30) & F.delta(0, 0.3),
}


@pytest.mark.parametrize("typed", OPTIONS, ids=" ".join)
def test_options_select_what_the_filters_do(run, quotes, typed):
    chain = gf.read_chain(quotes)
    part = chain.select(OPTIONS[typed])
    oi = chain["open_interest"]
    share = 1 - oi[OPTIONS[typed].mask(chain)].sum() / oi.sum()
    code, out, _ = run("exposure", quotes, "--by", "contract", *typed, "--json")
    found = json.loads(out)
    assert code == 0
    assert {row["contract"] for row in found["rows"]} == set(gf.assign_positions(part)["contract"])
    assert found["filters"] == [f"{OPTIONS[typed].text}; {share:.1%} of open interest (contracts) excluded"]


@pytest.mark.parametrize("command", ["levels", "report", "profile", "demo"])
def test_every_command_says_what_was_filtered(run, quotes, command, tmp_path):
    given, chain = ([], gf.demo_chain()) if command == "demo" else ([quotes], gf.read_chain(quotes))
    out_path = tmp_path / ("table.csv" if command == "profile" else "report.md")
    code, out, _ = run(command, *given, "--dte", "0:7", "--delta", "0.05:0.5", "--out", out_path)
    oi = chain["open_interest"]
    share = 1 - oi[(F.dte(0, 7) & F.delta(0.05, 0.5)).mask(chain)].sum() / oi.sum()
    said = f"dte 0 to 7 and delta 0.05 to 0.5; {share:.1%} of open interest (contracts) excluded"
    assert code == 0
    assert "BTC (chain filtered)  2026-02-05" in out
    assert f"filter: {said}" in out
    if command != "profile":
        assert f"| filter | {said} |" in out_path.read_text(encoding="utf-8")


def test_without_filters_none_is_said(run, quotes):
    code, out, _ = run("levels", quotes, "--json")
    assert code == 0
    assert json.loads(out)["filters"] == []


RANGE = "legal: LOW:HIGH with 0 <= LOW <= HIGH, such as"
DECIMAL = "legal: LOW:HIGH with 0 <= LOW <= HIGH <= 1, such as"


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (["--dte", "7:0"], f"--dte: received '7:0'; {RANGE} 0:7"),
        (["--dte", ":"], f"--dte: received ':'; {RANGE} 0:7"),
        (["--dte", ""], f"--dte: received ''; {RANGE} 0:7"),
        (["--dte", "0:7:9"], f"--dte: received '0:7:9'; {RANGE} 0:7"),
        (["--delta", "a:b"], f"--delta: received 'a:b'; {DECIMAL} 0.05:0.5"),
        (["--delta=-0.5:-0.05"], f"--delta: received '-0.5:-0.05'; {DECIMAL} 0.05:0.5"),
        (["--delta", "5:50"], f"--delta: received '5:50'; {DECIMAL} 0.05:0.5"),
        (["--min-oi", "many"], "--min-oi: received 'many'; legal: a number of contracts >= 0."),
        (["--min-oi", "-1"], "--min-oi: received '-1'; legal: a number of contracts >= 0."),
        (["--expiry", "soon"], "--expiry: received 'soon'; legal: next, week, month, daily, weekly, monthly"),
        (["--expiry", "next,"], "--expiry: received 'next,'; legal: next, week"),
        (["--expiry", "2026-03-28"], "--expiry: received 2026-03-28, on which no row expires; rows"),
        (["--dte", "3:4", "--min-oi", "1"], "--dte, --min-oi: received dte 3 to 4 and open"),
    ],
)  # fmt: skip
def test_errors_in_the_words_of_the_command_line(run, quotes, typed, words):
    code, out, err = run("levels", quotes, *typed)
    assert (code, out) == (2, "")
    lines = [line for line in err.splitlines() if line.startswith("gammaflow: ")]
    assert len(lines) == 1
    assert lines[0].startswith(f"gammaflow: {words}")


def test_all_options_that_are_not_legal_at_once(run, quotes):
    code, _, err = run("levels", quotes, "--dte", "7:0", "--expiry", "soon", "--min-oi", "x")
    assert code == 2
    assert err.count("received") == 3
    assert err.count(" | ") == 2


def test_all_rules_of_filtered_rows(run, quotes):
    part = gf.read_chain(quotes).select(F.dte(0, 7))
    code, out, _ = run("levels", quotes, "--rule", "all", "--dte", "0:7", "--json")
    assert code == 0
    assert f"filter: {part.selection}" in json.loads(out)["description"]
    code, out, err = run("levels", quotes, "--rule", "all", "--beliefs", "flat")
    assert (code, out) == (2, "")
    assert "--beliefs: received 'flat' with --rule all" in err
