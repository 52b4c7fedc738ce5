"""Leveraged funds: against one that is rebalanced step by step, and differences of its value."""

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.errors import SchemaError
from support.books import ASOF, slope_of

RATE, YIELD, SIGMA, SPOT = 0.043, 0.012, 0.58, 71.5


def fund_book(leverage=2.0, position=-4000.0, ratio=0.35, **columns):
    frame = {
        "contract": ["FUND"], "venue": ["test"], "kind": ["leveraged fund"], "position": [position],
        "multiplier": [1.0], "leverage": [leverage], "forward_ratio": [ratio], "sigma": [SIGMA],
        "rate": [RATE], "dividend_yield": [YIELD], **columns,
    }  # fmt: skip
    return gf.Book(frame, "TEST", SPOT, ASOF)


def value(S, days=0.0, leverage=2.0, ratio=0.35):
    L, t = leverage, days / 365.0
    drag = (1.0 - L) * RATE + L * YIELD - 0.5 * L * (L - 1.0) * SIGMA**2
    return ratio * SPOT * (S / SPOT) ** L * np.exp(drag * t)


@pytest.mark.parametrize("leverage", [2.0, 3.0, -1.0, -2.0, 0.5])
def test_a_fund_rebalanced_step_by_step_is_worth_what_the_formula_says(leverage):
    rng, steps, t = np.random.default_rng(7), 400_000, 0.25
    dt = t / steps
    moves = np.exp((RATE - YIELD - 0.5 * SIGMA**2) * dt + SIGMA * np.sqrt(dt) * rng.standard_normal(steps))
    returns = moves - 1.0
    cash = np.expm1(RATE * dt)
    fund = np.prod(1.0 + leverage * (returns + YIELD * dt) + (1.0 - leverage) * cash)
    realised = np.sqrt((np.log(moves) ** 2).sum() / t)
    book = fund_book(leverage, sigma=[realised])
    later = gf.sweep_spot(book, [SPOT * moves.prod()], days=365.0 * t).table["delta"].iloc[0]
    assert fund == pytest.approx(later / (leverage * -4000.0 * 0.35 * SPOT), rel=2e-5)


@pytest.mark.parametrize("leverage", [2.0, 3.0, -1.0])
@pytest.mark.parametrize("days", [0.0, 40.0])
def test_measures_are_differences_of_its_value(leverage, days):
    book = fund_book(leverage)
    spots = np.array([55.0, SPOT, 90.0])
    table = gf.sweep_spot(book, spots, days=days).table
    for S, row in table.iterrows():
        at = {"days": days, "leverage": leverage}

        def delta(s, at=at):
            return slope_of(lambda h: value(s + h, **at), 0.05)  # noqa: B023

        gamma = slope_of(lambda h: delta(S + h), 0.05)  # noqa: B023
        decay = slope_of(lambda d: value(S, **{**at, "days": days + d}), 1.0)  # noqa: B023
        assert row["delta"] == pytest.approx(-4000.0 * S * delta(S), rel=1e-9)
        assert row["gamma"] == pytest.approx(-4000.0 * 0.01 * S**2 * gamma, rel=1e-6)
        assert row["theta"] == pytest.approx(-4000.0 * decay, rel=1e-9)
        assert row["charm"] == pytest.approx(leverage * row["theta"], rel=1e-12)
        wider = [gf.sweep_spot(book, [S], days=days, vol_shift=h).table.iloc[0] for h in (-1e-4, 1e-4)]
        for name, of, unit in (("vega", "value", 1.0), ("vanna", "delta", 1.0), ("zomma", "gamma", 1.0)):
            # Value is delta over L; a difference over two 1e-4 of vol, per point.
            low, high = (w["delta"] / leverage if of == "value" else w[of] for w in wider)
            right = unit * (high - low) / 2e-4 * 0.01
            assert row[name] == pytest.approx(right, rel=1e-6, abs=1e-9 * abs(row["delta"])), name
        up, down = (
            gf.sweep_spot(book, [S * np.exp(h)], days=days).table["gamma"].iloc[0] for h in (1e-4, -1e-4)
        )
        assert row["speed"] == pytest.approx(0.01 * (up - down) / 2e-4, rel=1e-6)
        assert row["color"] == pytest.approx(0.01 * leverage * (leverage - 1.0) * row["theta"], rel=1e-10)


def test_the_gamma_is_what_the_fund_trades_after_a_move():
    """Held at L times its value again: L (L - 1) V x for a return of x."""
    L, shares, price, x = 2.0, 4000.0, 0.35 * SPOT, 0.01
    before = L * shares * price
    drifted, wanted = before * (1.0 + x), L * shares * price * (1.0 + L * x)
    assert gf.aggregate_exposure(fund_book()).total()["gamma"] == pytest.approx(
        -(wanted - drifted), rel=1e-12
    )


def test_what_a_leveraged_fund_needs():
    with pytest.raises(SchemaError) as error:
        fund_book(leverage=np.nan, ratio=np.nan)
    text = str(error.value)
    assert "leverage: 1 of 1 rows do not fit their kind" in text
    assert "forward_ratio: 1 of 1 rows" in text
    with pytest.raises(SchemaError, match="only leveraged funds have one"):
        fund_book(kind=["share"])


def test_options_a_perpetual_and_a_fund_in_one_profile():
    chain = gf.demo_chain()
    options = gf.assign_positions(chain)
    frame = {
        "contract": ["PERPETUAL", "2x fund"], "venue": ["Deribit", "ETF"],
        "kind": ["perpetual", "leveraged fund"],
        "position": [-900.0, -2.5e6], "multiplier": [1.0, 1.0], "leverage": [np.nan, 2.0],
        "forward_ratio": [1.0, 4e-4], "sigma": [np.nan, 0.6],
    }  # fmt: skip
    book = options + gf.Book(frame, chain.symbol, chain.spot, chain.asof)
    by_kind = gf.sweep_spot(book).by("kind")
    at_spot = by_kind.loc[chain.spot]
    assert at_spot["leveraged fund"] == pytest.approx(-2.5e6 * 2.0 * 4e-4 * chain.spot * 0.01, rel=1e-12)
    assert at_spot["perpetual"] == 0.0
    assert at_spot.sum() == pytest.approx(
        gf.aggregate_exposure(options).total()["gamma"] + at_spot["leveraged fund"], rel=1e-10
    )


def test_a_book_at_another_spot_or_day_is_the_profile_there():
    """The share's price is another one there: its ratio to spot moves with the leverage, and decays."""
    for leverage in (2.0, -1.0, 3.0):
        book = fund_book(leverage)
        moved, later = book.at(spot=90.0), book.at(asof=book.asof + pd.Timedelta(40, "D"))
        for other, table in (
            (moved, gf.sweep_spot(book, [90.0]).table),
            (later, gf.sweep_spot(book, [SPOT], days=40.0).table),
        ):
            pd.testing.assert_series_equal(
                gf.aggregate_exposure(other).total()[["delta", "gamma", "theta", "charm"]],
                table.iloc[0][["delta", "gamma", "theta", "charm"]],
                rtol=1e-12, check_names=False,
            )  # fmt: skip
        assert moved.at(spot=SPOT)["forward_ratio"] == pytest.approx(book["forward_ratio"], rel=1e-14)


def test_the_yield_of_a_fund_is_told_and_used():
    report = gf.analyze(fund_book())
    assert dict(report.rates())["dividend yield"].startswith("1.2 % a year")
