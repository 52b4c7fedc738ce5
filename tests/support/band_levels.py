"""Levels of one draw of a book, against those of its bands."""

import numpy as np
import pytest

import gammaflow as gf


def levels_by_hand(bands, draw):
    """The levels of one draw's book, solved by find_levels on the same grid."""
    return gf.find_levels(
        gf.sweep_spot(bands.book(draw), bands.profile.spots, measures=["gamma", "gross_gamma"])
    )


def check_levels(bands, draws, near=5e-6, far=3e-4):
    """Flip, zone, trough and core of draws: `near` of spot within 30 % of it, `far` beyond; same zeros."""
    spot, ends = bands.profile.book.spot, bands.profile.spots[[0, -1]]
    tol = np.vectorize(lambda s: near if 0.7 * spot < s < 1.3 * spot else far)
    compared = 0
    for d in draws:
        exact = levels_by_hand(bands, d)
        inside = [f for f in exact.flips if ends[0] < f.spot < ends[1]]
        mine = bands.flips.every[bands.flips.every["draw"] == d]
        assert len(mine) == len(inside), d
        zeros = np.array([f.spot for f in inside])
        assert (np.abs(mine["spot"] / zeros - 1.0) <= tol(zeros) if len(zeros) else np.ones(0, bool)).all(), d
        assert mine["rising"].tolist() == [f.slope > 0 for f in inside]
        flip = bands.flips.samples["flip"][d]
        if exact.nearest_flip in inside:
            assert flip == pytest.approx(exact.nearest_flip.spot, rel=tol(exact.nearest_flip.spot).max())
        zone, row, core = exact.zone, bands.zones.samples.loc[d], bands.core.samples.loc[d]
        if zone is None:
            assert np.isnan(row["low"])
            continue
        for name, value in (("low", zone.low), ("high", zone.high)):
            if row[f"{name}_open"]:  # the zone goes on beyond the grid
                assert row[name] == ends[int(name == "high")]
            else:
                assert row[name] == pytest.approx(value, rel=float(tol(value))), (d, name)
        if not ends[0] < zone.core[0] < zone.core[1] < ends[1]:
            continue
        compared += 1
        assert core["gamma"] == pytest.approx(zone.trough.gamma, rel=1e-4)
        for name, value in (("core_low", zone.core[0]), ("core_high", zone.core[1])):
            assert core[name] == pytest.approx(value, rel=3e-4), (d, name)
        # A trough is flat: its place is known to the root of what its value is known to.
        assert core["trough"] == pytest.approx(zone.trough.spot, rel=3e-4), d
    return compared
