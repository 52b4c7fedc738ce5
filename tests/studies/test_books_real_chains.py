"""Two recorded chains compared: every part of every strike against a loop over contracts."""

import math

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.studies.books import CAUSES, compare_books

# IBIT pays nothing and the chain's rate is 0, so that no option is exercised early.
PAIRS = {
    "BTC": [f"deribit/deribit_options_snapshot_{s}.csv" for s in ("20260204T093620Z", "20260205T093647Z")],
    "IBIT": [f"yahoo_cboe_json/IBIT_{s}.json" for s in ("20260710T1937ET", "20260714T2010ET")],
}


def gamma(row, spot, asof, like):
    """Currency per +1 % of a position at a spot and timestamp, at the vol and forward of row `like`."""
    years = (row.expiry - asof).total_seconds() / (365 * 86_400)
    F, width = spot * like.ratio, like.iv * math.sqrt(years)
    d1 = math.log(F / row.strike) / width + 0.5 * width
    return row.units * 0.01 * F * math.exp(-0.5 * d1 * d1) / math.sqrt(2.0 * math.pi) / width


def held(chain):
    """Rows that hold a position under calls long, puts short, by contract."""
    frame = chain.to_frame()
    frame = frame[(frame["open_interest"] > 0) & (frame["iv"] > 0.001) & (frame["expiry"] > chain.asof)]
    sign = np.where(frame["kind"] == "call", 1.0, -1.0)
    ratio = (frame["forward"] / chain.spot).fillna(1.0)
    frame = frame.assign(units=sign * frame["open_interest"] * frame["multiplier"], ratio=ratio)
    return {row.contract: row for row in frame.itertuples()}


def naive(before, after):
    """(strike, measure, cause) -> sum."""
    old, new, sums = held(before), held(after), {}

    def add(row, cause, size, value):
        for measure, amount in (("size", size), ("gamma", value)):
            key = row.strike, measure, cause
            sums[key] = sums.get(key, 0.0) + amount

    for name, row in old.items():
        now = gamma(row, before.spot, before.asof, row)
        add(row, "before", row.units, now)
        if row.expiry <= after.asof:
            add(row, "expired", -row.units, -now)
            continue
        moved = gamma(row, after.spot, after.asof, row)
        add(row, "spot and time", 0.0, moved - now)
        if name not in new:
            add(row, "closed", -row.units, -moved)
            continue
        quoted = gamma(row, after.spot, after.asof, new[name])
        add(row, "vols", 0.0, quoted - moved)
        now = gamma(new[name], after.spot, after.asof, new[name])
        add(row, "changed", new[name].units - row.units, now - quoted)
    for name, row in new.items():
        value = gamma(row, after.spot, after.asof, row)
        for cause in ("after", *["new"] * (name not in old)):
            add(row, cause, row.units, value)
    return sums


@pytest.mark.parametrize("symbol", PAIRS)
def test_every_part_is_that_of_a_loop(shared, symbol):
    chains = [gf.read_chain(shared / "data" / path, symbol=symbol) for path in PAIRS[symbol]]
    found = compare_books(*map(gf.assign_positions, chains))
    sums = naive(*chains)
    strikes = sorted({strike for strike, _, _ in sums})
    assert found.table.index.tolist() == strikes
    gross = sum(abs(sums.get((strike, "gamma", "before"), 0.0)) for strike in strikes)
    for measure, scale in (("size", 0.0), ("gamma", 1e-12 * gross)):
        for cause in found.table[measure]:
            expected = [sums.get((strike, measure, cause), 0.0) for strike in strikes]
            np.testing.assert_allclose(
                found.table[measure, cause],
                expected,
                rtol=1e-9,
                atol=scale + 1e-9,
                err_msg=f"{measure} {cause}",
            )
            assert found.total.loc[cause, measure] == pytest.approx(sum(expected), rel=1e-9, abs=scale + 1e-6)
    # No contract that was left at Deribit on 5 February had lost all of its open interest.
    nothing = [cause for cause in CAUSES if not found.table["gamma", cause].any()]
    assert nothing == (["closed"] if symbol == "BTC" else [])


def test_american_options_of_ibit_are_valued_as_such(shared):
    """With a rate puts are exercised early: one expiry's parts by sums of single contracts."""
    moment, rate = pd.Timestamp("2026-07-17T20:00Z"), 0.036
    chains = [gf.read_chain(shared / "data" / path).select(expiry=moment) for path in PAIRS["IBIT"]]
    a, b = (gf.assign_positions(chain.with_columns(rate=rate)) for chain in chains)
    sums = {}
    for name, book in (("before", a), ("then", a.at(spot=b.spot, asof=b.asof)), ("after", b)):
        years = (moment - book.asof).total_seconds() / (365 * 86_400)
        terms = (book["kind"], book.spot, book["strike"], years, rate, book["sigma"])
        for how, greeks in (("listed", gf.american.greeks), ("european", gf.bsm.greeks)):
            each = greeks(*terms, which=("gamma",)).gamma
            sums[name, how] = float((book.size * each).sum()) * book.spot**2 * 0.01
    found, gross = compare_books(a, b).total["gamma"], gf.aggregate_exposure(a).total()["gross_gamma"]
    for cause, value in (
        ("before", sums["before", "listed"]),
        ("spot and time", sums["then", "listed"] - sums["before", "listed"]),
        ("after", sums["after", "listed"]),
    ):
        assert found[cause] == pytest.approx(value, abs=1e-7 * gross), cause
    rest = found[["vols", "closed", "changed", "new"]].sum()
    assert rest == pytest.approx(sums["after", "listed"] - sums["then", "listed"], abs=1e-7 * gross)
    for name in ("before", "then", "after"):
        assert abs(sums[name, "listed"] - sums[name, "european"]) > 1e-4 * gross
