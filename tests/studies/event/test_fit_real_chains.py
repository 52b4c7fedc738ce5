"""Sets that reproduce the fall of 5 February 2026 from the recorded chain and pools of the evening before."""

import math

import numpy as np
import pytest

import gammaflow as gf
from gammaflow.studies.event import fit_event

MOVE, BETA = -0.132, -1.0
RULES = ("calls_long_puts_short", "crypto_puts_bought", "short_all")


@pytest.fixture(scope="module")
def event(shared):
    """Chain of 4 February 21:33 UTC, pools of 21:06, and 530m of notes with barriers at 38 to 39."""
    chain = gf.read_chain(shared / "data/deribit/deribit_options_snapshot_20260204T213308Z.csv", symbol="BTC")
    pools = gf.liquidations.read(
        shared / "data/event/hyperliquid_liquidation_map.csv", asof=chain.asof, spot=chain.spot
    )
    notes = [
        gf.BarrierNote(
            name=f"barrier {barrier}", symbol="IBIT", notional=530e6 / 3, initial=barrier / 0.7, barrier=0.7,
            issued="2025-11-04", matures="2026-11-04", observation="continuous", participation=1.0,
        )
        for barrier in (39.0, 38.5, 38.0)
    ]  # fmt: skip
    spot = float(gf.venues.IBIT.price(chain.spot, chain.asof))
    book = gf.book_notes(notes, spot=spot, asof=chain.asof, sigma=0.56, rate=0.036)
    return chain, pools, book.in_units_of("BTC", gf.venues.IBIT, spot=chain.spot)


@pytest.fixture(scope="module")
def fits(event):
    chain, pools, notes = event
    terms = {"liquidations": pools, "notes": notes, "beta": BETA, "hedge_fraction": (4.0 / 43.0, 0.5, 1.0)}
    ruled = {rule: fit_event(gf.assign_positions(chain, rule), **terms) for rule in RULES}
    return {**ruled, "beliefs": fit_event(chain, beliefs="customers_buy_puts", **terms)}


def shocks(fit, member=1.0, fraction=1.0, *, pooled=True, noted=True):
    """Flow [USD bn] by depth [USD m]."""
    table = fit.table
    rows = table[
        (table[fit.member] == member)
        & np.isclose(table["hedge_fraction"], fraction)
        & (table["with_liquidations"] == pooled)
        & (table["with_notes"] == noted)
    ]
    return dict(zip((rows["depth"] / 1e6).round(), (rows["shock"] / 1e9).round(2), strict=True))


@pytest.mark.parametrize(
    ("name", "member", "thin", "citi", "deep"),
    [
        ("calls_long_puts_short", 1.0, -0.22, -2.97, -12.96),
        ("crypto_puts_bought", 0.5, -0.60, -3.34, -13.34),
        ("crypto_puts_bought", 1.0, 0.16, -2.59, -12.59),  # a purchase: the book alone overshoots
        ("crypto_puts_bought", 2.0, 1.66, -1.09, -11.08),
        ("short_all", 1.0, 0.53, -2.21, -12.21),
        ("beliefs", 0.05, -1.25, -3.99, -13.99),
        ("beliefs", 0.5, -0.61, -3.35, -13.35),
        ("beliefs", 0.95, -0.03, -2.78, -12.78),
    ],
)
def test_the_ridge_of_5_february(fits, name, member, thin, citi, deep):
    found = shocks(fits[name], member)
    assert (found[100.0], found[294.0], found[1000.0]) == (thin, citi, deep)


def test_pools_and_notes_on_record_are_small(fits):
    """49m of pools that fire and 15m of knock-ins against billions, in the middle of the set."""
    table = fits["crypto_puts_bought"].table
    assert table["liquidations"].min() / 1e6 == pytest.approx(-48.8, abs=0.1)
    assert table["knock_in"].min() / 1e6 == pytest.approx(-14.7, abs=0.1)


def test_rows_land_on_the_move(event, fits):
    """Round trip through `solve_cascade` with the book and the notes repriced together."""
    chain, pools, notes = event
    for rule in RULES[1:2]:
        path = gf.hedge_path(
            gf.assign_positions(chain, rule) + notes, beta=BETA, low=0.8 * chain.spot, high=1.02 * chain.spot
        )
        table = fits[rule].table
        rows = table[(table["scale"] == 1.0) & (table["hedge_fraction"] == 1.0) & table["with_notes"]]
        for _, row in rows[rows["depth"].isin([100e6, 150e6, 294e6])].iterrows():
            given = pools if row["with_liquidations"] else None
            impact = gf.impact.linear(row["depth"])
            fall = gf.solve_cascade(path, shock=min(row["shock"], -1e6), impact=impact, liquidations=given)
            lands = fall.log_return == pytest.approx(math.log1p(MOVE), rel=1e-6)
            assert lands == (row["outcome"] == "lands")


def test_beliefs_drawn_and_repriced(event, fits):
    """Flow of a few draws with full hedging, from books signed and priced in full."""
    chain, fit = event[0], fits["beliefs"]
    bands = gf.sign_bands(
        chain, "customers_buy_puts", draws=500, spots=chain.spot * np.array([0.9, 1.0, 1.1])
    )
    spot = chain.spot * (1.0 + MOVE)
    for draw in (0, 123, 499):
        path = gf.hedge_path(bands.book(draw), beta=BETA, low=0.98 * spot, high=1.02 * chain.spot)
        assert fit.samples.loc[draw].sum() == pytest.approx(path.flows(spot)["total"].item(), rel=1e-6)


def test_depth_is_what_would_narrow_it(fits):
    for name, fit in fits.items():
        assert fit.narrows.index[0] == "depth", name
        assert fit.narrows["variance_share"].iloc[0] > 0.75
        assert fit.narrows["share_after"].idxmax() == "hedge fraction"
        assert fit.narrows.loc[["liquidations", "notes"], "variance_share"].max() < 0.01
