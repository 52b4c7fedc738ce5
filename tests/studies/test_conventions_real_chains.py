"""Numbers under conventions on recorded chains: gamma, walls and flips against loops over rows."""

from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

import gammaflow as gf
from gammaflow.exposure.walls import SENSES
from gammaflow.studies.conventions.numbers import numbers_under

FILES = {
    "BTC": "deribit/deribit_options_snapshot_20260205T093647Z.csv",
    "SPX": "cboe/spx_20230914_carlosjimenezdiaz.csv",
    "IBIT": "yahoo_cboe_json/IBIT_20260714T2010ET.json",
}
SHARES = {"calls_long_puts_short": (1.0, -1.0), "crypto_puts_bought": (0.0, -1.0), "mirror": (-1.0, 1.0)}
CONVENTIONS = {
    "plain": gf.Convention(),
    "narrow": gf.Convention(
        unit="per_point", rule="mirror", window=45.0, moneyness=(0.8, 1.2), min_open_interest=50.0
    ),
    "delta": gf.Convention(unit="shares", delta=(0.1, 0.9), window="without_next", multiplier="forgotten"),
    "puts": gf.Convention(rule="crypto_puts_bought", otm_only=True, rates="spot"),
}
FACTOR = {"per_1pct": 0.01, "per_point": 1.0, "shares": 0.01}


class Rows:
    """Rows of a chain that count under a convention, with their gamma at any spot."""

    def __init__(self, chain, c):
        self.c, self.spot, frame = c, chain.spot, chain.to_frame()
        years = ((frame["expiry"] - chain.asof).dt.total_seconds() / (365 * 86_400)).to_numpy()
        known = frame["forward"].notna().to_numpy() & (c.rates == "chain")
        ratio = np.where(known, frame["forward"] / chain.spot, 1.0)
        moneyness = frame["strike"] / chain.spot
        interest, sigma = frame["open_interest"], frame["iv"]
        zone = "America/New_York" if chain["settlement"][0] in ("AM", "PM") else "UTC"
        day = frame["expiry"].dt.tz_convert(zone).dt.normalize()
        keep = (interest > 0) & (sigma > 0.001) & (years > 0) & (interest >= c.min_open_interest)
        if c.window == "without_next":
            keep &= day > day[years > 0].min()
        elif c.window != "all":
            keep &= years * 365 <= c.window
        if c.moneyness:
            keep &= moneyness.between(*c.moneyness)
        if c.otm_only:
            keep &= np.where(frame["kind"] == "call", moneyness >= 1, moneyness <= 1)
        if c.delta:
            with np.errstate(all="ignore"):
                width = sigma * np.sqrt(years)
                d1 = np.log(ratio * chain.spot / frame["strike"]) / width + 0.5 * width
            keep &= pd.Series(norm.cdf(np.where(frame["kind"] == "call", d1, -d1))).between(*c.delta)
        calls, puts = SHARES[c.rule.name]
        self.held = (np.where(frame["kind"] == "call", calls, puts) * interest)[keep].to_numpy()
        self.frame, self.years, self.ratio = frame[keep], years[keep], ratio[keep]
        self.size = self.held * (1.0 if c.multiplier == "forgotten" else self.frame["multiplier"].to_numpy())

    def gamma(self, spots):
        """Gamma of each row [currency per +100 % of spot], (spots, rows)."""
        F = np.atleast_1d(spots)[:, None] * self.ratio
        width = self.frame["iv"].to_numpy() * np.sqrt(self.years)
        d1 = np.log(F / self.frame["strike"].to_numpy()) / width + 0.5 * width
        return self.size * F * norm.pdf(d1) / width

    def walls(self, sense):
        """Heaviest strikes of calls and of puts, strike by strike."""
        gamma, c = self.gamma(self.spot)[0], {"call": {}, "put": {}}
        rows = zip(
            self.frame["strike"], self.frame["kind"], self.frame["expiry"], gamma, self.held, strict=True
        )
        first = self.frame["expiry"][self.held != 0].min()
        for strike, kind, expiry, money, contracts in rows:
            if contracts == 0 or ("without" in sense and expiry == first):
                continue
            if "above" in sense and (strike < self.spot if kind == "call" else strike > self.spot):
                continue
            for side in ("call", "put") if sense == "net" else (kind,):
                amount = money if sense == "net" else abs(contracts if sense == "open interest" else money)
                c[side][strike] = c[side].get(strike, 0.0) + amount
        if sense == "net":
            c["call"] = {k: v for k, v in c["call"].items() if v > 0}
            c["put"] = {k: -v for k, v in c["put"].items() if v < 0}
        return [max(sums, key=lambda k: (sums[k], -k)) if sums else np.nan for sums in c.values()]


@pytest.fixture(scope="module")
def calculators(shared):
    """Each chain read and valued once."""

    @cache
    def call(symbol):
        name = {"symbol": "BTC"} if symbol == "BTC" else {}
        chain = gf.read_chain(shared / "data" / FILES[symbol], **name)
        # Of SPX a month, to save time.
        return gf.conventions.Calculator(chain.select(chain.years < 0.085) if symbol == "SPX" else chain)

    return call


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        *(("BTC", name) for name in CONVENTIONS),
        ("SPX", "plain"),
        ("SPX", "delta"),
        ("IBIT", "narrow"),
        ("IBIT", "puts"),
    ],
)
def test_every_number_is_that_of_a_loop(calculators, symbol, name):
    calculator, c = calculators(symbol), CONVENTIONS[name]
    chain = calculator.chain
    rows = Rows(chain, c)
    S, each = chain.spot, rows.gamma(chain.spot)[0] * FACTOR[c.unit]
    each = each / S if c.unit in ("per_point", "shares") else each
    numbers = numbers_under(calculator, c)
    assert numbers.rows == np.count_nonzero(rows.held) > 50
    assert numbers.open_interest == pytest.approx(rows.frame["open_interest"][rows.held != 0].sum())
    gross = np.abs(each).sum()
    assert numbers.gamma == pytest.approx(each.sum(), abs=1e-11 * gross)
    sums = {}
    for strike, value, held in zip(rows.frame["strike"], each, rows.held, strict=True):
        if held:
            sums[strike] = sums.get(strike, 0.0) + value
    assert numbers.by_strike.index.tolist() == sorted(sums)
    expected = [sums[strike] for strike in sorted(sums)]
    np.testing.assert_allclose(numbers.by_strike, expected, rtol=1e-8, atol=1e-12 * gross)

    for sense in SENSES:
        found = [calculator.number(replace(c, wall=sense), f"{s}_wall") for s in ("call", "put")]
        assert found == pytest.approx(rows.walls(sense), nan_ok=True), sense

    for flip in ("by_strike", "cumulative"):
        values = np.cumsum(expected) if flip == "cumulative" else np.array(expected)
        points = [(k, v) for k, v in zip(sorted(sums), values, strict=True) if v != 0.0]
        best = np.nan
        for (k0, v0), (k1, v1) in pairwise(points):
            if (v0 > 0) != (v1 > 0):
                at = k0 + (k1 - k0) * v0 / (v0 - v1)
                if np.isnan(best) or abs(np.log(at / S)) < abs(np.log(best / S)):
                    best = at
        found = calculator.number(replace(c, flip=flip), "flip")
        assert found == pytest.approx(best, rel=1e-7, nan_ok=True), flip

    grid = S * np.exp(np.linspace(-0.35, 0.35, 71))
    whole = np.array([rows.gamma(spot)[0].sum() for spot in grid])
    at = np.flatnonzero(np.sign(whole[1:]) != np.sign(whole[:-1]))
    flip = numbers.flip
    if np.isnan(flip):
        assert not at.size
    else:
        parts = rows.gamma(flip)[0]
        assert abs(parts.sum()) < 1e-8 * np.abs(parts).sum()
        if at.size:
            nearest = at[np.abs(np.log(grid[at] / S)).argmin()]
            assert grid[nearest] * (1 - 1e-6) <= flip <= grid[nearest + 1] * (1 + 1e-6)
        else:
            assert not grid[0] < flip < grid[-1]
