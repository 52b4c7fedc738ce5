"""The six commonest views on terminals of 80 and 120 columns, and in a pipe."""

import io
import json
import re

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.app.level_rows import level_rows
from gammaflow.text import strike_text
from gammaflow.units import MEASURES, describe

POWERS = {"$": 1.0, "$k": 1e3, "$m": 1e6, "$bn": 1e9, "$tn": 1e12}
POWERS |= {f"GEX{name.replace('$', ' ')}".strip(): power for name, power in list(POWERS.items())}


@pytest.fixture(scope="module")
def chain():
    return gf.demo_chain()


@pytest.fixture(scope="module")
def report(chain):
    return gf.analyze(chain)


@pytest.fixture(scope="module")
def quotes(chain, tmp_path_factory):
    path = tmp_path_factory.mktemp("views") / "quotes.csv"
    chain.to_frame(facts=True).to_csv(path, index=False)
    return path


VIEWS = [
    ("demo",), ("levels", "Q"), ("exposure", "Q"), ("exposure", "Q", "--by", "strike", "--measures", "all"),
    ("exposure", "Q", "--by", "expiry", "--by", "kind"), ("profile", "Q"),
    ("flow", "Q", "--spot-move", "-5%", "--vol", "+10", "--days", "1", "--adv", "30e9"),
    ("levels", "Q", "--rule", "all"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("view", "width"),
    [(view, 80) for view in VIEWS]
    + [(VIEWS[at], 120) for at in (1, 3, 6)]
    + [(VIEWS[at], 40) for at in (1, 2, 5, 6)],
)
def test_a_view_fits_the_terminal(run, quotes, view, width):
    code, out, _ = run(*(quotes if word == "Q" else word for word in view), width=width)
    assert code == 0
    assert max(map(len, out.splitlines())) <= width
    assert "…" not in out
    assert "WARNING" not in out
    assert "Synthetic demonstration data" in out or "all" in view


def test_levels_keep_names_and_prices_whole_on_a_narrow_terminal(run, quotes, report):
    rows = level_rows(report.levels)
    for width, left in ((40, "also: from spot, sigmas, remarks"), (60, "also: remarks"), (80, "")):
        _, out, _ = run("levels", quotes, width=width)
        shown = [line.rstrip() for line in out.splitlines()]
        for row in rows:
            price = f"{row.price:,.2f}" if row.level == "spot" else strike_text(round(row.price))
            assert any(line.startswith(f"{row.level} ") and price in line for line in shown), (width, row)
        assert left in out
        assert ("also: " in out) == bool(left)


@pytest.mark.parametrize("view", VIEWS[1::2])
def test_a_pipe_gets_a_table_and_nothing_else(piped, quotes, view):
    code, out, err = piped(*(quotes if word == "Q" else word for word in view))
    assert code == 0
    lines = [line.split("\t") for line in out.splitlines()]
    assert len(lines) > 3
    assert len({len(line) for line in lines}) == 1
    assert len(lines[0]) > 3
    assert "Synthetic demonstration data" in err or "all" in view
    assert "rule: " in err
    assert "\x1b" not in out


def test_levels_in_a_pipe_are_the_api_s(piped, quotes, report):
    _, out, _ = piped("levels", quotes)
    table = pd.read_csv(io.StringIO(out), sep="\t")
    levels, zone, spot = report.levels, report.levels.zone, report.book.spot
    price = table.set_index("level")["price [USD]"]
    assert price["zero gamma"] == levels.flips[0].spot
    assert (price["short-gamma zone, bottom"], price["short-gamma zone, top"]) == (zone.low, zone.high)
    assert (price["core, bottom"], price["core, top"]) == zone.core
    assert price["deepest short gamma"] == zone.trough.spot
    assert price["call wall"] == levels.call_wall
    assert price["max pain"] == levels.max_pain.iloc[0]
    value = table.set_index("level")["value"]
    assert value["spot"] == levels.gamma
    assert value["deepest short gamma"] == zone.trough.gamma
    assert value["short-gamma zone, bottom"] == zone.flow
    hedges = table[table["level"].str.startswith("hedge at")]
    assert hedges["value"].tolist() == levels.moves.tolist()
    assert hedges["price [USD]"].tolist() == pytest.approx((spot * (1 + levels.moves.index)).tolist())
    heavy = table[table["level"] == "short gamma by strike"]
    assert heavy["value"].tolist() == levels.concentration["gamma"].head(3).tolist()
    assert table["from_spot"].tolist() == pytest.approx((table["price [USD]"] / spot - 1).tolist(), abs=1e-15)
    sigmas = np.log(table["price [USD]"] / spot) / levels.day_sigma
    assert table["sigmas"].tolist() == pytest.approx(sigmas.tolist(), abs=1e-12)


@pytest.mark.parametrize(
    ("args", "keys"), [((), ["expiry"]), (("--by", "strike", "--by", "kind"), ["strike", "kind"])]
)
def test_exposure_in_a_pipe_is_the_api_s_to_the_bit(piped, quotes, report, args, keys):
    _, out, _ = piped("exposure", quotes, *args)
    table = pd.read_csv(io.StringIO(out), sep="\t", dtype=str)
    expected = report.exposure.by(*keys)
    units = describe("USD")
    for name in MEASURES:
        assert [float(cell) for cell in table[f"{name} [{units[name]}]"]] == expected[name].tolist()
    assert len(table.columns) == len(keys) + len(MEASURES)


@pytest.mark.parametrize("width", [80, 200])
def test_exposure_on_a_terminal_is_the_api_s_to_four_digits(run, quotes, report, width):
    _, out, _ = run("exposure", quotes, "--by", "strike", "--measures", "vanna,gamma,delta", width=width)
    lines = out[out.index("Exposure by strike") :].splitlines()[1:]
    names, powers = lines[0].split(), re.findall(r"\$(?:k|m|bn|tn)?", lines[1])
    assert names == ["strike", "vanna", "gamma", "delta"]
    expected = report.exposure.by("strike")[names[1:]]
    rows = [line.split() for line in lines if re.match(r" *[\d,]+ ", line)][: len(expected)]
    assert [float(row[0].replace(",", "")) for row in rows] == expected.index.tolist()
    for place, (name, power) in enumerate(zip(names[1:], powers, strict=True)):
        found = [float(row[place - 3].replace(",", "")) * POWERS[power] for row in rows]
        assert found == pytest.approx(expected[name].tolist(), abs=0.00051 * expected[name].abs().max())


def test_columns_that_do_not_fit_are_named_and_shown_if_asked_for(run, quotes):
    _, out, _ = run("exposure", quotes, width=80)
    also = re.search(r"also: (.*?) \(--measures all", out.replace("\n", " "))
    left = also[1].replace(" ", "").split(",")
    head = next(line for line in out.splitlines() if line.startswith("expiry")).split()[1:]
    assert sorted([*left, *head]) == sorted(MEASURES)
    _, out, _ = run("exposure", quotes, "--measures", "all", width=80)
    heads = [word for line in out.splitlines() if line.startswith("expiry") for word in line.split()[1:]]
    assert heads == list(MEASURES)
    assert "also:" not in out


def test_measures_choose_everywhere(run, piped, quotes):
    _, out, _ = piped("profile", quotes, "--points", "3", "--measures", "vanna,gamma")
    assert out.splitlines()[0].split("\t") == [
        "spot [USD]", "vanna [USD per +1 vol point]", "gamma [USD per +1 % spot]",
    ]  # fmt: skip
    _, out, _ = run("profile", quotes, "--points", "3", "--measures", "vanna", "--json")
    assert set(json.loads(out)["rows"][0]) == {"spot", "vanna"}
    for command in ("exposure", "profile"):
        code, _, err = run(command, quotes, "--measures", "gamma,hope")
        assert (code, err.split(";")[0]) == (2, "gammaflow: --measures: received 'gamma,hope'")


def test_five_lines_for_a_chat(run, piped, quotes, report):
    code, out, _ = run("levels", quotes, "--brief")
    assert code == 0
    lines = out.splitlines()
    assert len(lines) == 5
    assert lines[0] == f"BTC SYNTHETIC 71,470 USD, 5 Feb 2026 09:36 UTC. {report.regime.text.split('. ')[0]}."
    assert report.regime.text == f"{report.regime.text.split('. ')[0]}. {lines[1]}"
    assert lines[2].startswith(
        "Short-gamma zone: 34,278 to 77,509; core 63,257 to 71,238, deepest -$192m per 1% at"
    )
    assert lines[3] == "Walls: put 70,000 (-2.1%), call 85,000 (+18.9%), max pain 78,000 (6 Feb)."
    assert lines[4] == "Hedges: -5% they sell $956m, +5% they buy $642m. Rule: calls_long_puts_short."
    assert piped("demo", "--brief")[1] == out
    for command in (("demo",), ("report", quotes), ("levels", quotes)):
        code, _, err = run(*command, "--brief", "--json")
        assert (code, err) == (2, "gammaflow: --brief: received with --json. Leave one of them out.\n")
    assert run("levels", quotes, "--rule", "all", "--brief")[0] == 2


def test_five_lines_of_an_unsigned_book_and_of_one_without_short_gamma(run, quotes):
    _, out, _ = run("levels", quotes, "--brief", "--rule", "unsigned", "--dte", "0:7")
    assert len(out.splitlines()) == 5
    assert "unsigned" in out.splitlines()[0]
    assert "Hedges" not in out
    assert out.splitlines()[2] == "Short-gamma zone: none."
    assert "filter" in out or "dte 0 to 7" in out
    assert not re.search("dealers (sell|buy|are)", out)


def test_a_fetched_chain_in_a_pipe_is_read_again(piped, run, tmp_path):
    pytest.importorskip("httpx")
    from support.feed_server import FeedServer

    with FeedServer() as server:
        _, out, err = piped("fetch", "deribit", "BTC", "--base-url", server.url)
    path = tmp_path / "btc.tsv"
    path.write_text(out)
    assert "900 contracts" in err
    again = gf.read_chain(path)
    assert (len(again), again.symbol, again.spot) == (900, "BTC", 71_470.25)
    assert run("levels", path)[0] == 0
