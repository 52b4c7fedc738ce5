import io
import json

import pandas as pd
import pytest

import gammaflow as gf


@pytest.fixture(scope="module")
def book():
    return gf.assign_positions(gf.demo_chain())


@pytest.fixture(scope="module")
def quotes(tmp_path_factory):
    path = tmp_path_factory.mktemp("flow") / "quotes.csv"
    gf.demo_chain().to_frame(facts=True).to_csv(path, index=False)
    return path


SCENARIO = ("--spot-move", "-5%", "--vol", "+10", "--days", "1")


def test_a_scenario_and_its_ladder_are_the_library_s(run, piped, quotes, book, tmp_path):
    sheet = tmp_path / "flow.csv"
    code, out, _ = run("flow", quotes, *SCENARIO, "--adv", "30e9", "--json", "--out", sheet)
    assert code == 0
    found = json.loads(out)
    flow = gf.hedge_flow(book, spot=0.95 * book.spot, vol_shift=0.10, days=1.0)
    ladder = gf.flow_ladder(book)
    assert found["scenario"]["total"] == flow.total
    assert (found["scenario"]["spot"], found["scenario"]["vol_shift"]) == (0.95 * book.spot, 0.10)
    assert [row["total"] for row in found["scenario"]["by_expiry"]] == flow.by_expiry["total"].tolist()
    causes = {row["move"]: row for row in found["rows"] if row["change"] == "scenario"}
    for cause, row in flow.table.iterrows():
        for column in ("flow", "first_order", "residual"):
            assert causes[cause][column] == pytest.approx(row[column], rel=1e-14)
        assert causes[cause]["share_of_adv"] == pytest.approx(row["flow"] / 30e9, rel=1e-14)
    steps = [
        (row["change"], row["move"], row["flow"]) for row in found["rows"] if row["change"] != "scenario"
    ]
    assert steps == [(*place, pytest.approx(value)) for place, value in ladder.table["flow"].items()]
    assert pd.read_csv(sheet)["flow"].tolist() == pytest.approx([row["flow"] for row in found["rows"]])
    _, out, _ = piped("flow", quotes, *SCENARIO)
    table = pd.read_csv(io.StringIO(out), sep="\t")
    assert table["flow [USD]"].tolist() == pytest.approx([row["flow"] for row in found["rows"]], rel=1e-14)
    assert "share_of_adv" not in table


def test_a_scenario_on_a_terminal(run, quotes, book):
    _, out, _ = run("flow", quotes, *SCENARIO, "--adv", "30e9", width=80)
    flow = gf.hedge_flow(book, spot=0.95 * book.spot, vol_shift=0.10, days=1.0)
    side = "buy" if flow.total > 0 else "sell"
    words = " ".join(out.split())
    assert f"spot 71,470 to 67,896 (-5.0%), vols +10 points, 1 day: dealers {side} $" in words
    assert f"{abs(flow.total) / 30e9:.1%} of average daily volume" in words
    rows = {line.split()[0]: line.split() for line in out.splitlines() if line.split()[:1]}
    table = out[out.index("\ncause ") :].splitlines()
    assert len(set(table[2].split())) == 1  # one unit for columns that add up
    scale = {"$k": 1e3, "$m": 1e6, "$bn": 1e9}[table[2].split()[0]]
    for cause in ("spot", "time", "volatility", "total"):
        cells = next(line for line in table if line.startswith(f"{cause} ")).split()[1:]
        found = [float(cell.replace(",", "")) * scale for cell in cells[:3]]
        expected = flow.table.loc[cause, ["flow", "first_order", "residual"]].tolist()
        assert found == pytest.approx(expected, abs=0.00051 * scale)
        assert cells[3] == f"{100 * flow.table['flow'][cause] / 30e9:+.1f}%"
    assert rows["cause"][:2] == ["cause", "trade"]
    ladder = gf.flow_ladder(book).table["flow"]
    line = next(line for line in out.splitlines() if line.lstrip().startswith("-10 "))
    assert float(line.split()[1].replace(",", "")) == pytest.approx(
        ladder["spot_percent", -10.0] / 1e9, abs=6e-4
    )


def test_without_a_move_there_is_the_ladder_alone(run, quotes):
    _, out, _ = run("flow", quotes, "--json")
    found = json.loads(out)
    assert found["scenario"] is None
    assert {row["change"] for row in found["rows"]} == {"spot_percent", "hours", "vol_points"}
    assert "share_of_adv" not in found["rows"][0]


def test_the_move_of_time_past_an_expiry_is_told(run, quotes, book, monkeypatch):
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    _, out, err = run("flow", quotes)
    hours = gf.flow_ladder(book).table["flow"]["hours"].index
    last = f"{int(hours[-1])}:{round(60 * (hours[-1] % 1)):02d}"
    told = f"time {last}: the options of {book.expiries[0]:%Y-%m-%d %H:%M} UTC and their hedges are gone"
    assert told in " ".join((out + err).split())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--spot-move", "-5"), "--spot-move: received '-5'; legal: a percentage above -100 % such as -5%."),
        (("--spot-move", "-100%"), "--spot-move: received '-100%'; legal: a percentage above -100 %."),
        (("--spot-move", "1.2.3%"), "--spot-move: received '1.2.3%'"),
        (("--vol", "10%"), "--vol: received '10%'; legal: vol points such as +10, which is 0.10 of vol."),
        (
            ("--vol", "x", "--spot-move", "y"),
            "--spot-move: received 'y'; legal: a percentage above -100 % such as",
        ),
        (("--vol", "-500"), "vol"),
        (("--days", "-1"), "--days: received -1"),
        (("--adv", "0"), "--adv: received 0"),
        (("--dynamics", "magic"), "--dynamics: received 'magic'"),
        (("--out", "x.png"), "--out: received 'x.png'; legal endings: .csv, .json, .md."),
    ],
)
def test_bad_options_end_in_one_line(run, quotes, options, said):
    code, out, err = run("flow", quotes, *options)
    assert (code, out) == (2, "")
    assert said in err
    assert err.strip().count("\n") == 0
