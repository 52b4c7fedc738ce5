import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow import dynamics
from gammaflow.errors import SchemaError
from support.books import ASOF, random_book


@pytest.fixture(scope="module")
def book():
    return gf.assign_positions(gf.demo_chain())


def test_dynamics_are_compared_in_one_table(book):
    table = gf.compare_dynamics(book).table
    assert table.index.names == ["dynamics", "measure"]
    strike = table.loc["sticky_strike"]
    pd.testing.assert_series_equal(strike.loc["gamma"], strike.loc["total_gamma"], check_names=False)
    levels = gf.find_levels(gf.sweep_spot(book))
    assert strike.loc["gamma", "nearest_flip"] == pytest.approx(levels.flips[0].spot, rel=1e-12)
    assert strike.loc["gamma", "core_low"] == pytest.approx(levels.zone.core[0], rel=1e-9)
    # Today's gamma does not depend on how volatility will move; with vanna folded in it does.
    assert np.ptp(table.xs("gamma", level="measure")["gamma"]) < 1e-9 * abs(levels.gamma)
    beta = table.loc["spot_vol_beta(-3)"]
    vanna = gf.aggregate_exposure(book).total()["vanna"]
    assert beta.loc["total_gamma", "gamma"] == pytest.approx(levels.gamma - 3.0 * vanna, rel=1e-9)


def test_flips_of_gamma_with_vanna_are_roots_of_the_total(book):
    how = dynamics.spot_vol_beta(-1.0)
    profile = gf.sweep_spot(book, dynamics=how)
    levels = gf.find_levels(profile, measure="total_gamma")
    assert levels.flips
    gross = profile.table["gross_gamma"].max()
    for flip in levels.flips:
        assert abs(profile.value_at(flip.spot, "total_gamma")) < 1e-9 * gross
        up, down = (profile.value_at(flip.spot * (1 + h), "total_gamma") for h in (1e-4, -1e-4))
        assert flip.slope == pytest.approx(0.01 * (up - down) / 2e-4, rel=1e-4)
    assert "total gamma at spot" in dict(levels.lines())


def test_each_expiry_has_its_own_levels(book):
    profile = gf.sweep_spot(book)
    table = gf.flip_term_structure(profile).table
    assert table.index.tolist() == list(book.expiries)
    assert table["gamma"].sum() == pytest.approx(profile.value_at(book.spot), rel=1e-12)
    for expiry, row in table.iterrows():
        curve = profile.by("expiry")[expiry]
        crossing = curve.index[1:][np.diff(np.sign(curve)) != 0]
        nearest = crossing[np.abs(crossing - book.spot).argmin()]
        assert row["nearest_flip"] == pytest.approx(nearest, rel=2e-3)


def test_an_expiry_that_passes_has_no_row(book):
    assert len(gf.flip_term_structure(gf.sweep_spot(book, days=3.0)).table) == len(book.expiries) - 2


def test_the_path_over_days_is_that_of_rolled_profiles(book):
    path = gf.flip_path(book, [0, 1, 10]).table
    assert path.index.tolist() == [0.0, 1.0, 10.0]
    assert path.loc[10.0, "moment"] == book.asof + pd.Timedelta(10, "D")
    for day, row in path.iterrows():
        levels = gf.find_levels(gf.sweep_spot(book, days=day))
        assert row["nearest_flip"] == pytest.approx(levels.flips[0].spot, rel=1e-12)
        assert row["gamma"] == pytest.approx(gf.sweep_spot(book, days=day).value_at(book.spot), rel=1e-12)


def near_and_far(days):
    """Open interest every 5 at spot 100: an expiry of `days` whose wings are steep, and one of 60 days."""
    rows = []
    for left in (days, 60.0):
        for strike in np.arange(70.0, 131.0, 5.0):
            k, unit = np.log(strike / 100.0), 0.15 * np.sqrt(left / 365)
            w = unit**2 + 0.08 * (np.hypot(k, 4.0 * unit) - 4.0 * unit)
            sigma = np.sqrt(w * 365 / left)
            kind = "call" if k > 0 else "put"
            rows.append((f"{left:g}-{strike:g}", left, strike, kind, -10.0 if left < 60 else 1.0, sigma))
    frame = pd.DataFrame(rows, columns=["contract", "left", "strike", "kind", "position", "sigma"])
    frame["expiry"] = ASOF + pd.to_timedelta(frame.pop("left"), unit="D")
    return gf.Book(frame.assign(venue="test", multiplier=10.0), "TEST", 100.0, ASOF)


def test_turning_points_of_moved_smiles_are_strikes_that_expire_within_a_day():
    """Strikes 5 apart at a standard deviation of 0.6: each has its own extremum, with any smile at all."""
    book = near_and_far(0.6)
    spots = np.linspace(80.0, 120.0, 401)
    table = gf.compare_dynamics(book, ["sticky_strike", "sticky_moneyness"], spots=spots).table
    table = table.xs("gamma", level="measure")
    # Strikes 80 to 120, a minimum at each but at the ends of the grid, and a maximum between each two.
    flat = gf.Book(book.to_frame().assign(sigma=0.15), "TEST", 100.0, ASOF)
    curve = gf.sweep_spot(flat, spots, measures=["gamma"]).table["gamma"].to_numpy()
    rises = np.diff(curve) > 0
    assert (rises[1:] != rises[:-1]).sum() == 15
    assert table.loc["sticky_moneyness", "turns"] == pytest.approx(15, abs=1)
    assert table.loc["sticky_strike", "turns"] <= 3
    assert (table["turns_beyond_a_day"] <= 1).all()
    later = gf.compare_dynamics(near_and_far(1.1), ["sticky_moneyness"], spots=spots).table
    assert (later["turns"] == later["turns_beyond_a_day"]).all()


def test_turning_points_of_the_index(shared):
    """A chain whose profile has one turning point where strikes keep their volatility, many elsewhere."""
    book = gf.assign_positions(gf.read_chain(shared / "data/cboe/spx_20230914_carlosjimenezdiaz.csv"))
    spots = np.arange(3_600.0, 4_401.0, 5.0)
    table = gf.compare_dynamics(book, ["sticky_strike", "sticky_moneyness"], spots=spots).table
    table = table.xs("gamma", level="measure")
    assert table["turns"].tolist() == [1, 21]
    assert table["turns_beyond_a_day"].tolist() == [1, 3]
    # No smile, no residual: every volatility 13 %. Three again once the last day's expiries are left out.
    flat = gf.Book(book.to_frame().assign(sigma=0.13), book.symbol, book.spot, book.asof)
    row = gf.compare_dynamics(flat, ["sticky_strike"], spots=spots).table.iloc[0]
    assert (row["turns"], row["turns_beyond_a_day"]) == (11, 3)


def test_without_flips_and_zones_there_are_no_numbers():
    long = random_book(1, position=np.full(60, 5.0))
    row = gf.compare_dynamics(long, ["sticky_strike"]).table.loc[("sticky_strike", "gamma")]
    assert row["flips"] == 0
    assert np.isnan(row["nearest_flip"])
    assert np.isnan(row["core_low"])


def test_an_empty_list_is_refused(book):
    with pytest.raises(SchemaError, match="dynamics: received an empty list"):
        gf.compare_dynamics(book, [])
    with pytest.raises(SchemaError, match="measure: received 'vega'"):
        gf.find_levels(gf.sweep_spot(book), measure="vega")
