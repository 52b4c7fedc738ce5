import json

import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.market.store import read_snapshot
from gammaflow.market.synthetic import synthetic_chains

pytest.importorskip("pyarrow")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = gf.Store(tmp_path_factory.mktemp("store"))
    for chain in synthetic_chains(2, contracts=100):
        store.append(chain)
    return store


@pytest.fixture(scope="module")
def files(store, tmp_path_factory):
    """The first and the last chain as CSV files."""
    folder = tmp_path_factory.mktemp("files")
    found = store.list()
    paths = []
    for name, snapshot in (("a", found[0]), ("b", found[-1])):
        paths.append(folder / f"{name}.csv")
        read_snapshot(snapshot.path).to_frame(facts=True).to_csv(paths[-1], index=False)
    return paths


@pytest.fixture(scope="module")
def found(store):
    return gf.history(store)


def test_history_as_json_is_that_of_the_library(run, store, found):
    code, out, _ = run("history", store.path, "--json")
    assert code == 0
    said = json.loads(out)
    assert [row["gamma"] for row in said["rows"]] == pytest.approx(found.table["gamma"].tolist())
    assert said["rows"][-1]["asof"] == "2022-01-02T09:30:00.000000Z"
    assert said["rows"][0]["flip_us_listed"] is None
    assert said["units"]["gamma"] == "USD per +1 % spot"
    places = {row["column"]: row["percentile"] for row in said["percentile"]}
    assert places == found.percentile.astype(object).where(found.percentile.notna(), None).to_dict()
    assert (said["symbol"], said["failures"]) == ("SYN", [])


def test_rates_and_dividends_of_the_command_line_are_those_of_the_library(run, store, tmp_path):
    rates, cash = tmp_path / "rates.csv", tmp_path / "cash.csv"
    rates.write_text("date,rate\n2022-02-01,0.03\n2024-01-01,0.05\n")
    cash.write_text("2022-01-20,2.5\n")
    given = {
        "rate": pd.Series([0.03, 0.05], pd.to_datetime(["2022-02-01", "2024-01-01"])),
        "dividends": pd.Series([2.5], pd.to_datetime(["2022-01-20"])),
    }
    expected = gf.history(store, symbol="SYN", **given).table["gamma"].tolist()
    how = ("--symbol", "SYN", "--rate", rates, "--dividends", cash, "--json")
    for command in ("history", "batch"):
        code, out, _ = run(command, store.path, *how)
        assert code == 0
        assert [row["gamma"] for row in json.loads(out)["rows"]] == pytest.approx(expected)
    code, _, err = run("batch", store.path, "--dividends", cash)
    assert code == 2
    assert "--dividends: received without --symbol" in err
    code, _, err = run("history", store.path, "--rate", "9")
    assert code == 2
    assert "--rate: received 9" in err


@pytest.mark.slow
def test_history_as_text_with_rule_and_filter(run, store):
    code, out, _ = run("history", store.path, "--rule", "short_all", "--dte", "0:10")
    assert code == 0
    assert "rule: short_all" in out
    assert "2022-01-02 09:30" in out
    chains = [read_snapshot(s.path).select(gf.filters.dte(0, 10)) for s in store.list()]
    expected = gf.history([gf.summarize(chain, rule="short_all") for chain in chains])
    assert expected.brief()["gamma"].iloc[-1] in out


@pytest.mark.slow
def test_history_writes_its_table_and_picture(run, store, found, tmp_path):
    table, picture = tmp_path / "history.csv", tmp_path / "history.png"
    code, _, err = run("history", store.path, "--out", table)
    assert code == 0
    assert f"written: {table}" in err
    written = pd.read_csv(table)
    assert written["spot"].tolist() == pytest.approx(found.table["spot"].tolist())
    assert run("history", store.path, "--out", picture)[0] == 0
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--rule", "longs"], "--rule: received 'longs'; legal: "),
        (["--out", "history.txt"], "--out: received 'history.txt'; legal endings: .csv, .json, .md, .png"),
        (["--vendor", "deribit"], "vendor: received 'deribit'; legal: 'synthetic demo'"),
        (["--dte", "x"], "--dte: received 'x'"),
    ],
)
def test_history_refuses_in_one_line(run, store, options, said):
    code, out, err = run("history", store.path, *options)
    assert (code, out) == (2, "")
    assert said in err
    assert err.strip().count("\n") == 0


def test_history_of_a_batch_takes_no_filter(run, store, tmp_path):
    out = tmp_path / "out"
    gf.run_batch(store, out=out)
    assert run("history", out, "--json")[0] == 0
    code, _, err = run("history", out, "--dte", "0:7")
    assert code == 2
    assert "--dte: received for a folder of gammaflow batch" in err


def test_compare_as_json_is_that_of_the_library(run, files):
    code, out, _ = run("compare", *files, "--rule", "mirror", "--json")
    assert code == 0
    said = json.loads(out)
    books = [gf.assign_positions(gf.read_chain(path), "mirror") for path in files]
    found = gf.compare_books(*books)
    assert said["description"][: len(found.lines)] == list(found.lines)
    assert said["description"][len(found.lines)].startswith("rate: 0 % a year")
    assert {row["cause"]: row["gamma"] for row in said["total"]} == pytest.approx(
        found.total["gamma"].to_dict()
    )
    assert [row["gamma_after"] for row in said["rows"]] == pytest.approx(
        found.table["gamma", "after"].tolist()
    )
    assert said["before"]["asof"] == books[0].asof.isoformat()
    assert sum(said["without_strike"].values()) == 0.0


def test_compare_prints_and_writes_the_table(run, files, tmp_path):
    table = tmp_path / "change.csv"
    code, out, _ = run("compare", *files, "--dte", "20:", "--out", table)
    assert code == 0
    assert "strikes where gamma changed most" in out
    assert "dte >= 20" in out or "dte 20" in out
    written = pd.read_csv(table)
    causes = written.filter(like="gamma_").drop(columns="gamma_after").sum(axis=1)
    assert causes.to_numpy() == pytest.approx(written["gamma_after"].to_numpy(), abs=1e-3)


def test_compare_takes_snapshots_of_a_store(run, store, files):
    code, out, _ = run(
        "compare", f"{store.path}@2022-01-01T12:00Z", f"{store.path}@2022-01-02T12:00Z", "--json"
    )
    assert code == 0
    whole = json.loads(run("compare", *files, "--json")[1])
    assert json.loads(out)["total"] == whole["total"]


def test_compare_refuses_in_one_line(run, store, files):
    code, out, err = run("compare", files[1], files[0])
    assert (code, out) == (2, "")
    assert "pass the earlier book first" in err
    code, _, err = run("compare", f"{store.path}@yesterday-ish", files[1])
    assert code == 2
    assert f"{store.path}@TIMESTAMP: received 'yesterday-ish'" in err
    code, _, err = run("compare", f"{store.path}@2022", files[1])
    assert code == 2
    assert f"{store.path}@TIMESTAMP: received '2022', which has no time zone" in err
    assert "asof" not in err
    for place in (files[0], f"{store.path}@2022-01-01T12:00Z"):
        code, _, err = run("compare", place, files[1], "--repair", "--dividend-yield", "0.01")
        assert code == 2
        assert "--dividend-yield: received 0.01 with --repair" in err
    code, _, err = run("compare", files[0], files[1], "--out", "x.html")
    assert code == 2
    assert "legal endings: .csv, .json, .md" in err


def test_compare_needs_a_symbol_where_a_store_has_several(run, tmp_path):
    store = gf.Store(tmp_path / "two")
    for symbol in ("AAA", "BBB"):
        for chain in synthetic_chains(2, contracts=100, symbol=symbol):
            store.append(chain)
    places = [f"{store.path}@2022-01-0{day}T12:00Z" for day in (1, 2)]
    code, _, err = run("compare", *places)
    assert code == 2
    assert "a store of 'AAA', 'BBB'; legal: one symbol. Pick it with --symbol." in err
    assert run("compare", *places, "--symbol", "BBB")[0] == 0
