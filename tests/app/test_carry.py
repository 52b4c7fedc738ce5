"""Rates and dividends of the command line, as numbers and as files."""

import json
import re

import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.app.carry import carry_of
from gammaflow.errors import ReaderError, SchemaError

RATES = "date,rate\n2026-03-01,0.036\n2026-09-01,0.034\n"
CASH = "2026-02-11,0.26\n\n2026-05-11,0.26\n"


@pytest.fixture
def files(tmp_path):
    """A file of an American stock, of rates with a heading, and of dividends without one."""
    rows = [
        {
            "expiry": expiry,
            "strike": K,
            "kind": k,
            "open_interest": 100 + K,
            "iv": 0.25,
            "exercise": "american",
        }
        for expiry in ("2026-03-20", "2026-06-19")
        for K in (90.0, 100.0, 110.0)
        for k in ("call", "put")
    ]
    frame = pd.DataFrame(rows).assign(exercise="american", settlement="PM", multiplier=100)
    chain = gf.chain_from_frame(frame, symbol="XYZ", spot=100.0, asof="2026-02-05T15:00:00+00:00")
    paths = [tmp_path / name for name in ("xyz.csv", "rates.csv", "dividends.csv")]
    chain.to_frame(facts=True).to_csv(paths[0], index=False)
    paths[1].write_text(RATES, encoding="utf-8-sig")
    paths[2].write_text(CASH)
    return paths


def test_files_of_rates_and_dividends_give_the_numbers_of_the_library(run, files):
    path, rates, cash = files
    curve = gf.RateCurve({"2026-03-01": 0.036, "2026-09-01": 0.034})
    dividends = gf.Dividends({"2026-02-11": 0.26, "2026-05-11": 0.26})
    report = gf.analyze(gf.read_chain(path), rate=curve, dividends=dividends)
    code, out, _ = run("levels", path, "--rate", rates, "--dividends", cash, "--json")
    assert code == 0
    found = json.loads(out)
    assert found["gamma"] == report.levels.gamma
    assert found["financing"]["rate"]["source"] == f"as given: {curve!r}"
    assert found["financing"]["dividend_yield"]["source"].startswith(repr(dividends))
    assert found["warnings"] == list(report.warnings())
    code, out, _ = run("levels", path, "--rate", rates, "--dividends", cash, "--rule", "all", "--json")
    assert (code, repr(dividends) in out) == (0, True)
    code, out, _ = run("compare", path, path, "--rate", rates, "--dividends", cash, "--json")
    assert (code, repr(curve) in out) == (0, True)
    code, out, _ = run("levels", path, "--rate", "0.036", "--dividends", cash, "--json")
    assert (
        json.loads(out)["gamma"]
        == gf.analyze(gf.read_chain(path), rate=0.036, dividends=dividends).levels.gamma
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("2026-03-01;0,036\n", "--rate: .*rates.csv: .*(2 columns|legal)"),
        ("2026-03-01\n", "--rate: .*rates.csv: has 1 columns, separated by commas. Give two columns, a date"),
        ("2026-03-01,0.03,1\n2026-04-01,0.03,1\n", "--rate: .*rates.csv: has 3 columns"),
        ("date,rate\n2026-03-01,x\n", "--rate: .*rates.csv: received 'x' on 2026-03-01, which is no number"),
        ("2026-03-01,0.03\n2026-03-01,0.04\n", "--rate: .*rates.csv: 1 row repeated"),
        ("01/03/2026,0.03\n", "--rate: .*rates.csv: received the date '01/03/2026'; legal: dates"),
        ("2026-03-01,3.6\n2026-04-01,6.3\n", "--rate: .*0.0533 is 5.33 %"),
        ("", "--rate: .*rates.csv: is not CSV"),
    ],
)
def test_files_that_hold_no_rates_are_refused(run, files, content, words):
    files[1].write_text(content)
    code, _, err = run("levels", files[0], "--rate", files[1])
    assert code == 2
    assert re.search(words, " ".join(err.split())), err


def test_options_that_contradict_each_other_or_name_nothing(run, files):
    path, _, cash = files
    for more, words in (
        (
            ("--rate", "much"),
            "--rate: received 'much', which is neither a number nor a file; legal: a ",
        ),
        (("--rate", "nan"), "--rate: received nan"),
        (("--rate", "7"), "--rate: received 7.0; --rate must be >= -5 and <= 5"),
        (("--rate", path.parent), "is a folder"),
        (("--dividends", "none.csv"), "--dividends: none.csv: file not found"),
        (("--dividends", cash, "--dividend-yield", "0.01"), "--dividends, --dividend-yield: received"),
    ):
        code, _, err = run("levels", path, *more)
        assert (code, words in " ".join(err.split())) == (2, True), err
    for command in (("watch", "cboe", "XYZ"), ("serve", "cboe", "XYZ")):
        code, _, err = run(*command, "--dividends", "none.csv", "--every", "1", "--count", "1")
        assert (code, "--dividends: none.csv: file not found" in " ".join(err.split())) == (2, True), err


def test_a_number_stays_a_number():
    assert carry_of(None) == {"rate": None, "dividend_yield": None, "dividends": None}
    assert carry_of("-0.005", None, 0.01) == {"rate": -0.005, "dividend_yield": 0.01, "dividends": None}
    with pytest.raises(SchemaError, match="neither a number nor a file"):
        carry_of("rates.csv")
    with pytest.raises(ReaderError, match=r"--dividends: d\.csv: file not found"):
        carry_of(None, "d.csv")
