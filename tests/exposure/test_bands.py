"""Bands: draws against books drawn one by one, their levels against find_levels, break-even against roots."""

import contextlib
import io
import json
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy.optimize import brentq

import gammaflow as gf
from gammaflow.errors import MismatchError, SchemaError
from gammaflow.kernels.bands import products
from gammaflow.positions.beliefs import CUSTOMERS_BUY_PUTS
from support.band_levels import check_levels
from support.mixed_books import mixed_book
from support.pictures import title

QUANTILES = [0.05, 0.25, 0.5, 0.75, 0.95]


@cache
def demo():
    return gf.demo_chain()


def unsigned(book):
    """A random book as open interest."""
    columns = {**book.columns, "position": np.abs(book["position"]) + 0.5}
    return replace(book, columns=columns, signed=False)


@pytest.fixture(scope="module")
def chain():
    whole = demo()
    return whole.select((whole["strike"] % 5000.0 == 0.0) & (whole["open_interest"] > 0))


@pytest.fixture(scope="module")
def bands(chain):
    return gf.sign_bands(chain, CUSTOMERS_BUY_PUTS, draws=60, seed=3)


def test_draws_are_books_drawn_one_by_one(bands, chain):
    """Rows signed by hand, each book revalued in full: quantiles, mean, chance of being short."""
    book = gf.assign_positions(chain, "unsigned")
    held = bands.cells
    shares = bands.samples.to_numpy()
    spots = bands.profile.spots[::60]
    gamma = np.empty((60, len(spots)))
    for d in range(60):
        position = shares[d, held.cells.place] * book["position"]
        drawn = gf.Book({**book.columns, "position": position}, "BTC", book.spot, book.asof, "by hand")
        gamma[d] = gf.sweep_spot(drawn, spots, measures=["gamma"]).table["gamma"]
        if d < 3:
            exact = gf.aggregate_exposure(drawn).total()["gamma"]
            assert bands.book(d)["position"] == pytest.approx(drawn["position"], rel=1e-14)
            i = np.searchsorted(bands.profile.spots, book.spot)
            assert float(shares[d] @ bands.unit[:, i]) == pytest.approx(exact, rel=1e-12)
    table = bands.table.iloc[::60]
    scale = np.abs(bands.unit).sum(axis=0)[::60]
    for name, expected in zip(
        table, [*np.quantile(gamma, QUANTILES, axis=0), gamma.mean(axis=0)], strict=False
    ):
        assert np.abs(table[name].to_numpy() - expected).max() <= 1e-12 * scale.max(), name
        assert (np.abs(table[name].to_numpy() - expected) <= 1e-11 * scale).all(), name
    assert table["p_short"].to_numpy() == pytest.approx((gamma < 0).mean(axis=0), abs=1e-15)


@pytest.mark.parametrize("seed", [1, 2])
def test_every_kind_of_row_and_what_is_known(seed):
    """Barrier, American and coin rows as open interest, others known, rolled and shifted."""
    how = {"days": 0.5, "vol_shift": 0.02}
    interest, known = (mixed_book(seed, rows=n, notes=0) for n in (10, 6))
    interest, known = (book.select(book.years > 0.01) for book in (unsigned(interest), known))
    spots = interest.spot * np.geomspace(0.8, 1.25, 3)
    bands = gf.sign_bands(interest, draws=3, seed=seed, spots=spots, known=known, **how)
    whole = np.array(
        [gf.sweep_spot(bands.book(d), spots, measures=["gamma"], **how).table["gamma"] for d in range(3)]
    )
    gross = np.abs(bands.unit).sum(axis=0).max()
    assert (
        np.abs(np.quantile(whole, QUANTILES, axis=0) - bands.table.to_numpy()[:, :5].T).max() <= 1e-12 * gross
    )
    assert np.abs(bands.table["mean"] - whole.mean(axis=0)).max() <= 1e-12 * gross
    held = bands.book(0)
    assert len(held) == len(interest) + len(known)
    assert set(known["position"]) <= set(held["position"])
    assert bands.samples.shape[1] == len(bands.unit) - 1


def test_levels_of_draws_are_those_of_their_books(bands):
    assert check_levels(bands, range(5)) >= 3


def test_gamma_that_cancels_is_neither_long_nor_short(chain):
    """Known positions against a known share: what is left is rounding, in the table and in an interval."""
    known = gf.assign_positions(chain, "short_all")
    bands = gf.sign_bands(chain, gf.Beliefs({"call": 1.0, "put": 1.0}), draws=3, known=known)
    assert 0.0 < np.abs(bands.table.to_numpy()).max() < 1e-12 * np.abs(bands.unit).max()
    assert bands.table["p_short"].max() == 0.0
    assert bands.flips.none == bands.zones.none == 1.0
    assert bands.interval(64_000.0, 71_000.0)[["p_all", "p_any", "mean"]].tolist() == [0.0, 0.0, 0.0]


def test_products_are_sums_in_order():
    rng = np.random.default_rng(0)
    for n, count, m in ((3, 1, 5), (7, 4, 513), (5, 6, 1030), (2, 11, 1)):
        a, b, out = rng.normal(size=(n, count)), rng.normal(size=(count, m)), np.empty((n, m))
        products(a, b, out)
        np.testing.assert_allclose(out, a @ b, rtol=0, atol=1e-14 * count)


def test_interval_and_break_even(bands, chain):
    """Against books whose puts are all given one share, and roots of their gamma."""
    found = bands.interval(64_000.0, 71_000.0)
    x = np.geomspace(64_000.0, 71_000.0, 2001)
    drawn = bands.samples.to_numpy() @ bands.profile.group_sums(x, bands.cells.cells.place)
    assert found["p_all"] == pytest.approx((drawn < 0).all(axis=1).mean(), abs=0.02)
    assert found["p_any"] == pytest.approx((drawn < 0).any(axis=1).mean(), abs=0.02)
    assert found["mean"] == pytest.approx((drawn < 0).mean(), abs=1e-3)
    core = bands.core.samples
    overlap = np.clip(
        np.log(np.minimum(core["core_high"], 71e3) / np.maximum(core["core_low"], 64e3)), 0, None
    )
    assert found["core"] == pytest.approx(overlap.fillna(0).mean() / np.log(71 / 64), rel=1e-12)

    sure = gf.Beliefs({"call": 0.3, "put": (-0.9, -0.1)})
    some = gf.sign_bands(chain, sure, draws=500)
    book = gf.assign_positions(chain, "unsigned")
    put = book["kind"] == "put"

    def gamma(share, spots):
        position = np.where(put, share, 0.3) * book["position"]
        drawn = gf.Book({**book.columns, "position": position}, "BTC", book.spot, book.asof, "by hand")
        return gf.sweep_spot(drawn, spots, measures=["gamma"]).table["gamma"].to_numpy()

    def at(spot):
        return brentq(lambda s: gamma(s, [spot])[0], -5.0, 5.0, xtol=1e-14)

    table = some.break_even.table
    assert table.loc["put", "at_spot"] == pytest.approx(at(book.spot), rel=1e-9)
    # Calls are known: what other shares say is the same in every draw.
    assert table.loc["put", "at_spot 5 %"] == pytest.approx(table.loc["put", "at_spot 95 %"], rel=1e-9)
    assert table.loc["put", "mean"] == pytest.approx(-0.5, abs=1e-9)
    held = some.break_even.curve["put"].dropna()
    zone, where = table.loc["put", ["zone", "zone_spot"]]
    near = np.linspace(*held.index[[max(held.argmax() - 1, 0), min(held.argmax() + 1, len(held) - 1)]], 400)
    assert zone == pytest.approx(max(map(at, near[::80])), abs=1e-4)
    # The last of it vanishes at the end of the grid: gamma of calls is least of that of puts there.
    assert where == held.index[0]
    assert gamma(zone - 1e-3, near).min() < 0.0
    assert gamma(zone + 1e-3, held.index.to_numpy()).min() > 0.0
    weights = some.cells.table["open_interest"].xs("put")
    shares = some.samples.to_numpy()[:, [k[0] == "put" for k in some.cells.table.index]]
    assert table.loc["put", "p_zone"] == pytest.approx((shares @ weights / weights.sum() < zone).mean())
    ends = some.interval(64_000.0, 71_000.0)
    exact = [at(s) for s in np.geomspace(64_000.0, 71_000.0, 9)]
    assert ends["put_all"] <= min(exact) + 1e-9
    assert ends["put_any"] >= max(exact) - 1e-9
    between = some.break_even.between(64_000.0, 71_000.0).loc["put"]
    assert ends[["put_all", "put_any"]].to_numpy() == pytest.approx(between.to_numpy(), abs=1e-3)


def test_break_even_of_a_zone_that_vanishes_inside_the_grid(chain):
    """Puts near the money short, others long: calls make the last short gamma vanish between two spots."""
    shares = {"call": (-0.2, 0.9), "put": 0.5, ("put", "0.95-1.05"): -0.9, ("put", "0.8-0.95"): -0.9}
    some = gf.sign_bands(chain, gf.Beliefs(shares), draws=40)
    spots, cells = some.profile.spots, some.cells.cells.place
    calls = np.array([key[0] == "call" for key in some.cells.table.index])

    def even(at):
        unit = some.profile.group_sums(at, cells)
        return -(some.cells.mean[~calls] @ unit[~calls]) / unit[calls].sum(axis=0)

    zone, where = some.break_even.table.loc["call", ["zone", "zone_spot"]]
    i = np.searchsorted(spots, where)
    assert spots[20] < spots[i - 1] < where < spots[i] < spots[-20]
    fine = np.linspace(spots[i - 2], spots[i + 1], 4001)
    assert zone == pytest.approx(even(fine).max(), rel=1e-9)
    assert where == pytest.approx(fine[even(fine).argmax()], rel=1e-4)
    assert zone > some.break_even.curve["call"].max()
    for share, sign in ((zone - 1e-4, -1.0), (zone + 1e-4, 1.0)):
        lowest = (share - even(fine)).min()
        assert np.sign(lowest) == sign


def test_tornado_is_one_share_at_a_time(bands):
    table = bands.tornado()
    assert table["swing"].is_monotonic_decreasing
    key, row = table.index[0], table.iloc[0]
    means = bands.cells.mean.copy()
    i = bands.cells.table.index.get_loc(key)
    for name in ("5 %", "95 %"):
        means[i] = bands.cells.table[name].iloc[i]
        assert row[f"share {name}"] == means[i]
        interest = bands.profile.book
        columns = {**interest.columns, "position": means[bands.cells.cells.place] * interest["position"]}
        drawn = gf.Book(columns, "BTC", interest.spot, interest.asof, "by hand")
        profile = gf.sweep_spot(drawn, bands.profile.spots, measures=["gamma", "gross_gamma"])
        levels = gf.find_levels(profile)
        assert row[f"gamma {name}"] == pytest.approx(levels.gamma, rel=1e-11)
        assert row[f"core_low {name}"] == pytest.approx(levels.zone.core[0], rel=1e-4)
        assert row[f"core_high {name}"] == pytest.approx(levels.zone.core[1], rel=1e-4)
    assert row["swing"] == pytest.approx(abs(row["gamma 95 %"] - row["gamma 5 %"]))


def test_a_seed_gives_the_same_numbers_on_any_number_of_threads(tmp_path):
    code = """
import gammaflow as gf, hashlib, pandas as pd, numpy as np
chain = gf.demo_chain()
dealers = pd.Series(-0.2 * chain["open_interest"], index=chain["contract"])[::3]
prior = gf.Beliefs({"put": (-0.9, 0.3)}, moneyness=(0.9, 1.1), days=(30.0,))
beliefs = prior.updated((dealers, 0.3 * dealers.abs()))
bands = gf.sign_bands(chain, beliefs, draws=300, seed=11)
parts = [bands.table, bands.flips.samples, bands.core.samples, bands.cells.table.reset_index(drop=True)]
print(hashlib.sha256(b"".join(p.to_numpy(float).tobytes() for p in parts)).hexdigest())
"""
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    env = os.environ | dict.fromkeys(names, "1")
    alone = subprocess.run(
        [sys.executable, "-c", code], env=env, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    here = io.StringIO()
    with contextlib.redirect_stdout(here):
        exec(code, {})
    assert alone.stdout == here.getvalue() != ""


def test_draws_of_a_seed(bands, chain):
    again = gf.sign_bands(chain, CUSTOMERS_BUY_PUTS, draws=90, seed=3)
    np.testing.assert_array_equal(again.samples.to_numpy()[:60], bands.samples)
    other = gf.sign_bands(chain, CUSTOMERS_BUY_PUTS, draws=60, seed=4)
    assert not np.array_equal(other.samples, bands.samples)


def test_results_say_what_they_are(bands):
    text = repr(bands)
    for words in ("beliefs: customers_buy_puts: ", "draws: 60, seed 3", "sign: + = dealers are long",
                  "USD m per +1 % spot", "break-even net share of put", "core, low"):  # fmt: skip
        assert words in text, words
    again = pickle.loads(pickle.dumps(bands))
    np.testing.assert_array_equal(again.table, bands.table)
    numbers = bands.to_dict()
    assert numbers["draws"] == 60
    assert numbers["table"][0]["spot"] == pytest.approx(bands.profile.spots[0])
    assert numbers["flips"]["none"] == bands.flips.none
    assert numbers["core"]["trough"]["50 %"] == pytest.approx(bands.core.samples["trough"].median())
    assert json.loads(json.dumps(numbers, allow_nan=False)) == numbers
    density = bands.flips.density()
    step = density.index[1] - density.index[0]
    assert (density * step).sum() == pytest.approx(1.0 - bands.flips.none)
    assert "none in" in repr(bands.zones)


def test_nothing_to_find():
    """Dealers long everything: no flip, no zone, in words and numbers."""
    bands = gf.sign_bands(demo(), gf.Beliefs({"put": 1.0, "call": 0.5}), draws=5)
    assert bands.flips.none == bands.zones.none == bands.core.none == 1.0
    assert bands.flips.quantiles["flip"].isna().all()
    assert bands.flips.density().empty
    assert "zero gamma nearest to spot: none in any draw" in repr(bands)
    assert bands.interval(60_000, 70_000)["p_any"] == 0.0
    # After every expiry nothing has gamma, and no share makes a difference.
    over = gf.sign_bands(demo(), draws=5, days=4_000.0)
    assert (over.unit == 0.0).all()
    assert over.break_even.table[["at_spot", "at_spot 5 %", "zone"]].isna().all(axis=None)
    assert "break-even net share of put open interest: none, it has no gamma" in repr(over)


def test_a_trough_beyond_the_grid_is_said():
    """Dealers short everything, on spots above the trough at some 72,000: gamma still falls at the lowest."""
    every = gf.Beliefs({"put": -1.0, "call": -1.0})
    bands = gf.sign_bands(demo(), every, draws=3, spots=np.linspace(90e3, 140e3, 26))
    assert bands.core.samples["trough"].tolist() == [90e3] * 3
    assert bands.core.open == bands.to_dict()["core"]["open"] == 1.0
    assert "trough: 90,000 (5 % 90,000, 95 % 90,000), beyond the grid in 100.0%" in repr(bands)
    whole = gf.sign_bands(demo(), every, draws=3)
    assert 60e3 < whole.core.samples["trough"][0] < 90e3
    assert whole.core.open == 0.0
    assert bands.to_dict()["flips"]["flip"]["50 %"] is None


def test_books_without_options_or_puts():
    rows = {
        "contract": ["PERP"],
        "venue": ["V"],
        "kind": ["perpetual"],
        "position": [5.0],
        "multiplier": [1.0],
    }
    book = gf.Book(rows, "X", 99.0, "2026-02-20T08:00Z", "open interest", signed=False)
    bands = gf.sign_bands(book, draws=1)
    assert bands.table.to_numpy().tolist() == (0.0 * bands.table).to_numpy().tolist()
    assert bands.break_even.table.empty
    assert np.isnan(bands.interval(90.0, 100.0)["put_all"])
    assert bands.tornado()["swing"].tolist() == [0.0]
    assert "none in any draw" in repr(bands)


def test_plot(bands):
    pytest.importorskip("matplotlib").use("Agg")
    top, below = bands.plot()
    assert "customers_buy_puts" in title(top)
    assert below.get_ylim() == (0.0, 1.0)
    line = below.get_lines()[0]
    np.testing.assert_array_equal(line.get_ydata(), bands.table.loc[line.get_xdata(), "p_short"])
    import matplotlib.pyplot as plt

    plt.close(top.figure)


def test_tornado_plot(bands):
    pytest.importorskip("matplotlib").use("Agg")
    import matplotlib.pyplot as plt

    ax = bands.plot_tornado(cells=3)
    table = bands.tornado().iloc[:3]
    middle = ax.get_lines()[0].get_xdata()[0]
    spot = bands.profile.book.spot
    gamma = float(
        bands.profile.group_sums(np.array([spot]), bands.cells.cells.place)[:, 0] @ bands.cells.mean
    )
    assert middle == pytest.approx(gamma / 1e6, rel=1e-12)
    for bars, name in zip(ax.containers, ("5 %", "95 %"), strict=True):
        ends = [bar.get_x() + bar.get_width() for bar in bars]
        np.testing.assert_allclose(ends, table[f"gamma {name}"] / 1e6, rtol=1e-12)
    first = ax.get_yticklabels()[0].get_text()
    assert first.startswith(", ".join(map(str, table.index[0])) + ": ")
    assert "beliefs: customers_buy_puts" in title(ax)
    assert "USD m per +1 % spot" in ax.get_xlabel()
    plt.close(ax.figure)
    with pytest.raises(SchemaError, match="cells: received 0"):
        bands.plot_tornado(cells=0)


def test_errors(chain, bands):
    with pytest.raises(SchemaError, match=r"(?s)draws: received 0; legal: an integer >= 1.*seed: .*core: "):
        gf.sign_bands(chain, draws=0, seed=-1, core=0.0)
    with pytest.raises(SchemaError, match="signed, and beliefs are about open interest"):
        gf.sign_bands(gf.assign_positions(chain))
    with pytest.raises(SchemaError, match="beliefs: received 'bullish'; legal: 'flat'"):
        gf.sign_bands(chain, "bullish")
    with pytest.raises(SchemaError, match="bands need at least three"):
        gf.sign_bands(chain, spots=[60_000.0, 70_000.0])
    with pytest.raises(SchemaError, match="known: received a book of open interest"):
        gf.sign_bands(chain, known=gf.assign_positions(chain, "unsigned"))
    with pytest.raises(MismatchError, match="spot: "):
        gf.sign_bands(chain, known=gf.assign_positions(chain).at(spot=70_000.0))
    with pytest.raises(SchemaError, match="inside the grid"):
        bands.interval(71_000.0, 64_000.0)
    with pytest.raises(SchemaError, match=r"draw: received 60; draw must be >= 0 and <= 59"):
        bands.book(60)
