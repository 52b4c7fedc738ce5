from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gammaflow import barrier, bsm, demo_chain
from gammaflow.errors import SchemaError
from gammaflow.instruments.note.registry import demo_notes
from gammaflow.positions.notes import BarrierNote, ReverseConvertible, book_notes
from gammaflow.positions.rules import assign_positions
from gammaflow.positions.venues import UnitMap
from gammaflow.pricing.note.terms import NoteTerms
from gammaflow.studies.notes import barrier_map, knock_in_sales, locate, peak_vega, vega_matched_puts

ASOF = pd.Timestamp("2026-02-05T21:00Z")
COINS = 0.00056712


def put_note(H=0.7, K=1.0, t=1.75, continuous=True):
    """A note of par 1 that loses what a down-and-in put pays."""
    return NoteTerms(
        [t], look=not continuous, continuous=continuous, barrier=H, edges=[K],
        intact=[[1.0, 0.0], [1.0, 0.0]], hit=[[0.0, 1.0 / K], [1.0, 0.0]],
    )  # fmt: skip


def knock_in(**changes):
    fields = {
        "name": "RC", "symbol": "IBIT", "notional": 7e6, "initial": 50.0, "issued": "2025-11-04",
        "matures": "2027-11-04", "barrier": 0.7, "observation": "continuous",
    }  # fmt: skip
    return ReverseConvertible(**{**fields, **changes})


def book_of(*notes, spot=41.59, sigma=0.56, **rates):
    return book_notes(notes, spot=spot, asof=ASOF, sigma=sigma, **rates)


# --- the overlay


def test_vega_matched_puts_turn_the_dealer_short_gamma_at_the_barrier():
    overlay = vega_matched_puts(put_note(), [0.5, 0.7, 0.85, 1.0, 1.2], spot=1.0, sigma=0.56)
    assert overlay.puts == pytest.approx(1.4013, abs=1e-4)
    unit = overlay.table["net"] / (0.01 * overlay.table.index.to_numpy() ** 2)
    assert unit.to_list() == pytest.approx([-0.5859, -0.24196, -0.08288, 0.0, 0.0468], abs=1e-4)
    assert (overlay.table["note"].loc[:1.0] > 0).all()
    assert 530e6 * overlay.table.loc[0.7, "net"] == pytest.approx(-0.628e6, abs=1e3)


def test_the_overlay_in_money_at_other_rates_and_strikes():
    r, q, sigma, t, K, H, N = 0.04, 0.01, 0.5, 0.8, 48.0, 36.0, 3e6
    overlay = vega_matched_puts(
        put_note(H, K, t), [40.0, 45.0], spot=42.0, sigma=sigma, r=r, q=q, notional=N, strike=35.0
    )
    each = {"t": t, "r": r, "sigma": sigma, "q": q, "which": ("vega", "gamma")}
    note = barrier.greeks("down-in", "p", np.array([42.0, 40.0, 45.0]), K, H, **each)
    put = bsm.greeks("p", np.array([42.0, 40.0, 45.0]), 35.0, **each)
    puts = N / K * note.vega[0] / put.vega[0]
    assert (overlay.strike, overlay.puts) == (35.0, pytest.approx(puts, rel=1e-6))
    cash = 0.01 * np.array([40.0, 45.0]) ** 2
    assert overlay.table["note"].to_numpy() == pytest.approx(N / K * note.gamma[1:] * cash, rel=1e-6)
    assert overlay.table["net"].to_numpy() == pytest.approx(
        (N / K * note.gamma[1:] - puts * put.gamma[1:]) * cash, rel=1e-6
    )


def test_there_must_be_vega_to_sell():
    rises = NoteTerms([1.0], edges=[1.0], intact=[[1.0, 0.0], [0.0, 1.0]], hit=[[1.0, 0.0], [0.0, 1.0]])
    with pytest.raises(SchemaError, match="strike: received 0"):
        vega_matched_puts(rises, [1.0], spot=1.0, sigma=0.5)
    with pytest.raises(SchemaError, match="spot: at 1 the dealer who is short the note has vega -"):
        vega_matched_puts(rises, [1.0], spot=1.0, sigma=0.5, strike=0.7)


# --- locators


@pytest.mark.parametrize(
    ("H", "t", "sigma", "expected"),
    [(0.5, 2.5, 0.20, 0.7034), (0.7, 1.75, 0.56, 1.3169)],
)
def test_where_vega_peaks(H, t, sigma, expected):
    assert peak_vega(1.0, H, t, 0.0, sigma) == pytest.approx(expected, abs=1e-4)


def test_the_peak_scales_and_is_a_peak():
    spot = peak_vega(50.0, 35.0, 0.8, 0.04, 0.5, 0.01, monitoring="maturity")
    assert spot == pytest.approx(
        50 * peak_vega(1.0, 0.7, 0.8, 0.04, 0.5, 0.01, monitoring="maturity"), rel=1e-6
    )
    around = spot * np.array([0.99, 1.0, 1.01])
    vega = barrier.greeks(
        "down-in", "p", around, 50.0, 35.0, 0.8, 0.04, 0.5, 0.01, which="vega", monitoring="maturity"
    ).vega
    assert vega.argmax() == 1


def test_which_notes_have_delta_above_one():
    short = knock_in(name="short", matures="2026-03-05", initial=50.0)
    long = knock_in(name="long", observation="maturity")
    table = locate(book_of(short, long, rate=0.0)).table
    assert table.loc["short", "threshold"] == pytest.approx(0.325, abs=5e-4)
    assert table.loc["long", "threshold"] == pytest.approx(0.302, abs=5e-4)
    below = table["deviation"] < table["threshold"]
    assert below.to_dict() == {"short": True, "long": False}
    assert (table["delta"] < -1.0).equals(below)
    assert table.loc["short", "barrier"] < table.loc["short", "excess"] < 50.0
    assert np.isnan(table.loc["long", "excess"])
    assert table["deviation"].to_numpy() == pytest.approx(0.56 * np.sqrt(table["years"].to_numpy()))


def test_knocked_notes_and_notes_without_barrier_are_not_located():
    safe = BarrierNote(
        name="safe", symbol="IBIT", notional=1e6, initial=50.0, issued="2025-11-04", matures="2027-11-04",
        barrier=0.0,
    )  # fmt: skip
    done = knock_in(name="done", observation="daily", knocked=True)
    assert locate(book_of(knock_in(), safe, done)).table.index.to_list() == ["RC"]
    with pytest.raises(SchemaError, match="none of the 2 notes on IBIT can still be knocked in"):
        locate(book_of(safe, done))
    with pytest.raises(SchemaError, match="none of the 1 notes on IBIT has a barrier"):
        barrier_map(book_of(safe))
    with pytest.raises(SchemaError, match="BTC has no notes; make one with book_notes"):
        barrier_map(assign_positions(demo_chain()))


# --- the map


def test_what_is_traded_at_the_barrier_is_the_jump_of_delta():
    note = knock_in(matures="2026-05-05", strike=0.96)
    rates = {"rate": 0.036, "dividend_yield": 0.01}
    table = barrier_map(book_of(note, **rates)).table
    t = note.terms(ASOF).maturity
    jump = barrier.knock_in_jump("down-in", "p", 48.0, 35.0, t, 0.036, 0.56, 0.01)
    row = table.loc["RC"]
    assert row["trade_shares"] == pytest.approx(-7e6 / 48.0 * jump, rel=1e-5)
    assert row["trade"] == pytest.approx(row["trade_shares"] * 35.0)
    assert (row["barrier"], row["shares"], row["years"]) == pytest.approx((35.0, 140_000.0, t))
    assert row["trade_shares"] < 0


def test_what_is_looked_at_on_maturity_or_knocked_trades_nothing():
    table = barrier_map(
        book_of(knock_in(observation="maturity"), knock_in(name="done", observation="daily", knocked=True))
    ).table
    assert table["trade"].to_list() == [0.0, 0.0]
    assert table["knocked"].to_list() == [False, True]


def test_the_map_of_the_demo_notes_in_shares_and_coins():
    book = book_notes(demo_notes(), spot=40.53, asof="2026-02-05T09:36Z", sigma=0.56, rate=0.036)
    table = barrier_map(book, per_unit=COINS).table
    assert table["barrier"].is_monotonic_decreasing
    assert table["notional"].sum() == 530e6
    first = table.iloc[0]
    assert (round(first["barrier"], 1), round(first["barrier_BTC"], -1)) == (43.6, 76_880)
    daily = table.loc["DEMO-05 phoenix, daily"]
    assert daily["trade_BTC"] == pytest.approx(daily["trade_shares"] * COINS)
    assert daily["trade"] == pytest.approx(daily["trade_BTC"] * daily["barrier_BTC"])
    assert table.loc["DEMO-03 reverse convertible, daily", "knocked"]
    levels = barrier_map(book, per_unit=UnitMap("IBIT", "BTC", COINS, ASOF), step=1.0).table
    assert levels["notional"].to_dict() == {43.0: 125e6, 38.0: 250e6, 35.0: 110e6, 28.0: 45e6}
    assert levels["trade"].sum() == pytest.approx(table["trade"].sum())


@pytest.mark.parametrize(("level", "coin"), [(43.6, 76_880), (39.0, 68_768), (38.0, 67_005), (36.10, 63_655)])
def test_levels_in_coins(level, coin):
    table = barrier_map(book_of(knock_in(barrier=level / 50.0)), per_unit=COINS, unit="coin").table
    assert table["barrier_coin"].to_list() == pytest.approx([coin], abs=1.0)


def test_a_mapped_book_has_the_mapped_map():
    book = book_notes(demo_notes(), spot=40.53, asof="2026-02-05T09:36Z", sigma=0.56, rate=0.036)
    shares = barrier_map(book, per_unit=COINS).table
    coins = barrier_map(book.in_units_of("BTC", COINS)).table
    assert coins["barrier"].to_numpy() == pytest.approx(shares["barrier_BTC"].to_numpy())
    assert coins["trade_shares"].to_numpy() == pytest.approx(
        shares["trade_BTC"].to_numpy(), rel=1e-6, abs=1e-6
    )
    assert coins["trade"].to_numpy() == pytest.approx(shares["trade"].to_numpy(), rel=1e-6, abs=1e-2)


@pytest.mark.parametrize(("name", "value"), [("step", 0.0), ("per_unit", -1.0)])
def test_steps_and_ratios_are_positive(name, value):
    with pytest.raises(SchemaError, match=f"{name}: received"):
        barrier_map(book_of(knock_in()), **{name: value})


# --- the article's claims


def test_what_530m_of_notes_would_sell_at_one_price():
    table = knock_in_sales().table
    assert table.index.names == ["sigma", "years"]
    assert (table.index.get_level_values("years").min(), table.index.get_level_values("years").max()) == (
        1 / 52,
        2,
    )
    assert table.loc[(0.56, 1.75), "delta"] == pytest.approx(0.560, abs=1e-3)
    assert table.loc[(0.90, 1.75), "delta"] == pytest.approx(0.387, abs=1e-3)
    assert table.loc[(0.56, 1.75), "continuous"] == pytest.approx(5.95e6, abs=0.01e6)
    assert table.loc[(0.90, 1.75), "continuous"] == pytest.approx(1.31e6, abs=0.01e6)
    assert table.loc[(0.56, 1 / 12), "continuous"] == pytest.approx(348.9e6, abs=0.1e6)
    assert table.loc[(0.56, 1 / 12), "daily"] == pytest.approx(281.7e6, abs=0.1e6)
    assert table.loc[(0.56, 1 / 52), "continuous"] == pytest.approx(1.184e9, abs=1e6)
    assert (table["daily"] < table["continuous"]).all()
    assert table["continuous"].groupby("sigma").apply(lambda s: s.is_monotonic_decreasing).all()
    for level, limit in ((0.7, 0.325), (0.75, 0.263), (0.8, 0.205), (0.6, 0.462), (0.5, 0.621)):
        years = ((limit + np.array([-1e-3, 1e-3])) / 0.56) ** 2
        delta = knock_in_sales(sigma=[0.56], years=years.tolist(), level=level).table["delta"]
        assert (delta > 1.0).to_list() == [True, False]


def test_sales_are_those_of_whole_notes():
    note = knock_in(notional=530e6, matures="2026-05-05")
    t = note.terms(ASOF).maturity
    sold = knock_in_sales(sigma=[0.56], years=[t], r=0.036, q=0.01).table["continuous"].iloc[0]
    traded = barrier_map(book_of(note, rate=0.036, dividend_yield=0.01)).table.loc["RC", "trade"]
    assert traded == pytest.approx(-sold, rel=1e-5)


def test_sales_need_a_notional():
    with pytest.raises(SchemaError, match="notional: received 0"):
        knock_in_sales(0.0)
