"""Loop gain on recorded chains with pools and knock-ins: every column, zone and band in plain numpy."""

import math

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.positions.beliefs import Share
from support.barrier_books import barrier_book
from support.dense_cascade import KnockIn, fired
from support.naive_cascade import terms

HALF, FRACTION, BETA, SALES, BUYS, RANGE = 0.005, 0.8, -1.5, 120e6, 90e6, (0.4, 2.5)
DEPTH = gf.impact.book(
    depth=pd.DataFrame({"bids": [60e6, SALES], "asks": [50e6, BUYS]}, index=[0.4, 1.0]), range=RANGE
)


def gamma_and_vanna(book, spots, flags=(1.0, -1.0)):
    """Dealers' gamma and vanna [currency per 1 %] of calls (1), puts (-1) or both, at their own vols."""
    gamma, vanna = np.zeros((2, len(spots)))
    for flag, ratio, strike, t, r, q, sigma, size in terms(book):
        if flag not in flags:
            continue
        width, on = sigma * math.sqrt(t), ratio * spots
        d1 = (np.log(on / strike) + (r - q) * t) / width + 0.5 * width
        density = 0.01 * size * on * np.exp(-q * t - 0.5 * d1 * d1) / math.sqrt(2.0 * math.pi)
        gamma += density / width
        vanna -= density * (d1 - width) / sigma
    return gamma, vanna


class Case:
    """A book with knock-ins and pools, its loop gain, and the channels written out."""

    def __init__(self, book, pools, shares=1.0):
        self.book, self.pools, per_unit = book, pools, 40.3 / book.spot
        strikes, levels, sizes = (
            [50.0, 46.0, 40.0],
            [38.5, 35.0, 43.0],
            [shares * n for n in (9e5, -6e5, -4e5)],
        )
        years, sigmas = [60 / 365, 300 / 365, 45 / 365], [0.62, 0.55, 0.5]
        rows = barrier_book(
            ["down-in put", "down-in put", "up-in call"], spot=40.3, symbol="IBIT", asof=book.asof,
            strike=strikes, barrier=levels, position=sizes, years=years, sigma=sigmas,
        )  # fmt: skip
        self.barred = rows.in_units_of("BTC", per_unit)
        columns = zip(strikes, levels, sigmas, years, sizes, strict=True)
        self.rows = [
            KnockIn(K / per_unit, H / per_unit, s, t, n * per_unit, book.spot) for K, H, s, t, n in columns
        ]
        self.spots = book.spot * np.linspace(0.72, 1.36, 321)
        self.profile = gf.sweep_spot(book + self.barred, self.spots)
        self.gain = gf.loop_gain(self.profile, DEPTH, beta=BETA, liquidations=pools, hedge_fraction=FRACTION)

    def depth(self, spots):
        return np.where(spots <= self.book.spot, SALES, BUYS)

    def barrier_gamma(self, spots):
        return np.sum([row.gamma(spots) for row in self.rows], axis=0)

    def channels(self, spots):
        """Without vanna of the barrier rows, which `barrier_vanna` adds."""
        gamma, vanna = gamma_and_vanna(self.book, spots)
        gamma = gamma + self.barrier_gamma(spots)
        vanna = vanna + np.sum([self.barrier_vanna(row, spots) for row in self.rows], axis=0)
        x = np.log(spots / self.book.spot)
        knocked = np.zeros(len(x))
        for row in self.rows:
            at = math.log(row.barrier / self.book.spot)
            low, high = at - HALF, at + HALF
            knocked += np.where((x > low) & (x <= high), row.flag * row.trade * 0.01 / (high - low), 0.0)
        down, up = x - HALF, x + HALF
        down, up = np.where(x > 0.0, np.maximum(down, 0.0), down), np.where(x > 0.0, up, np.minimum(up, 0.0))
        sold = (fired(self.pools, self.book.spot, up) - fired(self.pools, self.book.spot, down)) / (up - down)
        parts = -FRACTION * gamma, -FRACTION * BETA * vanna, FRACTION * knocked, 0.01 * sold
        return pd.DataFrame(
            dict(zip(("gamma", "vanna", "knock_in", "liquidations"), parts / self.depth(spots), strict=True)),
            index=spots,
        )

    @staticmethod
    def barrier_vanna(row, spots):
        """d2 value / dS dsigma, S times, by differences [currency per 1 % and 1.00 of vol]."""
        root, out = row.width / row.sigma, 0.0
        hit, whole = row.hit(spots), row.width
        for sign in (1.0, -1.0):
            row.width = (row.sigma + sign * 1e-4) * root
            step = 1e-4 * spots
            slope = (row.value(spots + step, hit) - row.value(spots - step, hit)) / (2.0 * step)
            out = out + sign * slope / 2e-4
        row.width = whole
        return 0.01 * spots * out


def agrees(case):
    """Channels, totals, range, amplification, zones and peak; the thresholds that have zones."""
    gain, start = case.gain, case.book.spot
    dense = np.linspace(case.spots[0], case.spots[-1], 6_001)
    right = case.channels(dense)
    kappa = right.sum(axis=1).to_numpy()
    scale = np.abs(right).to_numpy().max()
    some = np.arange(0, 6_001, 19)
    beside = [abs(np.log(dense / row.barrier)) for row in case.rows]
    some = some[np.all([(abs(b[some] - HALF) > 1e-4) & (b[some] > 1e-3) for b in beside], axis=0)]
    table = gain.at(dense[some])
    assert (np.abs(right).max() > 0.02).all()
    for name in right:
        assert np.abs(table[name] - right[name].to_numpy()[some]).max() < 2e-6 * scale, name
    assert np.abs(table["kappa"] - kappa[some]).max() < 5e-6 * scale
    ends = np.sort([table["kappa"] / RANGE[0], table["kappa"] / RANGE[1]], axis=0)
    np.testing.assert_allclose(table[["kappa_low", "kappa_high"]].T, ends, rtol=1e-12, atol=1e-15)
    own = case.channels(case.spots).sum(axis=1).to_numpy()
    amplified = np.array([1.0 / (1.0 - k) if k < 1.0 else math.inf for k in own])
    np.testing.assert_allclose(gain.amplification, amplified, rtol=1e-3)
    step, found = dense[1] - dense[0], set()
    for threshold in (0.0, 0.5, 1.0):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], (kappa > threshold).astype(int), [0]])))
        runs = [(a, b - 1) for a, b in zip(edges[::2], edges[1::2], strict=True)]
        zones = [zone for zone in gain.zones if zone.above == threshold]
        assert len(zones) == len(runs), threshold
        for zone, (first, last) in zip(zones, runs, strict=True):
            assert zone.low == pytest.approx(dense[first], abs=1.01 * step)
            assert zone.high == pytest.approx(dense[last], abs=1.01 * step)
            top = first + int(kappa[first : last + 1].argmax())
            assert zone.peak == pytest.approx(kappa[top], rel=1e-3)
            assert zone.peak_spot == pytest.approx(dense[top], abs=2.01 * step)
            found.add((threshold, zone.low_end, zone.high_end))
    assert gain.peak[1] == pytest.approx(kappa.max(), rel=1e-3)
    written = gain.to_dict()
    assert [z["low"] for z in written["zones"]] == [z.low for z in gain.zones]
    at = case.channels(np.array([start])).iloc[0]
    for name, value in at.items():
        assert written["at_spot"][name] == pytest.approx(value, abs=2e-6 * scale)
    assert written["table"][40]["kappa"] == pytest.approx(own[40], abs=5e-6 * scale)
    return found


def test_a_recorded_chain(shared):
    """Deribit of 5 February, rules long and short, the map of that hour and knock-ins of IBIT's shares."""
    path = shared / "data/deribit/deribit_options_snapshot_20260205T093647Z.csv"
    chain = gf.read_chain(path, symbol="BTC")
    pools = gf.liquidations.read(
        shared / "data/event/hyperliquid_liquidation_map.csv", asof="2026-02-05T09:36:47Z"
    ).scaled(8.0)
    found = agrees(Case(gf.assign_positions(chain, "short_all"), pools))
    assert {(0.5, "level", "level"), (1.0, "level", "level")} <= found


def test_the_demo_chain():
    book = gf.assign_positions(gf.demo_chain())
    pool = gf.liquidations.pool
    pools = pool(4e8, 0.86 * book.spot, 0.97 * book.spot, source="x") + pool(
        3e8, 1.02 * book.spot, 1.1 * book.spot, side="short", source="x"
    )
    found = agrees(Case(book, pools, shares=-25.0))
    assert {(0.0, "open", "level"), (1.0, "level", "jump"), (1.0, "jump", "level")} <= found


def drawn(rng, mean, deviation, size):
    """Shares from -1 to 1, a stretched beta distribution."""
    m, v = 0.5 * (mean + 1.0), 0.25 * deviation**2
    n = m * (1.0 - m) / v - 1.0
    return 2.0 * rng.beta(m * n, (1.0 - m) * n, size) - 1.0


def believed(chain, draws=2_000):
    """Bands where all calls have one share and all puts another, drawn by the library and drawn again.

    Quantiles of the library's draws to rounding; and how often 400,000 other draws lie below each quantile,
    or above a half and above one, within 4.5 standard errors of the library's draws.
    """
    shares = {"call": (-0.3, 0.4), "put": (-0.5, 0.3)}
    beliefs = gf.Beliefs(
        {kind: Share.beta(*of) for kind, of in shares.items()}, same_kind=1.0, neighbours=1.0, other_venue=1.0
    )
    bands = gf.sign_bands(chain, beliefs, draws=draws, seed=11)
    book = gf.assign_positions(chain, "short_all")
    start, depth = book.spot, 40e6
    spots = start * np.array([0.85, 0.94, 0.97, 1.04, 1.2])
    pools = gf.liquidations.pool(2e9, 0.8 * start, 0.9 * start, source="x")
    gain = gf.loop_gain(
        gf.sweep_spot(book, spots), depth, beta=BETA, liquidations=pools, hedge_fraction=FRACTION, bands=bands
    )
    unit = [-gamma_and_vanna(book, spots, [flag])[0] for flag in (1.0, -1.0)]
    others = -FRACTION * BETA * gamma_and_vanna(book, spots)[1] / depth
    others[0] += 0.01 * 2e9 / math.log(0.9 / 0.8) / depth
    cells = bands.samples
    mine = np.stack([cells[kind].iloc[:, 0].to_numpy() for kind in shares])
    rng = np.random.default_rng(5)
    fresh = np.stack([drawn(rng, *of, 400_000) for of in shares.values()])
    kappa, again = (-FRACTION / depth * np.array(unit).T @ some + others[:, None] for some in (mine, fresh))
    table = gain.table
    assert cells["put"].std(axis=1).max() < 1e-12
    for i, (_, row) in enumerate(table.iterrows()):
        found = {f"{p} %": p / 100.0 for p in (5, 25, 50, 75, 95)}
        quantiles = np.quantile(kappa[i], list(found.values()))
        assert row[list(found)].to_numpy() == pytest.approx(quantiles, rel=1e-9)
        for name, p in found.items():
            assert (again[i] < row[name]).mean() == pytest.approx(p, abs=4.5 * math.sqrt(p * (1 - p) / draws))
        for name, level in (("p_above_half", 0.5), ("p_above_one", 1.0)):
            assert row[name] == (kappa[i] > level).mean()
            p = (again[i] > level).mean()
            assert row[name] == pytest.approx(p, abs=4.5 * math.sqrt(p * (1 - p) / draws) + 1e-3)
    assert (table[["p_above_half", "p_above_one"]].apply(lambda p: p.between(0.02, 0.98)).sum() >= 3).all()


def test_bands_of_a_recorded_chain(shared):
    path = shared / "data/deribit/deribit_options_snapshot_20260204T213308Z.csv"
    believed(gf.read_chain(path, symbol="BTC"))


def test_bands_of_the_demo_chain():
    believed(gf.demo_chain())
