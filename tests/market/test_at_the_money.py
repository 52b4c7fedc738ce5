import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.market.at_the_money import at_the_money, constant_maturity

ASOF = pd.Timestamp("2026-02-05T08:00Z")


def chain_of(rows):
    """A chain of (days, strike, kind, vol, forward), all with an open interest of 1."""
    frame = pd.DataFrame(rows, columns=["days", "strike", "kind", "iv", "forward"])
    frame["expiry"] = ASOF + pd.to_timedelta(frame.pop("days"), "D")
    frame["contract"] = [f"c{i}" for i in range(len(frame))]
    frame["open_interest"], frame["multiplier"] = 1.0, 1.0
    return gf.chain_from_frame(frame, symbol="X", spot=100.0, asof=ASOF)


def pair(days, put, call, forward=100.0):
    return [(days, 90.0, "put", put, forward), (days, 110.0, "call", call, forward)]


def test_vol_at_the_forward_is_between_the_options_around_it():
    rows = [
        *pair(10.0, 0.3, 0.2),
        (10.0, 90.0, "call", 0.9, 100.0),  # in the money: does not count
        (20.0, 100.0, "put", 0.25, 100.0),  # at the forward itself: the mean of both
        (20.0, 100.0, "call", 0.27, 100.0),
        *pair(20.0, 0.9, 0.9),
        (30.0, 90.0, "put", 0.4, 100.0),  # nothing above the forward
        (40.0, 110.0, "call", np.nan, 100.0),
        (40.0, 90.0, "put", 0.4, 100.0),
    ]
    found = at_the_money(chain_of(rows))
    share = np.log(100.0 / 90.0) / np.log(110.0 / 90.0)
    assert found.index.tolist() == [ASOF + pd.Timedelta(days=d) for d in (10, 20, 30, 40)]
    np.testing.assert_allclose(found, [0.3 + share * (0.2 - 0.3), 0.26, np.nan, np.nan], rtol=1e-14)


def test_variance_is_linear_in_time_and_vol_flat_beyond_the_ends():
    chain = chain_of([*pair(10.0, 0.3, 0.3), *pair(50.0, 0.6, 0.6)])
    dense_days = np.linspace(10.0, 50.0, 400_001)
    dense = 0.3**2 * 10.0 + (0.6**2 * 50.0 - 0.3**2 * 10.0) * (dense_days - 10.0) / 40.0
    for days in (12.5, 30.0, 49.0):
        at = np.abs(dense_days - days).argmin()
        assert constant_maturity(chain, days) == pytest.approx(np.sqrt(dense[at] / days), rel=1e-5)
    assert constant_maturity(chain, 1.0) == pytest.approx(0.3, rel=1e-14)
    assert constant_maturity(chain, 400.0) == pytest.approx(0.6, rel=1e-14)
    assert constant_maturity(chain) == constant_maturity(chain, 30.0)


def test_real_chain_by_a_dense_grid(shared):
    file = shared / "data/deribit/deribit_options_snapshot_20260205T093647Z.csv"
    chain = gf.read_chain(file, symbol="BTC")
    frame = chain.to_frame()
    frame["years"], frame["F"] = chain.years, chain.forward_prices
    vols = {}
    for expiry, part in frame[(frame["years"] > 0) & (frame["iv"] > 0.001)].groupby("expiry"):
        above = part[(part["kind"] == "call") & (part["strike"] >= part["F"])]
        below = part[(part["kind"] == "put") & (part["strike"] <= part["F"])]
        both = pd.concat([above, below])
        x = np.log(both["strike"] / both["F"]).round(12)
        by_strike = both.groupby(x)["iv"].mean()
        vols[expiry] = np.interp(0.0, by_strike.index, by_strike)
    found = at_the_money(chain)
    np.testing.assert_allclose(found[list(vols)], list(vols.values()), rtol=1e-9)
    years = np.array([(e - chain.asof) / pd.Timedelta(days=365) for e in vols])
    target = 30.0 / 365.0
    i = int(np.searchsorted(years, target))
    share = (target - years[i - 1]) / (years[i] - years[i - 1])
    w = np.array(list(vols.values())) ** 2 * years
    expected = np.sqrt((w[i - 1] + share * (w[i] - w[i - 1])) / target)
    assert constant_maturity(chain) == pytest.approx(expected, rel=1e-9)


def test_smiles_are_those_of_a_loop_over_rows():
    """Expiries that have passed, options in the money, vols that are none, and strikes of several options."""
    rng, rows = np.random.default_rng(7), []
    for days in (-3.0, 5.0, 40.0, 90.0):
        for strike in (80.0, 90.0, 100.0, 101.0, 110.0, 130.0):
            for kind in ("put", "call", "call"):
                vol = np.nan if days == 90.0 or rng.random() < 0.2 else rng.uniform(0.2, 0.9)
                rows.append((days, strike, kind, vol, 101.0 if days == 5.0 else np.nan))
    rng.shuffle(rows)
    chain = chain_of([(float(d), float(k), kind, float(v), float(f)) for d, k, kind, v, f in rows])
    expected = {chain.asof + pd.Timedelta(days=days): {} for days in (5, 40, 90)}
    for row in chain.to_frame().itertuples():
        F = row.forward if row.forward > 0.0 else 100.0
        out = row.strike >= F if row.kind == "call" else row.strike <= F
        if row.expiry > chain.asof and row.iv > 0.001 and out:
            expected[row.expiry].setdefault(float(np.log(F / row.strike)), []).append(row.iv)
    expiries, smiles = chain.smiles
    assert pd.DatetimeIndex(expiries, tz="UTC").tolist() == list(expected)
    for (x, vol), points in zip(smiles, expected.values(), strict=True):
        np.testing.assert_array_equal(x, sorted(points))
        np.testing.assert_allclose(vol, [np.mean(points[at]) for at in sorted(points)], rtol=1e-15)
    assert not any(array.flags.writeable for array in (expiries, *smiles[0]))
    assert len(smiles[2][0]) == 0


def test_a_chain_without_vols_at_the_forward_has_none():
    assert np.isnan(constant_maturity(chain_of([(10.0, 90.0, "put", 0.3, 100.0)])))


def test_other_arguments_are_refused():
    with pytest.raises(gf.SchemaError, match="chain: received int"):
        at_the_money(3)
    with pytest.raises(gf.SchemaError, match="days"):
        constant_maturity(gf.demo_chain(), 0.0)
