"""Expected flows: known slopes come back, intervals hold their share, and the figures of the event (A6)."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import gammaflow as gf
from gammaflow.evidence import etf_flows
from support.flows import DAYS, made_up, recorded

FLOWS, PRICES = made_up()


@pytest.fixture(scope="module")
def record(shared):
    return recorded(shared)


def test_the_line_is_that_of_scipy():
    model = etf_flows.expected(FLOWS, PRICES)
    moves = PRICES.pct_change()
    assert len(model.days) == len(DAYS) - 2  # the first has no move, the second none before it
    line = stats.linregress(moves.iloc[2:], FLOWS.iloc[2:])
    assert model.table.loc["move", "estimate"] == pytest.approx(line.slope / 100)
    assert model.table.loc["constant", "estimate"] == pytest.approx(line.intercept)
    assert model.fitted.r_squared == pytest.approx(line.rvalue**2)
    found = model.at(-0.05)
    assert found.expected == pytest.approx(line.intercept - 0.05 * line.slope)
    wide = stats.t.ppf(0.975, len(model.days) - 2) * found.error
    assert (found.low, found.high) == pytest.approx((found.expected - wide, found.expected + wide))
    assert found.low_empirical < found.expected < found.high_empirical
    row = model.table.loc["move"]
    assert row["t"] == pytest.approx(row["estimate"] / row["error"])
    assert row["p"] == pytest.approx(2 * stats.t.sf(abs(row["t"]), len(model.days) - 2))
    assert "R2" in model.summary()
    assert repr(pickle.loads(pickle.dumps(model))) == repr(model)


def test_intervals_hold_their_share_of_days():
    """Of many samples, 80 % intervals hold 80 % of the next days."""
    held = np.zeros(2)
    for seed in range(60):
        flows, prices = made_up(seed + 1)
        model = etf_flows.expected(flows, prices, last=DAYS[79], level=0.8)
        found = pd.DataFrame(model.predict(prices.pct_change()[80:].to_frame("move")), DAYS[80:])
        for kind, name in enumerate(("", "_empirical")):
            held[kind] += flows[80:].between(found["low" + name], found["high" + name]).mean()
    assert held / 60 == pytest.approx([0.8, 0.8], abs=0.035)


def test_further_terms():
    flows, prices = made_up(3, scatter=1e6, before=20e6)
    model = etf_flows.expected(flows, prices, terms=["flow_before", "move_before"], errors="HAC")
    assert model.terms == ("move_before", "flow_before")
    assert model.table["estimate"].to_list() == pytest.approx([5e7, 4e7, 2e7, 0.0], rel=0.02, abs=0.02)
    last = prices.pct_change().iloc[-1]
    assert model.at(0.01).expected == pytest.approx(5e7 + 4e7 + 20e8 * last, rel=0.02, abs=2e6)
    assert model.at(0.01, move_before=-0.02).expected == pytest.approx(5e7 + 4e7 - 4e7, abs=2e6)
    with pytest.raises(
        gf.SchemaError, match=r"move_before: received a number, but the model has no such term"
    ):
        etf_flows.expected(flows, prices).at(0.01, move_before=0.02)
    with pytest.raises(gf.SchemaError, match=r"(?s)move: received -1.*flow_before: received 'x'"):
        model.at(-1.0, flow_before="x")


def test_slopes_of_their_own():
    """A flow that follows falls alone."""
    _, prices = made_up(4)
    moves = prices.pct_change().fillna(0.0)
    flows = 6e9 * moves.clip(upper=0.0) + 1e5 * np.cos(np.arange(len(moves)))
    model = etf_flows.expected(flows, prices, asymmetric=True)
    assert model.table["estimate"].to_list() == pytest.approx([0.0, 6e7, 0.0], abs=1e5)
    assert model.at(-0.02).expected == pytest.approx(-1.2e8, rel=1e-2)


def test_the_rule_of_three():
    """530 / 5.8 x 13.2 = 1.21bn."""
    assert etf_flows.scaled(-530e6, -0.058, -0.132) == pytest.approx(-1.2062e9, rel=1e-4)
    assert np.asarray(etf_flows.scaled([1.0, 2.0], 0.5, 1.0)).tolist() == [2.0, 4.0]
    with pytest.raises(gf.SchemaError, match=r"(?s)flow: received 'x'.*move: received 0; a flow cannot"):
        etf_flows.scaled("x", 0.0, 1.0)
    model = etf_flows.expected(FLOWS, PRICES)
    moves = PRICES.pct_change()
    assert model.naive(-0.1, DAYS[20]) == pytest.approx(FLOWS[DAYS[20]] / moves[DAYS[20]] * -0.1)
    assert model.naive(-0.1, DAYS[20], lag=1) == pytest.approx(FLOWS[DAYS[20]] / moves[DAYS[19]] * -0.1)
    with pytest.raises(
        gf.SchemaError, match=r"day: received '2020-01-02'; legal: a day fitted, 2025-03-05 to"
    ):
        model.naive(-0.1, "2020-01-02")
    with pytest.raises(gf.SchemaError, match=r"(?s)move: received -2.*day: received 3.*lag: received 2"):
        model.naive(-2.0, 3, lag=2)


def test_only_sessions_count():
    """Prices of every day of the week, and zero rows of holidays, change nothing and are told."""
    every = pd.date_range(DAYS[0], DAYS[-1])
    wide = PRICES.reindex(every).ffill()
    holiday = pd.Series(0.0, pd.to_datetime(["2025-04-18"]))
    model = etf_flows.expected(pd.concat([FLOWS, holiday]).sort_index(), wide)
    pd.testing.assert_frame_equal(model.table, etf_flows.expected(FLOWS, PRICES).table)
    assert "flows: 1 row on days without a session of XNYS left out" in model.lines
    assert f"prices: {len(every) - len(DAYS)} rows on days without a session of XNYS left out" in model.lines
    assert not model.warnings
    traded = etf_flows.expected(pd.concat([FLOWS, holiday + 5e6]).sort_index(), wide)
    assert (
        "flows: 1 row on days without a session of XNYS not zero (first: 5m on 2025-04-18)"
        in traded.warnings[0]
    )


def test_millions_are_told():
    (warning,) = etf_flows.expected(FLOWS / 1e6, PRICES).warnings
    assert "so these look like millions. Multiply by 1e6" in warning


def test_unequal_scatter_is_told():
    rng = np.random.default_rng(8)
    moves = PRICES.pct_change().fillna(0.0)
    louder = 1e9 * moves + 4e9 * moves.abs() * rng.standard_normal(len(moves))
    assert "errors for large moves are understated" in etf_flows.expected(louder, PRICES).summary()
    assert "no clear difference" in etf_flows.expected(FLOWS, PRICES).summary()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"last": "2025-03-10"}, "received 4 days with a flow and a move.*at least 20 are needed"),
        ({"terms": ["volume"]}, "terms: received 'volume'; legal: 'move_before', 'flow_before'"),
        ({"errors": "OLS", "level": 95, "first": 3}, r"(?s)errors: received 'OLS'.*level: .*95.*first: "),
        ({"flows": FLOWS * 0.0}, "flows: received 105 rows, all 0; pass days with flows"),
        ({"flows": FLOWS.drop(DAYS[5])}, r"flows: 1 session of XNYS missing \(2025-03-10\)"),
        ({"prices": PRICES - PRICES}, "prices: 105 of 105 rows not accepted .*numbers must be > 0"),
        ({"prices": PRICES * 0.0 + 40.0}, "move: received zeros only"),
        ({"flows": FLOWS.astype(str), "prices": PRICES.iloc[::-1]}, r"(?s)flows: .*numbers.*prices: .*as"),
        ({"flows": FLOWS.iloc[:1], "prices": [1.0]}, r"(?s)flows: received 1 row;.*prices: received list"),
        ({"flows": pd.concat([FLOWS, FLOWS.iloc[-1:]])}, r"flows: 1 row repeated \(first: 2025-07-31\)"),
        ({"flows": FLOWS.tz_localize("UTC")}, "flows: received timestamps in UTC; legal: dates"),
        ({"flows": FLOWS.where(FLOWS.index != DAYS[3])}, r"flows: 1 of 105 rows not accepted \(first: nan"),
        ({"calendar": "nowhere"}, "calendar: received 'nowhere'"),
    ],
)  # fmt: skip
def test_refusals(arguments, words):
    given = {"flows": FLOWS, "prices": PRICES, **arguments}
    with pytest.raises(gf.SchemaError, match=words):
        etf_flows.expected(**given)


def test_the_article_takes_the_move_of_one_day_and_the_flow_of_the_next(record):
    """-5.8 % was 29 January; the flow of that day was -317.8m, and -528.3m that of the next, at -0.2 %."""
    model = etf_flows.expected(record.first["IBIT"], record.closes, last="2026-02-04")
    days = model.days.loc["2026-01-29":"2026-02-04"]
    assert (days["flow"] / 1e6).round(1).to_list() == [-317.8, -528.3, 142.0, 60.0, -373.4]
    assert days["move"].round(3).to_list() == [-0.058, -0.002, -0.069, -0.021, -0.040]
    assert model.naive(-0.132, "2026-01-30", lag=1) == pytest.approx(-1.21e9, abs=0.005e9)
    assert model.naive(-0.132, "2026-01-29") == pytest.approx(-0.728e9, abs=0.5e6)
    total = record.first["total_musd"]
    assert (total[["2026-01-30", "2026-02-04"]] / 1e6).round(1).to_list() == [-509.7, -544.9]


def test_the_expectation_for_the_event(record):
    """IBIT alone hardly follows the move of the day; all funds: -0.42bn, between -1.09 and +0.24bn."""
    alone = etf_flows.expected(record.first["IBIT"], record.closes, last="2026-02-04")
    assert alone.fitted.r_squared == pytest.approx(0.0074, abs=5e-5)
    assert alone.at(-0.132).expected == pytest.approx(34.4e6, abs=0.05e6)
    both = etf_flows.expected(record.first["total_musd"], record.closes, last="2026-02-04")
    found = both.at(-0.132)
    assert (np.array(found[1:5]) / 1e9).round(2).tolist() == [-0.42, 0.34, -1.09, 0.24]
    # yesterday's move counts more than today's
    full = etf_flows.expected(record.first["IBIT"], record.closes, last="2026-02-04", terms=["move_before"])
    assert (full.table["estimate"] / 1e6).round(1).to_list() == [112.9, 9.1, 31.6]
    assert (
        "correlated 0.55 with that of the day before; errors HAC and the term flow_before" in alone.summary()
    )
