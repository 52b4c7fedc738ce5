"""gammaflow batch: rows of a folder, resumed, as JSON, and refused in one line."""

import json

import pytest

import gammaflow as gf
from gammaflow.app import batch
from support.batch_chains import quotes


@pytest.fixture
def folder(tmp_path):
    """Two days of two underlyings, and a note."""
    for i in (1, 2):
        quotes(tmp_path / "in" / f"day{i}.csv", i)
    (tmp_path / "in" / "notes.txt").write_text("x")
    return tmp_path / "in"


def test_rows_and_long_tables_are_written_and_resumed(run, folder, tmp_path):
    out = tmp_path / "out"
    code, text, err = run("batch", folder, "--out", out)
    assert code == 0
    assert text.splitlines()[:3] == [
        "Batch: 4 rows, 1 failure",
        "BTC: 2 rows, 2026-02-01 09:36 .. 2026-02-02 09:36 UTC",
        "ETH: 2 rows, 2026-02-01 09:36 .. 2026-02-02 09:36 UTC",
    ]
    assert "FAILED: notes.txt: not recognised" in text
    assert f"written: {out}" in err
    found = gf.BatchResult.open(out)
    assert set(found.names) == {"by_expiry", "by_strike", "profile"}
    assert set(found.table["rule"]) == {"calls_long_puts_short"}
    assert run("batch", folder, "--out", out)[:2] == (0, text)
    code, _, err = run("batch", folder, "--out", out, "--rule", "short_all")
    assert code == 2
    assert "belongs to another batch: function" in err


def test_json_symbol_rule_and_filters(run, folder):
    code, text, _ = run(
        "batch", folder, "--symbol", "BTC", "--rule", "short_all", "--min-oi", "0.1", "--json"
    )
    assert code == 0
    found = json.loads(text)
    assert [row["symbol"] for row in found["rows"]] == ["BTC", "BTC"]
    assert found["rows"][0]["rule"] == "short_all"
    assert found["rows"][0]["filtered"]
    assert found["rows"][0]["asof"] == "2026-02-01T09:36:47.000000Z"
    assert [failure["source"] for failure in found["failures"]] == ["notes.txt"]
    chain = gf.read_chain(folder / "day1.csv", symbol="BTC").select(gf.filters.min_open_interest(0.1))
    row = gf.summarize(chain, rule="short_all")
    assert found["rows"][0]["gamma"] == pytest.approx(row["gamma"], rel=1e-14)


def test_errors_after_progress_are_one_line(run, folder, tmp_path):
    for name in ("day1.csv", "day2.csv"):
        (folder / name).unlink()
    code, _, err = run("history", folder)
    assert (code, err) == (
        2,
        "gammaflow: history: no snapshot is left. source: 1 file gave no row: notes.txt: not recognised.\n",
    )


def test_rows_that_are_not_kept_are_pointed_out(run, folder):
    code, _, err = run("batch", folder)
    assert code == 0
    assert err.strip().splitlines()[-1] == (
        "rows are printed with --json and kept with --out; gammaflow history shows them over time"
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [([], "nothing is kept without --out"), (["--out", "kept"], "the same command goes on from there")],
)
def test_ctrl_c_says_what_is_kept(run, folder, monkeypatch, arguments, words):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(batch, "run_batch", stopped)
    code, text, err = run("batch", folder, *arguments)
    assert (code, text) == (130, "")
    assert err.strip().splitlines()[-1].startswith("stopped; ")
    assert err.strip().splitlines()[-1].endswith(words)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], "file not found. Check the path."),
        (["{folder}", "--rule", "none"], "--rule: received 'none'; legal:"),
        (["{folder}", "--dte", "x"], "--dte: received 'x'"),
        (["{folder}", "--symbol", "SOL"], "none of 3 files gave a row; the first, day1.csv: "),
        (["{folder}/notes.txt"], "none of 1 files gave a row; the first, notes.txt: not recognised"),
        (["{folder}", "--out", "{folder}"], "has other files (first: 'day1.csv') and is no folder of"),
        (["{folder}", "--out", "memory://out"], "'memory://out'; a folder of this machine is needed"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(run, folder, arguments, words):
    code, _, err = run("batch", *(argument.format(folder=folder) for argument in arguments))
    assert code == 2
    assert words in err
    assert len(err.strip().splitlines()) == 1
