"""gammaflow simulate: the numbers of the library, every output, errors in the words of the options."""

import json
import pickle

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.app import terminal
from gammaflow.app.feedback_options import Shock
from gammaflow.app.simulate import finish
from gammaflow.report.feedback import analyze_feedback

HEADER = "timestamp,instrument_name,futures_price,index_price,implied_volatility,open_interest\n"
ROWS = [
    "2026-02-05T09:36:47+00:00,BTC-27MAR26-60000-P,71800,71471.5,0.61,9000\n",
    "2026-02-05T09:36:47+00:00,BTC-27MAR26-70000-P,71800,71471.5,0.561,12100.5\n",
    "2026-02-05T09:36:47+00:00,BTC-27MAR26-80000-C,71800,71471.5,0.52,1500\n",
]
SMALL = ("--paths", 40, "--steps", 6, "--days", 0.5, "--volatility", 0.56, "--seed", 7)
DEPTH, SHOCK, FALL, BETA = 294e6, -1e9, -3e9, -3.0
POOLS = pd.DataFrame({"price": [66e3, 67e3, 68e3, 75e3, 76e3], "value": [3e7, 2e7, 5e7, 4e7, 1e7]})
POOLS["side"] = ["long"] * 3 + ["short"] * 2


@pytest.fixture
def quotes(tmp_path):
    path = tmp_path / "quotes.csv"
    path.write_text(HEADER + "".join(ROWS))
    return path


@pytest.fixture
def pools(tmp_path):
    path = tmp_path / "pools.csv"
    POOLS.to_csv(path, index=False)
    return path


def test_the_numbers_are_those_of_the_library(run, quotes, pools):
    code, out, _ = run(
        "simulate", quotes, "--depth", DEPTH, "--depth-source", "a test", "--shock", FALL, "--beta", BETA,
        "--hedge-fraction", 0.8, "--permanent", 0.5, "--half-life", 2, "--depth-range", "0.5:2",
        "--liquidations", pools, *SMALL, "--json",
    )  # fmt: skip
    assert code == 0
    found = json.loads(out)
    book = gf.assign_positions(gf.read_chain(quotes))
    depth = gf.impact.linear(DEPTH, source="a test", permanent=0.5, half_life=2.0, range=(0.5, 2.0))
    levels = gf.liquidations.read(POOLS, spot=book.spot)
    how = {"beta": BETA, "hedge_fraction": 0.8, "liquidations": levels}
    gain = gf.loop_gain(gf.sweep_spot(book), depth, **how)
    at = gain.at(book.spot)
    assert found["loop_gain"]["at_spot"] == pytest.approx(at.to_dict())
    assert at["kappa_low"] == pytest.approx(at["kappa"] / 2)
    fall = gf.solve_cascade(book, shock=FALL, impact=depth, **how)
    assert found["cascade"]["spot"] == pytest.approx(fall.spot, rel=1e-10)
    flows = {row["channel"]: row["flow"] for row in found["cascade"]["by_channel"]}
    assert flows["exogenous"] == FALL
    assert flows["liquidations"] == pytest.approx(-1e8)  # every long pool lies on the way
    # the landing is where impact of all flows together takes price
    assert np.log(fall.spot / book.spot) == pytest.approx(0.01 * flows["total"] / DEPTH, rel=1e-9)
    landings = pd.DataFrame(found["landings"]).set_index("shock")["spot"]
    assert landings[FALL] == pytest.approx(fall.spot, rel=1e-10)
    assert landings[0.0] == book.spot
    assert landings.index[0] == 2 * FALL
    paths = gf.simulate_feedback(
        book, impact=depth, channels=["gamma", "vanna", "charm", levels], paths=40, steps=6, days=0.5, seed=7,
        volatility=0.56, beta=BETA, hedge_fraction=0.8, shock=FALL,
    )  # fmt: skip
    rows = {row["channel"]: row for row in found["simulation"]["channels"]}
    assert list(rows) == ["deleveraging", "gamma", "vanna", "charm", "liquidations", "noise", "total"]
    for name, mean in paths.attribution.mean().items():
        assert rows[name]["mean"] == pytest.approx(mean, rel=1e-9, abs=1e-15)
    assert rows["total"]["mean"] == pytest.approx(paths.table["log_return"].mean())
    effects = {row["channel"]: row for row in found["counterfactual"]}
    calm = gf.simulate_feedback(
        book, impact=depth, channels=["gamma", "vanna", "charm", levels], paths=40, steps=6, days=0.5, seed=7,
        volatility=0.56, beta=BETA, hedge_fraction=0.8,
    )  # fmt: skip
    dropped = (paths.table["log_return"] - calm.table["log_return"]).mean()
    assert effects["deleveraging"]["effect"] == pytest.approx(dropped)
    assert "3 long pools of 100.0 USD m, 2 short pools" in found["conditions"]["liquidations"]
    assert "source: pools.csv" in found["conditions"]["liquidations"]
    assert found["financing"]["rate"]["median"] == 0.0


def test_everything_is_printed_with_its_conditions(run, quotes):
    code, out, err = run("simulate", quotes, "--depth", 1e6, "--shock", -5e8, "--rule", "short_all", *SMALL)
    assert code == 0
    assert "rule: short_all" in out
    assert "price impact: 1m USD moves price 1 %, linear, permanent; source: given, without a source" in out
    assert "shock: -500.00 USD m" in out
    assert "simulation: 40 paths of 6 steps over 0.5 days, seed 7; volatility of the noise 56 % a year" in out
    assert "liquidations: none" in out
    for title in ("Loop gain", "Cascade of -500.00 USD m", "Simulated move", "Channels of the simulation"):
        assert title in out
    assert "Runaway: no equilibrium before the end of the range" in out
    assert "Booking is not cause" in out
    assert "3 of 3 rows usable" in out
    assert "Traceback" not in err


def test_without_a_shock_there_is_no_cascade(run, quotes):
    code, out, _ = run("simulate", quotes, "--depth", DEPTH, *SMALL, "--json")
    assert code == 0
    found = json.loads(out)
    assert found["cascade"] is None
    assert found["landings"] == []
    assert [row["channel"] for row in found["simulation"]["channels"]] == ["gamma", "charm", "noise", "total"]
    assert found["conditions"]["shock"] == "none"
    assert found["conditions"]["simulation"].startswith("40 paths of 6 steps")


def test_square_root_impact(run, quotes):
    law = ("--impact", "square-root", "--volume", 40e9, "--daily-vol", 0.03)
    code, out, _ = run("simulate", quotes, *law, "--shock", -4e8, *SMALL, "--json")
    assert code == 0
    found = json.loads(out)
    assert found["cascade"]["alone"] == pytest.approx(-0.03 * 0.1)  # a tenth of a day's volatility
    assert found["loop_gain"]["depth"]["per_1pct"] == pytest.approx(40e9 / 9)


def test_the_page(run, quotes, tmp_path):
    path = tmp_path / "page.html"
    code, out, err = run("simulate", quotes, "--depth", DEPTH, "--shock", SHOCK, *SMALL, "--out", path)
    assert code == 0
    assert f"written: {path}" in err
    assert "Cascade of -1.00 USD bn" in out
    text = path.read_text(encoding="utf-8")
    assert "BTC: price impact of dealer hedging" in text
    for title in ("Loop gain over spot", "Landing against shock", "Simulated spot", "Simulated move"):
        assert f"<h2>{title}</h2>" in text
    assert text.count('<script type="application/json">') == 4


def test_markdown_json_and_a_row_per_path(quotes, tmp_path, capsys):
    depth = gf.impact.linear(DEPTH)
    found = analyze_feedback(
        gf.analyze(gf.read_chain(quotes)),
        impact=depth,
        shock=SHOCK,
        volatility=0.56,
        paths=40,
        steps=6,
        days=0.5,
    )
    paths = {ending: tmp_path / f"found.{ending}" for ending in ("md", "json", "csv")}
    for path in paths.values():
        finish(found, path, as_json=True)
    shown, _ = json.JSONDecoder().raw_decode(capsys.readouterr().out)
    assert json.loads(paths["json"].read_text(encoding="utf-8")) == shown
    assert shown["cascade"]["shock"] == SHOCK
    text = paths["md"].read_text(encoding="utf-8")
    assert "## Cascade of -1.00 USD bn" in text
    assert "| price impact | 294m USD moves price 1 %, linear" in text
    table = pd.read_csv(paths["csv"], index_col="path")
    parts = table[["deleveraging", "gamma", "charm", "noise"]].sum(axis=1)
    assert len(table) == 40
    assert np.abs(parts - table["log_return"]).max() < 1e-12
    assert found.summary().startswith("LoopGain BTC")
    assert pickle.loads(pickle.dumps(found)).to_dict() == found.to_dict()
    assert "\n\nCascade BTC" in repr(found)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            (),
            "--depth: --impact linear needs it; estimates of impact differ by a factor of 7 to 15, so it has "
            "no default.",
        ),
        (("--depth", 0), "--depth: received 0.0; --depth must be > 0"),
        (("--depth", 1e8, "--volume", 1e9), "--volume: received with --impact linear; leave it out."),
        (("--impact", "square-root", "--depth", 1e8), "--volume: --impact square-root needs it"),
        (("--impact", "cubic"), "--impact: received 'cubic'; legal: linear, square-root."),
        (("--depth", 1e8, "--permanent", 2), "--permanent: received 2.0"),
        (("--depth", 1e8, "--half-life", -1), "--half-life: received -1.0"),
        (("--depth", 1e8, "--depth-range", "2"), "--depth-range: received '2'; legal: LOW:HIGH, such as"),
        (("--depth", 1e8, "--depth-range", "2:3"), "--depth-range: received (2.0, 3.0)"),
        (("--depth", 1e8, "--out", "page.pdf"), "--out: received 'page.pdf'; legal endings: .html, .md"),
        (("--depth", 1e8, "--liquidations-asof", "2026-02-05T09:00Z"), "--liquidations-asof: received"),
        (("--depth", 1e8, "--liquidations-width", 5), "--liquidations-width: received 5.0 without"),
    ],
)
def test_options_are_refused_before_anything_is_read(run, options, said):
    code, out, err = run("simulate", "no-such-file.csv", *options)
    assert (code, out) == (2, "")
    assert err.startswith("gammaflow: ")
    assert err.count("\n") == 1
    assert said in err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ("--hedge-fraction", 2, "--beta", "nan"),
            ["--beta: received nan", "--hedge-fraction: received 2.0"],
        ),
        (("--shock", "inf"), ["--shock: received inf"]),
        (
            ("--paths", 0, "--steps", -1, "--seed", -1, "--shock-days", -2),
            [
                "--paths: received 0",
                "--steps: received -1",
                "--seed: received -1",
                "--shock-days: received -2.0",
            ],
        ),
        (("--days", 0), ["--days: received 0.0"]),
        (("--rule", "unsigned"), ["open interest without a dealer sign"]),
        (("--liquidations", "none.csv"), ["none.csv: file not found"]),
    ],
)
def test_bad_input_is_one_line_and_exit_code_two(run, quotes, options, said):
    code, out, err = run("simulate", quotes, "--depth", 1e8, "--volatility", 0.56, *options)
    assert (code, out) == (2, "")
    line = err.strip().splitlines()[-1]
    assert line.startswith("gammaflow: ")
    for text in said:
        assert text in line


def test_the_snapshot_of_the_pools_is_the_one_of_the_quotes(run, quotes, tmp_path):
    """No look-ahead: the latest snapshot before the quotes, or the one that is asked for."""
    path = tmp_path / "map.csv"
    times = {"2026-02-05T05:10Z": 1.0, "2026-02-05T09:00Z": 2.0, "2026-02-05T14:35Z": 4.0}
    frames = [
        POOLS.assign(value=factor * POOLS["value"], updated=time, committed=time)
        for time, factor in times.items()
    ]
    pd.concat(frames).to_csv(path, index=False)
    book = gf.assign_positions(gf.read_chain(quotes))
    assert Shock(pools=path).liquidations(book).value.sum() == pytest.approx(3e8)
    earlier = Shock(pools=path, pools_asof="2026-02-05T06:00:00.5Z").liquidations(book)
    assert earlier.value.sum() == pytest.approx(1.5e8)
    given = ("simulate", quotes, "--depth", DEPTH, *SMALL, "--liquidations", path)
    code, _, err = run(*given, "--liquidations-asof", "2026-02-04T00:00Z")
    assert code == 2
    assert "--liquidations-asof: received 2026-02-04" in err
    POOLS.iloc[:1].to_csv(path, index=False)
    with pytest.raises(gf.SchemaError, match=r"--liquidations-width: .*pass --liquidations-width"):
        Shock(pools=path).liquidations(book)
    wide = Shock(pools=path, pools_width=500.0).liquidations(book)
    assert (wide.low.tolist(), wide.high.tolist()) == ([65_750.0], [66_250.0])
    POOLS.assign(value=-1.0).to_csv(path, index=False)
    with pytest.raises(gf.SchemaError, match=r"(?s)map.csv: .*value: "):
        Shock(pools=path).liquidations(book)


def test_warnings_of_the_pools_are_shown(run, quotes, tmp_path):
    path = tmp_path / "old.csv"
    old = "2026-02-04T09:00Z"
    POOLS.assign(updated=old, committed=old).to_csv(path, index=False)
    page = tmp_path / "page.json"
    code, out, _ = run("simulate", quotes, "--depth", DEPTH, *SMALL, "--liquidations", path, "--out", page)
    assert code == 0
    assert "the snapshot is 24.6 hours older than asof" in out
    assert any("24.6 hours older" in text for text in json.loads(page.read_text())["warnings"])


def test_filters_apply_and_the_vol_of_the_noise_is_the_one_at_the_money(run, quotes):
    small = SMALL[: SMALL.index("--volatility")]
    code, out, _ = run("simulate", quotes, "--depth", DEPTH, "--min-oi", 10_000, *small, "--json")
    assert code == 0
    found = json.loads(out)
    assert found["filters"] == found["loop_gain"]["filters"] != []
    assert found["simulation"]["volatility"] == pytest.approx(0.561)  # the one option that is left


def test_the_bar_names_the_stages(run, quotes, monkeypatch):
    seen = []

    class Bar(terminal.Progress):
        def update(self, task, **how):
            seen.append((how["description"], how["completed"]))
            super().update(task, **how)

    monkeypatch.setattr(terminal, "Progress", Bar)
    monkeypatch.setattr(terminal.err_console, "is_interactive", True)
    assert run("simulate", quotes, "--depth", DEPTH, "--shock", SHOCK, *SMALL)[0] == 0
    names, shares = zip(*seen, strict=True)
    assert names == (
        "loop gain ...", "cascade ...", "dealers' delta over time, spot and volatility ...", "simulation ...",
        "simulation without charm ...", "simulation without gamma ...", "simulation without deleveraging ...",
    )  # fmt: skip
    assert list(shares) == sorted(shares)
    assert shares[-1] < 1.0
