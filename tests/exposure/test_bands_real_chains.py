"""Every number of bands on a recorded chain, from the file's rows: greeks in numpy, dense grids, loops."""

import re
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import brentq
from scipy.stats import norm

import gammaflow as gf
from gammaflow.report.band_table import band_remarks, band_table, band_text
from gammaflow.text import price_text

QUANTILES = [0.05, 0.25, 0.5, 0.75, 0.95]
BELIEFS = gf.Beliefs({"call": (-0.6, 0.9), "put": (-0.95, 0.2)})


class Rows:
    """Rows of a Deribit file, each with the name of its cell, and their Black-76 gamma at any spot."""

    def __init__(self, path, spot, asof):
        frame = pd.read_csv(path).query("currency == 'BTC' and open_interest > 0").reset_index(drop=True)
        self.spot = spot
        left = pd.to_datetime(frame["expiry_datetime"], utc=True) - asof
        self.days = left.dt.total_seconds().to_numpy() / 86_400
        names = ("open_interest", "strike", "implied_volatility", "futures_price")
        self.size, self.strike, self.sigma, forward = (frame[name].to_numpy() for name in names)
        self.ratio, self.kind = forward / self.spot, frame["option_type"].to_numpy(str)
        self.cell = [self._cell(i) for i in range(len(frame))]

    def _cell(self, i):
        rung = sum(self.strike[i] / (self.ratio[i] * self.spot) >= edge for edge in (0.8, 0.95, 1.05, 1.2))
        term = sum(self.days[i] >= edge for edge in (7.0, 30.0, 90.0))
        return (
            str(self.kind[i]),
            ("<0.8", "0.8-0.95", "0.95-1.05", "1.05-1.2", ">1.2")[rung],
            ("<7d", "7-30d", "30-90d", ">90d")[term],
            "Deribit",
        )

    def unit(self, spots):
        """Gamma of each cell at each spot were dealers long all of it, in the order of `cells`."""
        F = np.asarray(spots, float)[:, None] * self.ratio
        width = self.sigma * np.sqrt(self.days / 365)
        each = 0.01 * self.size * F * norm.pdf(np.log(F / self.strike) / width + 0.5 * width) / width
        found = np.zeros((len(self.cells), len(F)))
        for row, cell in enumerate(self.cell):
            found[self.cells.index(cell)] += each[:, row]
        return found

    def attach(self, bands):
        """Take over the order of the cells of bands; they must be those of the rows."""
        self.cells = list(bands.cells.table.index)
        assert set(self.cells) == set(self.cell)
        return self


@pytest.fixture(scope="module")
def chain(shared):
    path = shared / "data/deribit/deribit_options_snapshot_20260205T093647Z.csv"
    return gf.read_chain(path, symbol="BTC")


@pytest.fixture(scope="module")
def bands(chain):
    return gf.sign_bands(chain, BELIEFS, draws=300, seed=8, core=0.8)


@pytest.fixture(scope="module")
def rows(chain, bands, shared):
    path = shared / "data/deribit/deribit_options_snapshot_20260205T093647Z.csv"
    return Rows(path, chain.spot, chain.asof).attach(bands)


@pytest.fixture(scope="module")
def dense(bands, rows):
    """A dense grid of spots and gamma of every draw there, (draws, spots)."""
    spots = rows.spot * np.exp(np.linspace(np.log(0.4), np.log(2.0), 2601))
    return spots, bands.samples.to_numpy() @ rows.unit(spots)


def test_open_interest_of_cells(bands, rows):
    for cell, held in bands.cells.table["open_interest"].items():
        mine = [size for size, name in zip(rows.size, rows.cell, strict=True) if name == cell]
        assert held == pytest.approx(sum(mine), rel=1e-12), cell


def test_table(bands, rows):
    table = bands.table.iloc[::40]
    unit = rows.unit(table.index)
    gamma = bands.samples.to_numpy() @ unit
    scale = np.abs(unit).sum(axis=0)
    expected = [*np.quantile(gamma, QUANTILES, axis=0), gamma.mean(axis=0)]
    names = ["5 %", "25 %", "50 %", "75 %", "95 %", "mean"]
    for name, values in zip(names, expected, strict=True):
        assert (np.abs(table[name] - values) <= 1e-11 * scale).all(), name
    assert table["p_short"].to_numpy() == pytest.approx((gamma < 0).mean(axis=0), abs=1e-12)
    assert table["p_short"].min() < 0.5 < 0.8 < table["p_short"].max()


def zone_of(spots, g, spot):
    """Ends of the short stretch nearest to spot, its samples and their lowest; None without one."""
    cuts = [0, *(np.flatnonzero(np.sign(g[1:]) != np.sign(g[:-1])) + 1), len(g)]
    found = []
    for first, last in pairwise(cuts):
        if g[first] < 0:
            low, high = spots[first], spots[last - 1]
            away = max(np.log(low / spot), np.log(spot / high), 0.0)
            found.append((away, g[first:last].min(), first, last))
    return min(found)[2:] if found else None


def test_flips_zones_and_cores(bands, dense, rows):
    spots, gamma = dense
    gross = rows.unit(spots).sum(axis=0)
    # One step of the dense grid, and what straight lines between the spots of the bands are off by.
    step, flips, zones = spots[1] / spots[0] - 1.0 + 1e-4, 0, 0
    for draw in range(0, 300, 6):
        g = gamma[draw]
        at = np.flatnonzero(np.sign(g[1:]) != np.sign(g[:-1]))
        mine = bands.flips.every[bands.flips.every["draw"] == draw]
        assert len(mine) == len(at), draw
        assert ((mine["spot"] >= spots[at] * (1 - 1e-4)) & (mine["spot"] <= spots[at + 1] * (1 + 1e-4))).all()
        assert mine["rising"].tolist() == (g[at + 1] > 0).tolist()
        nearest = bands.flips.samples["flip"][draw]
        if len(at):
            flips += 1
            best = np.abs(np.log(spots[at] / rows.spot)).min()
            assert abs(np.log(nearest / rows.spot)) == pytest.approx(best, abs=step)
        else:
            assert np.isnan(nearest)
        zone = zone_of(spots, g, rows.spot)
        edges, core = bands.zones.samples.loc[draw], bands.core.samples.loc[draw]
        if zone is None:
            assert np.isnan(edges["low"])
            assert core.drop("open").isna().all()
            continue
        zones += 1
        first, last = zone
        part, i = g[first:last], first + int(g[first:last].argmin())
        # Ends at a zero; at the ends of the grid where gamma has not faded to 1 % of the trough.
        away = [k for k in range(first, last) if g[k] <= 0.01 * part.min()]
        low = spots[away[0]] if first == 0 else spots[first]
        high = spots[away[-1]] if last == len(g) else spots[last - 1]
        assert edges["low"] == pytest.approx(low, rel=step), draw
        assert edges["high"] == pytest.approx(high, rel=step), draw
        assert core["gamma"] == pytest.approx(g[i], rel=2e-4, abs=2e-5 * gross[i])
        assert core["trough"] == pytest.approx(spots[i], rel=3e-3)
        left, right = i, i
        while left > first and g[left - 1] < 0.8 * g[i]:
            left -= 1
        while right < last - 1 and g[right + 1] < 0.8 * g[i]:
            right += 1
        for name, value in (("core_low", spots[left]), ("core_high", spots[right])):
            assert core[name] == pytest.approx(value, rel=3 * step), (draw, name)
    assert flips > 25
    assert zones > 40
    for found, name in ((bands.flips, "flip"), (bands.zones, "low"), (bands.core, "trough")):
        values = found.samples[name].to_numpy()
        known = values[~np.isnan(values)]
        assert found.quantiles[name].to_numpy() == pytest.approx(np.quantile(known, QUANTILES), rel=1e-12)
        assert found.none == pytest.approx(1.0 - len(known) / 300, abs=1e-15)


@pytest.mark.parametrize(("low", "high"), [(64_000.0, 71_000.0), (74_000.0, 82_500.0)])
def test_interval(bands, rows, low, high):
    x = np.exp(np.linspace(np.log(low), np.log(high), 1201))
    unit = rows.unit(x)
    gamma = bands.samples.to_numpy() @ unit
    short, found = gamma < 0, bands.interval(low, high)
    assert found["p_all"] == pytest.approx(short.all(axis=1).mean(), abs=2 / 300)
    assert found["p_any"] == pytest.approx(short.any(axis=1).mean(), abs=2 / 300)
    assert 0.1 < found["p_all"] < found["p_any"] < 1.0
    part = short.mean(axis=1)
    assert found["mean"] == pytest.approx(part.mean(), abs=2e-3)
    quantiles = found[["5 %", "25 %", "50 %", "75 %", "95 %"]].to_numpy(float)
    assert quantiles == pytest.approx(np.quantile(part, QUANTILES), abs=3e-3)
    core = bands.core.samples
    inside = troughs = 0.0
    whole = 0
    for row in core.itertuples():
        troughs += low <= row.trough <= high
        ends = max(row.core_low, low), min(row.core_high, high)
        inside += max(np.log(ends[1] / ends[0]), 0.0) if row.core_low > 0 else 0.0
        whole += row.core_low <= low and row.core_high >= high
    assert found["p_trough"] == pytest.approx(troughs / 300, abs=1e-12)
    assert found["core"] == pytest.approx(inside / np.log(high / low) / 300, rel=1e-9)
    assert found["p_core"] == pytest.approx(whole / 300, abs=1e-12)
    puts = np.array([cell[0] == "put" for cell in rows.cells])
    rest = bands.cells.mean[~puts] @ unit[~puts]
    even = -rest / unit[puts].sum(axis=0)
    assert [found["put_all"], found["put_any"]] == pytest.approx([even.min(), even.max()], rel=1e-4)


@pytest.mark.parametrize(
    ("calls", "puts", "likely"), [((0.2, 0.6), (-0.4, 0.1), [257, 300]), ((-0.2, 0.6), (-0.6, 0.9), [90, 41])]
)
def test_break_even(chain, rows, calls, puts, likely):
    """Beliefs under which a zone is not sure: some `likely` of 300 draws of each kind's share make one."""
    bands = gf.sign_bands(chain, gf.Beliefs({"put": puts, "call": calls}), draws=300, seed=2)
    assert (300 * bands.break_even.table["p_zone"]).to_list() == pytest.approx(likely, abs=3.5)
    assert list(bands.cells.table.index) == rows.cells
    spots = bands.profile.spots
    unit, at_spot = rows.unit(spots), rows.unit([rows.spot])[:, 0]
    size = np.array([sum(s for s, c in zip(rows.size, rows.cell, strict=True) if c == k) for k in rows.cells])
    samples, means = bands.samples.to_numpy(), bands.cells.mean
    for kind, row in bands.break_even.table.iterrows():
        mine = np.array([cell[0] == kind for cell in rows.cells])

        def net(share, gamma, mine=mine):
            return share * gamma[mine].sum(axis=0) + means[~mine] @ gamma[~mine]

        assert row["at_spot"] == pytest.approx(brentq(net, -20, 20, (at_spot,), xtol=1e-14), rel=1e-9)
        drawn = [-(draw[~mine] @ at_spot[~mine]) / at_spot[mine].sum() for draw in samples]
        assert [row["at_spot 5 %"], row["at_spot 95 %"]] == pytest.approx(
            np.quantile(drawn, [0.05, 0.95]), rel=1e-9
        )
        # Between those spots where the kind has at least 1 % of its gamma on the grid.
        own = unit[mine].sum(axis=0)
        ends = spots[own >= 0.01 * own.max()][[0, -1]]
        between = rows.unit(np.geomspace(*ends, 1001))
        even = -(means[~mine] @ between[~mine]) / between[mine].sum(axis=0)
        assert row["zone"] == pytest.approx(even.max(), rel=1e-6), kind
        weights = size[mine] / size[mine].sum()
        assert row["mean"] == pytest.approx(weights @ means[mine], rel=1e-9)
        held = samples[:, mine] @ weights
        assert row["p_zone"] == pytest.approx((held < row["zone"]).mean(), abs=1e-12)


def test_tornado(bands, rows):
    table = bands.tornado()
    assert len(table) == len(rows.cells) > 30
    spots = bands.profile.spots
    unit, at_spot = rows.unit(spots), rows.unit([rows.spot])[:, 0]
    swings, seen = [], 0
    for cell, row in table.iterrows():
        i = rows.cells.index(cell)
        believed = bands.cells.table.loc[cell]
        for name in ("5 %", "95 %"):
            shares = bands.cells.mean.copy()
            shares[i] = row[f"share {name}"]
            assert shares[i] == believed[name]
            assert row[f"gamma {name}"] == pytest.approx(shares @ at_spot, rel=1e-9)
            g = shares @ unit
            at = np.flatnonzero(np.sign(g[1:]) != np.sign(g[:-1]))
            if len(at):
                k = at[np.abs(np.log(spots[at] / rows.spot)).argmin()]
                assert spots[k] <= row[f"flip {name}"] <= spots[k + 1]
                seen += 1
            else:
                assert np.isnan(row[f"flip {name}"])
            first, last = zone_of(spots, g, rows.spot)
            k = first + int(g[first:last].argmin())
            assert spots[k - 1] <= row[f"trough {name}"] <= spots[k + 1]
            assert spots[first] <= row[f"core_low {name}"] < row[f"trough {name}"]
            assert row[f"trough {name}"] < row[f"core_high {name}"] <= spots[last - 1]
            for side in ("core_low", "core_high"):
                at_edge = np.interp(row[f"{side} {name}"], spots, g)
                assert at_edge == pytest.approx(0.8 * row_depth(g, k, spots), rel=2e-3), (cell, name)
        swings.append(abs(at_spot[i] * (believed["95 %"] - believed["5 %"])))
    assert seen > 20
    assert table["swing"].to_numpy() == pytest.approx(swings, rel=1e-9)
    assert swings == sorted(swings, reverse=True)


def row_depth(g, k, spots):
    """The lowest point of the parabola in ln S through three samples."""
    bend, slope, top = np.polyfit(np.log(spots[k - 1 : k + 2] / spots[k]), g[k - 1 : k + 2], 2)
    return top - slope**2 / (4 * bend)


def test_the_report_of_the_recorded_chain(chain, rows):
    """Its table and its words at no rate, from draws and the rows of the file."""
    report = gf.analyze(chain, beliefs=BELIEFS, core=0.8, rate=0.0, dividend_yield=0.0)
    bands = report.bands
    drawn = bands.samples.to_numpy()
    at = drawn @ rows.unit([rows.spot])[:, 0]
    table = band_table(bands).set_index("level")
    shown = table.loc["gamma at spot [USD m per +1 % spot]", ["5 %", "median", "95 %"]].astype(float)
    assert shown.to_numpy(float) == pytest.approx(np.quantile(at, [0.05, 0.5, 0.95]) / 1e6, abs=0.0501)
    assert f"short gamma at spot in {(at < 0).mean():.0%} of 10,000 draws" in band_text(bands)
    region, _, put, call = band_remarks(bands, report.levels)["meaning"]
    # The trough region: 80 % of the deepest short gamma where dealers are long calls and short puts.
    x = rows.spot * np.exp(np.linspace(-0.3, 0.3, 6001))
    signs = np.array([1.0 if cell[0] == "call" else -1.0 for cell in rows.cells])
    g = signs @ rows.unit(x)
    inside = np.flatnonzero(g < 0.8 * g.min())
    ends = [float(text.replace(",", "")) for text in re.findall(r"[\d,]+\.?\d*", region)[:2]]
    assert ends == pytest.approx([x[inside[0]], x[inside[-1]]], rel=2e-4)
    assert region.startswith(" to ".join(map(price_text, report.levels.zone.core)))
    gamma = drawn @ rows.unit(np.exp(np.linspace(*np.log(report.levels.zone.core), 301)))
    shares = [int(text) for text in re.findall(r"(\d+)%", region)]
    whole, some = (100 * (f(gamma < 0, axis=1)).mean() for f in (np.all, np.any))
    assert shares == pytest.approx([80, whole, some], abs=0.52)
    unit = rows.unit([rows.spot])[:, 0]
    for kind, line in (("put", put), ("call", call)):
        mine = np.array([cell[0] == kind for cell in rows.cells])
        others = drawn[:, ~mine] @ unit[~mine] / unit[mine].sum()
        even = -(bands.cells.mean[~mine] @ unit[~mine]) / unit[mine].sum()
        low, high = np.quantile(-others, [0.05, 0.95])
        said = [int(text) for text in re.findall(r"([+-]?\d+) %", line)]
        assert said[:3] == pytest.approx([100 * even, 100 * low, 100 * high], abs=0.501)
