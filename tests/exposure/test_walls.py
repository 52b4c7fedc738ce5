"""Walls and concentration against tables, and max pain of all open interest against a loop over rows."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.errors import SchemaError
from gammaflow.exposure.walls import (
    SENSES,
    StrikeRows,
    find_concentration,
    find_max_pain,
    find_walls,
    next_max_pain,
    walls_by_type,
    walls_of,
)
from gammaflow.positions.rules import RULES, US_LISTED, Rule

ASOF = pd.Timestamp("2023-09-14T20:31Z")
AM, PM, LATER = "2023-09-15T13:30Z", "2023-09-15T20:00Z", "2023-10-20T20:00Z"
MULTIPLIER = 100.0


def made_up(seed=3, **columns):
    """An underlying at 4,500 with AM and PM expiries on one day; a third of the rows have no volatility."""
    rng = np.random.default_rng(seed)
    strikes = np.arange(4_300.0, 4_700.0, 10.0)
    frame = pd.concat(
        [
            pd.DataFrame({"strike": strikes, "kind": kind, "expiry": pd.Timestamp(expiry)})
            for expiry in (AM, PM, LATER, "2023-09-14T20:00Z")
            for kind in ("call", "put")
        ],
        ignore_index=True,
    )
    n = len(frame)
    frame["contract"] = [f"X {i}" for i in range(n)]
    frame["open_interest"] = rng.lognormal(5.0, 2.0, n).round()
    frame.loc[rng.random(n) < 0.1, "open_interest"] = np.nan
    frame.loc[rng.random(n) < 0.1, "open_interest"] = 0.0
    frame["iv"] = rng.uniform(0.1, 0.4, n)
    frame.loc[(frame["kind"] == "put") & (frame["strike"] > 4_480), "iv"] = 0.0
    frame.loc[rng.random(n) < 0.1, "iv"] = np.nan
    frame = frame.assign(multiplier=MULTIPLIER, rate=0.05, dividend_yield=0.013, **columns)
    return gf.Chain(frame, "X", 4_503.7, ASOF)


def part(chain, rows):
    return replace(chain, columns={name: values[rows] for name, values in chain.columns.items()})


def naive(*chains, factors=(1.0, 1.0), days=0.0):
    """Strikes of the least payment per expiry, row by row in plain Python."""
    paid, strikes = {}, {}
    for chain, factor in zip(chains, factors, strict=False):
        for row in chain.to_frame().itertuples():
            if row.expiry > chain.asof + pd.Timedelta(days, "D") and row.open_interest > 0:
                sign = 1.0 if row.kind == "call" else -1.0
                held = row.strike * factor, sign, row.open_interest * row.multiplier / factor
                paid.setdefault(row.expiry, []).append(held)
                strikes.setdefault(row.expiry, set()).add(row.strike * factor)
    out = {}
    for expiry in sorted(paid):
        cost = {
            k: sum(units * max(sign * (k - strike), 0.0) for strike, sign, units in paid[expiry])
            for k in strikes[expiry]
        }
        out[expiry] = min(sorted(cost), key=cost.__getitem__)
    return pd.Series(out, name="max_pain")


def pain(book, days=0.0):
    return find_max_pain(gf.aggregate_exposure(book, days=days))


def agrees(found, expected, **how):
    pd.testing.assert_series_equal(found, expected, check_index_type=False, check_freq=False, **how)


@pytest.mark.parametrize(
    "rule",
    [
        *(r for r in RULES.values() if r is not US_LISTED),
        Rule("shares", 0.3, -0.9, "shares of open interest"),
    ],
)
@pytest.mark.parametrize("days", [0.0, 0.9, 12.0])
def test_max_pain_counts_all_open_interest(rule, days):
    chain = made_up()
    book = gf.assign_positions(chain, rule)
    expected = naive(chain, days=days)
    assert len(expected) == {0.0: 3, 0.9: 2, 12.0: 1}[days]
    agrees(pain(book, days), expected)
    levels = gf.find_levels(gf.sweep_spot(book, [4_400.0, 4_500.0, 4_600.0], days=days))
    agrees(levels.max_pain, expected)


def test_rows_without_a_volatility_matter():
    """Summing only the rows that can be valued gives a different strike."""
    chain = made_up()
    valued = part(chain, chain.unusable == "")
    assert (naive(valued) != naive(chain)).all()
    agrees(pain(gf.assign_positions(valued)), naive(valued))


def test_open_interest_of_tomorrow_is_not_known_today():
    chain = made_up(
        open_interest_date=[
            pd.Timestamp("2023-09-15T00:00Z" if i % 3 else "2023-09-13T00:00Z") for i in range(320)
        ],
        settlement="PM",
    )
    known = part(chain, chain.open_interest_age >= 0)
    assert 0 < len(known) < len(chain)
    assert (naive(known) != naive(chain)).any()
    agrees(pain(gf.assign_positions(chain)), naive(known))


def test_a_subset_has_the_max_pain_of_its_expiries():
    chain = made_up()
    book, expected = gf.assign_positions(chain), naive(chain)
    calls = book.select(book["kind"] == "call")
    agrees(pain(calls), expected)
    one = np.zeros(len(book), dtype=bool)
    one[-1] = True
    agrees(pain(book.select(one)), expected.tail(1))
    agrees(pain(calls + book.select(book["kind"] == "put")), expected)


@pytest.mark.parametrize(
    "change",
    [
        lambda book: book + -book,
        lambda book: (book + book).netted(),
        lambda book: book.at(spot=4_321.0, asof=ASOF + pd.Timedelta("2h")),
        lambda book: book.kept_in("coin"),
    ],
)
def test_each_chain_counts_once(change):
    chain = made_up()
    agrees(pain(change(gf.assign_positions(chain))), naive(chain))


def test_max_pain_in_other_units_and_of_two_chains():
    one, other = made_up(3), made_up(4)
    per_unit = 7.3
    book = gf.assign_positions(one)
    mapped = book.in_units_of("Y", per_unit)
    agrees(pain(mapped), naive(one, factors=[1.0 / per_unit]), rtol=1e-12)
    agrees(pain(mapped.in_units_of("X", 1.0 / per_unit)), naive(one), rtol=1e-12)
    theirs = gf.assign_positions(other.with_columns(multiplier=13.0)).in_units_of("Y", 7.0, spot=mapped.spot)
    both = naive(one, other.with_columns(multiplier=13.0), factors=[1.0 / per_unit] * 2)
    found = pain(mapped + theirs)
    assert (found - naive(one, factors=[1.0 / per_unit])).abs().max() > 1.0
    agrees(found, both, rtol=1e-12)
    agrees(pain((mapped + theirs).netted()), both, rtol=1e-12)


def test_rows_of_no_chain_count_by_position():
    """Positions given to a frame, or to a chain that shows no open interest."""
    chain = made_up().with_columns(iv=0.2)
    held = np.nan_to_num(chain["open_interest"]) * np.where(np.arange(len(chain)) % 2, 1.0, -1.0)
    silent = chain.with_columns(open_interest=np.nan)
    book = gf.assign_positions(silent, held)
    agrees(pain(book), naive(chain))
    frame = book.to_frame().drop(columns="origin")
    agrees(pain(gf.Book(frame, "X", book.spot, book.asof)), naive(chain))
    other = made_up(5)
    agrees(pain(book + gf.assign_positions(other)), naive(chain, other))


def test_summary_tells_expiries_of_one_day_apart():
    chain = made_up()
    levels = gf.find_levels(gf.sweep_spot(gf.assign_positions(chain), [4_400.0, 4_500.0, 4_600.0]))
    am, pm, _ = (f"{k:,.0f}" for k in naive(chain))
    rows = [row for row in levels.lines() if row[0].startswith("max pain")]
    assert rows == [
        ("max pain, next expiry", f"{am} (2023-09-15 13:30 UTC)"),
        ("max pain, same day", f"{pm} (2023-09-15 20:00 UTC)"),
    ]
    later = gf.find_levels(gf.sweep_spot(levels.profile.book, [4_400.0, 4_500.0, 4_600.0], days=2.0))
    (row,) = [row for row in later.lines() if row[0].startswith("max pain")]
    assert row == ("max pain, next expiry", f"{naive(chain).iloc[-1]:,.0f} (2023-10-20)")
    assert f"{pm} (2023-09-15 20:00 UTC)" in repr(levels)


def test_a_chain_without_a_row_to_value_still_has_no_book():
    with pytest.raises(SchemaError, match="no row of 320 holds a position that can be valued"):
        gf.assign_positions(made_up().with_columns(iv=np.nan))


def test_max_pain_of_the_spx(shared):
    """4,415 on the AM expiry where rows without a volatility are left out."""
    chain = gf.read_chain(shared / "data" / "cboe" / "spx_20230914_carlosjimenezdiaz.csv")
    book = gf.assign_positions(chain)
    am, pm = (pd.Timestamp(t).to_datetime64() for t in (AM[:-1], PM[:-1]))
    for days in (0.0, 0.9):
        near = part(chain, (chain["expiry"] == am) | (chain["expiry"] == pm))
        expected = naive(near, days=days)
        assert expected.to_list() == [4_450.0, 4_455.0][-len(expected) :]
        agrees(pain(book, days).head(len(expected)), expected)


@pytest.mark.parametrize(
    ("path", "symbol"),
    [
        ("cboe/spx_20230914_carlosjimenezdiaz.csv", None),
        ("deribit/deribit_options_snapshot_20260205T093647Z.csv", "BTC"),
        ("deribit/deribit_options_snapshot_20260205T093647Z.csv", "ETH"),
    ],
)
def test_every_sense_of_wall_on_recorded_chains(shared, path, symbol):
    """By loops over rows, whose gamma is that of the array level."""
    book = gf.assign_positions(gf.read_chain(shared / "data" / path, symbol=symbol).with_columns(rate=0.036))
    U = book.spot * book.underlying_ratio
    each = gf.bsm.greeks(
        book.flag, U, book["strike"], book.years, book["rate"], book["sigma"], book.underlying_yield, "gamma"
    ).gamma
    first = book["expiry"].min()
    columns = (book["kind"], book["strike"], book["expiry"], U**2 * each * book.size, book["position"])
    rows = list(zip(*columns, strict=True))

    def heaviest(kinds, sized, ahead=False, later=False):
        sums = {}
        for kind, strike, expiry, gamma, position in rows:
            beyond = strike >= book.spot if kind == "call" else strike <= book.spot
            if kind in kinds and (beyond or not ahead) and not (later and expiry == first):
                sums[strike] = sums.get(strike, 0.0) + sized(gamma, position)
        return max(sums, key=lambda strike: (sums[strike], -strike))

    def gross(gamma, position):
        return abs(gamma)

    def contracts(gamma, position):
        return abs(position)

    both = ("call", "put")
    wanted = {
        "by type": (gross, False, False),
        "above and below": (gross, True, False),
        "without the next expiry": (gross, False, True),
        "above and below, without the next expiry": (gross, True, True),
        "open interest": (contracts, False, False),
    }
    walls = gf.find_levels(gf.sweep_spot(book)).walls
    for sense, how in wanted.items():
        expected = [heaviest(kinds, *how) for kinds in (("call",), ("put",), both)]
        assert walls.loc[sense, ["call_wall", "put_wall", "absolute"]].to_list() == expected, sense
    long, short = heaviest(both, lambda g, _: g), heaviest(both, lambda g, _: -g)
    net = walls.loc["net"]
    assert (net["call_wall"], net["put_wall"]) == (long, short)
    assert net["absolute"] in (long, short)
    assert set(walls.index) == {*wanted, "net"}


def test_a_chain_that_is_signed_twice_counts_once():
    chain = made_up()
    one, other = gf.assign_positions(chain), gf.assign_positions(chain)
    halves = one.select(kind="call") + other.select(kind="put")
    pd.testing.assert_series_equal(pain(halves, 0.0), pain(one, 0.0))
    assert halves.subset is None


def tables(rows, spot):
    """The table of walls by tables of pandas: a definition at a time."""
    frame = pd.DataFrame(rows._asdict())

    def heaviest(sums):
        return sums.idxmax() if len(sums) and sums.any() else np.nan

    def by_type(part, spot=None):
        calls, puts = (part[part["side"] == side] for side in ("call", "put"))
        if spot is not None:
            calls, puts = calls[calls["strike"] >= spot], puts[puts["strike"] <= spot]
            part = pd.concat([calls, puts])
        return [heaviest(each.groupby("strike")["gross_gamma"].sum()) for each in (calls, puts, part)]

    later = frame[frame["expiry"] > frame["expiry"].min()]
    net = frame.groupby("strike")["gamma"].sum()
    return [
        by_type(frame),
        by_type(frame, spot),
        [heaviest(net[net > 0]), heaviest(-net[net < 0]), heaviest(net.abs())],
        by_type(later),
        by_type(later, spot),
        by_type(frame.assign(gross_gamma=frame["contracts"])),
    ]


@pytest.mark.parametrize("n", [0, 1, 7, 400])
@pytest.mark.parametrize("seed", range(5))
def test_walls_are_those_of_tables_grouped_by_strike(n, seed):
    """Decimals whose sums tie in exact arithmetic, rows of nothing, other kinds, one expiry or several."""
    rng = np.random.default_rng(seed)
    gamma = rng.normal(size=n).round(1) * rng.integers(0, 2, n)
    rows = StrikeRows(
        strike=rng.choice(np.arange(80.0, 121.0, 5.0), n),
        side=rng.choice(np.array(["call", "put", "down-in put"], object), n),
        expiry=rng.choice(np.array(["2026-03-27", "2026-06-26", "2026-09-25"], "M8[ns]")[: seed + 1], n),
        gamma=gamma,
        gross_gamma=np.abs(gamma),
        contracts=rng.integers(0, 4, n) / 10.0,
    )
    found = walls_of(rows, 100.0)
    assert list(found.index) == list(SENSES)
    np.testing.assert_array_equal(found[["call_wall", "put_wall", "absolute"]], tables(rows, 100.0))


def test_sums_of_decimals_that_are_equal_tie_and_the_lowest_strike_is_the_wall():
    """0.1 + 0.2 + 0.3 contracts are 0.6, though float64 adds them to 0.6000000000000001."""
    n, one = 4, np.ones(4)
    strike, contracts = np.array([90.0, 95.0, 95.0, 95.0]), np.array([0.6, 0.1, 0.2, 0.3])
    side, expiry = np.array(["call"] * n, object), np.full(n, np.datetime64("2026-03-27", "ns"))
    if np.finfo(np.longdouble).eps < np.finfo(float).eps:
        found = walls_of(StrikeRows(strike, side, expiry, one, one, contracts), 100.0)
        assert found["call_wall"]["open interest"] == 90.0


def test_concentration_is_that_of_a_table_grouped_by_strike():
    book = gf.assign_positions(made_up())
    exposure = gf.aggregate_exposure(book, days=1.0)
    net = exposure.by("strike")["gamma"]
    short = net[net < 0].sort_values()
    found = find_concentration(exposure)
    pd.testing.assert_series_equal(found["gamma"], short, rtol=1e-12)
    pd.testing.assert_series_equal(found["share"], (short / short.sum()).rename("share"), rtol=1e-12)


@pytest.mark.parametrize("days", [0.0, 0.9, 40.0])
def test_the_next_max_pain_and_walls_by_type_are_those_of_the_tables(days):
    exposure = gf.aggregate_exposure(gf.assign_positions(made_up()), days=days)
    pain, walls = find_max_pain(exposure), find_walls(exposure)
    np.testing.assert_equal(next_max_pain(exposure), pain.iloc[0] if len(pain) else np.nan)
    np.testing.assert_equal(
        walls_by_type(exposure), tuple(walls.loc["by type", ["call_wall", "put_wall", "absolute"]])
    )
