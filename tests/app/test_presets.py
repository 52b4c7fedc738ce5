"""The command gammaflow columns, and presets by name in the options of other commands."""

import json

import pytest

import gammaflow as gf
from gammaflow.market.readers import PRESETS, preset_text
from support.preset_samples import FOLDER


def test_columns_lists_the_presets_and_prints_one(run, piped):
    code, out, _ = run("columns")
    assert code == 0
    assert all(name in out for name in PRESETS)
    assert "lacks asof, open_interest, spot" in out
    code, out, err = piped("columns")
    assert (code, out.splitlines()[0]) == (0, "preset\ttitle\tfile\tlacks\tsource")
    assert [line.split("\t")[0] for line in out.splitlines()[1:]] == list(PRESETS)
    assert "gammaflow columns PRESET prints one" in err
    rows = json.loads(run("columns", "--json")[1])["presets"]
    assert [row["preset"] for row in rows] == list(PRESETS)
    assert run("columns", "orats")[1] == preset_text("orats")
    assert json.loads(run("columns", "orats", "--json")[1])["text"] == preset_text("orats")
    code, _, err = run("columns", "orat")
    assert code == 2
    assert "Did you mean 'orats'?" in err


def test_a_preset_by_name_gives_the_numbers_of_python(run):
    path = FOLDER / "tradier.json"
    code, out, _ = run("levels", path, "--columns", "tradier", "--spot", "100", "--rate", "0.036", "--json")
    assert code == 0
    chain = gf.read_chain(path, columns="tradier", spot=100.0)
    assert json.loads(out)["call_wall"] == gf.analyze(chain, rate=0.036).levels.call_wall


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--columns", "tradeir"],
            "--columns: received 'tradeir', which is neither a preset nor a file. Did you",
        ),
        (["--columns", "schwab"], "received 'schwab', but the file fits 'tradier'. Pass that."),
        (["--columns", "tradier"], "--spot: the table has no price of the underlying. Pass --spot"),
    ],
)
def test_errors_name_options(run, arguments, said):
    code, _, err = run("levels", FOLDER / "tradier.json", *arguments)
    assert code == 2
    assert said in err
    assert err.count("--columns: ") <= 1 or "schwab" in said


def test_a_batch_of_files_that_need_a_map(run, tmp_path):
    (tmp_path / "a.json").write_text((FOLDER / "tradier.json").read_text())
    mine = tmp_path.parent / "mine.toml"
    mine.write_text('preset = "tradier"\nspot = 100.0\n')
    code, out, _ = run("batch", tmp_path, "--columns", mine, "--json")
    assert code == 0
    assert json.loads(out)["rows"][0]["spot"] == 100.0
